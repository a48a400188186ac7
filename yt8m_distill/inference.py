"""Tags videos with the model of a run and writes their predictions.

python -m yt8m_distill.inference --train_dir=runs/student \
    --input_data_pattern='data/test*.tfrecord' --output_file=predictions.csv

The CSV is that of the Kaggle competitions; --output_format has others.
"""

from yt8m_distill import config


def main(options):
    from yt8m_distill import scoring_runs

    scoring_runs.infer(options)


if __name__ == "__main__":
    config.run("inference", main)
