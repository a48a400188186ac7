import numpy as np
import pytest

from tests import numpy_layers
from tests.numpy_layers import of_sublayer
from yt8m_distill.encoders.dbof import DbofEncoder

FRAMES = np.random.default_rng(3).standard_normal((4, 6, 5)).astype("float32")
NUM_FRAMES = np.int32([6, 1, 3, 5])
MASK = np.arange(6) < NUM_FRAMES[:, None]
ACTIVATIONS = {
    "sigmoid": numpy_layers.sigmoid,
    "relu6": lambda x: np.clip(x, 0, 6),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("batch_normalization", [False, True])
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("activation", ["sigmoid", "relu6"])
def test_equals_numpy(training, batch_normalization, pooling, activation):
    encoder = DbofEncoder(
        feature_sizes=(3, 2),
        representation_dim=4,
        clusters=7,
        batch_normalization=batch_normalization,
        pooling=pooling,
        activation=activation,
    )
    encoder.build(FRAMES.shape)
    w = numpy_layers.randomize(encoder)

    def normalize(name, x, mask=None):
        if not batch_normalization:
            return x
        return numpy_layers.batch_normalized(
            x, of_sublayer(w, f"{name}_normalization"), training, mask
        )

    activate = ACTIVATIONS[activation]
    x = normalize("frame", FRAMES, MASK)
    codes = activate(
        normalize("code", numpy_layers.dense(x, of_sublayer(w, "codes")), MASK)
    )
    pool = np.max if pooling == "max" else np.mean
    pooled = np.stack(
        [pool(video[real], axis=0) for video, real in zip(codes, MASK)]
    )
    hidden = activate(
        normalize(
            "hidden", numpy_layers.dense(pooled, of_sublayer(w, "hidden"))
        )
    )
    outputs = encoder(FRAMES, NUM_FRAMES, training=training)
    np.testing.assert_allclose(outputs["representation"], hidden, atol=1e-5)


def test_counts():
    encoder = DbofEncoder((1024, 128))
    encoder.build((None, 300, 1152))
    assert encoder.count_params() == (
        1152 * 8192 + 8192 * 1024 + 4 * (1152 + 8192 + 1024)
    )
    assert encoder.count_flops(30) == 2 * (30 * 1152 * 8192 + 8192 * 1024)


@pytest.mark.parametrize("given", [{"pooling": "sum"}, {"activation": "tanh"}])
def test_refuses_what_it_does_not_know(given):
    with pytest.raises(ValueError, match="give '"):
        DbofEncoder(**given)
