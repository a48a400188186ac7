"""The precision that models compute with; their weights are always float32.

A policy is a Keras dtype policy by name: `"float32"`, `"mixed_bfloat16"` or
`"mixed_float16"`. A saved model carries that of its training.
"""

import contextlib

import keras


@contextlib.contextmanager
def of_new_models(policy):
    """Within it, new layers have a policy; after it, that of before.

    Args:
        policy: str.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def apply(model, policy):
    """Changes what a model computes with; its weights stay as they are.

    Functions that were traced before keep the former policy.

    Args:
        model: a `VideoClassifier`, `VideoEnsemble` or other Keras layer.
        policy: str; None: the model's own.
    """
    if policy is None:
        return
    for layer in model._flatten_layers():
        layer.dtype_policy = policy


def of(model):
    """The policy of a model, a str.

    A loaded model is asked through its encoder: of the model itself Keras does
    not keep it.

    Args:
        model: a `VideoClassifier` or `VideoEnsemble`.
    """
    while hasattr(model, "members"):
        model = model.members[0]
    return model.encoder.dtype_policy.name


def scales_loss(policy):
    """Whether gradients are so small in this policy that losses are scaled.

    Args:
        policy: str.
    """
    return policy == "mixed_float16"
