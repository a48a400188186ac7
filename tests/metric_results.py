"""Runs the Keras metrics under the Keras backend of this process.

python -m tests.metric_results IN.npz OUT.npz, with KERAS_BACKEND set. IN holds
`labels`, `predictions`, `weights`; OUT gets the result of each metric by name.
"""

import sys

import numpy as np
from keras import ops

from yt8m_distill import keras_metrics


def all_metrics(num_classes, **arguments):
    """One metric of each kind.

    Args:
        num_classes: int.
        **arguments: for each of them.
    """
    return [
        keras_metrics.GlobalAveragePrecision(**arguments),
        keras_metrics.MeanAveragePrecision(num_classes, **arguments),
        keras_metrics.HitAtOne(**arguments),
        keras_metrics.PrecisionAtEqualRecallRate(**arguments),
    ]


def results(metrics):
    return {
        metric.name: float(ops.convert_to_numpy(metric.result()))
        for metric in metrics
    }


def main(source, target):
    given = np.load(source)
    metrics = all_metrics(given["labels"].shape[1])
    for metric in metrics:
        metric.update_state(
            given["labels"], given["predictions"], given["weights"]
        )
        # as Keras' JAX trainer does it
        state = metric.stateless_update_state(
            metric.stateless_reset_state(),
            given["labels"],
            given["predictions"],
            given["weights"],
        )
        np.testing.assert_allclose(
            metric.stateless_result(state), metric.result(), rtol=1e-6
        )
    np.savez(target, **results(metrics))


if __name__ == "__main__":
    main(*sys.argv[1:])
