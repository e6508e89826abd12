"""The models of the goldens: what is fitted, how it is saved, and what each is asked."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import golden_data
import pandas as pd
from surface import find

MODELS = Path(__file__).parent / "models"
TEST_KEY = bytes(range(32))
"""A key for tests alone, known to everybody who reads this: nothing secret may be kept by it."""

Answers = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Case:
    """A model that is fitted and, but for ``saved=False``, kept in ``models/``.

    ``drawn`` says that a fit has noise without a seed, so that no two are alike: such a model is loaded and
    asked, and not compared with a refit. ``compressed`` is what ``compress`` is given, if it is called.
    """

    data: str
    make: Callable[[], Any]
    save: Mapping[str, Any] = field(default_factory=dict)
    compressed: tuple[int, str] | None = None
    drawn: bool = False
    saved: bool = True
    chances: bool = False
    """Whether its scores are chances: exponentials, in which rounding shows a hundred times as much."""
    plain: str = ""
    """Of an encrypted model, the name of the same one in the open."""
    live: bool = False
    """Whether it is also updated and made to forget."""

    @property
    def key(self) -> dict[str, bytes]:
        """What ``load`` needs."""
        return {"key": self.save["key"]} if "key" in self.save else {}


def _mapper() -> Any:
    return find("InterestMapper")("films", n_components=8, n_lists=1500)


def _small(target: Any, n_components: int = 8, n_lists: int = 1000, **more: Any) -> Callable[[], Any]:
    return lambda: find("InterestMapper")(target, n_components=n_components, n_lists=n_lists, **more)


def _by_hand() -> Any:
    svd, als, ease = find("SVDFactors"), find("ALSFactors"), find("EASEFactors")
    routes = [
        find("PopularityRoute")(prior=1.0),
        find("TransferRoute")(svd(9), svd(8, filter="power"), find("CCAMap")(3)),
        find("TransferRoute")(als(6), als(6), find("ProcrustesMap")()),
        find("NeighbourRoute")(n_links=200, within=False),
        find("TargetRoute")(ease(8)),
        find("JointRoute")(svd(6)),
    ]
    weighting, blend = find("Weighting")("log", half_life=400.0), find("StackingBlend")("logistic")
    given = {"weighting": weighting, "blend": blend}
    return find("InterestMapper")("films", ["books"], routes, **given)


def _target_only() -> Any:
    return find("TargetOnly")("films", find("SVDFactors")(8))


def _made(name: str, *given: Any, **named: Any) -> Callable[[], Any]:
    return lambda: find(name)(*given, **named)


def _private(epsilon: float) -> Callable[[], Any]:
    return _made("PrivateMapper", "films", epsilon=epsilon, source_components=6, target_components=6)


CASES: Mapping[str, Case] = {
    "mapper": Case("two", _mapper),
    "mapper_updatable": Case("two", _mapper, {"updatable": True}, live=True),
    "mapper_with_users": Case("two", _mapper, {"with_users": True}, live=True),
    "mapper_compressed": Case("two", _mapper, compressed=(10, "int8")),
    "mapper_by_hand": Case("two", _by_hand, {"updatable": True}, live=True),
    "mapper_recency": Case("two", _small("films", 4, 500, recency=[60.0, 240.0])),
    "mapper_features": Case("described", _small("films", 4)),
    "mapper_over_features": Case(
        "described", _small("films", 4, bridge="features"), {"updatable": True}, live=True
    ),
    "mapper_over_items": Case("shared", _small("there", 4, bridge="items")),
    "mapper_all": Case("three", _small("all", 4, 2000), chances=True),
    "mapper_both_with_users": Case(
        "two", _small(["books", "films"], 4, 1500), {"with_users": True}, chances=True
    ),
    "rating_mapper": Case("two", _made("RatingMapper", "films", n_components=4), {"with_users": True}),
    "rating_by_preference": Case(
        "two", _made("RatingMapper", "films", rank_by="preference", n_components=4), {"with_users": True}
    ),
    "private_mapper": Case("two", _private(3.0), drawn=True),
    "private_without_noise": Case("two", _private(float("inf")), saved=False),
    "joint_als": Case("two", lambda: find("JointALS")("films", factors=find("ALSFactors")(8))),
    "item_neighbours": Case("two", _made("ItemNeighbours", "films", n_neighbours=12)),
    "popularity": Case("two", _made("Popularity", "films", prior=1.0), {"with_users": True}),
    "target_only": Case("two", _target_only),
    "target_only_encrypted": Case("two", _target_only, {"key": TEST_KEY}, plain="target_only"),
    "rating_mean": Case("two", _made("RatingBaseline", "films", "mean"), saved=False),
    "rating_item_mean": Case("two", _made("RatingBaseline", "films", "item mean"), saved=False),
    "rating_biases": Case("two", _made("RatingBaseline", "films"), saved=False),
}
SAVED = tuple(name for name, case in CASES.items() if case.saved)
REFITTED = tuple(name for name, case in CASES.items() if not case.drawn)

_FITTED_OTHERWISE = (
    "gates end where their users did, links rest on three users, one level for the scores of all users, "
    "a source has to help beyond popularity"
)
CHANGED: dict[str, str] = {
    **dict.fromkeys(
        (
            "mapper",
            "mapper_updatable",
            "mapper_with_users",
            "mapper_compressed",
            "mapper_by_hand",
            "mapper_recency",
            "mapper_features",
            "mapper_over_features",
            "mapper_over_items",
            "mapper_all",
            "mapper_both_with_users",
        ),
        _FITTED_OTHERWISE,
    ),
    **dict.fromkeys(
        ("rating_mapper", "rating_by_preference"), "ratings are shifted to be above zero; gates end"
    ),
}
"""Models whose fit is meant to differ from the one of the first day, with the reason; see ``refits/``."""


def fit_all() -> Iterator[tuple[str, Any]]:
    """Yield the name and the fitted model of each case; cases of one recipe share a fit."""
    fits: dict[Any, Any] = {}
    for name, case in CASES.items():
        if (case.make, case.data) not in fits:
            fits[case.make, case.data] = quietly(case.make().fit, quietly(golden_data.panel, case.data))
        model = fits[case.make, case.data]
        yield name, model if case.compressed is None else model.compress(*case.compressed)


def quietly(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Return what a call returns, without its warnings: small data call for many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*given, **named)


def load(name: str, folder: Path = MODELS) -> Any:
    """Return a saved model."""
    return find("load")(folder / name, **CASES[name].key)


def ask(name: str, model: Any) -> Answers:
    """Return all that a model is asked, as tables. A live one is changed by it."""
    return quietly(_ask, CASES[name], model)


def _ask(case: Case, model: Any) -> Answers:
    if not hasattr(model, "recommend_from"):
        return _asked_ratings(case, model)
    queries = golden_data.table(f"{case.data}_queries")
    found = {"recommend_from": model.recommend_from(queries, n=5), **_filtered(model, queries)}
    several = isinstance(model.model_, dict)
    if not several:
        found |= _of_one_target(model, queries, found["recommend_from"])
    else:
        found["by_category"] = model.recommend_from(queries, n=3, by="category", n_categories=2)
        found["one_category"] = model.recommend_from(queries, n=3, categories=list(model.model_)[-1])
    if hasattr(model, "interests_from"):
        found["interests_from"] = model.interests_from(queries)
    if model.panel_ is not None and case.save.get("with_users"):
        found |= _of_users(model, several)
    for name in ("transfer_", "routes_", "errors_", "chosen_", "compression_", "recency_"):
        if hasattr(model, name):
            found[name] = getattr(model, name)
    return found | (_lived(case, model, queries) if case.live else {})


def _asked_ratings(case: Case, model: Any) -> Answers:
    pairs = golden_data.table(case.data)
    pairs = pairs.loc[pairs["category"] == model.target, ["user_id", "item_id"]].iloc[::40]
    return {"predict": pairs.assign(score=model.predict(pairs)).reset_index(drop=True)}


def _filtered(model: Any, queries: pd.DataFrame) -> Answers:
    first = model.recommend_from(queries, n=5)
    items = first["item_id"].drop_duplicates().sort_values()
    allowed = model.recommend_from(queries, n=3, allow=items[::2].tolist())
    own = first.loc[first["rank"] == 1, ["user_id", "item_id"]]
    return {"allowed": allowed, "denied": model.recommend_from(queries, n=3, deny=own)}


def _of_one_target(model: Any, queries: pd.DataFrame, lists: pd.DataFrame) -> Answers:
    best = lists[lists["rank"] == 1]
    found = {"audience_from": model.audience_from(queries, best["item_id"].unique()[:2].tolist(), n=4)}
    parts = []
    for user, item in best[["user_id", "item_id"]].iloc[::5].itertuples(index=False):
        told = model.explain_from(queries[queries["user_id"] == user], item)
        parts.append(_named(user, item, told))
    found["explain_from"] = pd.concat(parts, ignore_index=True)
    if hasattr(model, "confidence_from"):
        found["confidence_from"] = model.confidence_from(queries, n=10)
        told = model.explain_map()
        found["explain_map"] = told[told["rank"] <= 2].reset_index(drop=True)
        found["drift"] = model.drift()
    return found


def _of_users(model: Any, several: bool) -> Answers:
    users = model.panel_.users.ids[3::20].tolist()
    lists = model.recommend(users, n=5)
    pairs = lists[lists["rank"] > 3]
    names = ["user_id", "item_id", "category"] if several else ["user_id", "item_id"]
    found = {"recommend": lists, "predict": pairs[names].assign(score=model.predict(pairs))}
    if hasattr(model, "interests"):
        found["interests"] = model.interests(users)
    if several:
        return found
    found["audience"] = model.audience(pairs["item_id"].iloc[:2].drop_duplicates().tolist(), n=4)
    user, item = pairs["user_id"].iloc[0], pairs["item_id"].iloc[0]
    found["explain"] = _named(user, item, model.explain(user, item))
    if hasattr(model, "confidence"):
        found["confidence"] = model.confidence(users)
    return found


def _named(user: Any, item: Any, told: pd.DataFrame) -> pd.DataFrame:
    """Return an explanation with whom and what it is of, in an order that no rounding can turn."""
    order = ["source_category", "source_item", "route"]
    told = told.sort_values(order, kind="stable", na_position="first")
    told.insert(0, "user_id", user)
    told.insert(1, "item_id", item)
    return told


def _lived(case: Case, model: Any, queries: pd.DataFrame) -> Answers:
    """Return lists after the people of the queries came in, with a new item, and some of the fit left."""
    fresh = queries[["user_id"]].drop_duplicates().iloc[:5].assign(item_id="a new one", category=model.target)
    last = queries["timestamp"].max() if "timestamp" in queries else None
    fresh = fresh if last is None else fresh.assign(timestamp=last, weight=1.0)
    events = pd.concat([queries, fresh], ignore_index=True)
    items = golden_data.DATA / f"{case.data}_later.parquet"
    features = {}
    if items.exists():
        tables = golden_data.item_tables(pd.read_parquet(items))
        features = {"features": model.read_features(tables)}
    model.update(events, **features)
    found = {"after_update": model.recommend_from(queries, n=5), "drift_after_update": model.drift()}
    whole = golden_data.table(case.data)
    users = whole["user_id"].drop_duplicates().iloc[[4, 30, 77]].tolist()
    before = {} if model.panel_ is not None else {"before": whole[whole["user_id"].isin(users)]}
    receipt = model.forget(users, **before)
    found["after_forget"] = model.recommend_from(queries, n=5)
    counts = list(receipt.events.items())
    found["receipt"] = pd.DataFrame(counts, columns=["category", "events"])
    return found
