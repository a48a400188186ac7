"""A hierarchical LSTM: frames to blocks, blocks to a video."""

import math

import keras
from keras import ops

from yt8m_distill.layers.argument_checks import check_whole_numbers
from yt8m_distill.layers.lstm_stack import build_stack, make_stack, read_stack


@keras.saving.register_keras_serializable(
    "yt8m_distill.layers.hierarchical_lstm"
)
class HierarchicalLSTM(keras.layers.Layer):
    """Reads blocks of frames with one LSTM, the blocks with another.

    The frames are cut into blocks of equal length. The lower level, a stack of
    LSTM layers with the same weights for every block, reads all blocks of all
    videos at once (batch · blocks sequences); the upper level reads the block
    representations of each video. So T frames in blocks of l cost l + ⌈T/l⌉
    sequential steps, not T.

    A representation is the full final state `[c1, h1, c2, h2, …]` of a level's
    stack, or the last layer's output `h`. Padded frames are skipped: a block's
    state is that after its last real frame, and blocks without real frames have
    the representation 0 and are skipped by the upper level.

    Bhardwaj, Srinivasan, Khapra (CVPR 2019), section 3.1; states, masking and
    initialisation (Glorot over the joint kernel of input and state, forget bias
    1) as in the authors' code, shwetabhardwaj44/
    EfficientVideoClassification_Youtube8M.

    Args:
        units: int, cells of every LSTM layer.
        num_layers: int, layers in the stack of each level.
        block_length: int, frames in a block; 20 if `num_blocks` is not given
            either.
        num_blocks: int, blocks in a video, in place of `block_length`; then a
            block has ⌈max_frames / `num_blocks`⌉ frames, and blocks for which
            no frame is left are left out.
        representation: `"state"` or `"output"`.
        dropout: float, share of the values dropped while training, in what one
            layer or level passes on to the next; never in a recurrence, and
            not in the video's representation.
        unroll: whether the steps are laid out in the graph instead of looped
            over; for exporters and profilers that cannot follow a loop.
        use_cudnn: as of `keras.layers.LSTM`; `"auto"` is fast on GPUs, where
            XLA needs False.

    Call arguments:
        frames: float `(batch, max_frames, D)`; `max_frames` must be static.
        mask: bool `(batch, max_frames)`, True for real frames, padding at the
            end; None: all are real.
        training: whether dropout is active.

    Output:
        Tuple of the video's representation `(batch, representation_dim)` and
        the block representations `(batch, blocks, representation_dim)`.

    Raises:
        ValueError: both `block_length` and `num_blocks` are given, or a value
            makes no sense.

    Example:

    >>> layer = HierarchicalLSTM(units=4, block_length=5)
    >>> video, blocks = layer(keras.ops.ones((2, 30, 8)))
    >>> video.shape, blocks.shape
    ((2, 16), (2, 6, 16))
    """

    def __init__(
        self,
        units=1024,
        num_layers=2,
        block_length=None,
        num_blocks=None,
        representation="state",
        dropout=0.0,
        unroll=False,
        use_cudnn="auto",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if block_length is not None and num_blocks is not None:
            raise ValueError(
                f"block_length={block_length} and num_blocks={num_blocks} were "
                "both given; give one"
            )
        if block_length is None and num_blocks is None:
            block_length = 20
        check_whole_numbers(
            units=units,
            num_layers=num_layers,
            block_length=block_length,
            num_blocks=num_blocks,
        )
        if representation not in ("state", "output"):
            raise ValueError(
                f"representation={representation!r}; give 'state' or 'output'"
            )
        self.units = units
        self.num_layers = num_layers
        self.block_length = block_length
        self.num_blocks = num_blocks
        self.representation = representation
        self.dropout = dropout
        self.unroll = unroll
        self.use_cudnn = use_cudnn
        self.supports_masking = True
        self.lower_layers = self._stack("lower")
        self.upper_layers = self._stack("upper")
        self.dropout_layer = keras.layers.Dropout(
            dropout, dtype=self.dtype_policy
        )

    def _stack(self, level):
        return make_stack(
            f"{level}_lstm",
            self.num_layers,
            self.units,
            unroll=self.unroll,
            use_cudnn=self.use_cudnn,
            dtype=self.dtype_policy,
        )

    @property
    def representation_dim(self):
        """Number of values of a block's and of the video's representation."""
        if self.representation == "output":
            return self.units
        return 2 * self.num_layers * self.units

    def block_shape(self, max_frames):
        """How many frames are cut.

        Args:
            max_frames: int, or a tensor of it where a built layer is called
                with batches of other lengths.

        Returns:
            Blocks (as `max_frames` is) and frames in a block (int); together
            they hold at least `max_frames`.

        Raises:
            ValueError: `max_frames` is None, or no int for a layer that cuts
                into `num_blocks`.
        """
        if not isinstance(max_frames, (int, type(None))):
            if self.num_blocks:
                raise ValueError(
                    "HierarchicalLSTM(num_blocks=) needs batches of one "
                    "length; give block_length instead"
                )
            length = self._built_length
            return (max_frames + length - 1) // length, length
        if max_frames is None:
            raise ValueError(
                "HierarchicalLSTM needs a fixed number of frames; give its "
                "input a shape (max_frames, D)"
            )
        length = self.block_length or math.ceil(max_frames / self.num_blocks)
        length = min(length, max_frames)
        return math.ceil(max_frames / length), length

    def build(self, frames_shape):
        batch, max_frames, size = frames_shape
        blocks, length = self.block_shape(max_frames)
        self._built_length = length
        build_stack(self.lower_layers, (batch, length, size))
        build_stack(self.upper_layers, (batch, blocks, self.representation_dim))

    def call(self, frames, mask=None, training=False):
        size = frames.shape[2]
        max_frames = ops.shape(frames)[1]
        blocks, length = self.block_shape(max_frames)
        padding = blocks * length - max_frames
        is_padded = not isinstance(padding, int) or padding > 0
        if mask is None and is_padded:
            mask = ops.ones(ops.shape(frames)[:2], "bool")
        if is_padded:
            frames = ops.pad(frames, ((0, 0), (0, padding), (0, 0)))
            mask = ops.pad(mask, ((0, 0), (0, padding)), constant_values=False)
        if mask is not None:
            mask = ops.reshape(ops.cast(mask, "bool"), (-1, blocks, length))
        block_representations = ops.reshape(
            self._read(
                self.lower_layers,
                ops.reshape(frames, (-1, length, size)),
                None if mask is None else ops.reshape(mask, (-1, length)),
                training,
            ),
            (-1, blocks, self.representation_dim),
        )
        representation = self._read(
            self.upper_layers,
            self.dropout_layer(block_representations, training=training),
            None if mask is None else ops.any(mask, axis=-1),
            training,
        )
        return representation, block_representations

    def _read(self, stack, sequences, mask, training):
        return read_stack(
            stack,
            sequences,
            mask,
            self.representation,
            self.dropout_layer,
            training,
        )

    def count_products(self, num_frames):
        """Multiply-adds of each matrix product for one video.

        Blocks are those of the `max_frames` that the layer was built for.
        Frames that fill up the last block are computed, so they count.

        Args:
            num_frames: int.

        Returns:
            dict name → int: `frame inputs` (proportional to D) and `frame
            recurrence` are done for every frame, `blocks` for every block.
        """
        length = self._built_length
        blocks = math.ceil(num_frames / length)
        gates = 4 * self.units
        first, *deeper = (
            lstm.cell.kernel.shape[0] for lstm in self.lower_layers
        )
        upper = [lstm.cell.kernel.shape[0] for lstm in self.upper_layers]
        recurrence = self.num_layers * self.units
        frames = blocks * length
        return {
            "frame inputs": frames * first * gates,
            "frame recurrence": frames * (recurrence + sum(deeper)) * gates,
            "blocks": blocks * (recurrence + sum(upper)) * gates,
        }

    def count_flops(self, num_frames):
        """FLOPs for one video: 2 × the multiply-adds of all products.

        Args:
            num_frames: int.
        """
        return 2 * sum(self.count_products(num_frames).values())

    def compute_mask(self, frames, mask=None):
        return None, None  # no frames are left to be masked

    def compute_output_shape(self, frames_shape):
        batch, max_frames, _ = frames_shape
        blocks, _ = self.block_shape(max_frames)
        return (
            (batch, self.representation_dim),
            (batch, blocks, self.representation_dim),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_layers": self.num_layers,
            "block_length": self.block_length,
            "num_blocks": self.num_blocks,
            "representation": self.representation,
            "dropout": self.dropout,
            "unroll": self.unroll,
            "use_cudnn": self.use_cudnn,
        }
