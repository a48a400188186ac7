"""The table of results."""

from yt8m_distill.report_elements import Number, Table
from yt8m_distill.report_sections.report_section import ReportSection

SCORES = {"gap": "GAP", "map": "mAP", "hit_at_1": "Hit@1", "perr": "PERR"}


class ResultsSection(ReportSection):
    """Scores of every group's best epochs, mean ± spread over the seeds."""

    title = "Results"
    order = 10

    def elements(self, study):
        rows = [
            [
                group.label,
                group.kind,
                group.mode or "",
                ", ".join(group.losses),
                Number(group.k, digits=0),
                *(group.number(key) for key in SCORES),
                ", ".join(map(str, group.seeds)),
            ]
            for group in study.groups
        ]
        headings = ["run", "kind", "mode", "losses", "frames"]
        return [
            Table(
                "results",
                [*headings, *SCORES.values(), "seeds"],
                rows,
                "Results.",
            )
        ]
