"""A report of a mapper: one HTML file that asks no other for anything."""

from tastebridge.report.writing import write_report

__all__ = ["write_report"]
