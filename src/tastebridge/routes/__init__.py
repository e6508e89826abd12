"""Routes: linear scorers of the target's items by a user's histories."""

from tastebridge.routes.content import ContentRoute, LikenessRoute
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import (
    Encoded,
    Encoder,
    FittedRoute,
    Histories,
    encoded_by,
    known_to,
    side_by_side,
    sound,
    vectors_of,
    width_of,
)
from tastebridge.routes.item_regression import ItemRegressionRoute
from tastebridge.routes.joint import JointRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.neighbours import NeighbourRoute
from tastebridge.routes.new_items import (
    NEW_ITEMS,
    can_learn,
    is_described,
    new_items,
    reaches_new_items,
    routes_to_new_items,
)
from tastebridge.routes.popularity import PopularityRoute
from tastebridge.routes.recent import RecentPopularityRoute
from tastebridge.routes.route import Route
from tastebridge.routes.shared_items import SharedItemsRoute
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics
from tastebridge.routes.target import TargetRoute
from tastebridge.routes.transfer import TransferRoute

__all__ = [
    "NEW_ITEMS",
    "ContentRoute",
    "Encoded",
    "Encoder",
    "FitContext",
    "FittedRoute",
    "Histories",
    "ItemRegressionRoute",
    "JointRoute",
    "LikenessRoute",
    "Moves",
    "NeighbourRoute",
    "Parts",
    "PopularityRoute",
    "RecentPopularityRoute",
    "Route",
    "RouteKind",
    "RouteStatistics",
    "SharedItemsRoute",
    "TargetRoute",
    "TransferRoute",
    "can_learn",
    "encoded_by",
    "is_described",
    "known_to",
    "new_items",
    "reaches_new_items",
    "routes_to_new_items",
    "side_by_side",
    "sound",
    "vectors_of",
    "width_of",
]
