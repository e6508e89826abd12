"""Small panels whose default fits take each of the routes, with the data that the reference reads."""

import numpy as np
import pandas as pd
from mappers import Data
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.maps import CCAMap, ProcrustesMap
from tastebridge.routes import JointRoute, NeighbourRoute, RouteKind, TargetRoute, TransferRoute

THREE = ("books", "films", "music")
FEW = {"n_folds": 2}
_ALWAYS = {RouteKind.POPULARITY, RouteKind.NEIGHBOURS, RouteKind.MAPPED, RouteKind.JOINT}


def made(relatedness=0.95, n_users=200, categories=THREE):
    """A panel of two tastes, so that routes help with few users, and its truth."""
    return make_panel(
        n_users, 30, categories, 2, relatedness, 0.8, events_per_user=8, popularity=0.5, random_state=1
    )


def default(relatedness=0.95):
    panel, _ = made(relatedness)
    return panel, {}, Data(panel, "films"), _ALWAYS if relatedness else {RouteKind.POPULARITY}


def named():
    """Routes that no default fit takes."""
    panel, _ = made()
    routes = [
        TargetRoute(SVDFactors(10)),
        TransferRoute(SVDFactors(8), SVDFactors(12, filter="power"), CCAMap(5)),
        TransferRoute(ALSFactors(6), SVDFactors(8), ProcrustesMap()),
        NeighbourRoute(),
        JointRoute(EASEFactors(20)),
    ]
    return panel, {"routes": routes}, Data(panel, "films"), _ALWAYS | {RouteKind.WITHIN}


def split_catalogue(n_users=200):
    """Events of one catalogue in two categories: two thirds of the items in both, the others in either."""
    frame, rng = made(n_users=n_users, categories=("shop",))[0].to_frame(), np.random.default_rng(0)
    number = frame["item_id"].str[-2:].astype(int)
    drawn = rng.choice(["books", "films"], len(frame))
    return frame.assign(category=np.where(number % 6 < 2, np.array(["books", "films"])[number % 2], drawn))


def shared_items():
    panel = tb.Panel.from_frame(split_catalogue())
    return panel, FEW, Data(panel, "films"), {RouteKind.POPULARITY, RouteKind.SHARED_ITEMS}


def shared_items_only():
    """Nearly no user is in two categories: users of the target stand for shared ones."""
    frame = split_catalogue(300)
    user = frame["user_id"]
    frame = frame[(user % 20 == 0) | (frame["category"] == np.where(user % 2, "books", "films"))]
    panel = tb.Panel.from_frame(frame)
    return panel, {}, Data(panel, "films"), {RouteKind.POPULARITY, RouteKind.SHARED_ITEMS}


def features():
    """Vectors of films and books in one space, tags of films; some items without, and some without users."""
    rng = np.random.default_rng(0)
    (panel, truth), tables = made(), {"text": (True, {}), "tags": (False, {})}
    for category in ("books", "films"):
        ids = [*panel[category].items.ids, *(f"{category}:9{n}" for n in range(5))]
        liked = truth.item_factors[category] @ truth.rotations[category].T
        F = np.vstack([liked, rng.normal(size=(5, 2))]) + 0.1 * rng.normal(size=(len(ids), 2))
        F = np.hstack([F, rng.normal(size=(len(ids), 2))]).astype(np.float32)
        keep = np.arange(len(ids)) % 7 > 0
        panel = panel.with_item_features(
            category, F[keep], item_ids=np.array(ids)[keep].tolist(), name="text"
        )
        tables["text"][1][category] = pd.DataFrame(F, ids)[keep]
    ids = panel["films"].items.ids[2:]
    tags = (rng.random((len(ids), 6)) < 0.3).astype(np.float32)
    panel = panel.with_item_features("films", sparse.csr_matrix(tags), item_ids=ids.tolist(), name="tags")
    tables["tags"][1]["films"] = pd.DataFrame(tags, ids)
    known = {
        name: (
            dense,
            {one: table.reindex(panel[one].items.ids).to_numpy(float) for one, table in parts.items()},
        )
        for name, (dense, parts) in tables.items()
    }
    wanted = {RouteKind.CONTENT, RouteKind.LIKENESS, RouteKind.NEW_ITEMS, RouteKind.POPULARITY}
    return panel, FEW, Data(panel, "films", known), wanted


def drift():
    """What is popular among films changes with the quarters of the time span."""
    rng = np.random.default_rng(3)
    n = 4000
    time = rng.random(n)
    category = rng.choice(THREE, n)
    item = rng.integers(0, 24, n)
    late = (category == "films") & (rng.random(n) < 0.7)
    item = np.where(late, 6 * (time * 4).astype(int) + item % 6, item)
    frame = pd.DataFrame({"user_id": rng.integers(0, 200, n), "category": category})
    frame["item_id"] = [f"{name}:{at:02}" for name, at in zip(category, item, strict=True)]
    frame["timestamp"] = (1.6e9 + 1e8 * time).astype(np.int64)
    panel = tb.Panel.from_frame(frame)
    return panel, FEW, Data(panel, "films"), {RouteKind.POPULARITY, RouteKind.RECENT_POPULARITY}


def twins():
    """Six films are books too, under other ids."""
    rng, frame = np.random.default_rng(0), made()[0].to_frame()
    number = frame["item_id"].str[-2:].astype(int)
    copies = frame[(frame["category"] == "films") & (number < 6) & (rng.random(len(frame)) < 0.97)]
    copies = copies.assign(category="books", item_id="twin" + copies["item_id"].str[-2:])
    panel = tb.Panel.from_frame(pd.concat([frame, copies], ignore_index=True))
    data = Data(panel, "films")
    data.twins = data.found_twins(3)
    return panel, FEW, data, {RouteKind.POPULARITY, RouteKind.MAPPED}


CASES = {
    "default": default,
    "unrelated": lambda: default(0.0),
    "named": named,
    "shared items": shared_items,
    "shared items only": shared_items_only,
    "features": features,
    "drift": drift,
    "twins": twins,
}
