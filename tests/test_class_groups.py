"""Scores of rare and frequent classes against plain NumPy."""

import json

import numpy as np
import pytest

from tests.test_experiment import train
from yt8m_distill import class_groups, config, ranked_pairs, scoring_runs
from yt8m_distill.errors import InputError
from yt8m_distill.metrics import MAP_CONVENTIONS, VideoMetrics


def average_precision(scores, hits, num_positives):
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(hits[order])
    ranks = np.arange(1, len(order) + 1)
    return (hits[order] * found / ranks).sum() / num_positives


def expected_scores(predictions, labels, classes, convention, num_classes):
    """GAP, mAP and mAP of all of a group, from the definitions."""
    predictions, labels = predictions[:, classes], labels[:, classes] > 0
    if not labels.any():
        return {"gap": None, "map": None, "map_of_all": None}
    top = np.argsort(-predictions, axis=1, kind="stable")[:, :20]
    kept = np.zeros(predictions.shape, bool)
    np.put_along_axis(kept, top, True, 1)
    gap = average_precision(
        np.take_along_axis(predictions, top, 1).ravel(),
        np.take_along_axis(labels, top, 1).ravel(),
        labels.sum(),
    )
    found = []
    for scores, hits, counts in zip(predictions.T, labels.T, kept.T):
        if convention == "full_ranking":
            counts = np.full(len(scores), True)
        if hits.any():
            found.append(
                average_precision(scores[counts], hits[counts], hits.sum())
            )
    averaged = len(found) if convention != "all_classes" else len(classes)
    return {
        "gap": gap,
        "map": sum(found) / averaged,
        "map_of_all": sum(found) / num_classes,
    }


def random_case(num_videos, num_classes, seed=0):
    """Predictions, labels (half of the classes have none), training counts."""
    random = np.random.default_rng(seed)
    labels = random.random((num_videos, num_classes)) < 0.02
    labels[:, random.random(num_classes) < 0.5] = False
    counts = random.poisson(3, num_classes)  # many ties, some zeros
    return random.random((num_videos, num_classes)), labels, counts


def scored(predictions, labels, groups, convention="present_classes"):
    metrics = class_groups.ClassGroupMetrics(
        VideoMetrics(predictions.shape[1], 20, convention), groups
    )
    for start in range(0, len(predictions), 17):  # in batches
        rows = slice(start, start + 17)
        metrics.update(predictions[rows], labels[rows])
    return metrics


@pytest.mark.parametrize("convention", MAP_CONVENTIONS)
@pytest.mark.parametrize("num_classes", [2300, 700, 60])
def test_equals_plain_numpy(num_classes, convention):
    predictions, labels, counts = random_case(70, num_classes)
    groups = class_groups.rare_and_frequent(counts)
    sizes = {min(size, num_classes) for size in (100, 200, 500, 1000, 2000)}
    assert [(group.which, len(group.classes)) for group in groups] == [
        (which, size)
        for size in sorted(sizes)
        for which in ("rare", "frequent")
    ]
    whole = VideoMetrics(num_classes, 20, convention)
    whole.update(predictions, labels)
    results = scored(predictions, labels, groups, convention).result()
    found = results.pop("class_groups")
    # As if there were no groups.
    assert results == pytest.approx(whole.result(), abs=1e-12)
    for group, scores in zip(groups, found):
        expected = expected_scores(
            predictions, labels, group.classes, convention, num_classes
        )
        assert expected == pytest.approx(
            {name: scores[name] for name in expected}, abs=1e-9
        )
        of_group = labels[:, group.classes]
        assert scores["num_positives"] == of_group.sum()
        assert scores["num_empty_classes"] == (~of_group.any(0)).sum()


def test_what_does_not_fit_into_memory_changes_nothing(monkeypatch):
    predictions, labels, counts = random_case(90, 200)
    groups = class_groups.rare_and_frequent(counts, [50, 100])
    expected = scored(predictions, labels, groups).result()["class_groups"]
    monkeypatch.setattr(ranked_pairs, "RUN_LENGTH", 300)
    monkeypatch.setattr(ranked_pairs, "PAIRS_IN_MEMORY", 2000)
    found = scored(predictions, labels, groups).result()["class_groups"]
    for scores, wanted in zip(found, expected):
        for name in ("gap", "map", "map_of_all"):
            assert scores[name] == pytest.approx(wanted[name], abs=1e-12)


def test_groups_are_by_frequency_and_ties_by_index():
    groups = class_groups.rare_and_frequent([5, 0, 7, 0, 5, 1], [2, 4, 9])
    assert [
        (group.which, group.classes.tolist(), group.training_videos.tolist())
        for group in groups
    ] == [
        ("rare", [1, 3], [0, 0]),
        ("frequent", [0, 2], [5, 7]),
        ("rare", [0, 1, 3, 5], [5, 0, 0, 1]),
        ("frequent", [0, 2, 4, 5], [5, 7, 5, 1]),
        ("rare", [0, 1, 2, 3, 4, 5], [5, 0, 7, 0, 5, 1]),
        ("frequent", [0, 1, 2, 3, 4, 5], [5, 0, 7, 0, 5, 1]),
    ]


