"""The contract of heads."""

import keras


class Head(keras.layers.Layer):
    """Turns a representation into one logit a class.

    Logits, never probabilities: every class is a yes-or-no question of its own
    and `sigmoid(logits)` are its predictions.

    Args:
        num_classes: int, size of the vocabulary.

    Call arguments:
        representation: float `(batch, representation_dim)`.
        training: bool.

    Output shape:
        float `(batch, num_classes)`.
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    @property
    def input_width(self):
        """Number of values of the representation that it was built for."""
        return self.weights[0].shape[0]

    def count_flops(self):
        """FLOPs for one video: 2 × the multiply-adds; once it is built."""
        raise NotImplementedError

    def compute_output_shape(self, representation_shape):
        return representation_shape[0], self.num_classes

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
