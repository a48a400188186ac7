"""Layers and parts give the same under Keras' other backends."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from tests import forward_pass
from tests.conftest import ROOT
from yt8m_distill import layers


def test_the_same_forward_pass(tmp_path):
    backends = [
        name for name in ("jax", "torch") if importlib.util.find_spec(name)
    ]
    if not backends:
        pytest.skip("neither jax nor torch is installed: pip install jax")
    random = np.random.default_rng(0)
    given = {
        "frames": random.standard_normal((3, 7, 10)).astype("float32"),
        "num_frames": np.int32([7, 1, 4]),
        "bytes": random.integers(0, 256, (3, 7, 10), np.uint8),
        "values": random.standard_normal((3, 8)).astype("float32"),
    }
    given["mask"] = np.arange(7) < given["num_frames"][:, None]
    expected = {}
    for name in forward_pass.CASES:
        expected[name], weights = forward_pass.forward(name, given)
        given[f"{name}/count"] = len(weights)
        for position, value in enumerate(weights):
            given[f"{name}/{position}"] = value
    np.savez(tmp_path / "in.npz", **given)
    for backend in backends:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.forward_pass",
                tmp_path / "in.npz",
                tmp_path / f"{backend}.npz",
            ],
            env={**os.environ, "KERAS_BACKEND": backend},
            cwd=ROOT,
            timeout=240,
            check=True,
        )
        found = np.load(tmp_path / f"{backend}.npz")
        for name, outputs in expected.items():
            for position, output in enumerate(outputs):
                np.testing.assert_allclose(
                    found[f"{name}/{position}"],
                    output,
                    atol=1e-5,
                    rtol=1e-5,
                    err_msg=f"{name} under {backend}",
                )


def test_every_public_layer_is_among_the_cases():
    public = {name for name in layers.__all__ if name[0].isupper()}
    assert public <= set(forward_pass.CASES)
