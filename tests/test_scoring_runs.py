"""How eval and inference run, whatever they compute."""

import json

import numpy as np
import pytest

from tests.test_experiment import train
from yt8m_distill import (
    config,
    dataset,
    evaluation,
    length_buckets,
    model,
    scoring_runs,
)
from yt8m_distill.errors import InputError
from yt8m_distill.forward import Forward
from yt8m_distill.prediction_files import formats


@pytest.fixture(scope="module")
def run(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(synthetic_shards, path, "--num_epochs=2")
    return path


@pytest.fixture(scope="module")
def student(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "student"
    train(
        synthetic_shards,
        path,
        "--frame_sampler=uniform(k=3)",
        "--num_epochs=1",
    )
    return path


def evaluated(run, shards, *more):
    return scoring_runs.evaluate(
        config.parse(
            "eval",
            [
                f"--train_dir={run}",
                f"--eval_data_pattern={shards}/*.tfrecord",
                *more,
            ],
        )
    )


def inferred(run, shards, output, *more):
    return scoring_runs.infer(
        config.parse(
            "inference",
            [
                f"--train_dir={run}",
                f"--input_data_pattern={shards}/*.tfrecord",
                f"--output_file={output}",
                *more,
            ],
        )
    )


def scores_of(path):
    return {
        video_id: dict(zip(classes.tolist(), scores.tolist()))
        for video_id, classes, scores in formats.read(path)
    }


def test_the_batch_size_changes_nothing(run, synthetic_shards, tmp_path):
    expected = evaluated(run, synthetic_shards)
    videos = scores_of(inferred(run, synthetic_shards, tmp_path / "a.csv"))
    assert len(videos) == 72
    for size in ("1", "7", "100"):
        found = evaluated(run, synthetic_shards, f"--batch_size={size}")
        for key in ("gap", "map", "hit_at_1", "perr", "cross_entropy"):
            assert found[key] == pytest.approx(expected[key], abs=1e-6), key
        own = scores_of(
            inferred(
                run,
                synthetic_shards,
                tmp_path / f"{size}.csv",
                f"--batch_size={size}",
            )
        )
        # In the order of the shards.
        assert list(own) == list(videos)
        for video_id, pairs in own.items():
            assert pairs == pytest.approx(videos[video_id], abs=2e-6)


def test_few_graphs(run, student, synthetic_shards, monkeypatch):
    made = []
    monkeypatch.setattr(length_buckets, "ENOUGH_BATCHES", 1)

    class Counted(evaluation.Evaluator):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self.forward)

    monkeypatch.setattr(scoring_runs, "Evaluator", Counted)
    for path in (run, student):
        evaluated(path, synthetic_shards, "--batch_size=10")
    # Of the teacher one for each bound of lengths, of the student one.
    assert [forward.num_graphs for forward in made] == [4, 1]


def test_inference_neither_makes_nor_copies_labels(
    student, synthetic_shards, tmp_path, monkeypatch
):
    read = []
    original = dataset.VideoDataset.read

    def recorded(self, *arguments, **options):
        batch = original(self, *arguments, **options)
        read.append(batch)
        return batch

    monkeypatch.setattr(dataset.VideoDataset, "read", recorded)
    inferred(student, synthetic_shards, tmp_path / "out.csv")
    assert read and all("labels" not in batch for batch in read)
    assert {batch["frames"].shape[1] for batch in read} == {3}


@pytest.mark.parametrize(
    "flag", ["--precision=mixed_bfloat16", "--jit_compile"]
)
def test_other_ways_to_compute(flag, run, synthetic_shards):
    expected = evaluated(run, synthetic_shards, "--batch_size=32")
    found = evaluated(run, synthetic_shards, "--batch_size=32", flag)
    assert found["cross_entropy"] == pytest.approx(
        expected["cross_entropy"], rel=0.02 if "bfloat16" in flag else 1e-4
    )
    if "bfloat16" in flag:  # it did compute otherwise
        assert found["cross_entropy"] != expected["cross_entropy"]
    kept = json.loads((run / "evaluation" / "best.json").read_text())
    wanted = "mixed_bfloat16" if "bfloat16" in flag else "float32"
    assert kept["precision"] == wanted


def test_a_run_goes_on_where_memory_ends(
    run, synthetic_shards, tmp_path, monkeypatch, capsys
):
    import tensorflow as tf

    expected = scores_of(inferred(run, synthetic_shards, tmp_path / "a.csv"))
    original = Forward._graph

    def limited(self, frames):
        if len(frames) > 9:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        return original(self, frames)

    monkeypatch.setattr(Forward, "_graph", limited)
    capsys.readouterr()
    found = scores_of(inferred(run, synthetic_shards, tmp_path / "b.csv"))
    lines = [
        line
        for line in capsys.readouterr().out.splitlines()
        if "does not fit" in line
    ]
    assert len(lines) == 4  # 128, 64, 32, 16
    assert list(found) == list(expected)
    for video_id, pairs in found.items():
        assert pairs == pytest.approx(expected[video_id], abs=2e-6)


def test_what_is_wrong_is_told_before_anything_is_loaded(
    run, synthetic_shards, tmp_path, monkeypatch
):
    monkeypatch.setattr(model, "load", lambda path: pytest.fail("loaded"))
    (tmp_path / "ids.csv").write_text("Index\n99\n")
    with pytest.raises(InputError, match="99 is no class"):
        inferred(
            run,
            synthetic_shards,
            tmp_path / "out.csv",
            "--segment_labels",
            f"--segment_label_ids_file={tmp_path}/ids.csv",
        )
    with pytest.raises(InputError, match="99 is no class"):
        evaluated(
            run,
            synthetic_shards,
            "--segment_labels",
            f"--segment_label_ids_file={tmp_path}/ids.csv",
        )


@pytest.mark.parametrize("flags", [[], ["--segment_labels"]])
def test_the_file_is_opened_before_a_video_is_tagged(
    flags, run, synthetic_shards, tmp_path, monkeypatch
):
    monkeypatch.setattr(Forward, "__call__", lambda *_: pytest.fail("tagged"))
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(InputError, match="it is a directory|Is a directory"):
        inferred(run, synthetic_shards, tmp_path / "out.csv", *flags)


def test_predictions_are_those_of_the_model(student, synthetic_shards):
    from yt8m_distill.shards import Shards

    loaded = model.load(str(student / "checkpoints" / "best.keras"))
    data = dataset.VideoDataset(
        Shards(f"{synthetic_shards}/*.tfrecord"),
        7,
        12,
        loaded.frame_sampler,
    )
    found = evaluation.Evaluator(loaded).predictions(data, 10)
    batch = data.read(range(len(data)))
    expected = loaded({key: batch[key] for key in ("frames", "num_frames")})
    np.testing.assert_allclose(
        np.concatenate([logits for _, logits, _ in found]),
        expected["logits"],
        atol=1e-5,
    )
