"""What a mapper says of itself holds for people it has not seen, and is kept without any person."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, special

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.diagnostics import confidence
from tastebridge.diagnostics import summary as findings
from tastebridge.evaluation.full import user_scores
from tastebridge.exceptions import InvalidParameterError, UnknownCategoryError, UnknownIdError
from tastebridge.factors import SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.metrics import catalogue_coverage, popularity_bias
from tastebridge.recommenders.attributes import encoder_of
from tastebridge.routes import NeighbourRoute, TargetRoute, TransferRoute
from tastebridge.splits import cold_users


@pytest.fixture(scope="module")
def split():
    panel, _ = make_panel(1600, 150, relatedness=0.9, overlap=0.7, events_per_user=6, random_state=5)
    titles = [f"the {item}" for item in panel["films"].items.ids]
    names = pd.DataFrame({"item_id": panel["films"].items.ids, "name": titles})
    return cold_users(tb.Panel.from_frame(panel.to_frame(), item_names=names), "films", 0.4, 1)


@pytest.fixture(scope="module")
def mapper(split):
    routes = [
        TransferRoute(SVDFactors(16), SVDFactors(16), RidgeMap(0.5)),
        NeighbourRoute(50),
        TargetRoute(SVDFactors(16)),
    ]
    return tb.InterestMapper("films", routes=routes, n_folds=5).fit(split.train)


@pytest.mark.parametrize("n", [1, 7, 20])
def test_confidence_is_the_share_of_hits_among_people_not_seen(mapper, split, n):
    hit = user_scores(mapper, split, [f"hr@{n}"])[f"hr@{n}"]
    said = mapper.confidence(split.user_ids, n).set_index("user_id")["confidence"][hit.index]
    error = np.sqrt((said * (1 - said)).mean() / len(hit))
    assert (
        abs(said.mean() - hit.mean()) < 3 * error + 0.03
    )  # the curve itself was learned from some 700 people


def test_people_of_whom_it_is_surer_have_more_hits(mapper, split):
    hit = user_scores(mapper, split, ["hr@1"])["hr@1"]  # of longer lists nearly all hold a hit here
    said = mapper.confidence(split.user_ids, 1).set_index("user_id")["confidence"][hit.index]
    assert hit[said > said.median()].mean() > hit[said <= said.median()].mean()


def test_confidence_rises_with_the_length_of_the_list(mapper, split):
    people = split.user_ids[:50]
    values = np.stack([mapper.confidence(people, n)["confidence"] for n in (1, 2, 5, 9, 10, 30, 50)])
    assert (np.diff(values, axis=0) >= 0).all()
    assert (values[-1] > values[0]).all()
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.bits
def test_confidence_does_not_depend_on_who_stands_beside(mapper):
    users = mapper.panel_.users.ids[:300]
    whole = mapper.confidence(users, n=7).set_index("user_id")
    for some in (users[[4]], users[[9, 1]], users[5:24], users[40:299]):
        found = mapper.confidence(some, n=7).set_index("user_id")
        pd.testing.assert_frame_equal(found, whole.loc[some], check_exact=True)


def test_confidence_asks_for_known_people_and_a_length_it_learned(mapper):
    with pytest.raises(UnknownIdError):
        mapper.confidence([-1])
    with pytest.raises(InvalidParameterError, match=r"between 1 and 50; got 51"):
        mapper.confidence(n=51)


def test_features_are_the_softmax_mass_of_the_open_items():
    scores = np.random.default_rng(0).normal(size=(3, 80)).astype(np.float32)
    seen = sparse.csr_matrix(([1.0], ([1], [4])), shape=(3, 80))
    gates = np.arange(6.0).reshape(3, 2)
    given = scores.copy()
    found = confidence._features(given, seen, gates)
    for person in range(3):
        kept = np.delete(scores[person], 4) if person == 1 else scores[person]
        p = np.sort(special.softmax(kept.astype(np.float64)))[::-1]
        for at, n in enumerate(confidence.LENGTHS):
            assert found[person, at, 0] == pytest.approx(special.logit(p[:n].sum()), abs=1e-5)
            assert found[person, at, 1:].tolist() == gates[person].tolist()


def test_the_first_hit_is_where_a_sort_puts_it():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(20, 30)).astype(np.float32)
    hidden = sparse.csr_matrix((rng.random((20, 30)) < 0.2) | (np.arange(30) == 3))
    found = confidence._first_hit(scores, hidden)
    order = np.argsort(-scores, axis=1)
    oracle = [min(np.flatnonzero(hidden[row].toarray()[0][order[row]])) for row in range(len(scores))]
    assert found.tolist() == oracle


def test_findings_tell_the_accuracy_of_the_evidence(mapper):
    table = mapper.findings_["accuracy"].set_index(["segment", "list"])
    for segment, evidence in mapper.evidence_.items():
        row = table.loc[(segment, findings.MODEL)]
        assert row["mean"] == pytest.approx(evidence.values["blend"].mean())
        assert row["low"] < row["mean"] < row["high"]
        assert row["people"] == len(evidence.people)


def test_where_no_source_is_kept_the_accuracy_is_that_of_what_is_served_then(mapper):
    found = mapper.evidence_["cold"]
    none = found._replace(sources=found.sources.assign(kept=False))
    assert none.served is found.values[found.baseline]
    assert found.served is found.values["blend"]


def test_groups_by_history_hold_everybody_once_and_are_never_small(mapper):
    table = mapper.findings_["by_history"]
    assert (table["people"] >= findings.SMALLEST).all()
    for segment, rows in table.groupby("segment"):
        blend = mapper.evidence_[segment].values["blend"]
        assert rows["people"].sum() == len(blend)
        assert np.average(rows["mean"], weights=rows["people"]) == pytest.approx(blend.mean())


@pytest.mark.parametrize("lengths", [[5] * 30, [1] * 25 + [40] * 3, [0] * 40 + [1] * 3 + [7] * 60, [2] * 4])
def test_small_groups_join_their_neighbours(lengths):
    groups = dict(findings._bins(np.array(lengths)))
    people = np.concatenate([*groups.values(), []])
    assert len(np.unique(people)) == len(people)
    assert all(len(group) >= findings.SMALLEST for group in groups.values())
    assert len(people) == (len(lengths) if len(lengths) >= findings.SMALLEST else 0)


def test_breadth_is_that_of_the_lists_people_get(mapper):
    histories = encoder_of(mapper).rows(mapper.panel_)
    here, there = (np.diff(histories[name].indptr) > 0 for name in ("books", "films"))
    both = np.flatnonzero(here & there)
    table = findings.beyond_accuracy(mapper.model_, histories, 0).set_index(["segment", "list"])
    ids = mapper.panel_.users.ids[np.sort(np.random.default_rng(0).permutation(both)[:500])]
    listed = mapper.items_["films"].numbers(mapper.recommend(ids)["item_id"]).reshape(-1, 10)
    counts = np.bincount(histories["films"].indices, minlength=histories["films"].shape[1])
    row = table.loc[("warm", findings.MODEL)]
    assert row["coverage"] == catalogue_coverage(listed, len(counts))
    assert row["bias"] == pytest.approx(popularity_bias(listed, counts).mean())
    assert table.loc[("cold", findings.POPULARITY), "coverage"] == pytest.approx(10 / len(counts))
    assert table["bias"].idxmax() == ("cold", findings.POPULARITY)


def test_lists_at_random_cover_what_is_expected_of_them():
    counts, rng = np.array([9, 5, 3, 1] * 10), np.random.default_rng(0)
    lists = np.stack([rng.permutation(40)[:10] for _ in range(30)])
    many = [len(np.unique(rng.permuted(np.tile(np.arange(40), (30, 1)), axis=1)[:, :10])) for _ in range(200)]
    covered, bits, bias, popular = findings._chance(counts, 30, 9)
    assert covered == pytest.approx(np.mean(many) / 40, abs=0.002)
    assert (bits, popular) == (pytest.approx(np.mean(-np.log2(counts / 9))), counts.mean())
    assert bias == pytest.approx(popularity_bias(lists, counts).mean(), abs=0.05)


def test_sizes_are_those_of_the_panel(mapper):
    sizes = mapper.findings_["overview"].set_index("category")
    pd.testing.assert_frame_equal(sizes, mapper.panel_.overview(), check_index_type=False)


def test_cleaning_is_told_from_the_rows_that_came_to_the_pairs_that_are_left(mapper):
    table = mapper.findings_["cleaning"].set_index("step")["rows"]
    assert table["rows out"] == table["rows in"] - table.iloc[1:-1].sum()


def test_the_map_is_explained_with_names_where_there_are_any(mapper):
    table = mapper.explain_map("books")
    assert len(table)
    assert (table["low"] > 0).all()
    films = table[table["category"] == "films"]
    assert (films["name"] == "the " + films["item_id"]).all()
    assert table.loc[table["category"] == "books", "name"].isna().all()
    pd.testing.assert_frame_equal(mapper.explain_map(), table)
    with pytest.raises(UnknownCategoryError, match="books"):
        mapper.explain_map("films")


def test_what_was_found_out_survives_saving_without_people(mapper, tmp_path):
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    assert loaded.panel_ is None
    assert loaded.findings_.keys() == mapper.findings_.keys()
    for name, table in mapper.findings_.items():
        pd.testing.assert_frame_equal(loaded.findings_[name], table)
    pd.testing.assert_frame_equal(loaded.explain_map(), mapper.explain_map())
    some = mapper.panel_[:40]
    pd.testing.assert_frame_equal(loaded.confidence_from(some), mapper.confidence(some.users.ids))
    for segment, parts in mapper.confidence_.items():
        for mine, theirs in zip(parts, loaded.confidence_[segment], strict=True):
            for one, other in zip(mine, theirs, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("gap", [0.0, 5.0, 15.0, 18.0])
def test_the_mass_below_a_list_is_summed_and_not_left_over(gap):
    """A list that holds nearly all of the softmax: the rest is told to full digits."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5, 300)).astype(np.float32)
    scores[:, rng.permutation(300)[:10]] += np.float32(gap)
    nothing = sparse.csr_matrix((5, 300), dtype=np.float32)
    found = confidence._features(scores.copy(), nothing, np.zeros((5, 1)))[:, :, 0]
    p = np.exp(-np.sort(-scores.astype(np.float64), axis=1))
    for at, n in enumerate(confidence.LENGTHS):
        top, tail, whole = p[:, :n].sum(axis=1), p[:, n:].sum(axis=1), p.sum(axis=1)
        expected = np.log((top + 1e-9 * whole) / (tail + 1e-9 * whole))
        np.testing.assert_allclose(found[:, at], expected, atol=1e-5)
