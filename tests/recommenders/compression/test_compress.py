import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge._numerics.cells import stored_in
from tastebridge.batch import RecommendationKernel, nest
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ModelFileError,
    TastebridgeWarning,
)
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.persist.arrays import Arrays
from tastebridge.recommenders.attributes import encoder_of
from tastebridge.routes import JointRoute, NeighbourRoute, TargetRoute, TransferRoute
from tastebridge.splits import take_out


@pytest.fixture(scope="module")
def panel():
    return make_panel(n_users=700, n_items=150, n_components=8, events_per_user=12)[0]


@pytest.fixture(scope="module")
def mapper(panel):
    routes = [
        TransferRoute(SVDFactors(20), SVDFactors(16, filter="power")),
        TransferRoute(ALSFactors(8), ALSFactors(8)),
        TargetRoute(SVDFactors(16)),
        JointRoute(EASEFactors(12)),
        NeighbourRoute(60),
    ]
    return tb.InterestMapper("films", routes=routes, n_folds=1).fit(panel)


@pytest.fixture(scope="module")
def small(mapper):
    return mapper.compress(24, "int8")


def pairs(mapper, n=400):
    rng = np.random.default_rng(0)
    users, items = mapper.panel_.users.ids, mapper.items_["films"].ids
    return pd.DataFrame({"user_id": rng.choice(users, n), "item_id": rng.choice(items, n)})


def test_nearly_all_components_give_nearly_the_same_scores(mapper):
    width = mapper.item_vectors().vectors.shape[1]
    wide, scores = mapper.compress(width - 1, "float32"), mapper.predict(pairs(mapper))
    assert wide.item_vectors().vectors.shape[1] == width - 1
    assert np.abs(wide.predict(pairs(mapper)) - scores).max() < 0.02 * scores.std()


def test_bits_alone_keep_the_width_and_nearly_the_scores(mapper):
    scores = mapper.predict(pairs(mapper))
    for dtype, bound in (("float32", 1e-4), ("float16", 0.01), ("int8", 0.1)):
        other = mapper.compress(dtype=dtype)
        assert other.item_vectors().vectors.shape == mapper.item_vectors().vectors.shape
        assert np.abs(other.predict(pairs(mapper)) - scores).max() < bound * scores.std()


def test_fewer_components_lose_more(mapper):
    scores = mapper.predict(pairs(mapper))
    lost = [np.std(mapper.compress(k, "float32").predict(pairs(mapper)) - scores) for k in (6, 16, 40)]
    assert lost[0] > lost[1] > lost[2]


def test_every_person_weighs_routes_as_before(mapper, small):
    histories = encoder_of(mapper).rows(mapper.panel_)
    np.testing.assert_array_equal(small.model_.weights(histories), mapper.model_.weights(histories))


def test_the_mapper_itself_stays_as_it_was(mapper, small):
    assert not hasattr(mapper, "compression_")
    assert mapper.model_.storage == "exact"
    assert mapper.item_vectors().vectors.shape[1] > small.item_vectors().vectors.shape[1] == 24


def test_contributions_sum_to_the_score(small):
    for _, (user, item) in pairs(small, 20).iterrows():
        score = small.predict(pd.DataFrame({"user_id": [user], "item_id": [item]}))[0]
        assert small.explain(user, item)["contribution"].sum() == pytest.approx(score, rel=1e-4, abs=1e-5)


def test_the_inner_product_of_vectors_is_the_score_and_histories_fold_in(small, panel):
    some = panel.users.ids[:50]
    users, items = small.user_vectors(some), small.item_vectors()
    best = small.recommend(some, n=1)
    at = items.vectors[[items.ids.tolist().index(item) for item in best["item_id"]]]
    np.testing.assert_allclose((users.vectors * at).sum(axis=1), best["score"], rtol=1e-4, atol=1e-5)
    pd.testing.assert_frame_equal(small.recommend_from(panel[:50], n=3), small.recommend(some, n=3))


def test_a_batch_gets_the_same_bits(small, panel):
    frame = panel[:50].to_frame()[["user_id", "item_id", "category"]]
    rows, _ = RecommendationKernel(small, n=3)(nest(pa.Table.from_pandas(frame, preserve_index=False)))
    pd.testing.assert_frame_equal(rows.to_pandas(), small.recommend_from(frame, n=3))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_what_is_loaded_is_what_was_saved(mapper, dtype, tmp_path):
    small = mapper.compress(24, dtype)
    small.save(tmp_path / "small", with_users=True)
    loaded = tb.load(tmp_path / "small")
    np.testing.assert_array_equal(loaded.predict(pairs(mapper)), small.predict(pairs(mapper)))
    pd.testing.assert_frame_equal(loaded.compression_, small.compression_)
    card = (tmp_path / "small" / "README.md").read_text()
    assert "## Compression" in card
    assert f"stored as {dtype}" in card
    loaded.save(tmp_path / "again", with_users=True)
    assert sizes(tmp_path / "again") == sizes(tmp_path / "small")


def sizes(folder):
    return sorted(
        (path.name, path.stat().st_size) for path in folder.iterdir() if path.suffix == ".safetensors"
    )


