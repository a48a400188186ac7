"""Training videos of which only some have labels."""

import numpy as np

from yt8m_distill.errors import InputError


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

    def video(self, number):
        """As `Shards.video`, but labels are None where they do not count."""
        if number < len(self.labelled):
            return self.labelled.video(number)
        number -= len(self.labelled)
        video_id, _, features = self.unlabelled.video(number)
        return video_id, None, features

    def video_ids(self):
        """The ids of all videos, a list of bytes."""
        return [*self.labelled.video_ids(), *self.unlabelled.video_ids()]

    def error(self, number, reason):
        """A `RecordError` that names the file and place of a record."""
        if number < len(self.labelled):
            return self.labelled.error(number, reason)
        return self.unlabelled.error(number - len(self.labelled), reason)

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

    def checksums(self):
        """As `Shards.checksums`, of both."""
        return self.labelled.checksums() + self.unlabelled.checksums()
