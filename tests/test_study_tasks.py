"""What is there is used again only where it is what is asked for."""

import json
import shutil

import pytest

from tests.written_runs import SMALL, write_run
from yt8m_distill import files
from yt8m_distill.errors import InputError
from yt8m_distill.study_tasks import Scoring, TrainingRun


def planned(path, needs=(), **flags):
    """A `TrainingRun` of small models."""
    values = {**SMALL, "num_epochs": 2, **flags}
    arguments = [f"--{name}={value}" for name, value in values.items()]
    arguments.append(f"--train_dir={path}")
    return TrainingRun(path.name, path, tuple(arguments), needs, "kind")


@pytest.fixture
def teacher(tmp_path):
    write_run(tmp_path / "teacher", [0.5, 0.6])
    return planned(tmp_path / "teacher")


@pytest.fixture
def student(tmp_path, teacher):
    """A student as the queue leaves it."""
    flags = {"teacher_dir": str(teacher.path)}
    task = planned(tmp_path / "student", (teacher,), **flags)
    task.start()
    write_run(tmp_path / "written", [0.3, 0.4], **flags)
    shutil.copytree(tmp_path / "written", task.path, dirs_exist_ok=True)
    return task


def longer(path, gaps):
    """The run goes on: the same id, more epochs."""
    shutil.rmtree(path)
    write_run(path, gaps)


def test_a_finished_run_is_used_again(teacher, student):
    assert student.result()["gap"] == 0.4
    assert student.result()["step"] == 10
    # More epochs are wanted than it has.
    more = teacher._replace(arguments=(*teacher.arguments, "--num_epochs=3"))
    assert more.result() is None


def test_a_run_that_learned_longer_is_another(teacher):
    fewer = teacher._replace(arguments=(*teacher.arguments, "--num_epochs=1"))
    with pytest.raises(InputError, match="for 10 steps, its flags say 5; give"):
        fewer.result()


def test_what_is_to_be_replaced_is_not_refused(teacher):
    other = teacher._replace(arguments=(*teacher.arguments, "--batch_size=4"))
    with pytest.raises(InputError, match=r"--batch_size=8 \(there\) and 4"):
        other.result()
    other = other._replace(arguments=(*other.arguments, "--start_new_model"))
    assert other.result() is None
    same = (*teacher.arguments, "--start_new_model")
    assert teacher._replace(arguments=same).result()["gap"] == 0.6


def test_a_student_of_another_teacher_is_not_used_again(teacher, student):
    # The teacher's best epoch is what it was: the student's teacher, too.
    longer(teacher.path, [0.5, 0.6, 0.55])
    assert student.result()["gap"] == 0.4
    longer(teacher.path, [0.5, 0.6, 0.7])
    with pytest.raises(InputError, match="was trained anew or longer; remove"):
        student.result()
    # Starting again does not make it what it is not.
    student.start()
    with pytest.raises(InputError, match="was trained anew or longer; remove"):
        student.result()
    anew = student._replace(arguments=(*student.arguments, "--start_new_model"))
    assert anew.result() is None
    anew.start()
    assert student.result()["gap"] == 0.4
    shutil.rmtree(student.path)
    assert student.result() is None


def test_a_student_from_elsewhere_is_used_again(teacher, student):
    student.teachers_file.unlink()
    longer(teacher.path, [0.5, 0.6, 0.7])
    assert student.result()["gap"] == 0.4


def test_scores_are_of_the_best_model_that_is_there(teacher, tmp_path):
    scoring = Scoring("s", tmp_path / "s.json", ("--a",), (teacher,), False)
    evaluated = teacher.path / "evaluation" / "best.json"
    files.write_json(evaluated, {"gap": 0.1})
    assert scoring.result() is None
    scoring.finish()
    assert scoring.result() == {"gap": 0.1}
    assert scoring._replace(arguments=("--b",)).result() is None
    longer(teacher.path, [0.5, 0.6, 0.55])
    assert scoring.result() == {"gap": 0.1}
    longer(teacher.path, [0.5, 0.6, 0.7])
    assert scoring.result() is None


@pytest.mark.parametrize("damage", [{"data": {}}, {"data": None}, {"flags": 3}])
def test_what_is_no_run_is_one_line(teacher, damage):
    config_file = teacher.path / "config.json"
    kept = json.loads(config_file.read_text())
    config_file.write_text(json.dumps(kept | damage))
    with pytest.raises(InputError, match="teacher is no run of this version"):
        teacher.result()
    anew = (*teacher.arguments, "--start_new_model")
    assert teacher._replace(arguments=anew).result() is None


def test_a_line_that_is_cut_off_is_one_line(teacher):
    with open(teacher.path / "metrics.jsonl", "a") as opened:
        opened.write('{"epoch": 3, "st')
    with pytest.raises(InputError, match="metrics.jsonl is damaged .*; resto"):
        teacher.result()
    anew = (*teacher.arguments, "--start_new_model")
    assert teacher._replace(arguments=anew).result() is None


@pytest.mark.parametrize("kept", ["{}", "[]", "3", "{", '{"asked": {}}'])
def test_what_are_no_scores_is_scored_again(teacher, tmp_path, kept):
    scoring = Scoring("s", tmp_path / "s.json", ("--a",), (teacher,), False)
    scoring.path.write_text(kept)
    assert scoring.result() is None
