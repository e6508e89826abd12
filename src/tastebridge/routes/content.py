"""The content routes: features of the items of a history, mapped to features of the target's items."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.base import clone

from tastebridge._foundation.validation import check_count
from tastebridge.factors.base import FactorModel
from tastebridge.maps import RidgeMap
from tastebridge.maps.base import LinearMap
from tastebridge.maps.moments import Moments
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import Array, FittedRoute, known_to
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.mapped import MapStatistics, paired_moments
from tastebridge.routes.profiles import ProfileEncoder
from tastebridge.routes.reader import Reading, less
from tastebridge.routes.route import Route, sources_of
from tastebridge.routes.transfer import encoder_of, label

ALPHA = 0.2
"""The ridge penalty of the map between profiles."""
_ALL = "all features"


class ContentRoute(Route):
    r"""A profile of the history, mapped to a profile of target items; the map is learned from linked users.

    With the whitened features :math:`t_i` of items (:mod:`tastebridge.routes.description`), the profile of a
    user is :math:`x = d^{-1/2} \sum_{j \in u} t_j` over the d items of the history in the source. The profile
    y is the same over the history in the target. The linked users' moments of :math:`(x, y)` give the ridge
    map :math:`B, b`, and the score of a target item is :math:`(x B + b)^\top t_i`. Every described item has a
    score, even without any event.

    Parameters
    ----------
    features : str, optional
        The name of the features, as in :meth:`tastebridge.Panel.with_item_features`; None for all names
        together. Without such features of the target there is no route.
    n_components : int, default=64
        Maximum number of principal directions of the features.
    map : linear map, default=RidgeMap(0.2)
    profile : factor model, optional
        Encodes the history in the source; None for the features of the source's items.
    sources : list of str, optional
        The sources; None for all. Sources without the necessary features or users are skipped.

    References
    ----------
    Z. Gantner et al., "Learning attribute-to-feature mappings for cold-start recommendations", ICDM (2010).
    """

    def __init__(
        self,
        features: str | None = None,
        n_components: int = 64,
        map: LinearMap | None = None,
        profile: FactorModel | None = None,
        sources: list[str] | None = None,
    ) -> None:
        self.features = features
        self.n_components = n_components
        self.map = map
        self.profile = profile
        self.sources = sources

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return a fitted route for every source with linked users."""
        check_count("n_components", self.n_components)
        described = context.described(self.features, self.n_components)
        wanted = sources_of(self, self.sources, context)
        return [
            self._one(context, source)
            for source in wanted
            if context.target in described
            and len(context.linked(source))
            and (self.profile is not None or source in described)
        ]

    def _one(self, context: FitContext, source: str) -> FittedRoute:
        if self.profile is None:
            encoder, shown = content_encoder(context, source, self), shown_name(self)
        else:
            model = context.factors((source,), self.profile)
            encoder, shown = encoder_of(context, (source,), model), label(model)
        decoder, taught = content_encoder(context, context.target, self), context.taught
        linked = known_to((source,), taught) & known_to((context.target,), taught)
        sides = ((encoder, source), (decoder, context.target))
        phi, psi = (
            (context.encoders[key].model.transform, taught[category][linked]) for key, category in sides
        )
        rule = clone(self.map or RidgeMap(ALPHA))
        recipe = f"{shown} → {label(rule)} → {shown_name(self)}"
        name = f"{source} → {recipe}"
        account = MapStatistics(
            name, source, context.target, encoder, decoder, rule, paired_moments(phi, psi)
        )
        context.keep(name, account)
        return FittedRoute(
            name,
            (source,),
            encoder,
            *account.solved(),
            content_space(context, self),
            kind=RouteKind.CONTENT,
            recipe=recipe,
        )


