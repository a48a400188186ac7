import numpy as np
import pytest

from yt8m_distill import parts
from yt8m_distill.errors import InputError
from yt8m_distill.input_layers.whitening import Whitening

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 3, 5), np.uint8)
NUM_FRAMES = np.int32([3, 1])
EIGENVALUES = np.float32(
    [[9.0], [4.0], [0.3], [0.2]]
)  # as in the official file


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "eigenvals.npy", EIGENVALUES)
    return str(tmp_path / "eigenvals.npy")


def test_equals_numpy(file):
    values = FRAMES.astype(float) * 4 / 255 + 4 / 512 - 2
    values[..., :3] -= 4 / 512
    values[..., :3] *= np.sqrt(EIGENVALUES[:3, 0]) + 1e-4
    values[1, 1:] = 0
    layer = Whitening(file, feature_sizes=(3, 2))
    np.testing.assert_allclose(layer(FRAMES, NUM_FRAMES), values, atol=1e-6)


def test_the_eigenvalues_are_saved_in_the_model_not_their_path(file):
    layer = Whitening(file, feature_sizes=(3, 2))
    config = layer.get_config()
    assert config["eigenvalues"] == tuple(EIGENVALUES[:3, 0].tolist())
    np.testing.assert_array_equal(
        Whitening.from_config(config)(FRAMES, NUM_FRAMES),
        layer(FRAMES, NUM_FRAMES),
    )


def test_refuses_too_few(file):
    with pytest.raises(InputError, match="4 eigenvalues; .* needs 5"):
        parts.get(
            "input_layers",
            f"whitening(eigenvalues={file!r})",
            feature_sizes=(5,),
        )


def test_refuses_a_file_that_is_not_there():
    with pytest.raises(InputError, match="no.npy.*cannot be read"):
        parts.get("input_layers", "whitening(eigenvalues='no.npy')")


@pytest.mark.parametrize("text", ["", "1 2 3"])
def test_refuses_a_file_that_is_none(text, tmp_path):
    (tmp_path / "text.npy").write_text(text)
    with pytest.raises(InputError, match="cannot be read as a .npy file"):
        parts.get(
            "input_layers", f"whitening(eigenvalues='{tmp_path}/text.npy')"
        )
