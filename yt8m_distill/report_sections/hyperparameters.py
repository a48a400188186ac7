"""The runs' settings and scores in TensorBoard's tab HParams."""

import pathlib

from yt8m_distill import hyperparameter_summary
from yt8m_distill.report_elements import Code, Paragraph
from yt8m_distill.report_sections.report_section import ReportSection


class HyperparametersSection(ReportSection):
    """Writes one experiment over all runs, and says how to look at it."""

    title = "Hyper-parameters in TensorBoard"
    order = 80

    def elements(self, study):
        folder = pathlib.Path(
            study.options.tensorboard_dir or study.folder / "tensorboard"
        )
        names = hyperparameter_summary.write(study, folder)
        return [
            Paragraph(
                f"The tab HParams compares {len(study.runs)} runs by "
                + (
                    ", ".join(f"`{name}`" for name in names)
                    if names
                    else "their scores alone: they differ by their seed only"
                )
                + "; the seeds of a group are one session group, whose scores "
                "are their mean."
            ),
            Code(f"tensorboard --logdir={folder}"),
        ]
