"""FLOPs against TensorFlow's profiler and the tables of the papers."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import ROOT, SMALL, small_spec
from yt8m_distill import config, cost, model, parts
from yt8m_distill.errors import InputError

YT8M_2017 = {"num_classes": 4716, "feature_sizes": (1024, 128)}
HEADS = {
    "netvlad": "mixture_of_experts(probability_gating=True)",
    "nextvlad": "logistic",
    "hierarchical_lstm": "mixture_of_experts",
    "lstm": "mixture_of_experts",
}


@dataclasses.dataclass
class Profile:
    """FLOPs that TensorFlow counts in the graph of one video.

    Attributes:
        products: int, of matrix products.
        total: int, of all operations.
    """

    products: int
    total: int


def profile(built):
    k, size = built.frame_sampler.k, sum(built.feature_sizes)
    function = tf.function(
        lambda frames: built({"frames": frames, "num_frames": tf.constant([k])})
    )
    concrete = function.get_concrete_function(
        tf.TensorSpec((1, k, size), tf.float32)
    )
    profiler = tf.compat.v1.profiler
    builder = profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    node = profiler.profile(concrete.graph, cmd="op", options=options)
    flops = {}
    while True:
        flops[node.name] = node.float_ops
        if not node.children:
            break
        (node,) = node.children
    return Profile(
        sum(flops.get(name, 0) for name in ("MatMul", "BatchMatMulV2")),
        sum(flops.values()),
    )


@pytest.mark.parametrize(
    ("encoder", "head"),
    [(name, "logistic") for name in parts.names("encoders")]
    + [("netvlad", name) for name in parts.names("heads")],
)
def test_products_are_those_that_tensorflow_counts(encoder, head):
    built = model.build(
        "uniform(k=7)",
        small_spec("encoders", encoder, unroll=True, block_length=3),
        small_spec("heads", head, probability_gating=True),
        num_classes=5,
        feature_sizes=(6, 4),
    )
    assert profile(built).products == built.count_flops()


@pytest.mark.parametrize(
    ("encoder", "elementwise"),
    [
        ("nextvlad", 0.003),
        ("netvlad", 0.004),
        ("hierarchical_lstm(unroll=True, units=512, block_length=5)", 0.003),
    ],
)
def test_what_is_not_counted_is_next_to_nothing(encoder, elementwise):
    head = HEADS[parts.parse(encoder)[0]]
    built = model.build(
        "uniform(k=30)",
        encoder,
        head,
        "none",
        num_classes=3862,
        feature_sizes=(1024, 128),
    )
    found = profile(built)
    assert found.products == built.count_flops()
    assert found.total == pytest.approx(built.count_flops(), rel=elementwise)


@pytest.mark.parametrize("family", sorted(HEADS))
def test_counting_needs_no_weights(family):
    built = model.build(
        "uniform(k=30)",
        small_spec("encoders", family),
        small_spec("heads", HEADS[family]),
        **YT8M_2017,
    )
    counted = cost.count(
        small_spec("encoders", family),
        small_spec("heads", HEADS[family]),
        30,
        **YT8M_2017,
    )
    assert counted.flops == built.count_flops()
    assert counted.num_parameters == built.count_params()
    assert counted.bytes_read == 30 * 1152


@pytest.mark.parametrize(
    ("encoder", "num_frames", "gflops"),
    [
        # The H-RNN as in the authors' code: 20 blocks, the student 5.
        ("hierarchical_lstm(num_blocks=20)", 300, 11.75),
        ("hierarchical_lstm(num_blocks=5)", 30, 1.52),
        ("hierarchical_lstm(num_blocks=5)", 10, 0.83),
        ("lstm", 300, 10.43),
        ("lstm", 30, 1.09),
        ("nextvlad", 300, 2.93),
        ("nextvlad", 30, 0.45),
        ("netvlad", 300, 1.00),
        ("netvlad", 30, 0.70),
    ],
)
def test_complete_models(encoder, num_frames, gflops):
    head = HEADS[parts.parse(encoder)[0]]
    found = cost.count(encoder, head, num_frames, **YT8M_2017).flops / 1e9
    assert found == pytest.approx(gflops, abs=0.0051)


@pytest.mark.parametrize(
    ("num_frames", "printed"), [(300, "1.337"), (30, "0.134")]
)
def test_table_6_of_the_paper(num_frames, printed):
    counted = cost.count("nextvlad", "logistic", num_frames, **YT8M_2017)
    assert f"{counted.paper_multiply_adds / 1e9:.3f}" == printed
    assert counted.paper_multiply_adds == num_frames * (
        1024 * 2048 + 2048 * 8 * 128 + 8 * 128 * 256
    )


@pytest.mark.parametrize(
    ("encoder", "num_frames", "printed", "tolerance"),
    [
        ("hierarchical_lstm(block_length=20)", 300, 5.058, 0.005),
        ("hierarchical_lstm(block_length=5)", 30, 0.520, 0.035),
        ("hierarchical_lstm(block_length=5)", 10, 0.167, 0.005),
    ],
)
def test_table_3_of_the_paper(encoder, num_frames, printed, tolerance):
    """Its entry for k = 20 follows from no rule: see the README."""
    counted = cost.count(encoder, "logistic", num_frames, **YT8M_2017)
    assert counted.paper_multiply_adds / 1e9 == pytest.approx(
        printed, rel=tolerance
    )


def test_paper_counts_one_feature_and_no_small_product():
    counted = cost.count("netvlad", "logistic", 300, **YT8M_2017)
    assert counted.paper_multiply_adds == 300 * 2 * 1024 * 256
    counted = cost.count("mean_pooling", "logistic", 300, **YT8M_2017)
    assert counted.paper_multiply_adds == 0


def test_paper_counts_attention_never_and_the_rest_always():
    for clusters in (1, 50, 512):
        counted = cost.count(
            f"nextvlad(clusters={clusters})", "logistic", 1, **YT8M_2017
        )
        assert counted.paper_multiply_adds == (
            1024 * 2048 + 2048 * 8 * clusters + 2048 * clusters
        )


def run(*arguments):
    return cost.costs(config.parse("flops", arguments))


def test_rows_follow_the_flag():
    rows = run(
        "--encoder=nextvlad(clusters=4)",
        "--feature_sizes=16",
        "--num_classes=3",
        "--num_frames=8,2",
    )
    assert [row.num_frames for row in rows] == [8, 2]
    assert rows[0].bytes_read == 8 * 16
    assert rows[0].frame_flops == 4 * rows[1].frame_flops
    assert rows[0].video_flops == rows[1].video_flops
    lines = cost.table(rows, "complete").splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| 8 |") and lines[2].endswith("| 1.00 |")
    fewer = rows[0].flops / rows[1].flops
    assert lines[3].endswith(f"| {fewer:.2f} |")
    assert f"| {rows[1].num_parameters:,} |" in lines[3]
    paper = cost.table(rows, "paper").splitlines()
    assert paper[3].endswith("| 4.00 |")


def test_default_rows():
    assert [row.num_frames for row in run("--encoder=mean_pooling")] == [
        300,
        30,
        20,
        15,
        10,
        6,
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of the two"),
        (["--encoder=netvlad", "--train_dir=x"], "one of the two"),
        (["--train_dir=none"], "no run at none"),
        (["--encoder=none"], "no 'none' among the encoders"),
        (["--encoder=nextvlad(groups=7)"], "groups=7 does not divide"),
        (["--encoder=netvlad", "--num_frames=0"], "--num_frames=0"),
        (["--encoder=netvlad", "--num_frames=a"], "--num_frames=a"),
        (["--encoder=netvlad", "--num_frames="], "--num_frames= is empty"),
        (["--encoder=netvlad", "--feature_sizes="], "_sizes= is empty"),
        (["--encoder=netvlad(clusters=0)"], "clusters must be a whole number"),
        (["--encoder=netvlad(momentum=1)"], "less than 1: momentum=1"),
        (["--encoder=nextvlad(groups=0)"], "groups must be a whole number"),
        (["--encoder=nextvlad(reduction=0)"], "reduction must be a whole"),
        (["--encoder=nextvlad(expansion=-1)"], "expansion must be a whole"),
        (["--encoder=dbof(clusters=True)"], "clusters must be a whole number"),
        (
            ["--encoder=dbof", "--head=mixture_of_experts(num_mixtures=0)"],
            "num_mixtures must be a whole number",
        ),
    ],
)
def test_bad_flags(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        run(*arguments)


def test_as_a_program():
    # Set, it asks for TensorFlow's start-up notices.
    quiet = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "yt8m_distill.flops",
            "--encoder=nextvlad",
            "--convention=paper",
            "--num_frames=300",
        ],
        cwd=ROOT,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "| 300 | 1.337 | 1.00 |" in done.stdout
    assert done.stderr == ""


def test_small_sizes_are_known_to_the_parts():
    """`SMALL` keeps pace with the arguments that parts take."""
    taken = {
        argument
        for family in ("encoders", "heads")
        for name in parts.names(family)
        for argument in parts.parse(small_spec(family, name))[1]
    }
    assert taken == set(SMALL)
    assert np.all(list(SMALL.values()))
