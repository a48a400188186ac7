"""Scores the model of a run: GAP, mAP, Hit@1, PERR.

python -m yt8m_distill.eval --train_dir=runs/teacher \
    --eval_data_pattern='data/validate*.tfrecord'
"""

from yt8m_distill import config


def main(options):
    from yt8m_distill import new_checkpoints, scoring_runs

    if options.run_once:
        scoring_runs.evaluate(options)
    else:
        scoring_runs.check(options)
        new_checkpoints.evaluate_each(options, scoring_runs.evaluate)


if __name__ == "__main__":
    config.run("eval", main)
