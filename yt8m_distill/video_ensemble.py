"""Several models as one."""

import keras
import numpy as np
from keras import ops

from yt8m_distill.frame_samplers.all_frames import AllFrames


@keras.saving.register_keras_serializable("yt8m_distill.video_ensemble")
class VideoEnsemble(keras.Model):
    """Several models as one, which predicts the mean of their predictions.

    The logits are those of the mean probability. Members that look at the same
    frames share them; otherwise the ensemble takes all frames and each member
    its own of them.

    Args:
        members: list of `VideoClassifier`s with the same classes and features.
        max_frames: int, frames of the longest video, of which members choose
            where they do not look at the same.

    Call arguments:
        batch, training: as of `VideoClassifier`.

    Output:
        dict with `logits` `(batch, num_classes)` and the representations side
        by side.
    """

    def __init__(self, members, max_frames=300, **kwargs):
        super().__init__(**kwargs)
        self.members = members
        self.max_frames = max_frames
        samplers = [member.frame_sampler for member in members]
        self.same_frames = same_frames(samplers)
        self.frame_sampler = (
            samplers[0] if self.same_frames else AllFrames(max_frames)
        )
        self.built = True

    @property
    def representation_dim(self):
        return sum(member.representation_dim for member in self.members)

    @property
    def output_shapes(self):
        """Shapes of what a call gives, a dict; unknown sizes are None."""
        return {
            "representation": (None, self.representation_dim),
            "logits": (None, self.num_classes),
        }

    @property
    def num_classes(self):
        return self.members[0].num_classes

    @property
    def feature_sizes(self):
        return self.members[0].feature_sizes

    def call(self, batch, training=False):
        outputs = [
            member(
                batch if self.same_frames else member.frame_sampler(batch),
                training=training,
            )
            for member in self.members
        ]
        logits = ops.stack([one["logits"] for one in outputs], axis=-1)
        # log of the mean of p, and of 1 − p; their common factor cancels
        return {
            "logits": ops.logsumexp(ops.log_sigmoid(logits), axis=-1)
            - ops.logsumexp(ops.log_sigmoid(-logits), axis=-1),
            "representation": ops.concatenate(
                [one["representation"] for one in outputs], axis=-1
            ),
        }

    def count_flops(self, num_frames=None):
        """FLOPs for one video, of all members together.

        Args:
            num_frames: int, frames of the video; None: as many as the members
                take at most.
        """
        return sum(member.count_flops(num_frames) for member in self.members)

    @property
    def num_frames(self):
        """Frames of a video that the members look at together, at most."""
        if self.same_frames:
            return self.frame_sampler.k
        chosen = [
            np.asarray(member.frame_sampler.indices([self.max_frames]))
            for member in self.members
        ]
        return len(np.unique(np.concatenate(chosen, axis=1)))

    def get_config(self):
        return {
            **super().get_config(),
            "max_frames": self.max_frames,
            "members": [
                keras.saving.serialize_keras_object(member)
                for member in self.members
            ],
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        members = [
            keras.saving.deserialize_keras_object(member)
            for member in config["members"]
        ]
        for member in members:
            member.build()
        return cls(members, config["max_frames"], name=config["name"])


def as_one(models, max_frames):
    """The only one of several models, or their ensemble.

    Args:
        models: dict whose values are models.
        max_frames: int, frames of the longest video.
    """
    models = list(models.values())
    return models[0] if len(models) == 1 else VideoEnsemble(models, max_frames)


def same_frames(samplers):
    """Whether samplers choose the same frames.

    Args:
        samplers: list of `FrameSampler`s.
    """
    configs = [
        (type(sampler), {**sampler.get_config(), "name": None})
        for sampler in samplers
    ]
    return all(config == configs[0] for config in configs)