@pytest.mark.parametrize("convention", MAP_CONVENTIONS)
def test_a_group_without_positives_has_no_scores(convention):
    predictions = np.array([[0.9, 0.1, 0.5], [0.3, 0.2, 0.6]])
    labels = np.array([[0, 1, 0], [0, 0, 0]])
    groups = class_groups.rare_and_frequent([0, 9, 2], [1])
    found = scored(predictions, labels, groups, convention).result()
    rare, frequent = found["class_groups"]
    assert (rare["gap"], rare["map"], rare["map_of_all"]) == (None,) * 3
    assert (rare["num_untrained_classes"], rare["num_empty_classes"]) == (1, 1)
    # Its one positive is ranked second.
    assert frequent["gap"] == frequent["map"] == 0.5
    assert frequent["map_of_all"] == pytest.approx(0.5 / 3)
    json.dumps(found, allow_nan=False)
    line = class_groups.table(found["class_groups"]).splitlines()[-1]
    assert line == (
        "| 1 | 0 to 0 | - | - | - | 9 to 9 | 0.5000 | 0.5000 | 0.1667 |"
    )


@pytest.fixture(scope="module")
def run(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(synthetic_shards, path, "--num_epochs=1")
    return path


def evaluated(train_dir, shards, *flags):
    return scoring_runs.evaluate(
        config.parse(
            "eval",
            [
                f"--train_dir={train_dir}",
                f"--eval_data_pattern={shards}/validate*",
                *flags,
            ],
        )
    )


def test_eval_scores_groups(run, synthetic_shards, capsys):
    plain = evaluated(run, synthetic_shards)
    assert "class_groups" not in plain
    results = evaluated(run, synthetic_shards, "--class_groups=2,100")
    assert results["gap"] == plain["gap"]
    assert "| 7 | " in capsys.readouterr().out
    kept = json.loads((run / "evaluation" / "best.json").read_text())
    assert kept["class_groups"] == results["class_groups"]
    rare, frequent, *whole = results["class_groups"]
    assert rare["training_videos"][1] <= frequent["training_videos"][0]
    for group in whole:  # both are all of 7 classes
        assert group["gap"] == results["gap"]
        assert group["map"] == results["map"]
    # An ensemble, by the labels of other shards.
    others = evaluated(
        f"{run},{run}",
        synthetic_shards,
        "--class_groups=7",
        f"--train_data_pattern={synthetic_shards}/test*",
    )["class_groups"]
    assert others[0]["gap"] == pytest.approx(results["gap"], abs=1e-6)
    assert others[0]["training_videos"] != whole[0]["training_videos"]


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--class_groups=2,0"], "--class_groups=2,0; give whole numbers"),
        (["--train_data_pattern=x"], "needs --class_groups"),
        (
            ["--class_groups=2", "--train_data_pattern=/none*"],
            "no file matches '/none",
        ),
        (["--class_groups=2", "--segment_labels"], "does not go with segments"),
    ],
)
def test_flags_that_cannot_be(flags, message, run, synthetic_shards):
    with pytest.raises(InputError, match=message):
        evaluated(run, synthetic_shards, *flags)


def test_training_shards_that_are_gone(run, synthetic_shards, tmp_path):
    copy = tmp_path / "run"
    copy.mkdir()
    saved = json.loads((run / "config.json").read_text())
    saved["flags"]["train_data_pattern"] = "gone*"
    (copy / "config.json").write_text(json.dumps(saved))
    (copy / "checkpoints").symlink_to(run / "checkpoints")
    with pytest.raises(InputError, match="'gone.', are not there"):
        evaluated(copy, synthetic_shards, "--class_groups=2")
    with pytest.raises(InputError, match="trained on .*validate|trained on"):
        evaluated(f"{run},{copy}", synthetic_shards, "--class_groups=2")


def test_real_data(real_data):
    """Groups of AudioSet's classes, by made-up predictions."""
    from yt8m_distill import label_counts
    from yt8m_distill.shards import Shards

    audioset = real_data / "audioset"
    training = Shards(f"{audioset}/bal_train-00000-of-00008.tfrecord")
    counts = label_counts.count_labels(training, 527)
    labels = np.zeros((325, 527))
    validation = Shards(f"{audioset}/unbal_train-rm.tfrecord")
    for video, (_, own) in enumerate(validation.ids_and_labels()):
        if video < len(labels):
            labels[video, own] = 1
    random = np.random.default_rng(0)
    predictions = random.random(labels.shape) + 0.3 * labels
    groups = class_groups.rare_and_frequent(counts)
    assert [len(group.classes) for group in groups[::2]] == [100, 200, 500, 527]
    found = scored(predictions, labels, groups).result()["class_groups"]
    for group, scores in zip(groups, found):
        expected = expected_scores(
            predictions, labels, group.classes, "present_classes", 527
        )
        assert expected == pytest.approx(
            {name: scores[name] for name in expected}, abs=1e-9
        )
