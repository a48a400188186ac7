"""Packaging of yt8m_distill."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent
# Read, not imported: importing the package would need TensorFlow.
VERSION = re.search(
    r'__version__ = "(.+)"', (ROOT / "yt8m_distill/__init__.py").read_text()
).group(1)

setuptools.setup(
    name="yt8m_distill",
    version=VERSION,
    description="Video tagging from a tenth of the frames: YouTube-8M teachers "
    "and students in Keras 3",
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    packages=setuptools.find_packages(include=["yt8m_distill*"]),
    package_data={"yt8m_distill": ["compilation.json", "report_page.css"]},
    python_requires=">=3.11,<3.14",
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15.1,<4",
        "tensorboard",
        "absl-py",
        "numpy",
        "rich",
        "scikit-learn",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.21,<2.22"],
        "report": ["matplotlib"],
        "export": ["ai-edge-litert", "tf2onnx", "onnxruntime"],
        # What the tests compare with: another NetVLAD, another backend.
        "parity": [
            "tensorflow-addons==0.23.0; python_version < '3.12'",
            "tf_keras>=2.21,<2.22; python_version < '3.12'",
            "jax",
        ],
        # Parquet files of features and of predictions
        "parquet": ["pyarrow"],
        "dev": [
            "pytest",
            "pytest-xdist",
            "hypothesis",
            "matplotlib",
            "pyarrow",
            "ruff",
        ],
    },
)
