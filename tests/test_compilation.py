import keras
import pytest

from yt8m_distill import compilation, model, speed_flags
from yt8m_distill.errors import InputError
from yt8m_distill.video_ensemble import VideoEnsemble

from .conftest import small_spec

ROW = {
    "device": "a kind",
    "family": "netvlad",
    "pass": "training",
    "precision": "float32",
    "num_frames": 300,
    "seconds": 2.0,
    "seconds_with_xla": 1.0,
}


def build(encoder="netvlad", k=300):
    return model.build(
        f"uniform(k={k})",
        small_spec("encoders", encoder),
        "logistic",
        num_classes=3,
        feature_sizes=(8, 4),
    )


def is_faster(models, rows, device="a kind", which_pass="training"):
    return compilation.is_faster(device, models, which_pass, rows)


def test_what_was_measured_to_be_faster_is_compiled():
    one = build()
    assert is_faster([one], [ROW])
    assert not is_faster([one], [{**ROW, "seconds_with_xla": 1.7}])
    assert not is_faster([one], [])
    assert not is_faster([one], [ROW], device="another kind")
    assert not is_faster([one], [ROW], which_pass="inference")
    assert not is_faster([one], [{**ROW, "precision": "mixed_bfloat16"}])


def test_the_most_similar_number_of_frames_counts():
    rows = [ROW, {**ROW, "num_frames": 30, "seconds": 0.5}]
    assert not is_faster([build(k=40)], rows)
    assert is_faster([build(k=200)], rows)


def test_models_of_one_pass_are_summed():
    slower = {**ROW, "family": "nextvlad", "seconds_with_xla": 2.2}
    netvlad, nextvlad = build(), build("nextvlad")
    assert is_faster([netvlad, nextvlad], [ROW, slower])
    assert is_faster([VideoEnsemble([netvlad, nextvlad])], [ROW, slower])
    assert not is_faster([netvlad, nextvlad, nextvlad], [ROW, slower])
    assert not is_faster([netvlad, nextvlad], [ROW])


def test_what_cannot_be_compiled(monkeypatch):
    one = build()
    monkeypatch.setattr(compilation, "is_faster", lambda *_: True)
    assert compilation.resolve("auto", [one], compilation.TRAINING)
    one.encoder.hidden.supports_jit = False
    assert not compilation.resolve("auto", [one], compilation.TRAINING)
    assert not compilation.resolve(False, [one], compilation.TRAINING)
    with pytest.raises(InputError, match="cannot compile hidden"):
        compilation.resolve(True, [one], compilation.TRAINING)


def test_the_table_in_the_repository():
    assert isinstance(compilation.device_kind(), str)
    for row in compilation.measurements():
        assert {*ROW, "tensorflow", "keras", "date"} == {*row}
        assert row["seconds"] > 0 and row["seconds_with_xla"] > 0
        assert row["precision"] in speed_flags.PRECISIONS
        keras.dtype_policies.get(row["precision"])


def test_kinds_of_cpus():
    assert compilation.cpu_kind("flags : sse avx512f amx_bf16") == (
        "CPU with AMX"
    )
    assert compilation.cpu_kind("flags : sse avx2 avx512f") == (
        "CPU with AVX-512"
    )
    assert compilation.cpu_kind("Features : fp asimd") == "CPU"
