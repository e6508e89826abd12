"""Several targets at once: fitted in one pass, recommended in together."""

from tastebridge.fitting.shared_fit import Built
from tastebridge.recommenders.multi_target.recommender import SeveralTargets
from tastebridge.recommenders.multi_target.targets import targets_of

__all__ = ["Built", "SeveralTargets", "targets_of"]
