"""The worker processes of a training, as TF_CONFIG describes them."""

import json
import os
from typing import NamedTuple

from yt8m_distill.errors import InputError

_EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """The workers, and which of them this process is.

    Attributes:
        addresses: list of str, host:port of each worker, the chief first.
        index: int, place of this process among them.
    """

    addresses: list
    index: int

    @property
    def is_chief(self):
        """Whether this is the worker that writes the run."""
        return self.index == 0


def from_environment():
    """The cluster of the environment variable TF_CONFIG.

    Raises:
        InputError: it is missing or makes no sense.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        raise InputError(
            "--distribution=multi_worker needs the environment variable "
            f"TF_CONFIG, on the first of two machines {_EXAMPLE}"
        )
    return parse(text)


def parse(text):
    """The cluster that a TF_CONFIG describes.

    Args:
        text: str, JSON with `cluster` (of `worker` and perhaps one `chief`) and
            `task`.

    Raises:
        InputError: it makes no sense.
    """
    try:
        given = json.loads(text)
        cluster, task = given["cluster"], given["task"]
        names = [*cluster]
        role, index = task["type"], int(task["index"])
        of_role = cluster[role]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _error(text, f"{type(error).__name__}: {error}") from None
    unknown = [name for name in names if name not in ("chief", "worker")]
    if unknown:
        raise _error(text, f"tasks of type {unknown[0]!r} are not used here")
    for name, addresses in cluster.items():
        if not isinstance(addresses, list) or not all(
            isinstance(one, str) and one.rpartition(":")[2].isdigit()
            for one in addresses
        ):
            raise _error(text, f"{name} must be a list of host:port")
    chiefs = cluster.get("chief", [])
    if len(chiefs) > 1:
        raise _error(text, "there is more than one chief")
    if not 0 <= index < len(of_role):
        raise _error(text, f"there is no {role} with index {index}")
    addresses = [*chiefs, *cluster.get("worker", [])]
    if len(set(addresses)) < len(addresses):
        raise _error(text, "an address is given twice")
    return Cluster(addresses, index + (len(chiefs) if role != "chief" else 0))


def _error(text, reason):
    return InputError(
        f"TF_CONFIG={text} makes no sense ({reason}); give, for instance, "
        f"{_EXAMPLE}"
    )
