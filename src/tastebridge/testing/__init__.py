"""Checks for your own maps, factor models and routes against their contracts.

They raise ``AssertionError`` with the promise that is broken, so that a test is one line::

    from tastebridge.testing import check_map


    def test_my_map():
        check_map(MyMap())

The package's own maps, factor models and routes are held to the same checks.
"""

from tastebridge.testing.factors import check_factors
from tastebridge.testing.maps import check_map
from tastebridge.testing.routes import check_route

__all__ = ["check_factors", "check_map", "check_route"]
