"""Teacher and student representations of the same videos, in a picture.

Figure 3 of Bhardwaj et al. (CVPR 2019).
"""

import numpy as np

from yt8m_distill import (
    compared_runs,
    embedding,
    report_pictures,
    representation_similarity,
)
from yt8m_distill.report_elements import Number, Picture, Table
from yt8m_distill.report_sections.report_section import ReportSection

NUM_CLASSES = 5
# Videos of each class that are drawn, so that dots can be told apart.
VIDEOS_A_CLASS = 120
# With fewer videos there is nothing to see.
LEAST_VIDEOS = 5


class RepresentationsSection(ReportSection):
    """How close representations are; pictures of the best students.

    Drawn are the best student with L_rep and the best without, of one encoder
    and as many frames.
    """

    title = "Representations"
    order = 60
    absence = "No run here has a teacher to compare with"

    def elements(self, study):
        pairs, left_out = compared_runs.observed_pairs(
            study, "baseline", "student"
        )
        if not pairs:
            return []
        pictures = [
            _picture(study, name, group, *pairs[group.label][0])
            for name, group in drawn(study, pairs).items()
        ]
        rows = [
            _row(group, pairs[group.label])
            for group in study.groups
            if group.label in pairs
        ]
        return [
            *filter(None, pictures),
            Table("representations", HEADINGS, rows, _caption(study)),
            *left_out,
        ]


HEADINGS = [
    "run",
    "kind",
    "learns from",
    "frames",
    "width",
    "distance",
    "nearest is its own",
    "CKA",
]


def has_representation_loss(group):
    """Whether a group's students learn the teacher's representation."""
    names = {loss.partition("(")[0] for loss in group.losses}
    return bool(names & {"rep", "representation"})


def top_class_of(labels):
    """Which one of the most frequent classes each video has.

    Args:
        labels: bool `(videos, num_classes)`.

    Returns:
        `(classes, of_video)`: int arrays, the `NUM_CLASSES` most frequent
        classes (fewer if there are no more), and for each video a place among
        them; -1 where it has none of them, or several.
    """
    counts = labels.sum(axis=0)
    classes = np.argsort(-counts, kind="stable")[:NUM_CLASSES]
    classes = classes[counts[classes] > 0]
    has = labels[:, classes]
    place = has @ np.arange(len(classes))
    return classes, np.where(has.sum(axis=1) == 1, place, -1)


def drawn(study, pairs):
    """The best student with L_rep and the best without.

    Of one encoder and number of frames, the largest of which there are both;
    where there are not both, of any.

    Args:
        study: a `Study`.
        pairs: as of `compared_runs.observed_pairs`.

    Returns:
        dict `"with_rep"` or `"without_rep"` → `RunGroup`, of those whose
        representations are as wide as their teacher's.
    """
    found = {"with_rep": [], "without_rep": []}
    for group in study.of_kind("student"):
        if group.label in pairs and _same_width(*pairs[group.label][0]):
            has_loss = has_representation_loss(group)
            found["with_rep" if has_loss else "without_rep"].append(group)
    both = set.intersection(
        *({(one.k, one.encoder) for one in g} for g in found.values())
    )
    return {
        name: max(
            (
                one
                for one in groups
                if not both or (one.k, one.encoder) == max(both)
            ),
            key=lambda one: one.mean("gap"),
        )
        for name, groups in found.items()
        if groups
    }


