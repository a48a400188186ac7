"""One graph a step, and several steps a call."""

import numpy as np
import pytest

from tests.test_experiment import train
from yt8m_distill import model
from yt8m_distill.distiller import Distiller
from yt8m_distill.run_directory import RunDirectory


@pytest.fixture
def traces(monkeypatch):
    """Names of what was traced, a list that grows."""
    names = []

    def counting(original):
        def counted(self, batch):
            names.append(original.__name__)
            return original(self, batch)

        return counted

    for name in ("train_step", "_forward_and_backward"):
        original = getattr(Distiller, name)
        monkeypatch.setattr(Distiller, name, counting(original))
    return names


def weights(run):
    loaded = model.load(run.checkpoint("last"))
    return [np.asarray(weight) for weight in loaded.weights]


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--num_length_buckets=3", "--steps_per_execution=3"],
        ["--gradient_accumulation_steps=2", "--jit_compile=true"],
    ],
)
def test_one_graph_for_all_steps(flags, traces, synthetic_shards, tmp_path):
    """Several epochs, the last of them cut short."""
    flags = ["--encoder=mean_pooling", "--num_epochs=3", *flags]
    train(synthetic_shards, tmp_path, *flags, "--max_steps=12")
    assert sorted(traces) == ["_forward_and_backward", "train_step"]
    traces.clear()
    # What is left of that epoch.
    train(synthetic_shards, tmp_path, *flags)
    assert sorted(traces) == ["_forward_and_backward", "train_step"]


def test_steps_of_a_call_change_nothing(synthetic_shards, tmp_path, capsys):
    """Epochs of 5 steps; calls of 3; a stop after 7."""
    runs, lines = [], []
    for steps in (1, 3):
        run = RunDirectory(tmp_path / str(steps))
        flags = [
            "--encoder=mean_pooling",
            "--frame_sampler=jittered_uniform(k=3)",
            "--num_epochs=3",
            "--log_steps=2",
            "--export_model_steps=2",
        ]
        for last in (7, 0):
            train(
                synthetic_shards,
                run.path,
                *flags,
                f"--max_steps={last}",
                # May differ when a run goes on.
                f"--steps_per_execution={steps}",
            )
        runs.append(run)
        printed = capsys.readouterr().out.splitlines()
        lines.append(
            [
                line.split("|")[0] + line.split("|")[2]
                for line in printed
                if line.startswith("training step")
            ]
        )
    one, several = runs
    assert [line["step"] for line in several.epochs()] == [5, 7, 10, 15]
    for first, second in zip(one.epochs(), several.epochs(), strict=True):
        assert second == pytest.approx(first, rel=1e-5)
    for first, second in zip(weights(one), weights(several), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)
    # A call of several steps tells the last one that was scored.
    assert {*lines[1]} < {*lines[0]}
    assert [line.split()[2] for line in lines[1]] == [
        *("2", "4"),  # of calls up to 3 and 5
        "6",
        *("10",),  # 8-10
        *("12", "14"),
    ]
