"""The runs that the tables of a study share, and where they lie."""

import pathlib

from absl import flags as absl_flags

from yt8m_distill import config, files, parts, study_options
from yt8m_distill.errors import InputError
from yt8m_distill.study_options import LOSS_FLAGS
from yt8m_distill.study_tasks import Scoring, TrainingRun

# How records are read: an evaluation reads them as its run did.
READING_FLAGS = ("id_key", "labels_key", "on_bad_record")


class Study:
    """Plans trainings and scorings by what they are.

    The same training is planned once, whichever tables want it, and lies in
    `OUTPUT_DIR/ENCODER/ROW/seedN`, that of an ensemble in `…/seedsN_M`.

    Args:
        options: as of `config.options("tables")`.

    Attributes:
        k: tuple of int, numbers of frames.
        seeds: tuple of int.
        fractions: tuple of float, shares of the training videos, rising.
        class_groups: tuple of int, numbers of rare or frequent classes.
        num_repeats: int, how often a time is measured.
        encoder: str, the name of the teacher's encoder.
        output_dir: path.

    Raises:
        InputError: a flag makes no sense.
    """

    def __init__(self, options):
        self.options = options
        self.k, groups = (
            study_options.numbers(
                options, name, int, bool, "whole numbers of at least 1"
            )
            for name in ("k", "class_groups")
        )
        self.seeds = study_options.numbers(
            options,
            "seeds",
            int,
            lambda seed: seed >= 0,
            "whole numbers from 0 on",
        )
        fractions = study_options.numbers(
            options,
            "fractions",
            float,
            lambda share: 0 < share <= 1,
            "shares above 0, at most 1",
        )
        self.fractions = tuple(sorted(fractions))
        sampler, _ = parts.parse(options.uniform_sampler)
        parts.check_name("frame_samplers", sampler)
        study_options.check_losses(options)
        self.conditional = study_options.for_some_runs(options)
        self.unconditional = study_options.for_every_run(options)
        flags = self._teacher_flags(self.seeds[0], None)
        self.encoder, _ = parts.parse(flags.encoder)
        # A group cannot have more classes than there are.
        self.class_groups = tuple(
            sorted({min(r, flags.num_classes) for r in groups})
        )
        self.num_repeats = options.num_repeats
        self.output_dir = pathlib.Path(options.output_dir)
        files.refuse_remote(self.output_dir, "output_dir")
        if "," in options.output_dir:
            raise InputError(
                f"--output_dir={options.output_dir} has a comma, which "
                "separates the directories of several runs; give another"
            )
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
            teacher = self._teacher_flags(seed, fraction)
            teaching = [
                "--teacher_dir=",
                f"--teacher_encoder={teacher.encoder}",
                f"--teacher_frame_sampler={teacher.frame_sampler}",
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
        flags = self._flags(runs[0].arguments)
        pattern = self.options.test_data_pattern or flags.eval_data_pattern
        arguments = [
            "--train_dir=" + ",".join(str(run.path) for run in runs),
            f"--eval_data_pattern={pattern}",
            *(
                [f"--class_groups={','.join(map(str, class_groups))}"]
                if class_groups
                else []
            ),
            f"--map_convention={flags.map_convention}",
            f"--top_k={flags.top_k}",
            *self._reading(flags),
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
        arguments = self._arguments(
            kind, row, flagfile, seed, fraction, k, flags, mode
        )
        # All are parsed, so that what is wrong is said before anything runs.
        parsed = self._flags(arguments)
        study_options.check_training(kind, parsed, flagfile, k)
        if losses:
            specs = self._losses(losses, parsed.num_epochs)
            arguments.append(f"--student_losses={specs}")
        if mode == "parallel":
            head = self._teacher_flags(seed, fraction).head
            if head != parsed.head:
                arguments.append(f"--teacher_head={head}")
        # Another number of seeds is another ensemble.
        seeds = [seed] if kind != "ensemble" else self.seeds
        path = self.folder / name / _seeds_name(seeds)
        arguments += [f"--seed={seed}", f"--train_dir={path}"]
        return self._add(
            TrainingRun(
                self._name(path), path, tuple(arguments), needs, mode or kind
            )
        )

    def _arguments(
        self, kind, row, flagfile, seed, fraction, k=None, flags=(), mode=None
    ):
        """Arguments of a training, but for losses, seed and directory."""
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
            "fraction": 1.0 if fraction is None else fraction,
            "seed": seed,
        }
        for conditions, flag in self.conditional:
            if all(facts[key] in met for key, met in conditions.items()):
                arguments.append(flag)
        return arguments + self.unconditional

    def _teacher_flags(self, seed, fraction):
        """The options of a teacher's training, also of one that is beside."""
        flagfile = self.options.teacher_flagfile
        return self._flags(
            self._arguments("teacher", "teacher", flagfile, seed, fraction)
        )

    def _losses(self, losses, num_epochs):
        specs = {key: getattr(self.options, LOSS_FLAGS[key]) for key in losses}
        if not {"pred", "ce"} & {*losses}:
            # "In the second stage, we then plug in the classifier trained along
            # with the teacher and fine-tune" (section 4, a)
            first = self.options.rep_epochs or max(1, num_epochs // 2)
            if not 0 < first < num_epochs:
                raise InputError(
                    "L_rep alone is taught in two stages: "
                    f"{first} of --num_epochs={num_epochs} for the "
                    "representation leave none for one of them; give another "
                    "--rep_epochs, or more --num_epochs"
                )
            specs = {
                key: parts.with_arguments(spec, last_epoch=first)
                for key, spec in specs.items()
            }
            specs["ce"] = parts.with_arguments(
                self.options.ce_loss, first_epoch=first + 1
            )
        return ",".join(specs.values())

    def _reading(self, flags):
        """How records are read, where not as usual."""
        usual = self._flags([])
        return [
            f"--{name}={getattr(flags, name)}"
            for name in READING_FLAGS
            if getattr(flags, name) != getattr(usual, name)
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


def _seeds_name(seeds):
    """A folder's name: `seed0` of one, `seeds0_1` of several."""
    plural = "s" if len(seeds) > 1 else ""
    return f"seed{plural}{'_'.join(map(str, seeds))}"
