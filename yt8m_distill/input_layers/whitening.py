"""Frames with the whitening of YouTube-8M's rgb features undone."""

import keras
import numpy as np
from keras import ops

from yt8m_distill.input_layers.input_layer import InputLayer
from yt8m_distill.layers.reverse_whitening import ReverseWhitening


@keras.saving.register_keras_serializable("yt8m_distill.input_layers.whitening")
class Whitening(InputLayer):
    """Gives the principal components of the first feature back their variance.

    The first feature (rgb) goes through `ReverseWhitening`, the others (audio,
    which was not whitened) stay as they are; no frame is scaled to unit length.
    Floats are taken for dequantised values, offset included.
    The convention of linrongc/youtube-8m (NeXtVLAD).

    Args:
        eigenvalues: path of a `.npy` file such as `eigenvals.npy` of
            YouTube-8M's PCA matrices, or the numbers themselves, largest first;
            as many as the first feature has values are used, and saved in the
            model.
        feature_sizes: sizes of the features that make up a frame, in order.

    Raises:
        ValueError: the file cannot be read or holds too few numbers.

    Example:

    >>> layer = Whitening(eigenvalues=[4.0], feature_sizes=(1, 1))
    >>> layer(np.uint8([[[255, 255]]]), [1])
    [[[4.0002, 2.0078]]]
    """

    def __init__(self, eigenvalues, feature_sizes=(1024, 128), **kwargs):
        super().__init__(feature_sizes, **kwargs)
        size = self.feature_sizes[0]
        values = _read(eigenvalues) if isinstance(eigenvalues, str) else None
        values = np.ravel(eigenvalues if values is None else values)
        if len(values) < size:
            raise ValueError(
                f"{len(values)} eigenvalues; the first feature needs {size}"
            )
        self.reverse_whitening = ReverseWhitening(
            values[:size].tolist(), dtype=self.dtype_policy
        )
        self.reverse_whitening.build((None, None, size))

    def normalize(self, frames):
        size = self.feature_sizes[0]
        return ops.concatenate(
            [self.reverse_whitening(frames[..., :size]), frames[..., size:]],
            axis=-1,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "eigenvalues": self.reverse_whitening.eigenvalues,
        }


def _read(path):
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(
            f"eigenvalues={path!r} cannot be read as a .npy file ({error}); "
            "give eigenvals.npy of the PCA matrices that belong to YouTube-8M, "
            "or take the input layer 'none'"
        ) from None
