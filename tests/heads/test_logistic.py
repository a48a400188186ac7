import numpy as np
from keras import ops

from yt8m_distill.heads.logistic import LogisticHead


def test_equals_numpy():
    x = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    head = LogisticHead(num_classes=5, l2_penalty=0.1)
    logits = head(x)
    kernel, bias = map(ops.convert_to_numpy, head.output_layer.weights)
    np.testing.assert_allclose(logits, x @ kernel + bias, atol=1e-6)
    # TensorFlow's l2_loss, as the starter code's penalty: half the squares
    np.testing.assert_allclose(
        head.losses[0], 0.1 * (kernel**2).sum() / 2, rtol=1e-5
    )
    assert head.count_params() == 4 * 5 + 5
    assert head.count_flops() == 2 * 4 * 5


def test_penalty_of_the_bias():
    head = LogisticHead(num_classes=5, l2_penalty=0.1, penalize_bias=True)
    head.build((None, 4))
    head.output_layer.bias.assign([1.0, 2.0, 3.0, 4.0, 5.0])
    kernel, bias = map(ops.convert_to_numpy, head.output_layer.weights)
    squares = (kernel**2).sum() + (bias**2).sum()
    np.testing.assert_allclose(sum(head.losses), 0.1 * squares / 2, rtol=1e-5)
