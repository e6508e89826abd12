import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import tastebridge as tb
from contracts.killing import checksums
from tastebridge.batch import audience_all, spreading, write_vectors
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError, OutputError, UnknownIdError

PANEL, _ = make_panel(n_users=400, n_items=60, events_per_user=6)
ITEMS = PANEL["films"].items.ids[[9, 40, 2]].tolist()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(spreading, "EVENTS", 500)
    monkeypatch.setattr("tastebridge.batch.vectors._EVENTS", 500)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("audience")
    tb.TargetOnly("films").fit(PANEL).save(path / "model")
    PANEL.to_frame().sample(frac=1, random_state=0).to_parquet(path / "events.parquet", index=False)
    return path


@pytest.fixture(scope="module")
def model(place):
    return tb.load(place / "model")


@pytest.mark.bits
@pytest.mark.parametrize("n", [7, 1000])
@pytest.mark.parametrize("name", ["TargetOnly", "Popularity", "ItemNeighbours"])
def test_an_audience_of_parts_is_that_of_all_at_once(place, model, tmp_path, name, n):
    if name != "TargetOnly":  # popularity scores all people alike: ties must be broken alike
        model = getattr(tb, name)("films").fit(PANEL)
    expected = model.audience_from(tb.read_panel(place / "events.parquet"), ITEMS, n)
    events = place / "events.parquet"
    done = audience_all(model, events, ITEMS, tmp_path / "out.parquet", n, memory="8GB", n_jobs=2)
    found = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert (len(done.parts) > 3, done.account.people) == (True, 400)
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_audiences_that_cannot_be_are_refused(place, tmp_path):
    with pytest.raises(UnknownIdError, match="nowhere"):
        audience_all(place / "model", place / "events.parquet", ["nowhere"], tmp_path / "out.csv")
    with pytest.raises(InvalidParameterError, match="one file"):
        audience_all(place / "model", place / "events.parquet", ITEMS, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.bits
@pytest.mark.parametrize("form", ["parquet", "npy"])
def test_vectors_are_those_of_the_model_bit_by_bit(place, model, tmp_path, form):
    account = write_vectors(model, tmp_path, place / "events.parquet", format=form, memory="8GB", n_jobs=2)
    fitted = tb.TargetOnly("films").fit(PANEL)
    for name, wanted in (("item", fitted.item_vectors()), ("user", fitted.user_vectors())):
        ids, vectors = read(tmp_path, name, form)
        assert ids == wanted.ids.tolist()
        np.testing.assert_array_equal(vectors, wanted.vectors)
    assert account.people == account.served == 400
    names = {"parquet": {"items.parquet", "users.parquet"}}.get(form)
    names = names or {"items.npy", "users.npy", "items.ids.parquet", "users.ids.parquet"}
    assert {path.name for path in tmp_path.iterdir()} == names


def read(folder, name, form):
    if form == "npy":
        ids = pq.read_table(folder / f"{name}s.ids.parquet")
        return ids[f"{name}_id"].to_pylist(), np.load(folder / f"{name}s.npy")
    table = pq.read_table(folder / f"{name}s.parquet")
    vectors = table["vector"].combine_chunks()
    return table[f"{name}_id"].to_pylist(), vectors.flatten().to_numpy().reshape(len(table), -1)


def test_stopped_vectors_go_on_to_the_same_bytes(place, model, tmp_path, monkeypatch):
    events = place / "events.parquet"
    write_vectors(model, tmp_path / "plain", events, memory="8GB")
    from tastebridge.batch import driver, parts

    left = [2]

    def write(*given):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return parts.write_part(*given)

    with monkeypatch.context() as patch:
        patch.setattr(driver, "write_part", write)
        with pytest.raises(KeyboardInterrupt):
            write_vectors(model, tmp_path / "stopped", events, memory="8GB")
    with pytest.raises(OutputError, match=r"the model changed.*restart=True"):
        write_vectors(tb.Popularity("films").fit(PANEL), tmp_path / "stopped", events, memory="8GB")
    write_vectors(model, tmp_path / "stopped", events, memory="8GB")
    assert checksums(tmp_path / "stopped") == checksums(tmp_path / "plain")


def test_vectors_of_a_model_without_any_are_refused(place, tmp_path):
    with pytest.raises(InvalidParameterError, match="no vectors"):
        write_vectors(tb.ItemNeighbours("films").fit(PANEL), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_approximate_index_over_the_vectors_finds_what_is_best(place, model, tmp_path):
    index_module = pytest.importorskip("usearch.index")
    write_vectors(model, tmp_path, place / "events.parquet", format="npy", memory="8GB")
    items, people = np.load(tmp_path / "items.npy"), np.load(tmp_path / "users.npy")
    index = index_module.Index(ndim=items.shape[1], metric="ip", dtype="f32")
    index.add(np.arange(len(items)), items)
    found = index.search(people, 10).keys
    exact = np.argsort(-(people @ items.T), axis=1)[:, :10]
    hits = [len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True)]
    assert np.mean(hits) > 9.5
