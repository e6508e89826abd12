"""A report of a mapper: one HTML file that needs no other file and makes no request."""

from tastebridge.report.writing import write_report

__all__ = ["write_report"]
