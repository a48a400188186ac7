"""What a model costs for one video: parameters, FLOPs, bytes read."""

from typing import NamedTuple

import keras

from yt8m_distill import parts, starter_code_models
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory


class Cost(NamedTuple):
    """The cost of a model that looks at so many frames.

    Attributes:
        num_frames: int.
        num_parameters: int, moving statistics included.
        bytes_read: int, of quantised features, for one video.
        frame_flops: int, FLOPs of what is done for every frame, all frames of a
            video together.
        video_flops: int, FLOPs of what is done once a video or once a block.
        paper_multiply_adds: int, what the paper calls FLOPs: multiply-adds of
            the large frame-level products (not NeXtVLAD's attention) on the
            first feature alone.
    """

    num_frames: int
    num_parameters: int
    bytes_read: int
    frame_flops: int
    video_flops: int
    paper_multiply_adds: int

    @property
    def flops(self):
        """FLOPs of the complete model for one video, int."""
        return self.frame_flops + self.video_flops


def count(encoder, head, num_frames, *, num_classes, feature_sizes):
    """The cost of a model; no weight is made.

    Args:
        encoder: str, its spec.
        head: str, its spec.
        num_frames: int, the frames that the model looks at.
        num_classes: int.
        feature_sizes: sizes of the features that make up a frame, in order.

    Returns:
        A `Cost`.

    Raises:
        InputError: a spec names no part, or gives it arguments that it does not
            take or that do not fit the features.
    """
    context = {"num_classes": num_classes, "feature_sizes": feature_sizes}
    with keras.StatelessScope(initialize_variables=False):
        built_encoder = parts.get("encoders", encoder, **context)
        built_head = parts.get("heads", head, **context)
        try:
            built_encoder.build((None, num_frames, sum(feature_sizes)))
        except ValueError as error:
            raise InputError(f"{encoder!r}: {error}") from None
        built_head.build((None, built_encoder.representation_dim))
        products = built_encoder.products(num_frames)
        frame_level = [product for product in products if product.per_frame]
        multiply_adds = sum(product.multiply_adds for product in frame_level)
        return Cost(
            num_frames,
            built_encoder.count_params() + built_head.count_params(),
            num_frames * sum(feature_sizes),
            2 * multiply_adds,
            built_encoder.count_flops(num_frames)
            - 2 * multiply_adds
            + built_head.count_flops(),
            sum(
                product.multiply_adds
                for product in frame_level
                if product.feature in (None, 0) and not product.beside
            ),
        )


def costs(options):
    """The costs that the options of `flops` ask for.

    Args:
        options: as of `config.options("flops")`.

    Returns:
        list of `Cost`, one for each of `--num_frames`; of a run, for the number
        of frames that its model looks at and the smaller ones of them.

    Raises:
        InputError: neither or both of a run and an encoder are given, or there
            is no such run or part.
    """
    if bool(options.train_dir) == bool(options.encoder):
        raise InputError(
            "give --train_dir of a run or --encoder, one of the two"
        )
    model, num_frames = vars(options), options.num_frames
    for name in ("num_frames", "feature_sizes"):
        if not model[name]:
            raise InputError(f"--{name}= is empty; give whole numbers")
    if options.train_dir:
        config = RunDirectory(options.train_dir).config()
        model = {**config["flags"], **config["data"]}
        model |= starter_code_models.translate(config["flags"])
        k = parts.get(
            "frame_samplers",
            model["frame_sampler"],
            max_frames=model["max_frames"],
        ).k
        num_frames = sorted({k, *(n for n in num_frames if n < k)})[::-1]
    return [
        count(
            model["encoder"],
            model["head"],
            k,
            num_classes=model["num_classes"],
            feature_sizes=tuple(model["feature_sizes"]),
        )
        for k in num_frames
    ]


def table(rows, convention):
    """Costs as the lines of a Markdown table.

    Args:
        rows: list of `Cost`.
        convention: `"complete"` or `"paper"`.
    """
    if convention == "paper":
        totals = [row.paper_multiply_adds for row in rows]
        header = ["frames", "G multiply-adds (paper's FLOPs)", "times fewer"]
        columns = [[f"{total / 1e9:.3f}"] for total in totals]
    else:
        totals = [row.flops for row in rows]
        header = [
            "frames",
            "parameters",
            "bytes read",
            "GFLOPs of frames",
            "GFLOPs of video and blocks",
            "GFLOPs",
            "times fewer",
        ]
        columns = [
            [
                f"{row.num_parameters:,}",
                f"{row.bytes_read:,}",
                f"{row.frame_flops / 1e9:.4g}",
                f"{row.video_flops / 1e9:.4g}",
                f"{row.flops / 1e9:.4g}",
            ]
            for row in rows
        ]
    lines = [header, ["---"] * len(header)]
    for row, total, middle in zip(rows, totals, columns):
        fewer = f"{totals[0] / total:.2f}" if total else "-"
        lines.append([str(row.num_frames), *middle, fewer])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
