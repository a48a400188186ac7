"""Which epoch of a run is its best."""

import pytest

from yt8m_distill import evaluation_summary, files
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory

EPOCHS = [
    {"step": 5, "val_gap": 0.3, "val_map": 0.1},
    {"step": 10, "val_gap": 0.2, "val_map": 0.4},
    {"step": 15, "val_gap": 0.3, "val_map": 0.4},
]


def run_at(path, **data):
    run = RunDirectory(path)
    files.write_json(run.config_file, {"data": {"max_frames": 5, **data}})
    return run


@pytest.mark.parametrize(
    "data, metric, step",
    [
        ({}, "val_gap", 5),
        ({"segment_context_frames": 0}, "val_map", 10),
        ({"segment_context_frames": 2}, "val_map", 10),
    ],
)
def test_the_best_epoch_of_videos_and_of_segments(tmp_path, data, metric, step):
    run = run_at(tmp_path, **data)
    assert run.best_by() == metric
    assert run.best_epoch() is None
    run.write_epochs(EPOCHS)
    assert run.best_epoch()["step"] == step  # of equal ones the first
    assert evaluation_summary.step_of(run, "best", None) == step
    assert evaluation_summary.step_of(run, "last", None) == 15


def test_without_validation_the_last_epoch_is_the_best(tmp_path):
    run = run_at(tmp_path)
    run.write_epochs([{"step": 5}, {"step": 10}])
    assert run.best_epoch()["step"] == 10


def test_where_there_is_no_run_there_is_no_best_epoch(tmp_path):
    with pytest.raises(InputError, match="no run at"):
        RunDirectory(tmp_path).best_epoch()
