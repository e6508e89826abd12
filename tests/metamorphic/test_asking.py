"""One fitted recommender answers the same however it is asked: alone or together, by id or by history."""

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.answers import answers, assert_same, items_of, pairs_of
from contracts.panels import RECOMMENDERS, events, panel_of, tried
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, NoLinkedUsersError

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
KINDS = st.sampled_from([*RECOMMENDERS, "mapper", "several"])


def fitted(kind, frame):
    panel = panel_of(kind, frame)
    try:
        return RECOMMENDERS[kind]().fit(panel), panel
    except (NoLinkedUsersError, InvalidParameterError, InvalidDataError):
        assume(False)


@tried(25)
@given(frame=events(least=6), kind=KINDS, seed=st.integers(0, 99))
def test_alone_or_together_in_any_order(frame, kind, seed):
    model, panel = fitted(kind, frame)
    users = panel.users.ids
    verbs = ("recommend", "predict", "vectors", "confidence", "interests")
    together = answers(model, users, verbs=verbs)
    order = np.random.default_rng(seed).permutation(len(users))
    mixed = answers(model, users[order], verbs=verbs)
    for user in users[order[:3]]:
        alone = answers(model, [user], verbs=verbs)
        for name, found in alone.items():
            if "item_id" in found and "user_id" not in found:  # vectors of items
                assert_same({name: found}, {name: together[name]}, kind)
                continue
            own = {name: found}
            assert_same(own, {name: of(together[name], user)}, f"{kind}: alone and together")
            assert_same(own, {name: of(mixed[name], user)}, f"{kind}: alone and in another order")


def of(table, user):
    return table[table["user_id"] == user]


@tried(25)
@given(frame=events(least=6), kind=KINDS, form=st.sampled_from(["pandas", "polars", "arrow", "panel"]))
def test_by_id_or_by_history(frame, kind, form):
    """The events of the fit, given as a fresh history, are the same history."""
    model, panel = fitted(kind, frame)
    users = panel.users.ids
    history = {"pandas": pd.DataFrame, "polars": pl.from_pandas, "panel": partial(panel_of, kind),
               "arrow": lambda part: pa.Table.from_pandas(part, preserve_index=False)}[form]  # fmt: skip
    by_id = model.recommend(users, 4)
    assert_same({"lists": model.recommend_from(history(frame), 4)}, {"lists": by_id}, kind)
    for target in model.targets_:
        given = {"category": target} if len(model.targets_) > 1 else {}
        items = list(items_of(model, target)[:2])
        assert_same(
            {"audience": model.audience_from(history(frame), items, 5, **given)},
            {"audience": model.audience(items, 5, **given)},
            kind,
        )
        own = frame[frame["user_id"] == users[0]]
        assert_same(
            {"explain": model.explain_from(history(own), items[0], **given)},
            {"explain": model.explain(users[0], items[0], **given)},
            kind,
        )
    if hasattr(model, "interests_from"):
        assert_same({"": model.interests_from(history(frame))}, {"": model.interests(users)}, kind)


@tried(20)
@given(frame=events(least=6), kind=KINDS)
def test_lists_are_the_best_pairs_and_longer_ones_begin_with_shorter(frame, kind):
    model, panel = fitted(kind, frame)
    users = panel.users.ids
    shorter, longer = model.recommend(users, 2), model.recommend(users, 50)
    assert_same({"": longer[longer["rank"] <= 2]}, {"": shorter}, kind)
    for target in model.targets_:
        given = {"category": target} if len(model.targets_) > 1 else {}
        pairs = pairs_of(model, users, target).assign(**given)
        pairs["score"] = model.predict(pairs)
        own = longer[longer["category"] == target] if given else longer
        merged = own.merge(pairs, on=["user_id", "item_id"], suffixes=("", "_alone"))
        assert len(merged) == len(own)
        if kind != "ratings":  # ranks by preference where that orders better
            np.testing.assert_array_equal(
                merged["score"], merged["score_alone"].astype(merged["score"].dtype)
            )
        matrix = panel[target].matrix
        had = {(users[u], panel[target].items.ids[i]) for u, i in zip(*matrix.nonzero(), strict=True)}
        found = list(zip(own["user_id"], own["item_id"], strict=True))
        assert len(found) == len(set(found))
        assert not had & set(found)
        if not given and not len(getattr(model, "twins_", ())):
            assert len(found) == len(users) * matrix.shape[1] - len(had)


@tried(15)
@given(frame=events(least=6), kind=KINDS, seed=st.integers(0, 99))
def test_filters_take_out_rows_and_change_no_other(frame, kind, seed):
    model, panel = fitted(kind, frame)
    whole = model.recommend(panel.users.ids, 50)
    items = np.concatenate([items_of(model, target) for target in model.targets_])
    assume(len(set(items.tolist())) == len(items))
    chosen = np.random.default_rng(seed).choice(items, max(len(items) // 2, 1), replace=False)
    left = whole[whole["item_id"].isin(chosen)].drop(columns="rank")
    allowed = model.recommend(panel.users.ids, 50, allow=list(chosen)).drop(columns="rank")
    others = [item for item in items.tolist() if item not in set(chosen.tolist())]
    denied = model.recommend(panel.users.ids, 50, deny=others).drop(columns="rank")
    assert_same({"": allowed}, {"": denied}, kind)
    assert_same({"": allowed}, {"": left}, kind)


@tried(15)
@given(frame=events(least=6), kind=KINDS)
def test_explanations_add_up_to_the_prediction(frame, kind):
    model, panel = fitted(kind, frame)
    for target in model.targets_:
        given = {"category": target} if len(model.targets_) > 1 else {}
        for user in panel.users.ids[:3]:
            item = items_of(model, target)[-1]
            parts = model.explain(user, item, **given)["contribution"].sum()
            one = model.mappers_[target] if given else model
            pair = pd.DataFrame({"user_id": [user], "item_id": [item]})
            assert parts == pytest.approx(float(one.predict(pair)[0]), rel=1e-4, abs=1e-4)


@tried(10)
@given(frame=events(least=8))
def test_an_update_that_is_forgotten_leaves_no_trace(frame):
    """A new user comes with events of known items and goes: all sums are of whole numbers."""
    model, panel = fitted("mapper", frame)
    users = panel.users.ids
    before = answers(model, users, verbs=("recommend", "predict", "explain"))
    new = 10**6 if isinstance(frame["user_id"].iloc[0], int | np.integer) else "zz new"
    model.update(
        frame.groupby("category").head(2).assign(user_id=new).drop_duplicates(["item_id", "category"])
    )
    model.forget([new])
    assert_same(answers(model, users, verbs=("recommend", "predict", "explain")), before, "forgotten")
