"""The table of results."""

from yt8m_distill.report_elements import Number, Paragraph, Table
from yt8m_distill.report_sections.report_section import ReportSection
from yt8m_distill.reported_runs import SCORED_ON

SCORES = {"gap": "GAP", "map": "mAP", "hit_at_1": "Hit@1", "perr": "PERR"}


class ResultsSection(ReportSection):
    """Scores of every group's best epochs, mean ± spread over the seeds.

    Runs that were scored on other videos, or otherwise, have a table of their
    own.
    """

    title = "Results"
    order = 10

    def elements(self, study):
        elements = []
        alike = study.scored_alike()
        for number, groups in enumerate(alike, 1):
            name = "results" if len(alike) == 1 else f"results_{number}"
            elements.append(_table(name, groups))
        unfinished = [
            f"`{run.name}` ({len(run.epochs)} of {run.flags['num_epochs']})"
            for run in study.runs
            if not run.is_finished()
        ]
        if unfinished:
            text = f"Not all epochs are done of {', '.join(unfinished)}."
            elements.append(Paragraph(text))
        return elements


def _table(name, groups):
    encoders = {group.encoder for group in groups}
    several = len({_num_videos(group) for group in groups}) > 1
    best = _best_students(groups)
    rows = []
    for group in groups:
        runs = group.runs
        rows.append(
            [
                group.label,
                group.described_kind,
                *([group.encoder] if len(encoders) > 1 else []),
                group.objective,
                Number(group.k, digits=0),
                *(
                    group.number(key, is_best=best[group.k, key] is group)
                    for key in SCORES
                ),
                ", ".join(map(str, group.seeds)),
                Number.of(
                    [run.best_epoch["epoch"] for run in runs],
                    digits=int(len(runs) > 1),
                ),
                *([Number(_num_videos(group), digits=0)] if several else []),
            ]
        )
    headings = [
        "run",
        "kind",
        *(["encoder"] if len(encoders) > 1 else []),
        "learns from",
        "frames",
        *SCORES.values(),
        "seeds",
        "best epoch",
        *(["training videos"] if several else []),
    ]
    caption = _caption(groups)
    if any(best.values()):
        caption += (
            " Bold: the best of several students that see as many frames."
        )
    return Table(name, headings, rows, caption)


def _num_videos(group):
    return group.data.get("num_training_videos")


def _best_students(groups):
    """The best student of each number of frames, by each score.

    Returns:
        dict `(k, key)` → `RunGroup`, or None where there are not two to choose
        from.
    """
    best = {}
    for k in {group.k for group in groups}:
        students = [
            one for one in groups if one.k == k and one.kind == "student"
        ]
        for key in SCORES:
            known = [one for one in students if one.number(key).is_known()]
            best[k, key] = None
            if len(known) > 1:
                best[k, key] = max(known, key=lambda one: one.mean(key))
    return best


def _caption(groups):
    how = dict(zip(SCORED_ON, groups[0].scored_on))
    pattern = how.pop("eval_data_pattern")
    if not pattern:
        return (
            "These runs were trained without validation videos: they have no "
            "scores."
        )
    several = any(len(group.runs) > 1 for group in groups)
    spread = ", mean ± sample standard deviation over the seeds" * several
    caption = (
        f"Best epochs on `{pattern}`, chosen on these same videos (top "
        f"{how['top_k']} of a video, mAP by {how['map_convention']}){spread}."
    )
    if any(group.kind == "student" for group in groups):
        caption += (
            " `rep`, `pred`, `ce`: the losses L_rep, L_pred, L_CE, with their "
            "weights."
        )
    videos = {_num_videos(group) for group in groups} - {None}
    if len(videos) == 1:
        caption += f" All were trained on {videos.pop():,} videos."
    return caption
