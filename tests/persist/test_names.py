"""A model bound to a name: another whole model, saved with the same key, does not stand in for it."""

import shutil

import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError, ModelFileError
from tastebridge.persist.manifest import MANIFEST

KEY = bytes(range(32))


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "encrypted"])
def test_a_model_of_another_name_is_refused(tmp_path, key):
    if key is not None:
        pytest.importorskip("cryptography")
    model = tb.Popularity("films").fit(make_panel(100, 20)[0])
    for name in ("shop", "test"):
        model.save(tmp_path / name, key=key, name=name)
    model.save(tmp_path / "none", key=key)
    assert tb.load(tmp_path / "shop", key=key, name="shop").target == "films"
    assert tb.load(tmp_path / "shop", key=key).target == "films"
    shutil.rmtree(tmp_path / "shop")
    shutil.copytree(tmp_path / "test", tmp_path / "shop")
    with pytest.raises(ModelFileError, match="is named 'test', but the model 'shop' was requested"):
        tb.load(tmp_path / "shop", key=key, name="shop")
    with pytest.raises(ModelFileError, match="has no name"):
        tb.load(tmp_path / "none", key=key, name="shop")
    if key is not None:
        assert "test" not in (tmp_path / "test" / MANIFEST).read_text()


def test_a_name_that_is_none_is_refused(tmp_path):
    model = tb.Popularity("films").fit(make_panel(100, 20)[0])
    for name in ("", 7, "x" * 2000):
        with pytest.raises(InvalidParameterError, match="name must be a text"):
            model.save(tmp_path / "model", name=name)
    assert not any(tmp_path.iterdir())
