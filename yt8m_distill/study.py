"""The runs that the tables of a study share, and where they lie."""

import pathlib

from absl import flags as absl_flags

from yt8m_distill import config, files, parts
from yt8m_distill.errors import InputError
from yt8m_distill.study_tasks import Scoring, TrainingRun

# What --options_if can ask for.
CONDITIONS = ("kind", "mode", "row", "k", "fraction", "seed")
# Terms of the objective → the flag with their spec.
LOSS_FLAGS = {
    "rep": "rep_loss",
    "block_rep": "block_rep_loss",
    "pred": "pred_loss",
    "ce": "ce_loss",
}


class Study:
    """Plans trainings and scorings by what they are.

    The same training is planned once, whichever tables want it, and lies in
    `OUTPUT_DIR/ENCODER/ROW/seedN`.

    Args:
        options: as of `config.options("tables")`.

    Attributes:
        k: tuple of int, numbers of frames.
        seeds: tuple of int.
        fractions: tuple of float, shares of the training videos.
        class_groups: tuple of int, numbers of rare or frequent classes.
        num_repeats: int, how often a time is measured.
        teacher_flags: the options of the teacher's training.
        encoder: str, the name of its encoder.
        output_dir: path.

    Raises:
        InputError: a flag makes no sense.
    """

    def __init__(self, options):
        self.options = options
        self.k = tuple(options.k)
        self.seeds = _numbers(options, "seeds", int, lambda seed: seed >= 0)
        self.fractions = _numbers(
            options, "fractions", float, lambda share: 0 < share <= 1
        )
        sampler, _ = parts.parse(options.uniform_sampler)
        parts.check_name("frame_samplers", sampler)
        for flag in LOSS_FLAGS.values():
            name, _ = parts.parse(getattr(options, flag))
            parts.check_name("distillation_losses", name)
        self.conditional = [_conditional(text) for text in options.options_if]
        flags = self._flags([f"--flagfile={options.teacher_flagfile}"])
        self.teacher_flags = flags
        self.encoder, _ = parts.parse(flags.encoder)
        # A group cannot have more classes than there are.
        self.class_groups = tuple(
            sorted({min(r, flags.num_classes) for r in options.class_groups})
        )
        self.num_repeats = options.num_repeats
        self.output_dir = pathlib.Path(options.output_dir)
        files.refuse_remote(self.output_dir, "output_dir")
        self.folder = self.output_dir / self.encoder
        self._tasks = {}

    def teacher(self, seed, fraction=None):
        """The teacher, which sees every frame."""
        return self._training(
            "teacher", "teacher", self.options.teacher_flagfile, seed, fraction
        )

    def baseline(self, seed, k, sampler="uniform", fraction=None):
        """The network on k frames, without a teacher.

        Args:
            seed, k: int.
            sampler: str, the row of Table 1: `uniform`, `random`, `first`,
                `middle`, `last`, `first_middle_last`.
            fraction: float, share of the training videos; None: all.
        """
        return self._training(
            "baseline",
            sampler,
            self.options.baseline_flagfile,
            seed,
            fraction,
            k,
            [self._frames(k, sampler)],
        )

    def student(self, seed, k, losses, mode="serial", fraction=None):
        """The network on k frames, taught.

        Args:
            seed, k: int.
            losses: tuple of str, keys of `LOSS_FLAGS`. Without `ce` and `pred`
                it learns in two stages: the teacher's representation first,
                then the labels.
            mode: str, `serial` or `parallel`.
            fraction: as of `baseline`.
        """
        if mode == "serial":
            needs = (self.teacher(seed, fraction),)
            teaching = self._teachers(needs, losses)
        else:
            needs = ()
            teaching = [
                "--teacher_dir=",
                f"--teacher_encoder={self.teacher_flags.encoder}",
                f"--teacher_frame_sampler={self.teacher_flags.frame_sampler}",
            ]
        return self._training(
            "student",
            "_".join([mode, *losses]),
            self.options.student_flagfile or self.options.baseline_flagfile,
            seed,
            fraction,
            k,
            [self._frames(k), *teaching],
            needs,
            mode,
            losses,
        )

    def student_ensemble(self, k, losses):
        """As many students as seeds, each with the teacher of its own seed."""
        needs = tuple(self.teacher(seed) for seed in self.seeds)
        return self._training(
            "ensemble",
            "ensemble_" + "_".join(losses),
            self.options.student_flagfile or self.options.baseline_flagfile,
            self.seeds[0],
            None,
            k,
            [
                self._frames(k),
                *self._teachers(needs, losses),
                f"--num_students={len(self.seeds)}",
            ],
            needs,
            "serial",
            losses,
        )

    def score(self, runs, name="scores", class_groups=(), alone=False):
        """The evaluation of a run, or of the ensemble of several.

        Args:
            runs: list of `TrainingRun`.
            name: str, of the file in the first run's folder.
            class_groups: ints, numbers of rarest and most frequent classes.
            alone: whether nothing else may run at the same time.
        """
        pattern = self.options.test_data_pattern
        if not pattern:
            pattern = self._flags(runs[0].arguments).eval_data_pattern
        arguments = [
            "--train_dir=" + ",".join(str(run.path) for run in runs),
            f"--eval_data_pattern={pattern}",
            *(
                [f"--class_groups={','.join(map(str, class_groups))}"]
                if class_groups
                else []
            ),
            *self._conventions(runs[0]),
        ]
        path = runs[0].path / "study" / f"{name}.json"
        return self._add(
            Scoring(
                self._name(runs[0].path) + f" ({name})",
                path,
                tuple(arguments),
                tuple(runs),
                alone,
            )
        )

    def scored(self, run):
        """Where the scores of a run come from: its best epoch, or the test."""
        if self.options.test_data_pattern:
            return self.score([run], "test")
        return run

    def _frames(self, k, sampler="uniform"):
        if sampler == "uniform":
            sampler = self.options.uniform_sampler
        return f"--frame_sampler={parts.with_arguments(sampler, k=k)}"

    def _teachers(self, needs, losses):
        directories = ",".join(str(run.path) for run in needs)
        flags = [f"--teacher_dir={directories}", "--teacher_encoder="]
        # A cache has no representations of blocks.
        if self.options.cache_teachers and "block_rep" not in losses:
            name = "_".join(
                "_".join(run.path.relative_to(self.folder).parts)
                for run in needs
            )
            flags.append(f"--teacher_cache={self.folder}/teacher_cache/{name}")
        return flags

    def _training(
        self,
        kind,
        row,
        flagfile,
        seed,
        fraction,
        k=None,
        flags=(),
        needs=(),
        mode=None,
        losses=(),
    ):
        name = row if k is None else f"{row}_k{k}"
        if fraction is not None:
            name = f"{name}_fraction{fraction:g}"
        arguments = [f"--flagfile={flagfile}"]
        for pattern in ("train_data_pattern", "eval_data_pattern"):
            if getattr(self.options, pattern):
                arguments.append(
                    f"--{pattern}={getattr(self.options, pattern)}"
                )
        arguments += flags
        if fraction is not None:
            arguments.append(f"--train_fraction={fraction}")
        facts = {
            "kind": kind,
            "mode": mode,
            "row": row,
            "k": k,
            "fraction": fraction,
            "seed": seed,
        }
        for conditions, flag in self.conditional:
            if all(
                str(facts[key]) == value for key, value in conditions.items()
            ):
                arguments.append(flag)
        arguments += self.options.options
        # All are parsed, so that what is wrong is said before anything runs.
        num_epochs = self._flags(arguments).num_epochs
        if losses:
            arguments.append(
                f"--student_losses={self._losses(losses, num_epochs)}"
            )
        path = self.folder / name / f"seed{seed}"
        arguments += [f"--seed={seed}", f"--train_dir={path}"]
        return self._add(
            TrainingRun(
                self._name(path), path, tuple(arguments), needs, mode or kind
            )
        )

    def _losses(self, losses, num_epochs):
        specs = {key: getattr(self.options, LOSS_FLAGS[key]) for key in losses}
        if not {"pred", "ce"} & {*losses}:
            # "In the second stage, we then plug in the classifier trained along
            # with the teacher and fine-tune" (section 4, a)
            first = self.options.rep_epochs or max(1, num_epochs // 2)
            if first >= num_epochs:
                raise InputError(
                    f"--rep_epochs={first} leaves none of {num_epochs} epochs "
                    "for the labels; give fewer"
                )
            specs = {
                key: parts.with_arguments(spec, last_epoch=first)
                for key, spec in specs.items()
            }
            specs["ce"] = parts.with_arguments(
                self.options.ce_loss, first_epoch=first + 1
            )
        return ",".join(specs.values())

    def _conventions(self, run):
        flags = self._flags(run.arguments)
        return [
            f"--map_convention={flags.map_convention}",
            f"--top_k={flags.top_k}",
        ]

    def _flags(self, arguments):
        """The options of training that arguments mean."""
        try:
            return config.parse("train", arguments)
        except (absl_flags.Error, OSError) as error:
            raise InputError(f"{' '.join(arguments)}: {error}") from None

    def _name(self, path):
        return str(path.relative_to(self.output_dir))

    def _add(self, task):
        return self._tasks.setdefault(task, task)


def _numbers(options, name, convert, is_sound):
    """The numbers of a list flag, a tuple."""
    texts = getattr(options, name)
    try:
        numbers = tuple(convert(text) for text in texts)
    except ValueError:
        numbers = ()
    if not numbers or not all(is_sound(number) for number in numbers):
        kind = "whole numbers from 0 on"
        if convert is float:
            kind = "shares above 0, at most 1"
        raise InputError(f"--{name}={','.join(texts)}; give {kind}")
    if len({*numbers}) < len(numbers):
        raise InputError(f"--{name}={','.join(texts)}; give each once")
    return numbers


def _conditional(text):
    """`kind=student,k=6:--flag=value` → its conditions, its flag."""
    conditions, _, flag = text.partition(":")
    pairs = dict(
        part.strip().partition("=")[::2] for part in conditions.split(",")
    )
    wrong = [key for key in pairs if key not in CONDITIONS or not pairs[key]]
    if wrong or not flag.startswith("--"):
        raise InputError(
            f"--options_if={text!r}; give KEY=VALUE,KEY=VALUE:--FLAG=VALUE "
            f"with keys of {', '.join(CONDITIONS)}"
        )
    return pairs, flag
