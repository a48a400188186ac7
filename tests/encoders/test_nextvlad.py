import numpy as np
import pytest

from tests import numpy_layers
from tests.numpy_layers import of_sublayer
from yt8m_distill.encoders.nextvlad import NextVladEncoder
from yt8m_distill.heads.logistic import LogisticHead

FRAMES = np.random.default_rng(3).standard_normal((4, 6, 5)).astype("float32")
NUM_FRAMES = np.int32([6, 1, 3, 5])


@pytest.mark.parametrize("training", [False, True])
def test_equals_numpy(training):
    encoder = NextVladEncoder(
        feature_sizes=(3, 2),
        representation_dim=6,
        clusters=4,
        groups=2,
        reduction=2,
        dropout=0.0,
    )
    encoder.build(FRAMES.shape)
    w = numpy_layers.randomize(encoder)
    mask = np.arange(6) < NUM_FRAMES[:, None]
    x = np.concatenate(
        [
            numpy_layers.nextvlad(
                part,
                mask,
                of_sublayer(w, f"nextvlad_{position}"),
                training,
                groups,
            )
            for position, (part, groups) in enumerate(
                zip(np.split(FRAMES, [3], axis=-1), (2, 1))
            )
        ],
        axis=-1,
    )
    x = numpy_layers.batch_normalized(
        numpy_layers.dense(x, of_sublayer(w, "hidden")),
        of_sublayer(w, "hidden_normalization"),
        training,
    )
    x = numpy_layers.squeeze_excitation_gating(
        x, of_sublayer(w, "squeeze_excitation_gating"), training
    )
    outputs = encoder(FRAMES, NUM_FRAMES, training=training)
    np.testing.assert_allclose(
        outputs["representation"], x, atol=1e-5, rtol=1e-5
    )


def test_number_of_parameters():
    """88.9 million to be learned, with a logistic head of 3862 classes."""
    encoder = NextVladEncoder((1024, 128))
    encoder.build((None, 300, 1152))
    head = LogisticHead(3862)
    head.build((None, 2048))

    def block(size, clusters, groups):
        expanded = 2 * size
        group = expanded // groups
        return (
            (size * expanded + expanded)  # expansion
            + (expanded * groups + groups)  # attention
            + (expanded * groups * clusters)  # assignment
            + 2 * groups * clusters  # its normalisation
            + group * clusters  # centres
            + 2 * group * clusters  # normalisation of the aggregate
        )

    rgb, audio = block(1024, 128, 8), block(128, 64, 4)
    hidden = (256 * 128 + 64 * 64) * 2048 + 2 * 2048
    gate = 2 * 2048 * 256 + 2 * 256
    logistic = 2048 * 3862 + 3862
    learned = sum(
        int(np.prod(variable.shape))
        for part in (encoder, head)
        for variable in part.trainable_variables
    )
    assert rgb == 4_313_096 and audio == 112_388  # 4.3 M, 0.1 M
    assert hidden == 75_501_568 and gate == 1_049_088  # 75.5 M, 1.0 M
    assert logistic == 7_913_238  # 7.9 M
    assert learned == rgb + audio + hidden + gate + logistic == 88_889_378
    # Moving means and variances besides
    moving = 2 * (8 * 128 + 256 * 128 + 4 * 64 + 64 * 64 + 2048 + 256)
    assert encoder.count_params() + head.count_params() == learned + moving
