import json

import pytest

from yt8m_distill import cluster
from yt8m_distill.errors import InputError

TWO = {"worker": ["a:1", "b:2"]}


def text(addresses, role, index):
    return json.dumps(
        {"cluster": addresses, "task": {"type": role, "index": index}}
    )


@pytest.mark.parametrize(
    ("addresses", "role", "index", "expected"),
    [
        (TWO, "worker", 0, (["a:1", "b:2"], 0)),
        (TWO, "worker", 1, (["a:1", "b:2"], 1)),
        ({"chief": ["c:3"], **TWO}, "chief", 0, (["c:3", "a:1", "b:2"], 0)),
        ({**TWO, "chief": ["c:3"]}, "worker", 1, (["c:3", "a:1", "b:2"], 2)),
    ],
)
def test_who_this_process_is(addresses, role, index, expected):
    found = cluster.parse(text(addresses, role, index))
    assert found == expected
    assert found.is_chief == (expected[1] == 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError: 'cluster'"),
        (text(TWO, "chief", 0), "KeyError: 'chief'"),
        (text(TWO, "worker", 2), "there is no worker with index 2"),
        (text(TWO, "worker", -1), "there is no worker with index -1"),
        (text({"worker": ["a"]}, "worker", 0), "a list of host:port"),
        (text({"worker": "a:1"}, "worker", 0), "a list of host:port"),
        (text({"worker": ["a:1", "a:1"]}, "worker", 0), "given twice"),
        (text({**TWO, "ps": ["c:3"]}, "worker", 0), "type 'ps' are not used"),
        (text({**TWO, "chief": ["c:3", "d:4"]}, "chief", 0), "one chief"),
    ],
)
def test_what_makes_no_sense(given, message):
    with pytest.raises(InputError, match=message) as raised:
        cluster.parse(given)
    assert "\n" not in str(raised.value)


def test_none_is_given(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match="needs the environment variable"):
        cluster.from_environment()
