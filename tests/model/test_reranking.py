"""Lists filled greedily: equal to brute force under caps, and to a plain reference otherwise."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastebridge.exceptions import InvalidParameterError
from tastebridge.model.list_rules import ListRules
from tastebridge.model.reranking import Candidates, relisted

SEEDS = st.integers(0, 10_000)


def drawn(seed, m=8):
    """Return the scores and generator of a small case; scores are distinct and fall."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.permutation(100)[:m])[::-1] / 7.0, rng


def coded(rng, m, n_labels=3, most=1):
    return np.array([np.sort(rng.choice(n_labels + 1, most, replace=False)) - 1 for _ in range(m)])


def within(places, capped):
    for codes, cap in capped:
        labels = [label for place in places for label in set(codes[place].tolist()) - {-1}]
        if any(labels.count(label) > cap for label in labels):
            return False
    return True


@given(SEEDS, st.integers(1, 3), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_with_one_cap_no_list_of_any_length_has_a_larger_sum(seed, cap, n):
    scores, rng = drawn(seed)
    capped = ((coded(rng, len(scores)), cap),)
    found = relisted(Candidates(scores, capped=capped), n, ListRules())
    assert within(found, capped)
    sizes = [k for k in range(n + 1) if any(within(c, capped) for c in itertools.combinations(range(8), k))]
    best = max(
        sum(scores[list(c)]) for c in itertools.combinations(range(8), max(sizes)) if within(c, capped)
    )
    assert len(found) == max(sizes)
    assert math.isclose(sum(scores[found]), best)
    assert found.tolist() == sorted(found.tolist())


@given(SEEDS, st.integers(1, 2), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_with_several_caps_and_labels_no_list_comes_first_in_dictionary_order(seed, one, two):
    scores, rng = drawn(seed)
    capped = ((coded(rng, 8, 4, 2), one), (coded(rng, 8), two))
    found = relisted(Candidates(scores, capped=capped), 4, ListRules()).tolist()
    assert within(found, capped)
    lists = [c for k in range(5) for c in itertools.permutations(range(8), k) if within(c, capped)]
    key = max(tuple(scores[list(c)]) for c in lists)  # a longer list comes after its own beginning
    assert tuple(scores[found]) == key


@given(SEEDS, st.integers(1, 4), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_new_items_cost_the_least_sum(seed, n, least):
    scores, rng = drawn(seed)
    new = rng.random(8) < 0.3
    found = relisted(Candidates(scores, new=new), n, ListRules(min_new=least))
    need = min(least, n, int(new.sum()))
    allowed = [c for c in itertools.combinations(range(8), n) if new[list(c)].sum() >= need]
    assert new[found].sum() >= need
    assert math.isclose(sum(scores[found]), max(sum(scores[list(c)]) for c in allowed))


def plain_mmr(scores, alike, n, d):
    """Carbonell and Goldstein (1998), as it is written."""
    relevance = (scores - scores.min()) / (scores.max() - scores.min())
    chosen = []
    while len(chosen) < n:

        def gain(i):
            nearest = max((float(alike[i] @ alike[j]) for j in chosen), default=0.0)
            return round((1 - d) * relevance[i] - d * nearest, 9)

        chosen.append(max((i for i in range(len(scores)) if i not in chosen), key=lambda i: (gain(i), -i)))
    return chosen


@given(SEEDS, st.sampled_from([0.1, 0.5, 0.9, 1.0]))
@settings(max_examples=40, deadline=None)
def test_diversity_is_the_greedy_choice_of_the_paper(seed, d):
    scores, rng = drawn(seed, 12)
    alike = rng.standard_normal((12, 4))
    alike = (alike / np.linalg.norm(alike, axis=1, keepdims=True)).astype(np.float32)
    found = relisted(Candidates(scores, alike=alike), 6, ListRules(diversity=d))
    assert found.tolist() == plain_mmr(scores, alike.astype(np.float64), 6, d)


def plain_steck(scores, shares, wanted, n, c):
    """Steck (2018), as it is written, with the mean of a list for its shares and alpha = 0.01."""
    relevance = (scores - scores.min()) / (scores.max() - scores.min())

    def value(places):
        q = shares[places].mean(axis=0)
        kl = sum(p * math.log(p / (0.99 * b + 0.01 * p)) for p, b in zip(wanted, q, strict=True))
        return (1 - c) * relevance[places].sum() - c * kl

    chosen = []
    while len(chosen) < n:
        left = [i for i in range(len(scores)) if i not in chosen]
        # the sum of the list so far is the same for all
        base = (1 - c) * relevance[chosen].sum()
        chosen.append(max(left, key=lambda i: (round(value([*chosen, i]) - base, 9), -i)))
    return chosen


@given(SEEDS, st.sampled_from([0.2, 0.5, 0.9]))
@settings(max_examples=40, deadline=None)
def test_calibration_is_the_greedy_choice_of_the_paper(seed, c):
    scores, rng = drawn(seed, 12)
    shares, wanted = rng.dirichlet(np.full(3, 0.3), 12), rng.dirichlet(np.ones(3))
    found = relisted(Candidates(scores, shares=shares, wanted=wanted), 6, ListRules(calibration=c))
    assert found.tolist() == plain_steck(scores, shares, wanted, 6, c)


def test_a_strong_calibration_gives_the_wanted_shares():
    shares = np.eye(2)[np.arange(20) // 10]
    wanted = np.array([0.7, 0.3])
    found = relisted(
        Candidates(np.arange(20)[::-1].astype(float), shares=shares, wanted=wanted),
        10,
        ListRules(calibration=0.99),
    )
    assert shares[found].mean(axis=0).tolist() == [0.7, 0.3]


def test_without_rules_the_order_stays_and_short_pools_make_short_lists():
    scores = np.array([3.0, 2.0, 2.0])
    assert relisted(Candidates(scores), 5, ListRules()).tolist() == [0, 1, 2]
    assert relisted(Candidates(scores[:0]), 5, ListRules()).tolist() == []


def test_caps_are_kept_when_new_items_are_asked_for():
    brand = np.array([[0], [0], [0], [1]])
    new = np.array([False, False, True, False])
    known = Candidates(np.arange(4.0)[::-1], capped=((brand, 1),), new=new)
    # item 0 would close the brand of the only new item
    assert relisted(known, 2, ListRules(min_new=1)).tolist() == [2, 3]
    assert relisted(known, 2, ListRules(min_new=0)).tolist() == [0, 3]


@given(SEEDS, st.integers(1, 4), st.integers(1, 4), st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_under_tight_caps_a_list_has_as_many_new_items_as_fit(seed, n, least, cap):
    scores, rng = drawn(seed)
    new, capped = rng.random(8) < 0.4, ((coded(rng, 8), cap),)
    found = relisted(Candidates(scores, capped=capped, new=new), n, ListRules(min_new=least)).tolist()
    assert within(found, capped)
    lists = [c for k in range(n + 1) for c in itertools.combinations(range(8), k) if within(list(c), capped)]
    most = max(int(new[list(c)].sum()) for c in lists)
    assert new[found].sum() >= min(least, most)
    longest = max(len(c) for c in lists if new[list(c)].sum() >= min(least, most))
    assert len(found) == longest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"diversity": 1.5}, "diversity"),
        ({"diversity": "genre"}, "diversity={'genre': 0.3}"),
        ({"diversity": {"a": 0.1, "b": 0.2}}, "one column"),
        ({"per_group": {"brand": 0}}, "per_group['brand']"),
        ({"per_group": 2}, "per_group={'brand': 2}"),
        ({"calibrate": 0.5}, "calibrate='genre'"),
        ({"calibrate": {"genre": 2}}, "calibrate['genre']"),
        ({"explore": -1}, "explore"),
        ({"explore": float("nan")}, "explore"),
        ({"new_items": ["a"]}, "min_new"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_wrong_options_are_refused_by_name(options, words):
    with pytest.raises(InvalidParameterError) as error:
        ListRules.of(options)
    assert words in str(error.value)


def test_an_unknown_option_is_an_unexpected_keyword():
    with pytest.raises(TypeError, match=r"diversty.*Did you mean 'diversity'"):
        ListRules.of({"diversty": 0.3})


def test_options_that_change_nothing_are_none():
    assert ListRules.of({}) is None
    assert ListRules.of({"diversity": 0, "per_group": {}, "calibrate": None, "explore": 0.0}) is None
    assert ListRules.of({"calibrate": {"genre": 0.0}, "min_new": 0}) is None
