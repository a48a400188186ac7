"""Shards for tests: small synthetic ones, and real ones where they lie."""

import gc
import importlib.util
import os
import pathlib

# Before TensorFlow is imported, here and in every process that tests start.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several processes of tests share a GPU.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import keras
import pytest

from yt8m_distill import parts

ROOT = pathlib.Path(__file__).resolve().parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"

# Smaller than a part's defaults, where it takes these arguments.
SMALL = {
    "representation_dim": 8,
    "clusters": 4,
    "groups": 2,
    "reduction": 2,
    "units": 4,
    "cells": 4,
}


def small_spec(family, spec, **arguments):
    """A part's spec with small sizes, and other arguments that it takes."""
    name, given = parts.parse(spec)
    taken = parts.constructor_parameters(parts.get_class(family, name))
    small = {k: v for k, v in {**SMALL, **arguments}.items() if k in taken}
    values = {**given, **small}
    return f"{name}({', '.join(f'{k}={v!r}' for k, v in values.items())})"


def load_tool(name):
    """The module of a script in tools/."""
    spec = importlib.util.spec_from_file_location(
        name, ROOT / "tools" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def fixed_seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module", autouse=True)
def forget_models():
    """Gives the memory of a module's models back before the next one."""
    yield
    keras.backend.clear_session()
    gc.collect()
    gc.freeze()  # what is left stays, and need not be looked through again


@pytest.fixture(scope="session")
def real_data():
    """Folder of real shards; tests that need it are skipped without."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(scope="session")
def make_synthetic_shards():
    return load_tool("make_synthetic_shards")


@pytest.fixture(scope="session")
def synthetic_shards(tmp_path_factory, make_synthetic_shards):
    """Folder with train*, validate*, test* shards: 40 + 16 + 16 videos."""
    folder = tmp_path_factory.mktemp("shards")
    make_synthetic_shards.make_shards(
        folder,
        {"train": 40, "validate": 16, "test": 16},
        2,
        7,
        min_frames=3,
        max_frames=12,
        label_noise=0.1,
        seed=0,
    )
    return folder


@pytest.fixture(scope="session")
def rated_shards(tmp_path_factory, make_synthetic_shards):
    """Shards like those of 2019, 7 classes: 24 + 24 + 24 videos.

    Those in validate* and test* have three rated segments each.
    """
    folder = tmp_path_factory.mktemp("segments")
    make_synthetic_shards.make_shards(
        folder,
        {"train": 24, "validate": 24, "test": 24},
        2,
        7,
        min_frames=15,
        max_frames=40,
        label_noise=0.1,
        seed=0,
        num_rated_segments=3,
    )
    return folder
