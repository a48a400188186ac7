"""Training videos of which only some have labels."""

import numpy as np

from yt8m_distill.errors import InputError, RecordError


class WithUnlabelled:
    """Shards and, numbered after them, others whose labels are not looked at.

    Takes the place of `Shards` in a `VideoDataset`; the labels of an unlabelled
    video are None.

    Args:
        labelled: `Shards`.
        unlabelled: `Shards` with the same features.

    Raises:
        InputError: the features differ.
    """

    def __init__(self, labelled, unlabelled):
        for name in ("feature_names", "feature_sizes", "dtype"):
            wanted, found = getattr(labelled, name), getattr(unlabelled, name)
            if wanted != found:
                raise InputError(
                    f"{unlabelled.pattern} has {name} {found}, "
                    f"{labelled.pattern} has {wanted}; both need the same"
                )
        self.labelled = labelled
        self.unlabelled = unlabelled
        self.pattern = f"{labelled.pattern},{unlabelled.pattern}"
        self.files = [*labelled.files, *unlabelled.files]
        self.feature_names = labelled.feature_names
        self.feature_sizes = labelled.feature_sizes
        self.dtype = labelled.dtype

    def __len__(self):
        return len(self.labelled) + len(self.unlabelled)

    def groups(self, numbers, choose):
        """As `Shards.groups`; `labels` is None where they do not count."""
        numbers = np.asarray(numbers, int)
        first = len(self.labelled)
        for shards, is_own, offset in (
            (self.labelled, numbers < first, 0),
            (self.unlabelled, numbers >= first, first),
        ):
            (own,) = np.nonzero(is_own)
            try:
                for group in shards.groups(
                    numbers[own] - offset,
                    lambda num_frames, places: choose(num_frames, own[places]),
                ):
                    yield group._replace(
                        places=own[group.places],
                        labels=None if offset else group.labels,
                    )
            except RecordError as error:
                error.number += offset
                raise

    def is_labelled(self, numbers):
        """Which of these records' labels are looked at, bool."""
        return np.asarray(numbers, int) < len(self.labelled)

    def skip(self, number, error):
        """As `Shards.skip`."""
        if number < len(self.labelled):
            self.labelled.skip(number, error)
        else:
            self.unlabelled.skip(number - len(self.labelled), error)

    def video_ids(self):
        """The ids of all videos, a list of bytes."""
        return [*self.labelled.video_ids(), *self.unlabelled.video_ids()]

    def error(self, number, reason):
        """As `Shards.error`."""
        if number < len(self.labelled):
            return self.labelled.error(number, reason)
        error = self.unlabelled.error(number - len(self.labelled), reason)
        error.number = number
        return error

    def shuffled(self, seed, epoch):
        """The orders of both, merged evenly: each batch has its share."""
        labelled = self.labelled.shuffled(seed, epoch)
        unlabelled = self.unlabelled.shuffled(seed, epoch) + len(labelled)
        places = np.concatenate(
            [
                (np.arange(len(order)) + 0.5) / len(order)
                for order in (labelled, unlabelled)
            ]
        )
        merged = np.concatenate([labelled, unlabelled])
        return merged[np.argsort(places, kind="stable")]

    def files_of(self, numbers):
        """The number in `files` of the file of each record, an int array."""
        numbers = np.asarray(numbers, int)
        first = len(self.labelled)
        files = np.empty(len(numbers), int)
        is_own = numbers < first
        files[is_own] = self.labelled.files_of(numbers[is_own])
        files[~is_own] = self.unlabelled.files_of(numbers[~is_own] - first)
        return files + ~is_own * len(self.labelled.files)

    def sizes(self):
        """As `Shards.sizes`, of both."""
        return np.concatenate([self.labelled.sizes(), self.unlabelled.sizes()])

    def describe(self):
        """As `Shards.describe`, of both."""
        return (
            f"{self.labelled.describe()}; and {len(self.unlabelled):,} "
            "whose labels are not looked at"
        )

    def checksums(self):
        """As `Shards.checksums`, of both."""
        return self.labelled.checksums() + self.unlabelled.checksums()
