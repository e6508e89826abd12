"""A fit says the same of the same events, however they are ordered, named, repeated, scaled or surrounded."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tastebridge as tb
from contracts.answers import answers, assert_same, renamed
from contracts.panels import CATEGORIES, RECOMMENDERS, events, panel_of, tried
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, NoLinkedUsersError

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
LEARNED = ("mapper", "several")


def fitted(kind, frame, **given):
    """A fitted recommender; panels that a kind refuses by a documented error are passed over."""
    panel = panel_of(kind, frame)
    model = RECOMMENDERS[kind](**given)
    try:
        return model.fit(panel), panel.users.ids
    except (NoLinkedUsersError, InvalidParameterError, InvalidDataError):
        assume(False)


def shuffled(frame, rng):
    return frame.iloc[rng.permutation(len(frame))], {}


def with_repeats(frame, rng):
    """Rows that are there already: of no use to a binary weighting."""
    return pd.concat([frame, frame.iloc[rng.integers(0, len(frame), 5)]]), {}


def scaled(frame, rng):
    return frame.assign(weight=frame["weight"] * rng.choice([0.25, 8.0])), {}


def other_ids(frame, rng):
    """Ids that sort as before."""
    users, items = (
        lambda one: f"x{one:09d}" if isinstance(one, int | np.integer) else f"x{one}",
        lambda one: one + 7 if isinstance(one, int | np.integer) else f"{one}"[:0] + "=" + str(one),
    )
    frame = frame.assign(
        user_id=[users(u) for u in frame["user_id"]], item_id=[items(i) for i in frame["item_id"]]
    )
    return frame, {"users": users, "items": items}


ODD = {"books": "[/red] neighbours", "films": "joint → popularity", "music": "κ, warm"}


def useless_category(frame, rng):
    """A category that is no source, with users and items of its own and some users of the others."""
    users = frame["user_id"].unique()[:3].tolist()
    more = users + ([10**6, 10**6 + 1] if isinstance(users[0], int) else ["zz 1", "zz 2"])
    item = 10**6 if isinstance(users[0], int) else "zz"
    extra = pd.DataFrame({"user_id": more, "item_id": item, "category": "sport", "weight": 1.0})
    return pd.concat([frame, extra.assign(timestamp=1_600_000_000)]), {}


CHANGES = {
    "shuffled": (shuffled, tuple(RECOMMENDERS)),
    "repeated": (
        with_repeats,
        ("mapper", "several", "popularity", "neighbours", "target", "joint", "recent"),
    ),
    "scaled": (scaled, ("mapper", "several", "popularity", "neighbours", "target", "joint", "recent")),
    "other ids": (other_ids, tuple(RECOMMENDERS)),
    "useless category": (useless_category, tuple(RECOMMENDERS)),
}


@tried(60)
@given(frame=events(least=8), data=st.data(), seed=st.integers(0, 99))
def test_what_says_nothing_changes_nothing(frame, data, seed):
    change, kinds = CHANGES[name := data.draw(st.sampled_from(sorted(CHANGES)))]
    kind = data.draw(st.sampled_from([*kinds, *LEARNED]))
    sources = {"sources": ["books"]} if kind not in ("several", "popularity", "target", "recent") else {}
    sources = {"sources": ["books", "films"]} if kind == "several" else sources
    model, users = fitted(kind, frame, **sources)
    other, how = change(frame, np.random.default_rng(seed))
    again, _ = fitted(kind, other, **sources)
    asked = [how.get("users", lambda one: one)(user) for user in users]
    assert_same(renamed(answers(model, users), **how), answers(again, asked), f"{kind}, {name}")


@tried(15)
@given(frame=events(least=8), kind=st.sampled_from([*RECOMMENDERS, *LEARNED]))
def test_names_of_categories_are_names(frame, kind):
    """Whatever they look like, as long as they sort as before."""
    order = sorted(CATEGORIES)
    names = dict(zip(order, sorted(ODD.values()), strict=True))
    target = [names["films"], names["books"]] if kind == "several" else names["films"]
    model, users = fitted(kind, frame)
    other = RECOMMENDERS[kind]().set_params(target=target)
    other.fit(panel_of(kind, frame.assign(category=frame["category"].map(names))))
    found = {name: part for name, part in answers(model, users).items() if name != "routes_"}
    theirs = {
        name.replace(names["films"], "films").replace(names["books"], "books"): part
        for name, part in answers(other, users).items()
        if name != "routes_"
    }
    assert_same(
        renamed(found, categories=lambda one: names.get(one, one)), renamed(theirs, categories=str), kind
    )


@tried(15)
@given(frame=events(least=8), kind=st.sampled_from(["popularity", "neighbours", "recent"]),
       seed=st.integers(0, 99))  # fmt: skip
def test_any_renaming_of_ids_renames_the_scores(frame, kind, seed):
    """Of recommenders that draw nothing at random, and cut no tied singular values in two."""
    rng = np.random.default_rng(seed)
    mixed = {
        column: dict(
            zip(ids := frame[column].unique().tolist(), rng.permutation(len(ids)).tolist(), strict=True)
        )
        for column in ("user_id", "item_id")
    }
    model, users = fitted(kind, frame)
    other, _ = fitted(kind, frame.assign(**{column: frame[column].map(new) for column, new in mixed.items()}))
    found = answers(model, users, verbs=("predict",))["predict films"]
    pairs = found.assign(**{column: found[column].map(new) for column, new in mixed.items()})
    np.testing.assert_allclose(other.predict(pairs), found["score"], rtol=1e-4, atol=1e-5)


@tried(12)
@given(frame=events(least=8), by=st.sampled_from([0.125, 4.0]))
def test_ratings_of_another_unit_are_predicted_in_that_unit(frame, by):
    model, users = fitted("ratings", frame)
    other, _ = fitted("ratings", frame.assign(weight=frame["weight"] * by))
    found, theirs = (
        answers(one, users, verbs=("predict",))["predict films"]["score"] for one in (model, other)
    )
    np.testing.assert_allclose(theirs, by * found, rtol=1e-4, atol=1e-5 * by)


@tried(8)
@given(frame=events(least=8))
def test_the_number_of_threads_changes_nothing(frame):
    model, users = fitted("mapper", frame)
    again = RECOMMENDERS["mapper"]().set_params(n_jobs=2).fit(tb.Panel.from_frame(frame))
    assert_same(answers(model, users), answers(again, users), "threads")
