"""Shards to batches: the one place where the batch contract is made.

A batch is a dict: `frames` `(batch, max_frames, feature_size)` uint8 as
quantised in the record (float32 where the record holds floats), zero-padded at
the end; `num_frames` int32 `(batch,)`; `labels` float32 `(batch, num_classes)`;
`video_id` string `(batch,)` where asked for; with unlabelled videos
`label_weight` float32 `(batch,)`, 0 for them and else such that the weights'
mean is 1; with a teacher cache the teacher's
outputs, float16, under `teacher/representation` and `teacher/logits`.

Every batch is a pure function of its step number, so a run that goes on in the
middle sees exactly the batches it would have seen.
"""

import numpy as np
import tensorflow as tf

from yt8m_distill.errors import InputError
from yt8m_distill.frame_samplers.all_frames import AllFrames
from yt8m_distill.records import ZERO_BYTE
from yt8m_distill.unlabelled import WithUnlabelled

# Batches in preparation while one is computed.
PARALLEL_BATCHES = 2


class VideoDataset:
    """Batches of videos, cut down to the frames that a sampler chooses.

    Frames that were not chosen are never touched.

    Args:
        shards: `Shards` or `WithUnlabelled`.
        num_classes: int, size of the vocabulary.
        max_frames: int; longer videos are cut to their first `max_frames`.
        frame_sampler: a `FrameSampler`, or None for all frames.
        teacher_caches: list of filled `TeacherCache`s, whose outputs come with
            the batches.
    """

    def __init__(
        self,
        shards,
        num_classes,
        max_frames=300,
        frame_sampler=None,
        teacher_caches=(),
    ):
        self.shards = shards
        self.teacher_caches = teacher_caches
        self.num_classes = num_classes
        self.max_frames = max_frames
        self.frame_sampler = frame_sampler or AllFrames(max_frames)
        # By number of frames: how many are chosen and, without chance, which.
        lengths = np.arange(max_frames + 1)
        self._num_chosen = np.asarray(self.frame_sampler.num_chosen(lengths))
        self._chosen = np.asarray(self.frame_sampler.indices(lengths, False))
        self._order = (None, None)
        self._error = None

    def __len__(self):
        """Number of videos."""
        return len(self.shards)

    def read(self, numbers, training=False, seed=0):
        """Reads videos into one batch of NumPy arrays.

        Args:
            numbers: record numbers, `(batch,)`.
            training: whether a sampler that knows chance may use it.
            seed: int, of that chance.

        Returns:
            The batch, a dict with `video_id` as an array of bytes, and
            `label_weight`.

        Raises:
            RecordError: a record is damaged, or lacks a feature, or has a label
                outside the vocabulary.
        """
        videos = [self.shards.video(number) for number in numbers]
        # As in the starter code, the first feature gives the number of frames.
        total = np.array(
            [min(len(video[2][0]), self.max_frames) for video in videos],
            np.int32,
        )
        if training and self.frame_sampler.random_in_training:
            with tf.device("CPU:0"):
                chosen = np.asarray(
                    self.frame_sampler.indices(total, True, seed)
                )
        else:
            chosen = self._chosen[total]
        num_frames = self._num_chosen[total]
        frames = np.zeros(
            (*chosen.shape, sum(self.shards.feature_sizes)), self.shards.dtype
        )
        labels = np.zeros((len(videos), self.num_classes), np.float32)
        for row, (number, (_, video_labels, features)) in enumerate(
            zip(numbers, videos)
        ):
            if video_labels is not None:
                self._set_labels(labels[row], video_labels, number)
            wanted = chosen[row, : num_frames[row]]
            start = 0
            for feature in features:
                stop = start + feature.shape[1]
                _gather(frames[row, : len(wanted), start:stop], feature, wanted)
                start = stop
        batch = {
            "frames": frames,
            "num_frames": num_frames,
            "labels": labels,
            "label_weight": _label_weights(
                [video[1] is not None for video in videos]
            ),
            "video_id": np.array([video[0] for video in videos], object),
        }
        for cache in self.teacher_caches:
            batch.update(cache.read(batch["video_id"]))
        return batch

    def training_batches(self, batch_size, seed, num_epochs, first_step=0):
        """All batches of a training run from `first_step` on.

        Each epoch has its own order; videos that fill no whole batch are left
        out of that epoch.

        Args:
            batch_size: int.
            seed: int, of the order and of the samplers' chance.
            num_epochs: int.
            first_step: int, how many batches were consumed before.

        Returns:
            A `tf.data.Dataset` of batches without `video_id`, of known size.

        Raises:
            InputError: there are fewer videos than `batch_size`.
        """
        steps = self.steps_per_epoch(batch_size)

        def batch(step):
            epoch, position = divmod(int(step), steps)
            start = position * batch_size
            return self.read(
                self._epoch_order(seed, epoch)[start : start + batch_size],
                training=True,
                seed=_chance(seed, step),
            )

        return self._dataset(
            tf.data.Dataset.range(first_step, num_epochs * steps),
            batch,
            batch_size,
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

    def batches(self, batch_size, with_video_id=False):
        """Every video once, in the order of the shards, the last batch smaller.

        Args:
            batch_size: int.
            with_video_id: whether to add the string `video_id`.

        Returns:
            A `tf.data.Dataset` of batches, of known size.
        """
        steps = -(-len(self) // batch_size)

        def batch(step):
            start = int(step) * batch_size
            return self.read(range(start, min(start + batch_size, len(self))))

        return self._dataset(
            tf.data.Dataset.range(steps), batch, None, with_video_id
        )

    def raise_own_error(self):
        """Raises the error that a reading thread met, if there was one.

        TensorFlow reports an exception inside its pipeline as an `OpError`
        with a long text; whoever catches that asks here for the original.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _dataset(self, steps, batch, batch_size, with_video_id):
        shape = (
            batch_size,
            self._chosen.shape[1],
            sum(self.shards.feature_sizes),
        )
        signature = {
            "frames": tf.TensorSpec(shape, self.shards.dtype),
            "num_frames": tf.TensorSpec(shape[:1], tf.int32),
            "labels": tf.TensorSpec((batch_size, self.num_classes), tf.float32),
        }
        if isinstance(self.shards, WithUnlabelled):
            signature["label_weight"] = tf.TensorSpec(shape[:1], tf.float32)
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

        return steps.map(as_tensors, PARALLEL_BATCHES).prefetch(
            PARALLEL_BATCHES
        )

    def _epoch_order(self, seed, epoch):
        # Reading threads may race here: both then compute the same order.
        if self._order[0] != (seed, epoch):
            self._order = ((seed, epoch), self.shards.shuffled(seed, epoch))
        key, order = self._order
        return (
            order if key == (seed, epoch) else self.shards.shuffled(seed, epoch)
        )

    def _set_labels(self, row, labels, number):
        for label in labels:
            if not isinstance(label, int) or not 0 <= label < self.num_classes:
                raise self.shards.error(
                    number,
                    f"label {label} is outside the vocabulary of "
                    f"{self.num_classes} classes; correct the file or "
                    "--num_classes",
                )
            row[label] = 1.0


def _label_weights(is_labelled):
    """Weights whose mean is 1, so that devices may share the batch."""
    is_labelled = np.array(is_labelled, np.float32)
    return is_labelled * (len(is_labelled) / max(is_labelled.sum(), 1))


def _chance(seed, step):
    """An int32 that differs for each step of a run."""
    return int(np.random.default_rng((seed, int(step))).integers(2**31))


def _gather(target, feature, wanted):
    """Copies the wanted frames; where a feature is short, as if it were 0.0."""
    if len(feature) > wanted[-1]:
        target[:] = feature[wanted]
        return
    there = wanted < len(feature)
    target[:] = ZERO_BYTE if feature.dtype == np.uint8 else 0
    target[there] = feature[wanted[there]]
