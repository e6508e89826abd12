"""Fitted mappers read for the reference: which of its parts stands for which route, by recipe and kind."""

from copy import copy

import numpy as np
import pandas as pd
import plain
from scipy import sparse

from tastebridge.factors import ALSFactors
from tastebridge.routes import RouteKind


class Data:
    """The dense histories of a panel, the features of its items, and the items shared by their ids.

    ``tables`` holds for each name of features whether it is dense, and by category the rows of all items, NaN
    for items without features. ``twins`` says by source which items are twins of which target items.
    """

    def __init__(self, panel, target, tables=(), twins=()):
        self.panel, self.target, self.tables, self.twins = panel, target, dict(tables), dict(twins)
        self.ids = {name: panel[name].items.ids.tolist() for name in panel.categories}
        self.histories = dense(panel)

    @property
    def taught(self):
        """The histories that factors and maps learn from: without target rows that are twins."""
        rows = self.histories[self.target]
        own = np.zeros(rows.shape, dtype=bool)
        for name, pairs in self.twins.items():
            own |= (self.histories[name] > 0) @ pairs
        left = np.where(own, 0.0, rows)
        few = 2 * np.count_nonzero(left) < np.count_nonzero(rows)
        return self.histories if few else {**self.histories, self.target: left}

    def found_twins(self, least):
        """The twins by source, where a pair needs so many common users."""
        target = self.histories[self.target]
        found = {name: plain.twins(R, target, least) for name, R in self.histories.items()}
        return {name: pairs for name, pairs in found.items() if name != self.target and pairs.any()}

    def same(self, source):
        """The number of the target item with the id of each source item, -1 without one."""
        target = self.ids[self.target]
        return np.array([target.index(one) if one in target else -1 for one in self.ids[source]])

    def features(self, name):
        """The vectors by category and the spread of features of one name; None for all names together."""
        if name is None:  # the categories here have different names, so each is a space of its own
            found = {}
            for one in (self.features(one)[0] for one in self.tables):
                found |= {category: [*found.get(category, ()), T] for category, T in one.items()}
            return {category: plain.whiten(np.hstack(T), 99)[0] for category, T in found.items()}, None
        dense, tables = self.tables[name]
        vectors, spread = plain.described(list(tables.values()), 64, dense)
        return dict(zip(tables, vectors, strict=True)), spread

    def components(self):
        """The principal components of the target's features, all names side by side."""
        found = [self.features(name) for name in self.tables]
        return np.hstack([T[self.target] * spread for T, spread in found])


def dense(panel):
    """The weights of a panel; with times 2^(-a / 32), where a is the age as a share of the time span."""
    out = {name: panel[name].matrix.toarray().astype(np.float64) for name in panel.categories}
    if panel.has_times:
        first, last = ends(panel)
        for name, rows in out.items():
            users = np.repeat(np.arange(len(rows)), np.diff(panel[name].matrix.indptr))
            ages = (last - panel[name].times) / (last - first)
            rows[users, panel[name].matrix.indices] = np.exp2(-ages / 32).astype(np.float32)
    return out


def ratings_of(panel, shift=0.0):
    """The ratings of a panel by category, with a shift added; NaN where nothing is rated."""
    out = {}
    for name in panel.categories:
        entries = panel[name].matrix.tocoo()
        out[name] = np.full(entries.shape, np.nan)
        out[name][entries.row, entries.col] = entries.data + shift
    return out


def as_stored(R):
    """Ratings as a sparse matrix of the rated entries."""
    users, items = np.nonzero(~np.isnan(R))
    return sparse.csr_matrix((R[users, items], (users, items)), R.shape)


def ends(panel):
    """The first and the last moment of a panel."""
    times = np.concatenate([panel[name].times for name in panel.categories])
    return times.min(), times.max()


def factors(data, categories, model, label):
    """The reference of factors of some categories by their label, such as ``SVD 128 σ^1``."""
    R = np.hstack([data.taught[name] for name in categories])
    kind, k = label.split()[:2]
    if kind == "SVD":
        return plain.SVD(R, int(k), beta=1.0 if "σ^1" in label else 0.0)
    if kind == "EASE":
        return plain.EASE(R, int(k))
    [encoder] = [
        one.model
        for one in model.encoders.values()
        if one.categories == tuple(categories) and type(one.model) is ALSFactors
        and f"{one.model.n_components} {one.model.alpha:g}" == label.removeprefix("ALS ").split(" reg")[0]
    ]  # fmt: skip
    return plain.ALS(encoder.item_factors_.astype(np.float64), encoder.alpha, encoder.regularization)


def learned(label):
    """The map of a label such as ``Ridge 0.5``."""
    kind, number = (*label.split(), None)[:2]
    return {
        "Ridge": lambda X, Y: plain.ridge(X, Y, float(number)),
        "CCA": lambda X, Y: plain.cca(X, Y, int(number), 0.1),
        "Procrustes": plain.procrustes,
    }[kind]


def named(shown):
    """The name of the features that a recipe shows."""
    return None if shown == "all features" else shown


