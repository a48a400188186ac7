"""How much students and baselines agree with the teacher."""

from yt8m_distill import compared_runs, prediction_agreement
from yt8m_distill.report_elements import Number, Table
from yt8m_distill.report_sections.report_section import ReportSection

# Classes of a video whose lists are compared.
LIST_LENGTH = 5


class AgreementSection(ReportSection):
    """Predictions of every group beside its teacher's, run by run.

    A baseline was taught by nobody: what it has in common with a teacher is
    what the labels alone bring about.
    """

    title = "Agreement with the teacher"
    order = 55
    absence = "No run here has a teacher to compare with"

    def elements(self, study):
        pairs, left_out = compared_runs.observed_pairs(
            study, "baseline", "student"
        )
        if not pairs:
            return []
        rows = []
        for group in study.groups:
            if group.label in pairs:
                rows.append(_of_group(study, group, pairs[group.label]))
            elif _has_seeds(study, group):
                rows.append(_of_seeds(study, group))
        table = Table("agreement", HEADINGS, rows, _caption(study))
        return [table, *left_out]


HEADINGS = [
    "run",
    "kind",
    "frames",
    "teacher",
    "KL divergence",
    "same top class",
    f"common top {LIST_LENGTH}",
    "rank correlation",
]


def _of_group(study, group, pairs):
    teacher = compared_runs.teacher_of(study, group.runs[0])
    name = "its own, parallel"
    if teacher.checkpoint == "best":
        name = study.group_of(teacher.run).label
    return _row(group, group.described_kind, name, pairs)


def _has_seeds(study, group):
    """Whether a group is a teacher of several seeds."""
    teachers = compared_runs.with_models(study, "teacher")
    return group in teachers and len(group.runs) > 1


def _of_seeds(study, group):
    """A row of a teacher beside the same teacher of other seeds."""
    first, *others = map(study.observations.of, group.runs)
    pairs = [(first, other) for other in others]
    return _row(group, "teacher", f"{group.label}, other seed", pairs)


def _row(group, kind, teacher, pairs):
    divergences, tops, lists, correlations = [], [], [], []
    for theirs, own in pairs:
        logits = theirs.logits, own.logits
        divergences.append(prediction_agreement.bernoulli_divergence(*logits))
        tops.append(100 * prediction_agreement.top_overlap(*logits, 1))
        lists.append(
            100 * prediction_agreement.top_overlap(*logits, LIST_LENGTH)
        )
        correlations.append(
            prediction_agreement.rank_correlation(*logits, own.labels)
        )
    return [
        group.label,
        kind,
        Number(group.k, digits=0),
        teacher,
        Number.of(divergences, digits=3),
        Number.of(tops, digits=1, unit=" %"),
        Number.of(lists, digits=1, unit=" %"),
        Number.of(correlations, digits=3),
    ]


def _caption(study):
    return (
        f"On {compared_runs.videos_text(study)}. KL divergence: of the "
        "teacher's predictions from the model's, summed over the classes, in "
        "nats a video (L_pred); 0 if they are the same. Same top class: videos "
        "whose highest prediction is of the same class. Common top "
        f"{LIST_LENGTH}: the share of the {LIST_LENGTH} highest classes that "
        "both models name. Rank correlation: Spearman's, of the predictions "
        "for the labels that the videos have. Baselines were taught by nobody: "
        "they agree as far as the labels make them."
    )
