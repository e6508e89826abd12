"""Maps from the factors of one category to the factors of another: ordinary multi-output regressors."""

from tastebridge.maps.base import LinearMap
from tastebridge.maps.cca import CCAMap
from tastebridge.maps.foreign import SklearnMap, from_sklearn
from tastebridge.maps.procrustes import ProcrustesMap
from tastebridge.maps.ridge import RidgeMap

__all__ = ["CCAMap", "LinearMap", "ProcrustesMap", "RidgeMap", "SklearnMap", "from_sklearn"]
