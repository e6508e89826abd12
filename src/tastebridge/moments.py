"""The public door to the additive statistics that maps are solved from."""

from tastebridge.maps.moments import Moments

__all__ = ["Moments"]