def reference_of(route, data, model):
    """The reference of one fitted route, by its kind and recipe."""
    histories, target = data.histories, data.target
    steps = route.recipe.removeprefix("joint → ").removeprefix("items → ").split(" → ")
    if route.kind is RouteKind.NEIGHBOURS:
        return plain.Neighbours(histories, route.sources[0], target)
    if route.kind is RouteKind.POPULARITY:
        return plain.Popularity(histories, target)
    if route.kind is RouteKind.LINKED_POPULARITY:
        return plain.Popularity(histories, target, [name for name in histories if name != target])
    if route.kind is RouteKind.RECENT_POPULARITY:
        if route.recipe == "popularity, for current users":
            return plain.Recent(histories, target)
        shown = float(route.recipe.split()[-4])
        return plain.Recent(histories, target, min((1 / 2, 1 / 8, 1 / 30), key=lambda h: abs(h - shown)))
    if route.kind is RouteKind.SHARED_ITEMS:
        kind, k = steps[0].split()
        source = route.sources[0]
        make = {"SVD": plain.SVD, "EASE": plain.EASE}[kind]
        return plain.shared_items(histories, source, target, data.same(source), lambda R: make(R, int(k)))
    if route.kind is RouteKind.LIKENESS:
        return plain.likeness(histories, route.sources[0], target, data.features(named(steps[0]))[0])
    if route.kind is RouteKind.CONTENT:
        return content(route.sources[0], steps, data, model)
    encoder = factors(data, route.sources, model, steps[0])
    if route.kind is RouteKind.JOINT:
        return plain.joint(histories, target, encoder)
    if route.kind is RouteKind.WITHIN:
        return plain.Route(route.sources, encoder, encoder.items)
    assert route.kind is RouteKind.MAPPED
    decoder = factors(data, (target,), model, steps[2])
    return plain.transfer(data.taught, route.sources[0], target, encoder, decoder, learned(steps[1]))


def content(source, steps, data, model):
    """A route from the features, or the factors, of a source to the features of the target's items."""
    vectors = data.features(named(steps[2]))[0]
    read = steps[0].startswith("SVD ")
    encoder = factors(data, (source,), model, steps[0]) if read else plain.Profile(vectors[source])
    decoder = plain.Profile(vectors[data.target])
    return plain.transfer(data.taught, source, data.target, encoder, decoder, learned(steps[1]))


def to_new_items(origin, data):
    """A route with the vectors of its items predicted by features, for items without users only."""
    n = (data.histories[data.target] > 0).sum(axis=0)
    if isinstance(origin, plain.Popularity):
        floor = origin.log_shares[n == 0].min()
        found = copy(origin)
        found.log_shares = plain.by_features(origin.log_shares[:, None], data.components(), n, floor)[:, 0]
        return found
    return plain.Route(
        origin.categories,
        origin.encoder,
        plain.by_features(origin.items, data.components(), n),
        origin.B,
        origin.b,
    )


class Reference:
    """The scores of a mapper of one target by its weights and the reference's routes."""

    def __init__(self, model, data):
        self.model, self.data = model, data
        self.histories, self.target = data.histories, data.target
        self.routes = {}
        for route in model.routes:
            if route.kind is not RouteKind.NEW_ITEMS:
                self.routes[route.name] = reference_of(route, data, model)
        for route in model.routes:
            if route.kind is RouteKind.NEW_ITEMS:
                origin = self.routes[route.name.removesuffix(" ⇢ new items")]
                self.routes[route.name] = to_new_items(origin, data)
        self.routes = {route.name: self.routes[route.name] for route in model.routes}

    def segments(self, histories):
        known = np.any([R.any(axis=1) for R in histories.values()], axis=0)
        return np.where(histories[self.target].any(axis=1), "warm", np.where(known, "cold", "empty"))

    def weights(self, histories):
        """(n_users, n_routes) by the gates of each user and the blend of the user's segment."""
        links = [route for route in self.routes.values() if isinstance(route, plain.Neighbours)]
        gates = plain.gates_of(histories, self.target, links)
        by_segment = {
            name: plain.weights_of(blend, gates) * kept for name, (blend, kept) in self.model.segments.items()
        }
        return np.array([by_segment[name][u] for u, name in enumerate(self.segments(histories))])

    def levels(self, histories):
        return np.array([self.model.levels[name] for name in self.segments(histories)])

    def scores(self, histories):
        W = self.weights(histories)
        parts = [W[:, [r]] * route.scores(histories) for r, route in enumerate(self.routes.values())]
        return np.sum(parts, axis=0) + self.levels(histories)[:, None]


def pairs_of(panel, target):
    """All pairs of a user and an item of the target, by user."""
    items = panel[target].items.ids
    product = pd.MultiIndex.from_product([panel.users.ids, items], names=["user_id", "item_id"])
    return product.to_frame(index=False)


def fresh_frame(panel, seed):
    """Users with other histories, some of them in one category only."""
    rng = np.random.default_rng(seed)
    frame = panel.to_frame()
    frame = frame.assign(user_id=rng.integers(0, 40, len(frame)))[rng.random(len(frame)) < 0.04]
    lonely = (frame["user_id"] < 15) & (frame["category"] != rng.choice(panel.categories))
    return frame[~lonely].drop_duplicates(["user_id", "item_id", "category"])


def dense_frame(frame, panel):
    """Histories over the items of a panel, users sorted."""
    users = np.unique(frame["user_id"])
    out = {name: np.zeros((len(users), len(panel[name].items))) for name in panel.categories}
    weights = np.ones(len(frame))
    if panel.has_times:
        first, last = ends(panel)
        seconds = frame["timestamp"].astype("datetime64[s]").astype(np.int64)
        weights = np.exp2(-(last - seconds) / (last - first) / 32).astype(np.float32)
    for weight, (user, item, name) in zip(
        weights, frame[["user_id", "item_id", "category"]].to_numpy(), strict=True
    ):
        out[name][np.searchsorted(users, user), panel[name].items.ids.tolist().index(item)] = weight
    return users, out
