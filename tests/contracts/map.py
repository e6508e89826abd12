"""Paired factors for tests of maps; the contract itself is shipped as `tastebridge.testing.check_map`."""

from tastebridge.testing.maps import check_map, paired

__all__ = ["check_map", "paired"]
