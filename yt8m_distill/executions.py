"""Several training steps for each call from Python."""

import keras
import tensorflow as tf


class Executions(keras.callbacks.Callback):
    """Tells the `Distiller` how many steps its next call is to make.

    As many as it was compiled for, but never beyond the end of an epoch.
    """

    def on_train_batch_begin(self, batch, logs=None):
        left = self.params["steps"] - batch
        self.model.steps_of_call = min(self.model.steps_per_execution, left)


def of_any_size(dataset):
    """A data set whose size Keras does not ask for.

    Keras counts whole executions also where an epoch ends within one, so it
    would think that the data end too early.
    """
    return dataset.filter(lambda *_: True)


def train_function(model):
    """What `fit` calls with the iterator of the batches.

    In place of Keras' own, which does not stop at the end of an epoch whose
    steps are no multiple of those of an execution.

    Args:
        model: a compiled `keras.Model`, whose `steps_of_call` says how many
            steps a call makes.
    """

    # A function of its own, so that the step is traced once.
    @tf.function(autograph=False, reduce_retracing=True)
    def one_step(data):
        model.distribute_strategy.run(model.train_step, args=(data,))

    @tf.function(autograph=False, reduce_retracing=True)
    def several_steps(iterator, count):
        def body(step):
            one_step(iterator.get_next())
            return step + 1

        tf.while_loop(
            lambda step: step < count,
            body,
            [tf.constant(0)],
            parallel_iterations=1,
        )

    def function(iterator):
        several_steps(iterator, tf.constant(model.steps_of_call))
        return model.get_metrics_result()

    return function
