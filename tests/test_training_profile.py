import pytest

from tests.test_experiment import train
from yt8m_distill import config
from yt8m_distill.errors import InputError


@pytest.mark.parametrize(
    "value", ["0,3", "5,4", "7", "1,2,3", "a,b", "1.5,2", "-1,2"]
)
def test_bad_steps_are_refused(value):
    with pytest.raises(InputError, match="--profile=.*first and the last"):
        config.parse("train", [f"--profile={value}"])


def test_the_trace_is_there_and_told(synthetic_shards, tmp_path, capsys):
    flags = ["--encoder=mean_pooling", "--num_epochs=2"]
    train(synthetic_shards, tmp_path, *flags, "--max_steps=5")
    assert "trace of" not in capsys.readouterr().out
    # Of a run that goes on; steps that are done cannot be traced.
    train(synthetic_shards, tmp_path, *flags, "--profile=3,7")
    printed = capsys.readouterr().out
    assert "trace of the training steps 6 to 7" in printed
    [trace] = (tmp_path / "tensorboard").rglob("*.xplane.pb")
    assert trace.stat().st_size > 1000
    assert b"MatMul" in trace.read_bytes()
