"""Which models are kept at the end of an epoch."""

import pytest

from tests.test_distiller import distiller
from yt8m_distill import callbacks, files
from yt8m_distill.run_directory import RunDirectory


@pytest.mark.parametrize(
    "data, saved",
    [
        ({}, ["last", "best", "last", "last"]),
        (
            {"segment_context_frames": 0},
            ["last", "best", "last", "best", "last"],
        ),
    ],
    ids=["videos", "segments"],
)
def test_the_best_model_is_that_of_the_best_epoch(
    data, saved, tmp_path, monkeypatch
):
    run = RunDirectory(tmp_path)
    files.write_json(run.config_file, {"data": data})
    trained = distiller("ce")
    checkpoints = callbacks.Checkpoints(
        run, trained.students["student"], {}, []
    )
    checkpoints.set_model(trained)
    paths = []
    monkeypatch.setattr(
        callbacks.model_module, "save", lambda _, path, step: paths.append(path)
    )
    # The GAP falls, the mAP rises; the third epoch equals the second.
    for epoch, (gap, mean) in enumerate([(0.3, 0.1), (0.2, 0.4), (0.2, 0.4)]):
        checkpoints.on_epoch_end(epoch, {"val_gap": gap, "val_map": mean})
    assert paths == [run.checkpoint(name) for name in saved]
    assert checkpoints.best() == run.best_epoch()
