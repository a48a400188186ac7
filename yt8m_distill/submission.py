"""The Kaggle submission file of the YouTube-8M competitions.

First line `VideoId,LabelConfidencePairs`, then one line a video:
`id,class score class score …` in falling order, written with "%i %g".
"""

import numpy as np

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
