"""The header lines of a report: its date and author, the model and the data."""

from __future__ import annotations

from datetime import date

from tastebridge._foundation.nouns import counted
from tastebridge._foundation.version import __version__
from tastebridge.persist import fingerprint
from tastebridge.report.html import text
from tastebridge.report.mapper import ReportedMapper

_DIGITS = 12
"""Digits of the fingerprint that are shown: enough to tell models apart, and few enough to compare by eye."""


def about(mapper: ReportedMapper, author: str | None, data: str | None) -> str:
    """Return a list of terms and descriptions: made, model, data."""
    cleaned, sizes = mapper.findings_["cleaning"], mapper.findings_["overview"]
    rows = cleaned.set_index("step")["rows"]
    made = f"{date.today():%Y-%m-%d}" + (f" by {author}" if author else "")
    model = (
        f"{type(mapper).__name__} of tastebridge {__version__}, fingerprint {fingerprint(mapper)[:_DIGITS]}"
    )
    counts = f"{counted(int(rows['rows in']), 'event')} in {counted(len(sizes), 'category')}"
    lines = {"Made": made, "Model": model, "Data": f"{data}: {counts}" if data else counts}
    terms = "".join(f"<div><dt>{text(name)}</dt><dd>{text(said)}</dd></div>" for name, said in lines.items())
    return f'<dl class="about">{terms}</dl>'
