"""All sources together are tested first, then single ones, with one error rate."""

import numpy as np
import pytest

from tastebridge.fitting.source_verdicts import LEAST_GAIN, Outcomes, differences, judge

PEOPLE = np.arange(400)


def values(mean, seed, spread=0.3):
    noise = np.random.default_rng(seed).normal(size=len(PEOPLE))
    return mean + spread * (noise - noise.mean())


def outcomes(effects, noise=0.3):
    """Outcomes whose selections differ from the baseline by a mean effect; dealt anew, nothing is left."""
    base = values(0.0, 99)
    shift = {name: values(mean, at, noise) for at, (name, mean) in enumerate(effects.items())}
    lists = {name: base + part for name, part in shift.items()} | {"popularity": base}
    dealt = dict.fromkeys(effects, base)
    return Outcomes(lists, {**lists, "base": base}, dealt, PEOPLE, "popularity")


def judged(effects, within=None, noise=0.3):
    given = outcomes(effects, noise)
    sources = [name.removeprefix("with ") for name in effects if name != "all"]
    lost = within or (lambda some: given.objectives["all"])
    return judge(given, sources, lost, several=len(sources) > 1), given


def test_many_weak_sources_help_together_and_none_alone():
    found, _ = judged({"all": 0.1} | {f"with {name}": 0.01 for name in "abcdef"})
    assert found.verdict() == "helps"
    assert found.any_passes
    assert found.passing == []
    assert {found.verdict(name) for name in "abcdef"} == {"no evidence"}


def test_a_strong_source_passes_where_all_together_do_not():
    found, _ = judged({"all": -0.05, "with a": 0.1, "with b": 0.0})
    assert not found.together.passes
    assert found.passing == found.useful == ["a"]
    assert found.verdict("a") == "helps"


def test_alone_a_source_needs_more_where_all_together_fail():
    """Its interval lies above zero, but not at the stricter level."""
    weak = {"all": -0.05, "with a": 0.038, "with b": 0.0}
    found, given = judged(weak)
    [first, _] = given.effects(["with a", "with b"])
    assert first.passes
    assert not found.any_passes
    assert found.verdict("a") == "no evidence"
    passed, _ = judged({**weak, "all": 0.1})
    assert passed.passing == ["a"]


def test_a_single_source_is_tested_once_at_the_usual_level():
    given = outcomes({"all": 0.04, "with a": 0.04})
    found = judge(given, ["a"], lambda some: pytest.fail("there is no blend of several"), several=False)
    [alone] = given.effects(["with a"])
    assert found.single["a"] == alone
    assert found.passing == (["a"] if alone.passes else [])


def test_nothing_personal_is_no_evidence():
    given = outcomes({"all": 0.1, "with a": 0.1})
    same = given._replace(dealt={name: given.objectives[name] for name in given.dealt})
    found = judge(same, ["a"], lambda some: given.objectives["all"], several=False)
    assert not found.any_passes
    assert found.verdict("a") == "no evidence"


def test_sources_that_matter_in_the_blend_of_all_help_with_others():
    effects = {"all": 0.1, "with a": 0.0, "with b": 0.0, "with c": 0.0}
    given = outcomes(effects)
    loss = {"a": 0.05, "b": 0.0, "c": 0.0}

    def within(some):
        return given.objectives["all"] - values(sum(loss[name] for name in some), len(some[0]), 0.1)

    found = judge(given, list("abc"), within, several=True)
    assert found.verdict("a") == "helps with others"
    assert found.useful == ["a"]
    assert found.verdict("b") == found.verdict("c") == "no evidence"


def test_the_rest_is_useful_as_a_group():
    given = outcomes({"all": 0.1} | {f"with {name}": 0.0 for name in "abc"})

    def within(some):
        return given.objectives["all"] - values(0.006 * len(some) ** 2, 5, 0.1)

    found = judge(given, list("abc"), within, several=True)
    assert found.useful == list("abc")
    assert not found.others


def test_a_rest_of_one_source_is_not_tested_twice():
    """What lies barely above zero for one source is chance often enough, and was judged with all sources."""
    given = outcomes({"all": 0.1, "with a": 0.1, "with b": 0.0})
    loss = {"a": 0.05, "b": 0.0105}

    def within(some):
        return given.objectives["all"] - values(sum(loss[name] for name in some), ord(some[0]), 0.1)

    [alone] = differences([given.objectives["all"] - within(["b"])], np.zeros(len(PEOPLE)), 0.95)
    assert alone.low > 0
    found = judge(given, ["a", "b"], within, several=True)
    assert found.useful == ["a"]


def test_worse_lists_hurt_and_a_gain_alone_is_enough_to_be_used():
    found, _ = judged({"all": -0.2, "with a": -0.2, "with b": 0.0})
    assert found.verdict() == found.verdict("a") == "hurts"
    given = outcomes({"all": 0.1, "with a": 0.1})
    flat = given._replace(lists={**given.lists, "with a": given.lists["popularity"] + values(0, 3)})
    found = judge(flat, ["a"], lambda some: given.objectives["all"], several=False)
    assert found.single["a"].gain.low > LEAST_GAIN
    assert found.passing == ["a"]
    assert found.verdict("a") == "no evidence"


def test_intervals_of_several_are_wider_than_of_one():
    base = np.zeros(len(PEOPLE))
    parts = [values(0.0, seed) for seed in range(10)]
    [one] = differences(parts[:1], base, 0.95)
    several = differences(parts, base, 0.95)[0]
    assert several.low < one.low
    assert one.high < several.high
