"""Writes a page about runs: scores, curves, costs, and what they learned.

python -m yt8m_distill.report --runs=runs/audioset --output=report.html
"""

from yt8m_distill import config


def main(options):
    from yt8m_distill import report_writing

    report_writing.write(options)


if __name__ == "__main__":
    config.run("report", main)
