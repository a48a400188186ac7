"""Scores the model of a run: GAP, mAP, Hit@1, PERR.

python -m yt8m_distill.eval --train_dir=runs/teacher \
    --eval_data_pattern='data/validate*.tfrecord'
"""

from yt8m_distill import config


def main(options):
    from yt8m_distill import experiment

    experiment.evaluate(options)


if __name__ == "__main__":
    config.run("eval", main)
