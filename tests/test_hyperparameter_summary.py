"""The experiment as TensorBoard's own plugin reads it."""

import pytest
from tensorboard.backend.event_processing import (
    data_provider,
    plugin_event_multiplexer,
)
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import (
    api_pb2,
    backend_context,
    get_experiment,
    list_session_groups,
)

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill import hyperparameter_summary
from yt8m_distill.errors import InputError


def load(folder):
    """What the tab HParams shows: `(experiment, session groups by name)`."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    context = backend_context.Context(
        base_plugin.TBContext(
            data_provider=data_provider.MultiplexerDataProvider(
                multiplexer, str(folder)
            )
        )
    )
    experiment = get_experiment.Handler(
        RequestContext(), context, "", api_pb2.GetExperimentRequest()
    ).run()
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[
            api_pb2.STATUS_SUCCESS,
            api_pb2.STATUS_RUNNING,
            api_pb2.STATUS_UNKNOWN,
        ],
        aggregation_type=api_pb2.AGGREGATION_AVG,
        slice_size=100,
    )
    response = list_session_groups.Handler(
        RequestContext(), context, "", request
    ).run()
    return experiment, {group.name: group for group in response.session_groups}


def test_tensorboard_reads_settings_and_scores(tmp_path):
    study = study_of(write_runs(tmp_path / "runs"))
    names = hyperparameter_summary.write(study, tmp_path / "board")
    experiment, groups = load(tmp_path / "board")
    shown = [info.name for info in experiment.hparam_infos]
    assert sorted(shown) == sorted(names)
    assert {"kind", "frames", "objective", "frame_sampler"} <= set(names)
    assert not {"seed", "train_dir", "teacher_dir", "batch_size"} & set(names)
    assert {info.display_name for info in experiment.metric_infos} == {
        "GAP",
        "mAP",
        "Hit@1",
        "PERR",
    }
    assert set(groups) == {group.label for group in study.groups}
    student = groups["student_k4"]
    assert len(student.sessions) == 2
    assert student.hparams["frames"].number_value == 4
    assert student.hparams["kind"].string_value == "serial student"
    scores = {value.name.tag: value.value for value in student.metric_values}
    assert scores["gap"] == pytest.approx(0.5)
    assert scores["map"] == pytest.approx(0.25)


def test_a_second_report_replaces_the_first(tmp_path):
    write_runs(tmp_path / "runs")
    kept = tmp_path / "board" / "events.out.tfevents.of_another"
    kept.parent.mkdir()
    kept.write_bytes(b"")
    for _ in range(2):
        study = study_of(tmp_path / "runs")
        hyperparameter_summary.write(study, tmp_path / "board")
    assert len(list((tmp_path / "board").rglob("events.*.report"))) == 13
    assert kept.exists()
    _, groups = load(tmp_path / "board")
    assert {len(group.sessions) for group in groups.values()} == {2}


def test_values_of_a_name_are_of_one_type(tmp_path):
    write_run(tmp_path / "runs" / "a", [0.1], max_steps=5, share_head=True)
    write_run(
        tmp_path / "runs" / "b", [0.2], max_steps=0, feature_names=["rgb"]
    )
    write_run(tmp_path / "runs" / "copy" / "b", [0.2], feature_names=["rgb"])
    study = study_of(tmp_path / "runs")
    names = hyperparameter_summary.write(study, tmp_path / "board")
    assert {"share_head", "feature_names", "max_steps"} <= set(names)
    _, groups = load(tmp_path / "board")
    values = [group.hparams["share_head"] for group in groups.values()]
    assert {value.bool_value for value in values} == {True, False}


def test_a_single_group_has_no_settings_but_scores(tmp_path):
    write_run(tmp_path / "runs" / "a", [0.1])
    study = study_of(tmp_path / "runs")
    assert hyperparameter_summary.write(study, tmp_path / "board") == []
    _, groups = load(tmp_path / "board")
    assert set(groups) == {"a"}


def test_a_folder_that_cannot_be_written(tmp_path):
    write_run(tmp_path / "runs" / "a", [0.1])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--tensorboard_dir"):
        hyperparameter_summary.write(
            study_of(tmp_path / "runs"), tmp_path / "file"
        )
