import pathlib

import pytest

from yt8m_distill import config
from yt8m_distill.errors import InputError
from yt8m_distill.study import Study


@pytest.fixture
def flagfiles(tmp_path):
    """A teacher's and a baseline's flagfile."""
    teacher = tmp_path / "teacher.flags"
    teacher.write_text(
        "--train_data_pattern=data/train*\n"
        "--eval_data_pattern=data/validate*\n"
        "--encoder=hierarchical_lstm(units=4, block_length=10)\n"
        "--num_classes=150\n--num_epochs=8\n"
        "--map_convention=all_classes\n--top_k=10\n"
    )
    baseline = tmp_path / "baseline.flags"
    baseline.write_text(
        f"--flagfile={teacher}\n"
        "--encoder=hierarchical_lstm(units=4, block_length=3)\n"
    )
    return [f"--teacher_flagfile={teacher}", f"--baseline_flagfile={baseline}"]


@pytest.fixture
def study(flagfiles):
    """Function of arguments → a `Study`."""

    def study(*arguments):
        return Study(
            config.parse(
                "tables", ["--output_dir=runs", *flagfiles, *arguments]
            )
        )

    return study


def flags_of(run):
    return config.parse("train", run.arguments)


def test_teacher_and_baselines(study):
    plan = study("--uniform_sampler=jittered_uniform", "--train_data_pattern=x")
    teacher = plan.teacher(1)
    assert teacher.path == pathlib.Path("runs/hierarchical_lstm/teacher/seed1")
    assert teacher.needs == () and teacher.kind == "teacher"
    flags = flags_of(teacher)
    assert flags.frame_sampler == "all_frames" and flags.seed == 1
    assert flags.train_data_pattern == "x"
    assert flags.eval_data_pattern == "data/validate*"
    uniform = plan.baseline(0, 6)
    assert uniform.name == "hierarchical_lstm/uniform_k6/seed0"
    flags = flags_of(uniform)
    assert flags.frame_sampler == "jittered_uniform(k=6)"
    assert not (flags.teacher_dir or flags.teacher_encoder)
    drawn = study("--uniform_sampler=stratified(parts=1)").baseline(0, 6)
    assert flags_of(drawn).frame_sampler == "stratified(parts=1, k=6)"
    assert flags_of(plan.baseline(0, 6, "last")).frame_sampler == "last(k=6)"
    part = plan.baseline(0, 6, fraction=0.25)
    assert part.path.parent.name == "uniform_k6_fraction0.25"
    assert flags_of(part).train_fraction == 0.25
    assert flags_of(uniform).train_fraction == 1


def test_serial_student_has_the_teacher_of_its_seed_and_data(study):
    plan = study("--pred_loss=pred(weight=2)")
    student = plan.student(1, 6, ("pred", "ce"), fraction=0.5)
    teacher = plan.teacher(1, 0.5)
    assert student.needs == (teacher,) and student.kind == "serial"
    flags = flags_of(student)
    assert flags.teacher_dir == str(teacher.path)
    assert flags.student_losses == "pred(weight=2),ce"
    assert "fraction0.5_seed1" in flags.teacher_cache
    assert flags.teacher_encoder == ""
    assert not flags_of(
        study("--nocache_teachers").student(1, 6, ("pred",))
    ).teacher_cache
    # Blocks are not in a cache.
    assert not flags_of(plan.student(1, 6, ("block_rep", "ce"))).teacher_cache


def test_parallel_student_has_a_teacher_beside_it(study):
    student = study().student(0, 6, ("rep", "ce"), "parallel")
    assert student.needs == () and student.kind == "parallel"
    flags = flags_of(student)
    assert (
        flags.teacher_encoder == "hierarchical_lstm(units=4, block_length=10)"
    )
    assert flags.teacher_frame_sampler == "all_frames"
    assert flags.teacher_dir == ""


@pytest.mark.parametrize(
    ("arguments", "first"), [([], 4), (["--rep_epochs=2"], 2)]
)
def test_representation_alone_is_taught_in_two_stages(study, arguments, first):
    plan = study("--rep_loss=rep(weight=0.5)", *arguments)
    student = plan.student(0, 6, ("rep",))
    assert flags_of(student).student_losses == (
        f"representation(weight=0.5, last_epoch={first}),"
        f"cross_entropy(first_epoch={first + 1})"
    )


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--rep_epochs=8", "8 of --num_epochs=8 for .* leave none"),
        ("--rep_epochs=-1", "-1 of --num_epochs=8"),
        ("--options=--num_epochs=1", "1 of --num_epochs=1 .* more --num_epo"),
    ],
)
def test_both_stages_need_an_epoch(study, flag, message):
    with pytest.raises(InputError, match=message):
        study(flag).student(0, 6, ("rep",))


def test_the_same_run_is_planned_once(study):
    plan = study()
    assert plan.baseline(0, 6) is plan.baseline(0, 6)
    assert plan.baseline(0, 6) != plan.baseline(1, 6)


