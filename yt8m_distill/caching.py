"""Fills teacher caches: one teacher's, or out of fold."""

import hashlib

import numpy as np
import tensorflow as tf

from yt8m_distill import config, file_locks, model, precision
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.folds import folds
from yt8m_distill.run_directory import RunDirectory
from yt8m_distill.teacher_cache import (
    CachedTeacher,
    TeacherCache,
    check_ids,
    file_hash,
)


def check(options, shards, cached):
    """Refuses what cannot be cached, before anything is trained or replaced.

    Args:
        options, shards, cached: as of `fill`.

    Raises:
        InputError: a cache is stale or cannot be written, videos cannot be told
            apart, or a teacher cannot be trained without a fold.
    """
    if not cached:
        return
    video_ids = shards.video_ids()
    check_ids(video_ids)
    for one in cached.values():
        runs = None if options.teacher_folds else [one.run]
        _cache(options, one, runs, shards, video_ids)
        flags = one.run.config()["flags"]
        if options.teacher_folds and flags.get("num_folds"):
            raise InputError(
                f"the teacher in {one.run.path} was itself trained without a "
                "fold; --teacher_folds needs a teacher trained on all videos"
            )


def fill(options, shards, cached, train):
    """Fills the caches of frozen teachers with their outputs for all videos.

    Args:
        options: as of `config.options("train")`.
        shards: `Shards` or `WithUnlabelled`, the training videos.
        cached: dict name → teacher as of `teaching.frozen_teachers`.
        train: function that trains what options describe, for the teachers of
            the folds.

    Returns:
        list of filled `TeacherCache`s.

    Raises:
        InputError: a cache is stale or cannot be written, or a record read.
    """
    video_ids = shards.video_ids() if cached else []
    caches = []
    for one in cached.values():
        runs, fold_of = [one.run], np.zeros(len(video_ids), int)
        if options.teacher_folds:
            runs = [
                _train_without_fold(one, fold, options, train)
                for fold in range(options.teacher_folds)
            ]
            fold_of = folds(video_ids, options.teacher_folds)
        cache = _cache(options, one, runs, shards, video_ids)
        models = [model.load(run.checkpoint("best")) for run in runs]
        for teacher in models:
            precision.apply(teacher, options.precision)
        with file_locks.held(
            cache.path / "lock",
            f"another process fills the teacher cache {cache.path}",
        ):
            computed = cache.fill(
                _Outputs(models, fold_of, shards, options), video_ids
            )
        print(
            f"{len(video_ids):,} videos in the teacher cache {cache.path}, "
            f"{computed:,} of them computed now; {cache.bytes_per_video:,} "
            "bytes a video"
        )
        caches.append(cache)
    return caches


def _cache(options, one, runs, shards, video_ids):
    """The cache of one teacher, or of the teachers of its folds.

    `runs` is None while the folds' teachers are not known yet.
    """
    teachers = runs and [file_hash(run.checkpoint("best")) for run in runs]
    return TeacherCache(
        _cache_path(options, one),
        CachedTeacher(
            one.name,
            one.model.representation_dim,
            one.model.num_classes,
        ),
        {
            "teachers": teachers,
            "folds": options.teacher_folds,
            "feature_names": shards.feature_names,
            "max_frames": options.max_frames,
            "videos": len(video_ids),
            "video_ids": _hash(b"\n".join(video_ids)),
            "records": _hash(shards.checksums()),
            "precision": options.precision,
        },
    )


def _cache_path(options, one):
    if "," in options.teacher_dir:
        return f"{options.teacher_cache}/{one.name}"
    return options.teacher_cache


class _Outputs:
    """Function of a range of videos to what their teacher gives for them."""

    def __init__(self, models, fold_of, shards, options):
        self.fold_of = fold_of
        self.batch_size = options.batch_size
        self.teachers = [
            (
                tf.function(one, reduce_retracing=True),
                VideoDataset(
                    shards,
                    options.num_classes,
                    options.max_frames,
                    one.frame_sampler,
                ),
            )
            for one in models
        ]

    def __call__(self, numbers):
        results = {}
        for fold, (teacher, dataset) in enumerate(self.teachers):
            mine = [n for n in numbers if self.fold_of[n] == fold]
            for start in range(0, len(mine), self.batch_size):
                some = mine[start : start + self.batch_size]
                batch = dataset.read(some)
                outputs = teacher(
                    {key: batch[key] for key in ("frames", "num_frames")},
                    training=False,
                )
                for name in ("representation", "logits"):
                    rows = results.setdefault(name, {})
                    rows.update(zip(some, outputs[name].numpy()))
        return {
            name: np.stack([rows[number] for number in numbers])
            for name, rows in results.items()
        }


def _train_without_fold(one, fold, options, train):
    """The run of the teacher that never saw one fold's videos."""
    flags = dict(one.run.config()["flags"])
    name = f"fold{fold}_of_{options.teacher_folds}"
    flags.update(
        train_dir=f"{_cache_path(options, one)}/{name}",
        num_folds=options.teacher_folds,
        held_out_fold=fold,
        start_new_model=False,
        teacher_cache="",
        teacher_folds=0,
    )
    if flags.get("distribution") == "multi_worker":
        flags["distribution"] = "auto"  # the chief fills caches alone
    run = RunDirectory(flags["train_dir"])
    fold_options = config.from_values("train", flags)
    values = {**vars(fold_options)}
    del values["flags_text"]
    if not run.is_finished(values):
        print(f"teacher of fold {fold + 1} of {options.teacher_folds}")
        train(fold_options)
    return run


def _hash(text):
    return hashlib.sha256(text).hexdigest()[:16]
