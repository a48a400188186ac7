"""Sums over the replicas of a training, and what XLA compiles of its passes."""

import contextvars

import keras

_is_alone = contextvars.ContextVar("is_alone", default=False)


def num_replicas():
    """Replicas whose shares of a batch are computed together.

    1 outside of a `tf.distribute` strategy, and outside of its replicas.
    """
    context = _context()
    return context.num_replicas_in_sync if context is not None else 1


def sum_over_replicas(value):
    """The sum of what all replicas give, with its gradient.

    Args:
        value: tensor, or list of tensors, of the same shape on every replica.

    Returns:
        The same on every replica; outside of replicas `value` itself.
    """
    if num_replicas() == 1:
        return value
    return _context().all_reduce("SUM", value)


def several_workers():
    """Whether the strategy's replicas are in several processes."""
    import tensorflow as tf

    return isinstance(
        tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy
    )


def give_summed_gradients(optimizer):
    """Tells an optimizer that its gradients are summed over replicas already.

    Keras clips, unscales and checks what each replica gives, and sums after it.

    Args:
        optimizer: of Keras, a `LossScaleOptimizer` too; or None.
    """
    while optimizer is not None:
        optimizer._all_reduce_sum_gradients = lambda pairs: pairs
        optimizer = getattr(optimizer, "inner_optimizer", None)


def has_batch_statistics(models):
    """Whether models compute something of a whole batch in training.

    Args:
        models: list of Keras layers or models.
    """
    return any(
        isinstance(layer, keras.layers.BatchNormalization)
        for model in models
        for layer in model._flatten_layers()
    )


def passes(function, jit_compile, sums_over_replicas, micro_batches=1):
    """The graph of a replica's forward and backward pass.

    Under several replicas a compiled function cannot hold what crosses them.
    Where something does, XLA compiles the parts between instead.

    Args:
        function: of a batch; without side effects outside of variables.
        jit_compile: bool.
        sums_over_replicas: whether `function` calls `sum_over_replicas`.
        micro_batches: int, equal parts in which a batch is computed, one after
            the other; more than 1: each replica's sums are its own.

    Returns:
        A function that gives the same.
    """
    import tensorflow as tf

    from yt8m_distill.micro_batches import accumulated

    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas == 1 or not sums_over_replicas or micro_batches > 1:
        return tf.function(
            accumulated(_separately(function), micro_batches),
            jit_compile=True if jit_compile else None,
            autograph=False,
            reduce_retracing=True,
        )
    if not jit_compile:
        return function

    def compiled_in_parts(*arguments):
        with tf.xla.experimental.jit_scope(separate_compiled_gradients=True):
            return function(*arguments)

    return compiled_in_parts


def _separately(function):
    """The function, in which each replica is as if it were alone."""

    def alone(*arguments):
        token = _is_alone.set(True)
        try:
            return function(*arguments)
        finally:
            _is_alone.reset(token)

    return alone


def _context():
    """The replica that is being computed, or None."""
    if keras.backend.backend() != "tensorflow" or _is_alone.get():
        return None
    import tensorflow as tf

    return tf.distribute.get_replica_context()
