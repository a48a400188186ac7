import numpy as np

from tests import numpy_layers
from yt8m_distill.heads.mixture_of_experts import MixtureOfExpertsHead

X = np.random.default_rng(1).standard_normal((6, 4)).astype("float32")


def test_equals_numpy():
    head = MixtureOfExpertsHead(num_classes=5, probability_gating=True)
    head.build(X.shape)
    w = numpy_layers.of_sublayer(numpy_layers.randomize(head), "mixture")
    p = numpy_layers.mixture_of_experts(
        X.astype("float64"), w, 2, False, "diagonal"
    )
    np.testing.assert_allclose(
        numpy_layers.sigmoid(np.array(head(X), "float64")), p, atol=1e-5
    )


def test_counts():
    head = MixtureOfExpertsHead(4716)
    head.build((None, 4096))
    assert head.count_params() == 4096 * 4716 * 5 + 4716 * 2
    assert head.count_flops() == 2 * 4096 * 4716 * 5
