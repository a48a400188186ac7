"""Representations for TensorBoard's projector."""

import pathlib

import numpy as np

from yt8m_distill import compared_runs, projector_files
from yt8m_distill.report_elements import Code, Paragraph
from yt8m_distill.report_sections import representations
from yt8m_distill.report_sections.report_section import ReportSection

# Of each model; the projector shows some ten thousand vectors well.
MOST_VIDEOS = 2000


class ProjectorSection(ReportSection):
    """Writes what the pictures of representations show, to turn and search."""

    title = "Representations in TensorBoard"
    order = 78
    absence = "No student here represents videos as wide as its teacher"

    def elements(self, study):
        pairs, _ = compared_runs.observed_pairs(study, "student")
        groups = representations.drawn(study, pairs).values()
        if not groups:
            return []
        folder = pathlib.Path(
            study.options.tensorboard_dir or study.folder / "tensorboard"
        )
        projector_files.write(
            folder,
            [_vectors(study, one, pairs[one.label][0]) for one in groups],
        )
        number = min(MOST_VIDEOS, study.observations.num_videos)
        return [
            Paragraph(
                f"The tab Projector shows what {number:,} videos are "
                "represented as by "
                + " and by ".join(f"`{one.label}`" for one in groups)
                + ", each together with its teacher; colour by `model`, by "
                "`top_class` (of the most frequent classes the one that a "
                "video has) or search `labels`."
            ),
            Code(f"tensorboard --logdir={folder}"),
        ]


def _vectors(study, group, pair):
    """Representations of a student's first run, below those of its teacher."""
    values = np.concatenate([one.representation[:MOST_VIDEOS] for one in pair])
    own = pair[1]
    labels = own.labels[:MOST_VIDEOS]
    names = compared_runs.class_names(study, labels.shape[1])
    classes, of_video = representations.top_class_of(labels)
    top_names = [*(names[one] for one in classes), "none or several"]
    known = {
        "video_id": [one.decode() for one in own.video_ids[:MOST_VIDEOS]],
        "top_class": [top_names[place] for place in of_video],
        "labels": [
            "; ".join(names[one] for one in np.flatnonzero(row))
            for row in labels
        ],
    }
    columns = {
        "model": ["teacher"] * len(labels) + ["student"] * len(labels),
        **{name: values * 2 for name, values in known.items()},
    }
    return projector_files.Vectors(
        f"{group.label} and its teacher", values, columns
    )
