"""Runs layers and parts under the Keras backend of this process.

python -m tests.forward_pass IN.npz OUT.npz, with KERAS_BACKEND set. IN holds
inputs and, for each of `CASES`, its weights in order; OUT gets the outputs.
"""

import sys

import numpy as np
from keras import ops, tree

from tests.conftest import small_spec
from yt8m_distill import layers, parts

FEATURE_SIZES = (6, 4)
CONTEXT = {"feature_sizes": FEATURE_SIZES, "num_classes": 5}


def encoder_or_head(family, name):
    return parts.get(
        family, small_spec(family, name, block_length=3), **CONTEXT
    )


def frames_and_mask(inputs):
    return [inputs["frames"]], {"mask": inputs["mask"]}


def frames_and_count(inputs):
    return [inputs["frames"], inputs["num_frames"]], {}


def values(inputs):
    return [inputs["values"]], {}


# Name → (makes the layer, its call arguments of the inputs)
CASES = {
    "BatchNormalization": (layers.BatchNormalization, frames_and_mask),
    "NetVLAD": (lambda: layers.NetVLAD(3), frames_and_mask),
    "NeXtVLAD": (lambda: layers.NeXtVLAD(3, groups=2), frames_and_mask),
    "HierarchicalLSTM": (
        lambda: layers.HierarchicalLSTM(4, block_length=3),
        frames_and_mask,
    ),
    "ContextGating": (lambda: layers.ContextGating(), values),
    "SqueezeExcitationGating": (
        lambda: layers.SqueezeExcitationGating(2),
        values,
    ),
    "MixtureOfExperts": (
        lambda: layers.MixtureOfExperts(5, probability_gating=True),
        values,
    ),
    "ReverseWhitening": (
        lambda: layers.ReverseWhitening(np.arange(8.0)),
        values,
    ),
    "Dequantize": (
        layers.Dequantize,
        lambda inputs: ([inputs["bytes"]], {}),
    ),
    **{
        f"encoder {name}": (
            lambda name=name: encoder_or_head("encoders", name),
            frames_and_count,
        )
        for name in parts.names("encoders")
    },
    **{
        f"head {name}": (
            lambda name=name: encoder_or_head("heads", name),
            values,
        )
        for name in parts.names("heads")
    },
    **{
        f"input layer {name}": (
            lambda name=name: parts.get(
                "input_layers",
                small_spec(
                    "input_layers", name, eigenvalues=[3, 2, 1, 1, 1, 0]
                ),
                **CONTEXT,
            ),
            lambda inputs: ([inputs["bytes"], inputs["num_frames"]], {}),
        )
        for name in parts.names("input_layers")
    },
}


def forward(name, inputs, weights=None):
    """The outputs of a case as a list of arrays, and its weights."""
    make, arguments_of = CASES[name]
    layer = make()
    positional, named = arguments_of(inputs)
    layer(*positional, **named)
    if weights is not None:
        layer.set_weights(weights)
    outputs = tree.flatten(layer(*positional, **named))
    return [ops.convert_to_numpy(x) for x in outputs], layer.get_weights()


def main(source, target):
    given = dict(np.load(source))
    results = {}
    for name in CASES:
        count = int(given[f"{name}/count"])
        weights = [given[f"{name}/{position}"] for position in range(count)]
        outputs, _ = forward(name, given, weights)
        for position, output in enumerate(outputs):
            results[f"{name}/{position}"] = output
    np.savez(target, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
