"""NetVLAD against tensorflow-addons' own, the one a user can still install.

The package does not import beside Keras 3, so its single file is loaded in a
process of its own, on the legacy Keras.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

from tests.conftest import ROOT

SCRIPT = """
import importlib.util, sys
import keras, numpy as np, tensorflow as tf
from yt8m_distill.layers import NetVLAD

spec = importlib.util.spec_from_file_location("addons_netvlad", sys.argv[1])
addons = importlib.util.module_from_spec(spec)
spec.loader.exec_module(addons)
assert tf.keras.Model.__module__.startswith("tf_keras.")

random = np.random.default_rng(0)
for batch, frames, size, clusters in ((4, 30, 16, 8), (2, 300, 128, 32)):
    x = random.standard_normal((batch, frames, size)).astype("float32")
    theirs = addons.NetVLAD(num_clusters=clusters)
    theirs(x)
    kernel, bias, centres = (
        random.standard_normal(shape).astype("float32")
        for shape in ((size, clusters), (clusters,), (1, size, clusters))
    )
    theirs.fc.set_weights([kernel, bias])
    theirs.cluster_centers.assign(centres)
    ours = NetVLAD(clusters, batch_normalization=False)
    ours.build(x.shape)
    ours.assignment_kernel.assign(kernel)
    ours.assignment_bias.assign(bias)
    ours.centres.assign(centres[0])
    difference = np.abs(ours(x).numpy() - theirs(x).numpy()).max()
    print(f"largest difference {difference:.1e}")
    assert difference < 1e-5, difference
"""


def test_netvlad_is_that_of_tensorflow_addons():
    specs = [
        importlib.util.find_spec(name)
        for name in ("tensorflow_addons", "tf_keras")
    ]
    if None in specs:
        pytest.skip(
            "tensorflow-addons and tf_keras are not installed: pip install "
            "'.[parity]', on Python 3.11"
        )
    folder = pathlib.Path(specs[0].submodule_search_locations[0])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder / "layers" / "netvlad.py"],
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("largest difference") == 2
