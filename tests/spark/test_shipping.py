"""A model on its way to the workers of Spark; a session that only hands its broadcasts back will do."""

from types import SimpleNamespace

import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.persist import fingerprint
from tastebridge.spark import shipping
from tastebridge.spark.shipping import Shipment

KEY = bytes(range(32))


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(shipping, "_LOADED", {})
    return SimpleNamespace(sparkContext=SimpleNamespace(broadcast=lambda files: SimpleNamespace(value=files)))


@pytest.fixture(scope="module")
def model():
    return tb.TargetOnly("films").fit(make_panel(100, 20)[0])


def test_a_model_arrives_as_it_was(model, session):
    shipment = Shipment.of(model, session)
    assert "manifest.json" in shipment.files.value
    assert shipment.seal is None
    assert fingerprint(shipment.unpack()) == fingerprint(model)


def test_an_encrypted_model_travels_encrypted_under_a_key_of_its_own(model, session, tmp_path):
    pytest.importorskip("cryptography")
    model.save(tmp_path / "model", key=KEY)
    loaded = tb.load(tmp_path / "model", key=KEY)
    shipment, other = Shipment.of(loaded, session), Shipment.of(loaded, session)
    assert len({shipment.seal, other.seal, KEY}) == 3
    whole = b"".join(shipment.files.value.values())
    assert b"films" not in whole
    assert b"TargetOnly" not in whole
    assert not any(name.endswith((".parquet", ".safetensors")) for name in shipment.files.value)
    assert repr(shipment.seal) not in repr(shipment)
    assert fingerprint(shipment.unpack()) == fingerprint(model)


def test_a_fit_forgets_that_the_model_was_encrypted(model, session, tmp_path):
    pytest.importorskip("cryptography")
    model.save(tmp_path / "model", key=KEY)
    loaded = tb.load(tmp_path / "model", key=KEY)
    assert Shipment.of(loaded.fit(make_panel(100, 20)[0]), session).seal is None
