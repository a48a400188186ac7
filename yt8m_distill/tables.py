"""Fills the tables of a paper: plans, runs what is missing, compares.

python -m yt8m_distill.tables --flagfile=flags/tables/table1.flags \
    --train_data_pattern='data/train*.tfrecord' \
    --eval_data_pattern='data/validate*.tfrecord' --output_dir=runs/tables
"""

from yt8m_distill import config
from yt8m_distill.errors import InputError


def main(options):
    from yt8m_distill import filled_tables

    failed = filled_tables.fill(options, lambda line: print(line, flush=True))
    if failed:
        raise InputError(
            f"{failed} {'run' if failed == 1 else 'runs'} failed (reasons "
            "above); the same command tries again what failed and keeps the "
            "others"
        )


if __name__ == "__main__":
    config.run("tables", main, needs_tensorflow=False)
