"""CSV: the submission file of the YouTube-8M competitions.

First line `VideoId,LabelConfidencePairs`, then one line a video:
`id,class score class score …` in falling order, written with "%i %g". With the
names of classes, which contain spaces, it is one line a pair instead:
`VideoId,Label,Confidence`.
"""

import csv
import io
import itertools

import numpy as np

from yt8m_distill.prediction_files import prediction_file

HEADER = "VideoId,LabelConfidencePairs"
HEADER_WITH_NAMES = "VideoId,Label,Confidence"


class CsvFile(prediction_file.PredictionFile):
    """CSV, a line a video; with names of classes a line a pair."""

    ending = ".csv"
    num_header_lines = 1

    def __init__(self, opened, top_k=20, class_names=None):
        super().__init__(opened, top_k, class_names)
        header = HEADER_WITH_NAMES if class_names else HEADER
        opened.write(f"{header}\n".encode())

    def write_pairs(self, video_ids, classes, scores):
        lines = self._named_lines if self.class_names else _lines
        rows = prediction_file.as_lists(classes)
        values = prediction_file.as_lists(scores)
        self.opened.write(lines(video_ids, rows, values).encode())

    def _named_lines(self, video_ids, classes, scores):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            (video_id, self.class_names[label], f"{score:g}")
            for video_id, row, values in zip(video_ids, classes, scores)
            for label, score in zip(row, values)
        )
        return text.getvalue()

    @classmethod
    def read(cls, path):
        with prediction_file.opened_text(path) as opened:
            header = opened.readline().rstrip("\r\n")
            prediction_file.check_header(
                path, header, HEADER, HEADER_WITH_NAMES, "predictions"
            )
            yield from prediction_file.parsed(
                opened,
                _parsed,
                f"{path}: line",
                "a line is an id, a comma, and pairs of a class and its score",
                2,
            )


def _lines(video_ids, classes, scores):
    lines = []
    for video_id, row, values in zip(video_ids, classes, scores):
        # One format for all pairs is cheaper than one a pair.
        pairs = ("%i %g " * len(row))[:-1]
        pairs %= tuple(itertools.chain.from_iterable(zip(row, values)))
        lines.append(f"{video_id},{pairs}\n")
    return "".join(lines)


def _parsed(line):
    line = line.rstrip("\r\n")
    video_id, comma, pairs = line.rpartition(",")
    words = pairs.split()
    if not comma or len(words) % 2:
        raise ValueError(f"found {line[:60]!r}")
    classes = np.array([int(word) for word in words[::2]], int)
    scores = np.array([float(word) for word in words[1::2]])
    return prediction_file.checked(video_id, classes, scores)
