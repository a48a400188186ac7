"""The Kaggle submission file of the YouTube-8M competitions.

First line `VideoId,LabelConfidencePairs`, then one line a video:
`id,class score class score …` in falling order, written with "%i %g".
"""

import gzip

import numpy as np

from yt8m_distill.errors import InputError
from yt8m_distill.metrics import top_classes

HEADER = "VideoId,LabelConfidencePairs"


def lines(video_ids, predictions, top_k):
    """The lines of a batch.

    Args:
        video_ids: sequence of bytes `(batch,)`.
        predictions: float `(batch, num_classes)`.
        top_k: int, pairs a video; fewer where there are fewer classes.

    Yields:
        str, without a line end.
    """
    classes = top_classes(predictions, min(top_k, predictions.shape[1]))
    scores = np.take_along_axis(predictions, classes, 1)
    for video_id, row, values in zip(
        video_ids, classes.tolist(), scores.tolist()
    ):
        pairs = " ".join(map("%i %g".__mod__, zip(row, values)))
        yield f"{video_id.decode()},{pairs}"


def read(path):
    """The videos of a submission file.

    Args:
        path: str; gzip if it ends in `.gz`.

    Yields:
        `(video_id, classes, scores)`: str, int and float arrays `(pairs,)`, the
        highest score first (ties in the order of the file).

    Raises:
        InputError: naming file and line: it is no such file.
    """
    try:
        with _opened(path) as opened:
            header = opened.readline().rstrip("\r\n")
            if header != HEADER:
                raise InputError(
                    f"{path} starts with {header[:60]!r}, not with {HEADER!r}; "
                    "give a file of predictions"
                )
            for number, line in enumerate(opened, 2):
                try:
                    yield _parsed(line.rstrip("\r\n"))
                except ValueError as error:
                    raise InputError(
                        f"{path}: line {number}: {error}; a line is an id, a "
                        "comma, and pairs of a class and its score"
                    ) from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _opened(path):
    if str(path).endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8")
    return open(path, encoding="utf-8")


def _parsed(line):
    video_id, comma, pairs = line.rpartition(",")
    words = pairs.split()
    if not comma or len(words) % 2:
        raise ValueError(f"found {line[:60]!r}")
    classes = np.array([int(word) for word in words[::2]], int)
    scores = np.array([float(word) for word in words[1::2]])
    if len(np.unique(classes)) < len(classes) or np.isnan(scores).any():
        raise ValueError("a class is there twice, or a score is no number")
    order = np.argsort(-scores, kind="stable")
    return video_id, classes[order], scores[order]
