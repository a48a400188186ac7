"""Shards to batches: the one place where the batch contract is made.

A batch is a dict: `frames` `(batch, max_frames, feature_size)` uint8 as
quantised in the record (float32 where the record holds floats), zero-padded at
the end; `num_frames` int32 `(batch,)`; `labels` float32 `(batch, num_classes)`;
`video_id` string `(batch,)` where asked for, and no labels where they are not;
with unlabelled videos
`label_weight` float32 `(batch,)`, 0 for them and else such that the weights'
mean is 1; with rated segments
`class_weights` float32 `(batch, num_classes)`, 1 where the class was rated (its
score is then in `labels`) and else 0; with a teacher cache the teacher's
outputs, float16, under `teacher/representation` and `teacher/logits`.

Every batch is a pure function of its step number, so a run that goes on in the
middle sees exactly the batches it would have seen.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from yt8m_distill import length_buckets, records
from yt8m_distill.batch_memory import BatchMemory
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.frame_samplers.all_frames import AllFrames
from yt8m_distill.shards import label_error
from yt8m_distill.unlabelled import WithUnlabelled

# Batches in preparation while one is computed.
PARALLEL_BATCHES = 2


class VideoDataset:
    """Batches of videos, cut down to the frames that a sampler chooses.

    Frames that were not chosen are neither decoded nor copied.

    Args:
        shards: `Shards`, `WithUnlabelled` or `Segments`.
        num_classes: int, size of the vocabulary.
        max_frames: int; longer videos are cut to their first `max_frames`.
        frame_sampler: a `FrameSampler`, or None for all frames.
        teacher_caches: list of filled `TeacherCache`s, whose outputs come with
            the batches.
        num_length_buckets: int; with more than 1, batches hold videos of like
            lengths, padded to the next of so many bounds.
        num_readers: int, batches that are read at a time; each has memory.
        padded_frames: int, frames to which batches are padded, at least as many
            as are chosen of a video; None: as many as the sampler takes.
    """

    def __init__(
        self,
        shards,
        num_classes,
        max_frames=300,
        frame_sampler=None,
        teacher_caches=(),
        num_length_buckets=1,
        num_readers=PARALLEL_BATCHES,
        padded_frames=None,
    ):
        self.shards = shards
        self.num_readers = num_readers
        # Of segments; the labels of videos are in their records.
        self.ratings = getattr(shards, "ratings", None)
        self.teacher_caches = teacher_caches
        self.num_classes = num_classes
        self.max_frames = max_frames
        self.num_length_buckets = num_length_buckets
        self.frame_sampler = frame_sampler or AllFrames(max_frames)
        # By number of frames: how many are chosen and, without chance, which.
        chosen = self.frame_sampler.chosen_by_length(max_frames)
        self._num_chosen = np.array(list(map(len, chosen)), np.int32)
        self._chosen = list(map(_as_slice, chosen))
        self.padded_frames = padded_frames or self.frame_sampler.k
        # By record, where it was needed: 0 is not known yet.
        self._num_frames = np.zeros(len(shards), np.int32)
        self._memory = BatchMemory()
        self._order = (None, None)
        self._error = None

    def __len__(self):
        """Number of videos."""
        return len(self.shards)

    def read(
        self,
        numbers,
        training=False,
        seed=0,
        others=(),
        most_frames=None,
        with_labels=True,
        share=slice(None),
    ):
        """Reads videos into one batch of NumPy arrays.

        Args:
            numbers: record numbers, `(batch,)`.
            training: whether a sampler that knows chance may use it.
            seed: int, of that chance.
            others: record numbers that take the places of bad ones in
                training if all of `numbers` are bad.
            most_frames: int, frames to which the batch is padded if none of its
                videos has more; None: as the data set says.
            with_labels: whether the batch has `labels`; they have to be within
                the vocabulary all the same.
            share: slice, the part of the batch that is read; its videos are
                given what they are given in the whole batch.

        Returns:
            The batch, a dict with `video_id` as an array of bytes, `number`
            int64, the record numbers, and `label_weight`.

        Raises:
            RecordError: a record is damaged, or lacks a feature, or has a label
                outside the vocabulary.
        """
        bad = set()
        batch = _Batch(numbers, share, seed)
        numbers = numbers[share]
        while True:
            try:
                return self._read(
                    _without(numbers, bad, training, others),
                    training,
                    batch,
                    most_frames,
                    with_labels,
                )
            except RecordError as error:
                self.shards.skip(error.number, error)
                bad.add(error.number)
                if training and bad.issuperset((*numbers, *others)):
                    raise InputError(
                        f"{len(bad)} records in a row cannot be read, the "
                        f"last: {error}"
                    ) from None

    def _read(self, numbers, training, whole, most_frames, with_labels):
        choose = self._choose
        most_frames = most_frames or self.padded_frames
        if training and self.num_length_buckets > 1:
            most_frames = self._bound(numbers)
        if training and self.frame_sampler.random_in_training:
            choose = self._by_chance(numbers, whole)
        frames = self._memory.array(
            (len(numbers), most_frames, sum(self.shards.feature_sizes)),
            self.shards.dtype,
        )
        labels = None
        if with_labels:
            labels = self._memory.array(
                (len(numbers), self.num_classes), np.float32
            )
            labels[:] = 0
        num_frames = np.empty(len(numbers), np.int32)
        label_counts = np.empty(len(numbers), bool)
        video_ids = np.empty(len(numbers), object)
        for group in self.shards.groups(numbers, choose):
            places = _as_slice(group.places)
            video_ids[places] = group.video_ids
            label_counts[places] = group.labels is not None
            if group.labels is not None:
                self._set_labels(labels, group, numbers)
            count = group.features[0].shape[1]
            if count > most_frames:  # longer than its bytes let expect
                return self._read(numbers, training, whole, None, with_labels)
            num_frames[places] = count
            start = 0
            for values in group.features:
                stop = start + values.shape[2]
                frames[places, :count, start:stop] = values
                start = stop
            frames[places, count:] = 0
            del group, values  # views of memory that is used again
        batch = {
            "frames": frames,
            "num_frames": num_frames,
            "number": np.array(numbers, np.int64),
            "label_weight": self._label_weights(label_counts, whole),
            "video_id": video_ids,
        }
        if with_labels:
            batch["labels"] = labels
        if with_labels and self.ratings is not None:
            batch["class_weights"] = self._rate(labels, numbers)
        for cache in self.teacher_caches:
            batch.update(cache.read(batch["video_id"]))
        return batch

    def training_batches(
        self, batch_size, seed, num_epochs, first_step=0, share=slice(None)
    ):
        """All batches of a training run from `first_step` on.

        Each epoch has its own order; videos that fill no whole batch are left
        out of that epoch.

        Args:
            batch_size: int.
            seed: int, of the order and of the samplers' chance.
            num_epochs: int.
            first_step: int, how many batches were consumed before.
            share: slice, the part of each batch that is read.

        Returns:
            A `tf.data.Dataset` of batches without `video_id`, of known size.

        Raises:
            InputError: there are fewer videos than `batch_size`.
        """
        steps = self.steps_per_epoch(batch_size)

        def batch(step):
            epoch, position = divmod(int(step), steps)
            start = position * batch_size
            order = self._epoch_order(seed, epoch, batch_size)
            stop = start + batch_size
            others = order[
                stop : stop + length_buckets.MIXED_BATCHES * batch_size
            ]
            if not len(others):
                others = order[: length_buckets.MIXED_BATCHES * batch_size]
            return self.read(
                order[start:stop],
                training=True,
                seed=_chance(seed, step),
                others=others,
                share=share,
            )

        return self._dataset(
            tf.data.Dataset.range(first_step, num_epochs * steps),
            batch,
            len(range(batch_size)[share]),
            with_video_id=False,
        )

    def steps_per_epoch(self, batch_size):
        """Number of whole batches in the data, at least 1.

        Raises:
            InputError: there are fewer videos than `batch_size`.
        """
        if len(self) < batch_size:
            raise InputError(
                f"{self.shards.pattern} holds {len(self)} videos, fewer than "
                f"one batch of {batch_size}; lower --batch_size"
            )
        return len(self) // batch_size

    def plan(self, batch_size):
        """Which videos `batches` reads together.

        Args:
            batch_size: int.

        Returns:
            list of `length_buckets.Planned`; without length buckets in the
            order of the shards.
        """
        numbers = np.arange(len(self))
        bounds = np.full(len(self), self.padded_frames)
        if self.num_length_buckets > 1:
            bounds = self._bounds()
        return length_buckets.planned(
            bounds,
            self.padded_frames,
            self.num_length_buckets,
            self.shards.files_of(numbers),
            batch_size,
        )

    def batches(
        self, batch_size, with_video_id=False, with_labels=True, plan=None
    ):
        """Every video once.

        Args:
            batch_size: int.
            with_video_id: whether to add the string `video_id`.
            with_labels: whether to add `labels`, and what belongs to them.
            plan: list as of `plan`, if it is there already.

        Returns:
            A `tf.data.Dataset` of the batches of `plan`, of known size; with
            length buckets they have `number` int64 `(batch,)`, the record
            numbers.
        """
        plan = plan or self.plan(batch_size)

        def batch(step):
            one = plan[int(step)]
            return self.read(
                one.numbers,
                most_frames=one.most_frames,
                with_labels=with_labels,
            )

        return self._dataset(
            tf.data.Dataset.range(len(plan)),
            batch,
            None,
            with_video_id,
            with_labels,
        )

    def raise_own_error(self):
        """Raises the error that a reading thread met, if there was one.

        TensorFlow reports an exception inside its pipeline as an `OpError`
        with a long text; whoever catches that asks here for the original.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _dataset(
        self, steps, batch, batch_size, with_video_id, with_labels=True
    ):
        bucketed = self.num_length_buckets > 1
        shape = (
            batch_size,
            None if bucketed else self.padded_frames,
            sum(self.shards.feature_sizes),
        )
        signature = {
            "frames": tf.TensorSpec(shape, self.shards.dtype),
            "num_frames": tf.TensorSpec(shape[:1], tf.int32),
        }
        if with_labels:
            signature["labels"] = tf.TensorSpec(
                (batch_size, self.num_classes), tf.float32
            )
            if self.ratings is not None:
                signature["class_weights"] = signature["labels"]
        if isinstance(self.shards, WithUnlabelled):
            signature["label_weight"] = tf.TensorSpec(shape[:1], tf.float32)
        if bucketed and batch_size is None:
            signature["number"] = tf.TensorSpec(shape[:1], tf.int64)
        for cache in self.teacher_caches:
            sizes = cache.teacher.output_shapes
            for output, key in cache.teacher.keys().items():
                signature[key] = tf.TensorSpec(
                    (batch_size, sizes[output][-1]), tf.float16
                )
        if with_video_id:
            signature["video_id"] = tf.TensorSpec(shape[:1], tf.string)

        def read(step):
            try:
                arrays = batch(step)
            except InputError as error:
                self._error = error
                raise
            return [arrays[name] for name in signature]

        def as_tensors(step):
            tensors = tf.numpy_function(
                read, [step], [spec.dtype for spec in signature.values()]
            )
            return {
                name: tf.ensure_shape(tensor, spec.shape)
                for tensor, (name, spec) in zip(tensors, signature.items())
            }

        # Nothing is left to tune, and the end of a data set would wait for the
        # tuner, which sleeps for as long as it has run, up to a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        return (
            steps.map(as_tensors, self.num_readers)
            .prefetch(PARALLEL_BATCHES)
            .with_options(options)
        )

    def _epoch_order(self, seed, epoch, batch_size):
        # Reading threads may race here: both then compute the same order.
        wanted = (seed, epoch, batch_size)
        key, order = self._order
        if key != wanted:
            order = self.shards.shuffled(seed, epoch)
            if self.num_length_buckets > 1:
                order = length_buckets.mixed(
                    order,
                    self.shards.sizes()[order],
                    batch_size,
                    np.random.default_rng((seed, epoch, 1)),
                )
            self._order = (wanted, order)
        return order

    def _choose(self, num_frames, places):
        """Which frames are looked at without chance."""
        del places
        return self._chosen[min(num_frames, self.max_frames)]

    def _by_chance(self, numbers, whole):
        """As `_choose`, for a batch whose frames are drawn."""
        # Chance is drawn for a whole batch, from lengths of other videos that
        # do not matter: each row depends on its own.
        total = np.full(len(whole.numbers), self.max_frames, np.int32)
        total[whole.share] = self._total(numbers)
        with tf.device("CPU:0"):
            chosen = self.frame_sampler.indices(total, True, whole.seed)
        chosen = np.asarray(chosen)[whole.share]

        def choose(num_frames, places):
            count = self._num_chosen[min(num_frames, self.max_frames)]
            return chosen[places, :count]

        return choose

    def _bound(self, numbers):
        """Frames to which a batch is padded, the least bound that will do."""
        most = int(self._num_chosen[self._total(numbers)].max())
        return int(self._next_bound(most))

    def _bounds(self):
        """Frames to which each video is padded, as far as its bytes tell.

        A record is not looked at for it.
        """
        itemsize = np.dtype(self.shards.dtype).itemsize
        least = sum(
            size * itemsize + records.LEAST_BYTES_AROUND_FRAME
            for size in self.shards.feature_sizes
        )
        total = np.clip(self.shards.sizes() // least, 1, self.max_frames)
        return self._next_bound(self._num_chosen[total])

    def _next_bound(self, num_chosen):
        longest = self.padded_frames
        bucket = -(-num_chosen * self.num_length_buckets // longest)
        return -(-bucket * longest // self.num_length_buckets)

    def _total(self, numbers):
        """Frames that each video has, int32, at most `max_frames`.

        A record is looked at for it once.
        """
        numbers = np.asarray(numbers, int)
        unknown = numbers[self._num_frames[numbers] == 0]
        for group in self.shards.groups(unknown, lambda *_: slice(0, 1, 1)):
            self._num_frames[unknown[group.places]] = min(
                group.num_frames, self.max_frames
            )
        return self._num_frames[numbers]

    def _rate(self, labels, numbers):
        """Puts the scores of segments into labels; returns the weights."""
        weights = self._memory.array(labels.shape, np.float32)
        weights[:] = 0
        rows, classes, scores = self.ratings.of(np.asarray(numbers, int))
        labels[rows, classes] = scores
        weights[rows, classes] = 1
        return weights

    def _label_weights(self, is_labelled, whole):
        """Weights whose mean is 1, so that devices may share the batch."""
        size, labelled = len(is_labelled), is_labelled.sum()
        if size < len(whole.numbers) and isinstance(
            self.shards, WithUnlabelled
        ):
            size = len(whole.numbers)
            labelled = self.shards.is_labelled(whole.numbers).sum()
        return is_labelled.astype(np.float32) * np.float32(
            size / max(labelled, 1)
        )

    def _set_labels(self, rows, group, numbers):
        video, label = group.labels
        wrong = np.flatnonzero((label < 0) | (label >= self.num_classes))
        if len(wrong):
            raise self.shards.error(
                numbers[group.places[video[wrong[0]]]],
                label_error(label[wrong[0]], self.num_classes),
            )
        if rows is not None:
            rows[group.places[video], label] = 1


class _Batch(NamedTuple):
    """The batch of which a share is read: record numbers, share and chance."""

    numbers: Sequence
    share: slice
    seed: int


def _without(numbers, bad, training, others):
    """Record numbers without the bad ones.

    In training, where a batch has its size, others of the batch take their
    places, or, where there are none, `others`.
    """
    if not bad:
        return numbers
    good = [number for number in numbers if number not in bad]
    if not training:
        return good
    if not good:
        good = [number for number in others if number not in bad]
    return [
        good[place % len(good)] if number in bad else number
        for place, number in enumerate(numbers)
    ]


def _chance(seed, step):
    """An int32 that differs for each step of a run."""
    return int(np.random.default_rng((seed, int(step))).integers(2**31))


def _as_slice(indices):
    """Rising integers as a slice if they have one step, else as they are.

    What is indexed with a slice is not copied first.
    """
    if len(indices) < 2:
        start = int(indices[0]) if len(indices) else 0
        return slice(start, start + len(indices), 1)
    step = int(indices[1] - indices[0])
    if step > 0 and (np.diff(indices) == step).all():
        return slice(int(indices[0]), int(indices[-1]) + 1, step)
    return indices
