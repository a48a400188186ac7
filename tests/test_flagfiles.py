"""Every flagfile runs for one step, on shards of its own feature sizes."""

import gc
import pathlib
import re

import keras
import numpy as np
import pytest

from tests.conftest import ROOT, load_tool, small_spec
from yt8m_distill import config, cost, experiment, parts, run_queue
from yt8m_distill.flag_definitions import REQUIRED
from yt8m_distill.study import Study

FLAGFILES = sorted((ROOT / "flags").rglob("*.flags"))
# Those of a table are of `tables`, the others of `train`.
TABLES = [path for path in FLAGFILES if "--tables=" in path.read_text()]
RUNS = [path for path in FLAGFILES if path not in TABLES]
# Small stand-ins for what takes long; everything else is as in the flagfile.
STEP = ["--batch_size=8", "--num_epochs=1"]


@pytest.fixture
def forget_each_model():
    """Dozens of models, some of them large, would not fit into memory."""
    yield
    keras.backend.clear_session()
    gc.collect()


@pytest.fixture(scope="module")
def audio_shards(tmp_path_factory, make_synthetic_shards):
    """Shards with AudioSet's one feature."""
    folder = tmp_path_factory.mktemp("audio")
    features = make_synthetic_shards.FEATURES
    make_synthetic_shards.FEATURES = {"audio_embedding": 128}
    try:
        make_synthetic_shards.make_shards(
            folder,
            {"train": 8, "validate": 8},
            1,
            7,
            min_frames=1,
            max_frames=10,
            label_noise=0.1,
            seed=0,
        )
    finally:
        make_synthetic_shards.FEATURES = features
    return folder


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_says_what_it_is_and_how_to_run_it(path):
    relative = path.relative_to(ROOT)
    comment = [
        line for line in path.read_text().splitlines() if line.startswith("#")
    ]
    assert any(f"--flagfile={relative}" in line for line in comment)
    assert any("Expect" in line for line in comment)


@pytest.fixture(scope="module")
def eigenvalues(tmp_path_factory):
    path = tmp_path_factory.mktemp("pca") / "eigenvals.npy"
    np.save(path, np.linspace(14, 0.02, 2048, dtype="float32")[:, None])
    return path


def name(path):
    return f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("path", TABLES, ids=name)
def test_plans_its_table_and_runs_that_can_be(path, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    options = config.parse(
        "tables", [f"--flagfile={path}", f"--output_dir={tmp_path}"]
    )
    study = Study(options)
    planned = run_queue.in_order(
        [
            task
            for table in options.tables
            for row in parts.get_class("paper_tables", table)().rows(study)
            for cell in row.cells.values()
            for task in cell.tasks
        ]
    )
    assert len(planned) >= 3
    for task in planned:
        entry_point = task.module.rpartition(".")[2]
        flags = config.parse(entry_point, task.arguments)
        config.require(flags, *REQUIRED[entry_point])
        if entry_point == "train":
            assert ("all_frames" in flags.frame_sampler) == (
                task.kind == "teacher"
            )
            for spec in parts.split(flags.student_losses):
                parts.get("distillation_losses", spec)
            parts.get("frame_samplers", flags.frame_sampler, max_frames=300)


@pytest.mark.usefixtures("forget_each_model")
@pytest.mark.parametrize("path", RUNS, ids=name)
def test_trains_for_a_step(
    path,
    synthetic_shards,
    audio_shards,
    rated_shards,
    eigenvalues,
    tmp_path,
    monkeypatch,
):
    monkeypatch.chdir(ROOT)  # flagfiles name each other from there
    shards = audio_shards if "audioset" in str(path) else synthetic_shards
    if path.parent.name == "segments":
        shards = rated_shards

    def train(flagfile, train_dir, *more):
        given = config.parse("train", [f"--flagfile={flagfile}"])
        split = "validate" if given.segment_labels else "train"
        data = [
            f"--train_data_pattern={shards}/{split}00*",
            f"--eval_data_pattern={shards}/validate*",
        ]
        arguments = [f"--flagfile={flagfile}", *data, *STEP, *more]
        given = config.parse("train", arguments)
        layer, layer_arguments = parts.parse(given.input_layer)
        if layer == "whitening":
            layer = f"whitening(eigenvalues='{eigenvalues}')"
        small = [
            f"--encoder={small_spec('encoders', given.encoder)}",
            f"--input_layer={layer}",
            f"--train_dir={train_dir}",
        ]
        if "first_epoch" in given.student_losses:
            small.append("--num_epochs=12")  # both stages
        return experiment.train(config.parse("train", [*arguments, *small]))

    teacher = []
    given = config.parse("train", [f"--flagfile={path}"])
    if given.initialize_from:
        videos = path.with_name("videos.flags")
        train(videos, tmp_path / "videos")
        teacher.append(f"--initialize_from={tmp_path}/videos")
    if given.teacher_dir:
        teacher_file = path.with_name(path.name.replace("student", "teacher"))
        if path.parent.name == "table_1":
            teacher_file = path.parents[1] / "teacher.flags"
        elif path.parent.name.startswith("audioset"):
            teacher_file = path.with_name("teacher.flags")
        elif path.parent.name == "segments":
            teacher_file = path.with_name("segments.flags")
        train(teacher_file, tmp_path / "teacher", *teacher)
        teacher.append(f"--teacher_dir={tmp_path}/teacher")
    best = train(path, tmp_path / "run", *teacher)
    assert best["step"] >= 1
    assert 0 <= best["val_gap"] <= 1


PAPER = [path for path in FLAGFILES if path.parent.name == "paper"]


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_paper_models_cost_what_their_comment_says(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    options = config.parse("train", [f"--flagfile={path}"])
    sampler = parts.get("frame_samplers", options.frame_sampler)
    counted = cost.count(
        options.encoder,
        options.head,
        sampler.k,
        num_classes=options.num_classes,
        feature_sizes=tuple(options.feature_sizes),
    )
    comment = " ".join(
        line.strip("# ")
        for line in path.read_text().splitlines()
        if line.startswith("#")
    )
    (said,) = re.findall(r"([\d.]+) GFLOPs", comment)
    digits = len(said.partition(".")[2])
    assert f"{counted.flops / 1e9:.{digits}f}" == said
    for millions in re.findall(r"(\d+) million parameters", comment):
        assert round(counted.num_parameters / 1e6) == int(millions)


@pytest.mark.parametrize("family", ["hrnn", "netvlad", "nextvlad"])
def test_paper_students_differ_from_their_baseline_in_the_teacher_only(
    family, monkeypatch
):
    monkeypatch.chdir(ROOT)
    baseline, student = (
        vars(config.parse("train", [f"--flagfile=flags/paper/{family}_{name}"]))
        for name in ("baseline.flags", "student.flags")
    )
    assert {key for key in student if student[key] != baseline[key]} == {
        "teacher_dir",
        "student_losses",
        "flags_text",
    }


def test_a_teacher_is_found_through_nested_flagfiles(monkeypatch):
    monkeypatch.chdir(ROOT)
    has_teacher = load_tool("repeat_runs").has_teacher
    found = {
        path.stem: has_teacher(path)
        for path in pathlib.Path("flags/audioset").glob("*.flags")
    }
    assert found == {
        "teacher": False,
        "baseline": False,
        "student": True,
        "baseline_as_student": False,
        "baseline_5": False,
        "student_5": True,
    }
