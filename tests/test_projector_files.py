"""The files, loaded by TensorBoard's own plugin."""

import json

import numpy as np
import pytest

from yt8m_distill import projector_files
from yt8m_distill.errors import InputError
from yt8m_distill.projector_files import Vectors


class Loaded:
    """What TensorBoard's projector serves of a folder."""

    def __init__(self, folder):
        from tensorboard.plugins import base_plugin
        from tensorboard.plugins.projector import projector_plugin
        from werkzeug import test

        plugin = projector_plugin.ProjectorPlugin(
            base_plugin.TBContext(logdir=str(folder))
        )
        self._apps = plugin.get_plugin_apps()
        self._environ = test.create_environ
        self._run_app = test.run_wsgi_app

    def _get(self, route, **query):
        body, status, _ = self._run_app(
            self._apps[route], self._environ(query_string=query)
        )
        assert status == "200 OK", (status, list(body))
        return b"".join(body)

    def embeddings(self):
        """The configuration's entries, dict name → entry."""
        assert json.loads(self._get("/runs")) == ["."]
        info = json.loads(self._get("/info", run="."))
        return {one["tensorName"]: one for one in info["embeddings"]}

    def values(self, name):
        return np.frombuffer(self._get("/tensor", run=".", name=name), "<f4")

    def rows(self, name):
        text = self._get("/metadata", run=".", name=name).decode()
        return [line.split("\t") for line in text.splitlines()]


def test_tensorboard_reads_them(tmp_path):
    random = np.random.default_rng(0)
    first, second = random.normal(size=(5, 3)), random.normal(size=(4, 2))
    projector_files.write(
        tmp_path,
        [
            Vectors(
                "a/b c", first, {"model": list("tttss"), "class": ["x"] * 5}
            ),
            Vectors(
                "other",
                second.astype(np.float32),
                {
                    "class": ["a\tb", "line\nend", "", "naïve"],
                    "n": list("1234"),
                },
            ),
        ],
    )
    loaded = Loaded(tmp_path)
    entries = loaded.embeddings()
    assert entries.keys() == {"a/b c", "other"}
    for name, values in (("a/b c", first), ("other", second)):
        found = loaded.values(name).reshape(values.shape)
        np.testing.assert_allclose(found, values, rtol=1e-5)
    assert loaded.rows("a/b c")[0] == ["model", "class"]
    assert loaded.rows("a/b c")[4] == ["s", "x"]
    # A field holds no end of one, and none is empty.
    assert loaded.rows("other")[1:] == [
        ["a b", "1"],
        ["line end", "2"],
        ["-", "3"],
        ["naïve", "4"],
    ]


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        projector_files.write(
            tmp_path / "file", [Vectors("a", np.eye(2), {"n": ["1", "2"]})]
        )