def test_the_file_is_as_much_smaller_as_is_said(mapper, small, tmp_path):
    mapper.save(tmp_path / "large")
    small.save(tmp_path / "small")
    told = small.compression_.iloc[0]
    files = [sum(size for _, size in sizes(tmp_path / name)) for name in ("large", "small")]
    assert files[0] - files[1] == pytest.approx(told["bytes_before"] - told["bytes"], rel=0.05)
    assert told["bytes"] < told["bytes_before"] / 3


def test_the_loss_is_that_of_scoring_both(mapper, panel):
    train, held = panel[:500], panel[500:]
    fitted = tb.InterestMapper("films", routes=mapper.routes[:1], n_folds=1).fit(train)
    small = fitted.compress(8, "int8", events=held)
    table = small.compression_.set_index("segment")
    assert table["judged_on"].tolist() == ["held-out events"]
    assert table.loc["cold", "ndcg_before"] == pytest.approx(fitted.score(held))
    assert table.loc["cold", "ndcg"] == pytest.approx(small.score(held))
    assert table.loc["cold", "loss"] == pytest.approx(fitted.score(held) - small.score(held))


def test_people_of_the_fit_are_judged_of_both_kinds(small):
    assert small.compression_["segment"].tolist() == ["cold", "warm"]
    assert small.compression_["overlap"].between(0.3, 1.0).all()


def test_a_mapper_without_people_needs_events(mapper, panel, tmp_path):
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    with pytest.raises(InvalidDataError, match="without users"):
        loaded.compress(16)
    assert loaded.compress(16, events=panel[:200]).item_vectors().vectors.shape[1] == 16


def test_what_cannot_be_is_refused(mapper, panel):
    with pytest.raises(InvalidParameterError, match="n_components"):
        mapper.compress(1)
    with pytest.raises(InvalidParameterError, match="n_components"):
        mapper.compress(10_000)
    with pytest.raises(InvalidParameterError, match="dtype"):
        mapper.compress(16, "float8")
    with pytest.raises(InvalidDataError, match="events"):
        mapper.compress(16, events=panel.select(["books"]))


def test_a_compressed_mapper_can_be_compressed_again(small):
    assert small.compress(10).item_vectors().vectors.shape[1] == 10


def test_a_compressed_mapper_cannot_be_updated_or_forget(small, panel):
    with pytest.raises(InvalidDataError, match="compressed"):
        small.update(panel[:2].to_frame())
    with pytest.raises(InvalidDataError, match="compressed"):
        small.forget([panel.users.ids[0]])


def test_a_packed_matrix_that_is_broken_is_refused():
    arrays = Arrays({"a:codes": np.zeros((3, 2), np.int8), "a:scales": np.ones(2, np.float32)})
    with pytest.raises(ModelFileError, match="packed"):
        arrays.get("a", None, None)


@pytest.mark.parametrize("kind", ["InterestMapper", "Popularity", "TargetOnly"])
def test_rows_of_the_fit_are_no_truth_to_score(panel, kind):
    part = panel["films"]
    last = np.zeros(part.matrix.nnz, dtype=bool)
    last[part.matrix.indptr[1:][np.diff(part.matrix.indptr) > 2] - 1] = True
    split = take_out(panel, "films", last)
    options = {"routes": [TargetRoute(SVDFactors(8)), TransferRoute(SVDFactors(8), SVDFactors(8))]}
    model = getattr(tb, kind)("films", **(options if kind == "InterestMapper" else {})).fit(split.train)
    held = split.truth.assign(category="films")[["user_id", "item_id", "category"]]
    alone = model.score(held)
    whole = panel.select(["films"]).to_frame()
    with pytest.warns(
        TastebridgeWarning, match=rf"{len(whole) - len(held):,} of {len(whole):,} rows of 'films'"
    ):
        assert model.score(whole) == pytest.approx(alone)
    if kind == "InterestMapper":
        expected = model.compress(6, events=held).compression_
        with pytest.warns(TastebridgeWarning, match="never recommended"):
            found = model.compress(6, events=whole).compression_
        pd.testing.assert_frame_equal(found, expected)
        with pytest.warns(TastebridgeWarning), pytest.raises(InvalidDataError, match="no users to evaluate"):
            model.compress(6, events=split.train.select(["films"]))


def test_stored_zeros_are_entries_too():
    a = sparse.csr_matrix((np.zeros(2), [0, 2], [0, 2, 2]), shape=(2, 3))
    b = sparse.csr_matrix((np.ones(2), [2, 0], [0, 1, 2]), shape=(2, 3))
    assert stored_in(a, b).tolist() == [False, True]


def test_places_of_large_matrices_do_not_overflow():
    """Two billion cells: rows and columns are int32, their product is not."""
    n = 70_000
    a = sparse.csr_matrix(
        (np.ones(2, np.float32), np.array([0, n - 1], np.int32), np.r_[0, 1, [1] * (n - 2), 2])
    )
    a.resize(n, n)
    b = sparse.csr_matrix((np.ones(1, np.float32), ([n - 1], [n - 1])), shape=(n, n))
    assert stored_in(a, b).tolist() == [False, True]
