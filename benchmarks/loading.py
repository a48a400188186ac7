"""Loads scripts of this repository that are in no package."""

import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def load(path):
    """The module of a script.

    Args:
        path: str, from the root of the repository.
    """
    spec = importlib.util.spec_from_file_location(
        pathlib.Path(path).stem, ROOT / path
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
