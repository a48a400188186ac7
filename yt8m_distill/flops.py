"""Counts what a model costs for one video, for several numbers of frames.

python -m yt8m_distill.flops --train_dir=runs/student
python -m yt8m_distill.flops --encoder='nextvlad(clusters=64)' --num_frames=30
python -m yt8m_distill.flops --encoder=nextvlad --convention=paper
"""

from yt8m_distill import config


def main(options):
    from yt8m_distill import cost

    print(cost.table(cost.costs(options), options.convention))


if __name__ == "__main__":
    config.run("flops", main)
