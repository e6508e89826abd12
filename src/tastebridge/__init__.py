"""Cross-domain recommendation: recommend in one category from users' histories in other categories."""

from __future__ import annotations

from importlib import import_module

from tastebridge._foundation.version import __version__ as __version__

TYPE_CHECKING = False  # as in typing, whose import takes longer than all of --help
if TYPE_CHECKING:
    from tastebridge.baselines import ItemNeighbours, JointALS, Popularity, RecentPopularity, TargetOnly
    from tastebridge.data import CleaningPolicy, Panel, Vocabulary, Weighting, read_panel
    from tastebridge.evaluation import evaluate, evaluate_ratings, evaluate_sampled
    from tastebridge.loading import load
    from tastebridge.model.blend import StackingBlend
    from tastebridge.recommenders.interest_mapper import InterestMapper
    from tastebridge.recommenders.private_mapper import PrivateMapper
    from tastebridge.recommenders.rating_mapper import RatingMapper

__all__ = [
    "CleaningPolicy",
    "InterestMapper",
    "ItemNeighbours",
    "JointALS",
    "Panel",
    "Popularity",
    "PrivateMapper",
    "RatingMapper",
    "RecentPopularity",
    "StackingBlend",
    "TargetOnly",
    "Vocabulary",
    "Weighting",
    "evaluate",
    "evaluate_ratings",
    "evaluate_sampled",
    "load",
    "read_panel",
]

_HOMES = {
    "CleaningPolicy": "data",
    "InterestMapper": "recommenders.interest_mapper",
    "ItemNeighbours": "baselines",
    "JointALS": "baselines",
    "Panel": "data",
    "Popularity": "baselines",
    "PrivateMapper": "recommenders.private_mapper",
    "RatingMapper": "recommenders.rating_mapper",
    "RecentPopularity": "baselines",
    "StackingBlend": "model.blend",
    "TargetOnly": "baselines",
    "Vocabulary": "data",
    "Weighting": "data",
    "evaluate": "evaluation",
    "evaluate_ratings": "evaluation",
    "evaluate_sampled": "evaluation",
    "load": "loading",
    "read_panel": "data",
}
"""The module of each public name. It is loaded with the first use of the name, so that
``tastebridge --version`` need not wait for scipy."""
_PACKAGES = (
    "baselines", "batch", "data", "datasets", "diagnostics", "evaluation", "exceptions",
    "factors", "features", "fitting", "loading", "maps", "metrics", "model", "moments", "online", "persist",
    "plots", "privacy", "recommenders", "report", "routes", "splits", "testing",
)  # fmt: skip


def __getattr__(name: str) -> object:
    """Return a public name or a subpackage, which is loaded on first access."""
    if name in _HOMES:
        found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names and the packages below."""
    return sorted({*globals(), *__all__, *_PACKAGES})