def _picture(study, name, group, theirs, own):
    """t-SNE of what the first run of a group and its teacher represent.

    None where too few videos have exactly one of the most frequent classes.
    """
    classes, of_video = top_class_of(own.labels)
    shown = [
        video
        for place in range(len(classes))
        for video in np.flatnonzero(of_video == place)[:VIDEOS_A_CLASS]
    ]
    of_class = of_video[shown]
    if len(shown) < LEAST_VIDEOS:
        return None
    teacher, student = np.split(
        embedding.embed(
            np.concatenate(
                [theirs.representation[shown], own.representation[shown]]
            )
        ),
        2,
    )
    names = compared_runs.class_names(study, own.labels.shape[1])
    figure = report_pictures.figure(height=5.2)
    axes = figure.subplots()
    _draw(
        figure,
        axes,
        teacher,
        student,
        of_class,
        [names[one] for one in classes],
    )
    with_or_without = "with" if has_representation_loss(group) else "without"
    axes.set_title(f"{with_or_without} L_rep: {group.label}")
    representations = theirs.representation, own.representation
    close = representation_similarity.closeness(*representations)
    distance = Number(close.relative_distance, digits=2).text()
    alike = representation_similarity.linear_cka(*representations)
    return Picture(
        f"representations_{name}",
        figure,
        f"t-SNE of the representations of {len(shown)} videos by the teacher "
        f"(dark) and by the student `{group.label}` (light: {group.objective}, "
        f"{group.k} frames), embedded together: videos with exactly one of the "
        f"{len(classes)} most frequent labels, at most {VIDEOS_A_CLASS} of "
        "each. Of all videos, teacher and student are "
        f"{distance} times as far apart as those of different videos; linear "
        f"CKA {Number(alike, digits=2).text()}.",
        "Dots in two shades of a colour for each class: dark those of the "
        "teacher, light those of the student",
    )


def _draw(figure, axes, teacher, student, of_class, names):
    """Dots of both models, dark and light shades of each class's colour."""
    from matplotlib.legend_handler import HandlerTuple

    pairs = []
    for number, color in zip(range(len(names)), report_pictures.COLOURS):
        own = of_class == number
        pairs.append(
            tuple(
                # The student's are smaller, and hide none of the teacher's.
                axes.scatter(
                    *points[own].T,
                    s=size,
                    color=shade,
                    linewidth=0,
                    zorder=3 - size / 17,
                )
                for points, shade, size in (
                    (teacher, report_pictures.mixed(color, "#000000", 0.3), 17),
                    (student, report_pictures.mixed(color, "#ffffff", 0.6), 8),
                )
            )
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.set_aspect("equal", adjustable="datalim")
    figure.legend(
        pairs,
        names,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.4)},
        title="dark: teacher, light: student",
        title_fontsize=8.5,
        alignment="left",
        loc="outside lower left",
        ncols=2,
    )


def _same_width(theirs, own):
    return theirs.representation.shape == own.representation.shape


def _row(group, pairs):
    distances, nearest, alike = [], [], []
    for theirs, own in pairs:
        representations = theirs.representation, own.representation
        alike.append(representation_similarity.linear_cka(*representations))
        if _same_width(theirs, own):
            close = representation_similarity.closeness(*representations)
            distances.append(close.relative_distance)
            nearest.append(100 * close.nearest_share)
    theirs, own = pairs[0]
    widths = [str(one.representation.shape[1]) for one in (own, theirs)]
    return [
        group.label,
        group.described_kind,
        group.objective,
        Number(group.k, digits=0),
        " of ".join(dict.fromkeys(widths)),
        Number.of(distances, digits=2),
        Number.of(nearest, digits=1, unit=" %"),
        Number.of(alike, digits=2),
    ]


def _caption(study):
    return (
        f"On {compared_runs.videos_text(study)}, beside the teacher's. "
        "Distance: between teacher's and student's representation of one "
        "video, divided by that between those of different videos; 0 is the "
        "same, 1 no closer than chance. Nearest is its own: videos whose "
        "nearest student representation to the teacher's is that of the same "
        "video. Both need a common space, which only L_rep asks for, and as "
        "wide a representation as the teacher's (width: the student's of the "
        "teacher's where they differ). CKA: linear centred kernel alignment, "
        "for which rotation and scale do not count; 1 is the same. Models of "
        "one shape and seed start from the same weights, so that even a "
        "baseline may be closer than chance."
    )