def test_options_for_some_runs(study):
    plan = study(
        "--options=--num_epochs=3",
        "--options_if=kind=student,k=6:--batch_size=7",
        "--options_if=row=first:--batch_size=9",
        "--options_if=mode=parallel:--num_epochs=5",
        "--options_if=fraction=0.1:--batch_size=5",
    )
    assert flags_of(plan.student(0, 6, ("ce",))).batch_size == 7
    assert flags_of(plan.student(0, 3, ("ce",))).batch_size == 128
    assert flags_of(plan.baseline(0, 6)).batch_size == 128
    assert flags_of(plan.baseline(0, 6, "first")).batch_size == 9
    assert flags_of(plan.teacher(0, 0.1)).batch_size == 5
    # What is for every run comes last.
    assert flags_of(plan.student(0, 3, ("ce",), "parallel")).num_epochs == 3


def test_conditions_compare_numbers_as_numbers(study):
    plan = study(
        "--options_if=fraction=.10:--batch_size=5",
        "--options_if=fraction=1,k=06:--batch_size=6",
    )
    assert flags_of(plan.baseline(0, 6, fraction=0.1)).batch_size == 5
    assert flags_of(plan.baseline(0, 6)).batch_size == 6
    assert flags_of(plan.baseline(0, 3)).batch_size == 128


def test_a_condition_of_several_values_is_met_by_each(study):
    plan = study("--options_if=row=first|last,k=3|06:--batch_size=9")
    assert flags_of(plan.baseline(0, 3, "first")).batch_size == 9
    assert flags_of(plan.baseline(0, 6, "last")).batch_size == 9
    assert flags_of(plan.baseline(0, 6, "middle")).batch_size == 128
    assert flags_of(plan.baseline(0, 9, "last")).batch_size == 128


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind=studnet:--batch_size=1", "no run has kind 'studnet'; known: t"),
        ("mode=both:--batch_size=1", "no run has mode 'both'; known: serial"),
        ("row=serial_rep_xe:--batch_size=1", "no run has row 'serial_rep_xe'"),
        ("row=last|frist:--batch_size=1", "no run has row 'frist'"),
        ("k=six:--batch_size=1", "k is a number, not 'six'"),
        ("k=3,k=6:--batch_size=1", "has a key twice.*give KEY=VALUE.VALUE"),
        ("k=3:--seed=1", "--seed follows from the table; give --seeds"),
    ],
)
def test_refuses_conditions_that_no_run_meets(study, text, message):
    with pytest.raises(InputError, match=message):
        study(f"--options_if={text}")


@pytest.mark.parametrize("row", ["teacher", "first", "parallel_rep_block_rep"])
def test_takes_the_rows_that_there_are(study, row):
    assert study(f"--options_if=row={row}:--batch_size=1").conditional == [
        ({"row": {row}}, "--batch_size=1")
    ]


@pytest.mark.parametrize(
    "flag",
    [
        "student_losses=ce",
        "train_dir=x",
        "teacher_dir=x",
        "train_fraction=0.5",
        "frame_sampler=first(k=3)",
        "teacher_encoder=same",
        "teacher_head=logistic",
        "teacher_frame_sampler=all_frames",
        "teacher_cache=x",
    ],
)
def test_refuses_flags_that_follow_from_the_table(study, flag):
    with pytest.raises(InputError, match="follows from the table; give --"):
        study(f"--options=--{flag}")


def test_a_parallel_teacher_is_the_serial_one_in_all_it_can_be(study):
    plan = study(
        "--options_if=kind=teacher:--encoder=netvlad(clusters=4)",
        "--options_if=kind=teacher:--head=mixture_of_experts(num_mixtures=2)",
        "--options_if=kind=teacher:--num_classes=60",
    )
    assert plan.encoder == "netvlad" and plan.class_groups == (60,)
    teacher = flags_of(plan.teacher(0))
    student = flags_of(plan.student(0, 6, ("rep", "ce"), "parallel"))
    assert student.teacher_encoder == teacher.encoder == "netvlad(clusters=4)"
    assert student.teacher_head == teacher.head
    assert student.head == "logistic"


def test_a_baseline_that_is_taught_is_none(study, flagfiles, tmp_path):
    student = tmp_path / "student.flags"
    student.write_text(f"--flagfile={tmp_path}/baseline.flags\n--teacher_dir=x")
    with pytest.raises(InputError, match="has --teacher_dir=x, but the base"):
        study(f"--baseline_flagfile={student}").baseline(0, 6)
    # Of a student's own flagfile the study's teacher takes its place.
    plan = study(f"--student_flagfile={student}")
    taught = flags_of(plan.student(0, 6, ("pred",)))
    assert taught.teacher_dir == str(plan.teacher(0).path)


def test_a_teacher_that_sees_few_frames_is_none(study, tmp_path):
    few = tmp_path / "few.flags"
    few.write_text(
        f"--flagfile={tmp_path}/teacher.flags\n--frame_sampler=uniform(k=30)"
    )
    with pytest.raises(InputError, match=r"sees uniform\(k=30\) of 300 frames"):
        study(f"--teacher_flagfile={few}").teacher(0)


