"""A stack of LSTMs over all frames."""

import keras
from keras import ops

from yt8m_distill.encoders.encoder import Encoder, Product
from yt8m_distill.layers.argument_checks import check_whole_numbers
from yt8m_distill.layers.frame_mask import frame_mask
from yt8m_distill.layers.lstm_stack import build_stack, make_stack, read_stack


@keras.saving.register_keras_serializable("yt8m_distill.encoders.lstm")
class LstmEncoder(Encoder):
    """Reads the real frames in order; the last layer's h after the last one.

    `LstmModel` of google/youtube-8m (frame_level_models.py): Glorot
    initialisation over the joint kernel of input and state, forget bias 1, no
    dropout. T frames take T sequential steps, where `hierarchical_lstm` takes
    fewer. A video without frames has the representation 0.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.
        cells: int, cells of every LSTM layer; the representation has as many
            values.
        layers: int, LSTM layers.
        unroll: whether the steps are laid out in the graph, not looped over.
        use_cudnn: as of `keras.layers.LSTM`; `--jit_compile` on GPUs needs
            False.

    Raises:
        ValueError: `cells` or `layers` is no whole number of at least 1.

    Example:

    >>> encoder = LstmEncoder(feature_sizes=(128,), cells=256)
    >>> encoder(frames, num_frames)["representation"].shape
    (batch, 256)
    """

    def __init__(
        self,
        feature_sizes=(1024, 128),
        cells=1024,
        layers=2,
        unroll=False,
        use_cudnn="auto",
        **kwargs,
    ):
        check_whole_numbers(cells=cells, layers=layers)
        super().__init__(feature_sizes, cells, **kwargs)
        self.arguments = {
            "cells": cells,
            "layers": layers,
            "unroll": unroll,
            "use_cudnn": use_cudnn,
        }
        self.lstm_layers = make_stack(
            "lstm",
            layers,
            cells,
            unroll=unroll,
            use_cudnn=use_cudnn,
            dtype=self.dtype_policy,
        )

    def build(self, frames_shape):
        build_stack(self.lstm_layers, frames_shape)

    def call(self, frames, num_frames, training=False):
        mask = frame_mask(num_frames, ops.shape(frames)[1])
        return {
            "representation": read_stack(
                self.lstm_layers, frames, mask, "output", training=training
            )
        }

    def products(self, num_frames):
        cells, layers = self.arguments["cells"], self.arguments["layers"]
        gates = num_frames * 4 * cells
        return [
            *(
                Product(
                    f"first layer, inputs (feature {feature})",
                    size * gates,
                    True,
                    feature,
                )
                for feature, size in enumerate(self.feature_sizes)
            ),
            # The state of each layer, and what it passes on to the next.
            Product("layers, rest", (2 * layers - 1) * cells * gates, True),
        ]

    def get_config(self):
        config = super().get_config()
        del config["representation_dim"]  # it is `cells`
        return {**config, **self.arguments}
