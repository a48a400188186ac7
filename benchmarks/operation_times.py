"""Where the time of a TensorFlow graph goes, by kind of operation."""

import collections
import pathlib
import tempfile

# What a matrix product is called; all else is what is lost.
PRODUCTS = ("MatMul", "FusedMatMul", "BatchMatMul")


def by_operation(function, repeats=2):
    """Seconds of each kind of operation in a call, the most first.

    Args:
        function: callable without arguments that runs a graph.
        repeats: int.

    Returns:
        dict name of the operation → seconds; summed over cores.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    function()
    seconds = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(
            folder, tf.profiler.experimental.ProfilerOptions(2, 0)
        )
        for _ in range(repeats):
            function()
        tf.profiler.experimental.stop()
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    for plane in space.planes:
        for trace_line in plane.lines:
            for event in trace_line.events:
                name = plane.event_metadata[event.metadata_id].name
                # `where in the graph:operation`; others are of the executor.
                _, colon, operation = name.rpartition(":")
                if colon and operation.isidentifier() and "::" not in name:
                    seconds[operation] += event.duration_ps / 1e12 / repeats
    return dict(seconds.most_common())


def share_of_products(seconds):
    """Share of the time that goes into matrix products.

    Args:
        seconds: as of `by_operation`.
    """
    products = sum(
        value
        for name, value in seconds.items()
        if any(product in name for product in PRODUCTS)
    )
    return products / sum(seconds.values())
