"""Several teachers as one: weighted soft targets."""

import keras
import numpy as np
from keras import ops

from yt8m_distill.errors import InputError
from yt8m_distill.layers.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable("yt8m_distill.teacher_ensemble")
class TeacherEnsemble(keras.layers.Layer):
    """Logits of an ensemble: Σ_j w_j z_j with Σ_j w_j = 1.

    The shares w are fixed, or learned for each video: w = softmax(BN(e) W + b)
    of the teachers' representations e, put together. The "weighted soft-targets
    from on-the-fly ensemble" of Bhardwaj et al. (supplementary, section 2),
    which follows the mixture of linrongc/youtube-8m's MixNeXtVladModel (there
    the shares come from the mean frame, here from what the teachers made of
    it, so that a cache of their outputs is enough).

    Args:
        num_teachers: int.
        weights: the share of each teacher, a list of floats ≥ 0 that are
            divided by their sum; None: equal; `"learned"`.

    Call arguments:
        outputs: dict name → the teacher's outputs, with `logits` and, for
            learned shares, `representation`; in the order of the weights.

    Output shape:
        `(batch, num_classes)`, logits.

    Raises:
        InputError: there is not one weight for each teacher, or one is
            negative, or all are 0.

    Example:

    >>> TeacherEnsemble(2, [3, 1])({"a": {"logits": [[0.]]},
    ...                             "b": {"logits": [[4.]]}})
    [[1.]]
    """

    def __init__(self, num_teachers, weights=None, **kwargs):
        super().__init__(**kwargs)
        self.num_teachers = num_teachers
        self.learned = weights == "learned"
        self.shares = None
        if not self.learned:
            shares = np.array(weights or [1] * num_teachers, "float32")
            if (
                len(shares) != num_teachers
                or (shares < 0).any()
                or not shares.sum() > 0
            ):
                raise InputError(
                    f"the teachers' weights {list(map(float, shares))} do not "
                    f"suit {num_teachers} teachers; give one number of at "
                    "least 0 for each, not all 0"
                )
            self.shares = (shares / shares.sum()).tolist()
        else:
            self.normalization = BatchNormalization(name="normalization")
            self.gate = keras.layers.Dense(num_teachers, name="gate")

    def build(self, outputs_shapes):
        if self.learned:
            width = sum(
                shapes["representation"][-1]
                for shapes in outputs_shapes.values()
            )
            self.normalization.build((None, width))
            self.gate.build((None, width))

    def call(self, outputs):
        logits = ops.stack([one["logits"] for one in outputs.values()], axis=-1)
        if self.learned:
            joined = ops.concatenate(
                [one["representation"] for one in outputs.values()], axis=-1
            )
            shares = ops.softmax(
                self.gate(self.normalization(joined, training=True)), axis=-1
            )
            return ops.sum(logits * ops.expand_dims(shares, 1), axis=-1)
        return ops.matmul(logits, ops.convert_to_tensor(self.shares))
