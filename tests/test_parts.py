import pytest

from yt8m_distill import parts
from yt8m_distill.errors import InputError


@pytest.mark.parametrize("family", parts.FAMILIES)
def test_names_are_the_files_of_the_folder(family):
    names = parts.names(family)
    contract, _ = parts.FAMILIES[family]
    assert names == sorted(names) and len(names) >= 2
    assert contract not in names and "__init__" not in names
    for name in names:
        assert parts.get_class(family, name).__module__ == (
            f"yt8m_distill.{family}.{name}"
        )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("uniform", ("uniform", {})),
        (" uniform( k = 3 ) ", ("uniform", {"k": 3})),
        (
            "a(b=(1, 2), c='x', d=None)",
            ("a", {"b": (1, 2), "c": "x", "d": None}),
        ),
        ("rep", ("representation", {})),
        ("pred(temperature=2.0)", ("prediction", {"temperature": 2.0})),
    ],
)
def test_parse(spec, expected):
    assert parts.parse(spec) == expected


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "uniform(3)",
        "uniform(k=)",
        "a.b()",
        "uniform(k=open('x'))",
        "f(**{})",
    ],
)
def test_anything_but_literals_is_refused(spec):
    with pytest.raises(InputError, match="is no part"):
        parts.parse(spec)


def test_split_keeps_arguments_together():
    assert parts.split("rep(weight=1, b=(1, 2)), pred ,ce") == [
        "rep(weight=1, b=(1, 2))",
        "pred",
        "ce",
    ]


def test_get_fills_in_the_context_but_the_spec_wins():
    sampler = parts.get("frame_samplers", "all_frames", max_frames=7, other=1)
    assert sampler.k == 7
    sampler = parts.get(
        "frame_samplers", "all_frames(max_frames=5)", max_frames=7
    )
    assert sampler.k == 5


def test_get_all_keeps_the_order():
    losses = parts.get_all("distillation_losses", "ce,rep(weight=2)")
    assert [(name, loss.weight) for name, loss in losses.items()] == [
        ("cross_entropy", 1.0),
        ("representation", 2),
    ]


@pytest.mark.parametrize(
    ("family", "spec", "message"),
    [
        ("encoders", "nope", "known: .*, netvlad, nextvlad"),
        ("encoders", "netvlad(cluster=3)", "no argument 'cluster'; it takes"),
        ("frame_samplers", "uniform(k=0)", "k must be a whole number"),
    ],
)
def test_what_cannot_be_built_is_refused(family, spec, message):
    with pytest.raises(InputError, match=message):
        parts.get(family, spec)


def test_a_loss_named_twice_is_refused():
    with pytest.raises(InputError, match="twice"):
        parts.get_all("distillation_losses", "rep,representation")