@pytest.mark.parametrize("name", ["train_data_pattern", "eval_data_pattern"])
def test_needs_shards_to_learn_from_and_to_choose_by(study, tmp_path, name):
    text = (tmp_path / "teacher.flags").read_text().splitlines()
    teacher = tmp_path / "without.flags"
    teacher.write_text("\n".join(line for line in text if name not in line))
    with pytest.raises(InputError, match=f"without.flags nor .* --{name}"):
        study(f"--teacher_flagfile={teacher}").teacher(0)
    plan = study(f"--teacher_flagfile={teacher}", f"--{name}=there")
    assert getattr(flags_of(plan.teacher(0)), name) == "there"


def test_an_evaluation_reads_records_as_its_run_did(study):
    plan = study(
        "--options=--labels_key=classes", "--options=--on_bad_record=skip"
    )
    scoring = plan.score([plan.baseline(0, 6)])
    flags = config.parse("eval", scoring.arguments)
    assert flags.labels_key == "classes" and flags.on_bad_record == "skip"


@pytest.mark.parametrize("sampler", ["uniform", "random"])
def test_refuses_more_frames_than_there_are(study, sampler):
    plan = study("--options=--max_frames=12")
    plan.baseline(0, 12, sampler)
    with pytest.raises(InputError, match="--k=13: .*--max_frames=12 frames"):
        plan.baseline(0, 13, sampler)


def test_fractions_rise(study):
    assert study("--fractions=1,0.5,0.01").fractions == (0.01, 0.5, 1)


@pytest.mark.parametrize(
    "text",
    [
        "k=6",
        "k:--a=1",
        "frames=6:--a=1",
        "k=6:batch_size=1",
        "k=:--a=1",
        "k=3|:--a=1",
    ],
)
def test_refuses_other_conditions(study, text):
    with pytest.raises(InputError, match="give KEY=VALUE.*keys of kind, mode"):
        study(f"--options_if={text}")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--seeds=0,a", "give whole numbers from 0 on"),
        ("--seeds=-1", "give whole numbers from 0 on"),
        ("--seeds=1,1", "give each once"),
        ("--fractions=0.1,2", "give shares above 0, at most 1"),
        ("--k=0", "give whole numbers of at least 1"),
        ("--k=", "--k=; give whole numbers of at least 1"),
        ("--k=3,3", "give each once"),
        ("--class_groups=", "give whole numbers of at least 1"),
        ("--num_processes=0", "give at least 1"),
        ("--output_dir=gs://bucket/x", "is remote"),
        ("--output_dir=runs/1,2", "has a comma"),
        ("--options=--no_such=1", "no_such"),
        ("--uniform_sampler=even", "no 'even' among the frame_samplers"),
        ("--rep_loss=rap(weight=1)", "no 'rap' among the distillation_losses"),
        ("--rep_loss=pred(weight=2)", "--rep_loss and --pred_loss are both pr"),
    ],
)
def test_refuses_what_makes_no_sense(study, flag, message):
    with pytest.raises(InputError, match=message):
        study(flag).teacher(0)


def test_a_missing_flagfile_is_named(study):
    with pytest.raises(InputError, match="nowhere.flags"):
        study("--teacher_flagfile=nowhere.flags")


def test_groups_have_at_most_the_vocabulary(study):
    assert study().class_groups == (100, 150)
    assert study("--class_groups=5,50").class_groups == (5, 50)


def test_scores_are_of_the_validation_or_of_the_test(study):
    plan = study()
    run = plan.baseline(0, 6)
    assert plan.scored(run) is run
    scoring = study("--test_data_pattern=data/test*").scored(run)
    flags = config.parse("eval", scoring.arguments)
    assert flags.eval_data_pattern == "data/test*"
    assert flags.train_dir == str(run.path) and scoring.needs == (run,)
    # As the run itself was scored while it was trained.
    assert flags.map_convention == "all_classes" and flags.top_k == 10
    both = plan.score([run, plan.baseline(1, 6)], class_groups=(5, 6))
    flags = config.parse("eval", both.arguments)
    assert flags.train_dir == f"{run.path},{plan.baseline(1, 6).path}"
    assert flags.class_groups == [5, 6]
    assert flags.eval_data_pattern == "data/validate*"


def test_ensemble_has_a_student_and_a_teacher_a_seed(study):
    plan = study("--seeds=0,1,2")
    student = plan.student_ensemble(6, ("rep", "pred", "ce"))
    flags = flags_of(student)
    assert flags.num_students == 3
    assert flags.teacher_dir.split(",") == [
        str(plan.teacher(seed).path) for seed in (0, 1, 2)
    ]
    assert student.needs == tuple(plan.teacher(seed) for seed in (0, 1, 2))
    # Another number of seeds is another ensemble, which takes no one's place.
    assert student.path.name == "seeds0_1_2"