class LikenessRoute(Route):
    r"""The profile of the history, mapped to the next item; the map is learned from users of the target.

    The mean of the features :math:`t_i` over all events of a category is subtracted. A profile therefore
    shows the difference between a user and the average there. Every item i of a user with d > 1 items in the
    target is paired with the profile of the other items,
    :math:`x = (d - 1)^{-1/2} \sum_{j \ne i} t_j \mapsto t_i`. The ridge map B, b of these pairs predicts the
    features of the next item from a history: a learned metric of similarity. The moments of all pairs are
    sums over users and items,

    .. math:: X^\top X = \sum_u \frac{(d_u - 2)\, s_u s_u^\top + Q_u}{d_u - 1}, \qquad
              X^\top Y = \sum_u \frac{s_u s_u^\top - Q_u}{\sqrt{d_u - 1}}, \qquad
              s_u = \sum_{j \in u} t_j, \quad Q_u = \sum_{j \in u} t_j t_j^\top.

    The route serves users with a history in the target. The same map serves users of every source whose
    features are of the same space as the target's, so shared users are not needed.

    Parameters
    ----------
    features : str, optional
    n_components : int, default=64
    map : linear map, default=RidgeMap(0.2)
    across : bool, default=True
        Whether sources of the same space are also served.

    References
    ----------
    P. Lops, M. de Gemmis and G. Semeraro, "Content-based recommender systems: state of the art and trends",
    in: Recommender Systems Handbook (2011).
    """

    def __init__(
        self,
        features: str | None = None,
        n_components: int = 64,
        map: LinearMap | None = None,
        across: bool = True,
    ) -> None:
        self.features = features
        self.n_components = n_components
        self.map = map
        self.across = across

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the routes of the target and of the sources in its space."""
        check_count("n_components", self.n_components)
        described = context.described(self.features, self.n_components)
        if context.target not in described:
            return []
        group = described[context.target].group
        encoder = centred_encoder(context, context.target, self)
        moments = next_item_moments(
            context.histories[context.target], context.encoders[encoder].model.encoder_
        )
        # no user has two items, or all items have the same features
        if not moments.n or not min(moments.shape):
            return []
        fitted = clone(self.map or RidgeMap(ALPHA)).fit_moments(moments)
        space = content_space(context, self)
        names = [name for name in context.sources if name in group and self.across]
        return [
            FittedRoute(
                f"{name} ≈ {shown_name(self)}",
                (name,),
                centred_encoder(context, name, self),
                fitted.coef_,
                fitted.intercept_,
                space,
                bridge="features",
                kind=RouteKind.LIKENESS,
                recipe=shown_name(self),
            )
            for name in [*names, context.target]
        ]


def next_item_moments(rows: sparse.csr_matrix, T: Array) -> Moments:
    """Return the moments of (profile of the other items, item) over all items of users with at least two."""
    counts = np.diff(rows.indptr)
    rows, d = rows[counts > 1], counts[counts > 1].astype(np.float64)
    # the encoder divides by the root of d; the moments need the plain sums
    S = ProfileEncoder(T).transform(rows) * np.sqrt(d)[:, None]
    users = np.repeat(np.arange(len(d)), d.astype(np.int64))

    def outer(weight: Array) -> Array:
        """Return the sum over all pairs of a user and an item of ``weight[user] t t'``."""
        # weights are summed by item first: one product over items instead of one over all pairs
        by_item = np.bincount(rows.indices, weight[users], minlength=len(T))
        return np.asarray((T * by_item[:, None]).T @ T)

    w = 1.0 / (d - 1.0)
    xx = (S * ((d - 2.0) * w)[:, None]).T @ S + outer(w)
    xy = (S * np.sqrt(w)[:, None]).T @ S - outer(np.sqrt(w))
    return Moments(float(d.sum()), np.sqrt(d - 1.0) @ S, S.sum(axis=0), xx, xy, outer(np.ones(len(d))))


def shown_name(route: ContentRoute | LikenessRoute) -> str:
    """Return the name of a route's features in the route's name, unique among routes."""
    if route.features is None:
        return _ALL
    # in quotes, where a user's own features have the name that stands for all of them
    return repr(_ALL) if route.features == _ALL else route.features


def content_encoder(context: FitContext, category: str, route: ContentRoute | LikenessRoute) -> str:
    """Keep the encoder of the profiles of a category and return its key."""
    T, reading = _read(context, category, route)
    key = f"{category}: features {route.features!r} {route.n_components}"
    context.readings[key] = reading
    return context.encoder((category,), ProfileEncoder(T), key)


def centred_encoder(context: FitContext, category: str, route: LikenessRoute) -> str:
    """Keep the encoder of a category's profiles, with the mean over its events subtracted; return its key."""
    T, reading = _read(context, category, route)
    counts = np.bincount(context.histories[category].indices, minlength=len(T))
    usual = counts @ T / max(counts.sum(), 1)
    key = f"{category}: features {route.features!r} {route.n_components}, centred"
    context.readings[key] = reading._replace(usual=usual)
    return context.encoder((category,), ProfileEncoder(less(T, usual)), key)


def content_space(context: FitContext, route: ContentRoute | LikenessRoute) -> str:
    """Keep the vectors of the target's items as a space and return its key."""
    T, reading = _read(context, context.target, route)
    key = f"features {route.features!r} {route.n_components}"
    context.readings[key] = reading
    return context.space(key, T)


def _read(context: FitContext, category: str, route: ContentRoute | LikenessRoute) -> tuple[Array, Reading]:
    """Return the item vectors of a category, and the map from features to such vectors."""
    found = context.described(route.features, route.n_components)[category]
    return found.vectors, Reading(category, found.reader)
