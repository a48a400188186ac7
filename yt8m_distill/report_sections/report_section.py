"""The contract of a section of the report."""

import abc


class ReportSection(abc.ABC):
    """A heading of the report and what stands below it.

    The file's name is the section's in `--sections` and in links to it.

    Attributes:
        title: str, the heading.
        order: int, sections with lower ones come first.
        absence: str, one line that says why `elements` is empty, where it is;
            `elements` may set another one.
    """

    title = ""
    order = 0
    absence = "nothing to show"

    @abc.abstractmethod
    def elements(self, study):
        """What the section shows, from the top.

        Args:
            study: a `Study`: the runs, their groups and the options.

        Returns:
            list of `report_elements` (`Paragraph`, `Table`, `Picture`, `Code`);
            empty where the runs have nothing of the kind.

        Raises:
            InputError: what the section needs cannot be used; the page then
                says so in the section's place.
        """
