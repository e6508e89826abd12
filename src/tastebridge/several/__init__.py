"""Several targets at once: fitted in one pass, recommended in together."""

from tastebridge.several.recommender import SeveralTargets
from tastebridge.several.sharing import Built
from tastebridge.several.targets import targets_of

__all__ = ["Built", "SeveralTargets", "targets_of"]
