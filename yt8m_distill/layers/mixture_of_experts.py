"""A mixture of logistic experts for each class, in log space."""

import keras
from keras import ops

from yt8m_distill.layers.argument_checks import (
    check_momentum,
    check_whole_numbers,
)
from yt8m_distill.layers.context_gating import ContextGating


@keras.saving.register_keras_serializable(
    "yt8m_distill.layers.mixture_of_experts"
)
class MixtureOfExperts(keras.layers.Layer):
    """Logits of p = Σ_m g[m] σ(e[m]), with gates and experts for each class.

    For every class the gates g = softmax(x Wg) weigh `num_mixtures` experts
    e = x We + be and one more that always says 0. As

        log p       = logsumexp_m (log g[m] + log σ(e[m]))
        log (1 − p) = logsumexp_m (log g[m] + log σ(−e[m]), log g[dummy]),

    the logit log p − log (1 − p) is exact however near to 0 or 1 p is.

    With `probability_gating` the probabilities weigh each other,
    p' = p ∘ σ(BN(p Wp)), as in context gating.

    `MoeModel` of google/youtube-8m; the gating is `moe_prob_gating` of
    antoine77340/Youtube-8M-WILLOW. Columns of the kernels are class-major, as
    there: c · mixtures + m. Initialisation: Glorot; Wp ~ N(0, 1/√classes).

    Args:
        num_classes: int.
        num_mixtures: int, experts of a class besides the one that says 0.
        l2_penalty: float, λ of a penalty λ/2 · Σ W² of gates and experts.
        probability_gating: bool.
        remove_diagonal: whether no class weighs itself in probability gating.
        momentum: float, share of the moving batch statistics that a step keeps.

    Call arguments:
        inputs: float `(batch, d)`.
        training: whether batch statistics are used and collected.

    Output shape:
        float32 `(batch, num_classes)`, logits.

    Example:

    >>> MixtureOfExperts(num_classes=5)(keras.ops.ones((2, 8))).shape
    (2, 5)
    """

    def __init__(
        self,
        num_classes,
        num_mixtures=2,
        l2_penalty=0.0,
        probability_gating=False,
        remove_diagonal=False,
        momentum=0.99,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_whole_numbers(num_classes=num_classes, num_mixtures=num_mixtures)
        check_momentum(momentum)
        self.input_spec = keras.InputSpec(ndim=2)
        self.num_classes = num_classes
        self.num_mixtures = num_mixtures
        self.l2_penalty = l2_penalty
        self.probability_gating = probability_gating
        self.remove_diagonal = remove_diagonal
        self.momentum = momentum
        # === Layers ===
        # Keras' L2 has no factor 1/2.
        penalty = keras.regularizers.L2(l2_penalty / 2) if l2_penalty else None
        self.gates = keras.layers.Dense(
            num_classes * (num_mixtures + 1),
            use_bias=False,
            kernel_regularizer=penalty,
            name="gates",
            dtype=self.dtype_policy,
        )
        self.experts = keras.layers.Dense(
            num_classes * num_mixtures,
            kernel_regularizer=penalty,
            name="experts",
            dtype=self.dtype_policy,
        )
        self.gating = (
            ContextGating(
                remove_diagonal=remove_diagonal,
                momentum=momentum,
                name="gating",
                dtype=self.dtype_policy,
            )
            if probability_gating
            else None
        )

    def build(self, input_shape):
        self.gates.build(input_shape)
        self.experts.build(input_shape)
        if self.gating:
            self.gating.build((input_shape[0], self.num_classes))

    def call(self, inputs, training=False):
        # In half precision logarithms near 0 would lose what tells classes
        # apart.
        experts = self._of_each(self.experts(inputs), self.num_mixtures)
        gates = self._of_each(self.gates(inputs), self.num_mixtures + 1)
        total = _log_sum_exp(gates)
        *weights, dummy = [gate - total for gate in gates]
        log_yes = _log_sum_exp(
            [
                weight + ops.log_sigmoid(expert)
                for weight, expert in zip(weights, experts)
            ]
        )
        log_no = _log_sum_exp(
            [
                weight + ops.log_sigmoid(-expert)
                for weight, expert in zip(weights, experts)
            ]
            + [dummy]
        )
        if self.gating:
            probabilities = ops.cast(ops.exp(log_yes), self.compute_dtype)
            gate = ops.cast(
                self.gating.logits(probabilities, training), "float32"
            )
            # 1 − p σ = (1 − p) + p (1 − σ)
            log_no = ops.logaddexp(log_no, log_yes + ops.log_sigmoid(-gate))
            log_yes = log_yes + ops.log_sigmoid(gate)
        return log_yes - log_no

    def _of_each(self, values, count):
        """One array a mixture: sums over few neighbours are slow."""
        values = ops.reshape(
            ops.cast(values, "float32"), (-1, self.num_classes, count)
        )
        return ops.unstack(values, count, axis=-1)

    def count_flops(self):
        """FLOPs of one call on one video: 2 × the multiply-adds."""
        size, _ = self.experts.kernel.shape
        flops = 2 * size * self.num_classes * (2 * self.num_mixtures + 1)
        return flops + (self.gating.count_flops() if self.gating else 0)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.num_classes

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "num_mixtures": self.num_mixtures,
            "l2_penalty": self.l2_penalty,
            "probability_gating": self.probability_gating,
            "remove_diagonal": self.remove_diagonal,
            "momentum": self.momentum,
        }


def _log_sum_exp(values):
    """log Σ exp of arrays of one shape, element by element."""
    highest = values[0]
    for value in values[1:]:
        highest = ops.maximum(highest, value)
    highest = ops.stop_gradient(highest)
    return highest + ops.log(sum(ops.exp(value - highest) for value in values))
