"""Trains a model: a teacher, a baseline, or a student beside its teacher.

python -m yt8m_distill.train --flagfile=flags/audioset/teacher.flags
"""

from yt8m_distill import config


def main(options):
    from yt8m_distill import experiment, restarts

    if options.distribution == "multi_worker":
        restarts.run(options, experiment.train)
    else:
        experiment.train(options)


if __name__ == "__main__":
    config.run("train", main)
