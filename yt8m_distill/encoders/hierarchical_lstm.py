"""The hierarchical recurrent network, H-RNN."""

import keras
from keras import ops

from yt8m_distill.encoders.encoder import Encoder, Product
from yt8m_distill.layers.frame_mask import frame_mask
from yt8m_distill.layers.hierarchical_lstm import HierarchicalLSTM


@keras.saving.register_keras_serializable(
    "yt8m_distill.encoders.hierarchical_lstm"
)
class HierarchicalLstmEncoder(Encoder):
    """LSTMs over the frames of each block, then over the blocks.

    The output has three things besides: `block_representations` `(batch,
    blocks, representation_dim)`, 0 for blocks without real frames; `block_ends`
    int32 `(batch, blocks)`, the last real frame of each block, counted from 0;
    `num_blocks` int32 `(batch,)`, the blocks with real frames.
    Bhardwaj, Srinivasan, Khapra (CVPR 2019), section 3.1 and 5.2; see the layer
    `HierarchicalLSTM`.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.
        units: int, cells of every LSTM layer.
        num_layers: int, LSTM layers of each level.
        block_length: int, frames in a block; 20 (the paper's teacher) if
            `num_blocks` is not given either. The paper's students: 5 or 3.
        num_blocks: int, blocks in a video, in place of `block_length` (the
            authors' code: 20 for the teacher, 5 for the student).
        representation: `"state"`, all final states `[c1, h1, c2, h2]`: 2 ·
            `num_layers` · `units` values; or `"output"`, the last layer's h:
            `units` values.
        dropout: share of the values dropped while training between LSTM layers
            and between the levels.
        unroll: whether the steps are laid out in the graph, not looped over.
        use_cudnn: as of `keras.layers.LSTM`; `--jit_compile` on GPUs needs
            False.

    Raises:
        ValueError: `block_length` and `num_blocks` are both given, or a value
            makes no sense.

    Example:

    >>> encoder = HierarchicalLstmEncoder(feature_sizes=(128,), units=256)
    >>> encoder(frames, num_frames)["representation"].shape
    (batch, 1024)
    """

    def __init__(
        self,
        feature_sizes=(1024, 128),
        units=1024,
        num_layers=2,
        block_length=None,
        num_blocks=None,
        representation="state",
        dropout=0.5,
        unroll=False,
        use_cudnn="auto",
        **kwargs,
    ):
        arguments = {
            "units": units,
            "num_layers": num_layers,
            "block_length": block_length,
            "num_blocks": num_blocks,
            "representation": representation,
            "dropout": dropout,
            "unroll": unroll,
            "use_cudnn": use_cudnn,
        }
        layer = HierarchicalLSTM(
            **arguments,
            name="hierarchical_lstm",
            dtype=kwargs.get("dtype"),
        )
        super().__init__(feature_sizes, layer.representation_dim, **kwargs)
        self.arguments = arguments
        self.layer = layer

    def build(self, frames_shape):
        self.layer.build(frames_shape)

    def call(self, frames, num_frames, training=False):
        max_frames = ops.shape(frames)[1]
        representation, block_representations = self.layer(
            frames,
            mask=frame_mask(num_frames, max_frames),
            training=training,
        )
        blocks, length = self.layer.block_shape(max_frames)
        num_frames = ops.expand_dims(ops.cast(num_frames, "int32"), -1)
        ends = (ops.arange(blocks, dtype="int32") + 1) * length
        return {
            "representation": representation,
            "block_representations": block_representations,
            "block_ends": ops.maximum(ops.minimum(ends, num_frames) - 1, 0),
            "num_blocks": (num_frames[:, 0] + length - 1) // length,
        }

    @property
    def output_shapes(self):
        return {
            **super().output_shapes,
            "block_representations": (None, None, self.representation_dim),
            "block_ends": (None, None),
            "num_blocks": (None,),
        }

    def products(self, num_frames):
        counts = self.layer.count_products(num_frames)
        inputs, values = counts["frame inputs"], sum(self.feature_sizes)
        return [
            *(
                Product(
                    f"lower level, inputs (feature {feature})",
                    inputs * size // values,
                    True,
                    feature,
                )
                for feature, size in enumerate(self.feature_sizes)
            ),
            Product("lower level, rest", counts["frame recurrence"], True),
            Product("upper level", counts["blocks"], False),
        ]

    def get_config(self):
        config = super().get_config()
        del config["representation_dim"]  # follows from the others
        return {**config, **self.arguments}
