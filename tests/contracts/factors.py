"""Histories for tests of factor models; the contract is shipped as `tastebridge.testing.check_factors`."""

from tastebridge.testing.factors import check_factors, histories

__all__ = ["check_factors", "histories"]
