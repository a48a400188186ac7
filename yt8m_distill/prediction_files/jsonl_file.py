"""JSON Lines: one object a video, on a line of its own.

`{"video_id": …, "classes": […], "scores": […]}` in falling order, with `names`
where the names of classes are known. Scores have the digits that give the same
float32 when they are read.
"""

import itertools
import json

import numpy as np

from yt8m_distill.prediction_files import prediction_file


class JsonlFile(prediction_file.PredictionFile):
    """JSON Lines, an object a video."""

    ending = ".jsonl"

    def __init__(self, opened, top_k=20, class_names=None):
        super().__init__(opened, top_k, class_names)
        self._quoted_names = [_json(name) for name in class_names or []]

    def write_pairs(self, video_ids, classes, scores):
        digits = iter(
            prediction_file.float32_digits(np.concatenate([(), *scores]))
        )
        lines = []
        for video_id, row in zip(video_ids, prediction_file.as_lists(classes)):
            own = ", ".join(itertools.islice(digits, len(row)))
            line = (
                f'{{"video_id": {_json(video_id)}, "classes": {row}, '
                f'"scores": [{own}]'
            )
            if self._quoted_names:
                names = ", ".join(self._quoted_names[label] for label in row)
                line += f', "names": [{names}]'
            lines.append(line + "}\n")
        self.opened.write("".join(lines).encode())

    @classmethod
    def read(cls, path):
        with prediction_file.opened_text(path) as opened:
            yield from prediction_file.parsed(
                opened,
                _parsed,
                f"{path}: line",
                "a line is a JSON object with video_id (text), classes "
                "(integers) and as many scores",
            )


def _json(text):
    return json.dumps(text, ensure_ascii=False)


def _parsed(line):
    line = line.rstrip("\r\n")
    try:
        video = json.loads(line)
        video_id = video["video_id"]
        classes, scores = map(np.asarray, (video["classes"], video["scores"]))
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"found {line[:60]!r}") from None
    if (
        not isinstance(video_id, str)
        or classes.ndim != 1
        or classes.shape != scores.shape
        or classes.size
        and (classes.dtype.kind != "i" or scores.dtype.kind not in "if")
    ):
        raise ValueError(f"found {line[:60]!r}")
    # As float32, as the other formats hold them.
    return prediction_file.checked(
        video_id, classes.astype(int), scores.astype("f4").astype(float)
    )
