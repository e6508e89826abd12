"""A mapper to a report, and the report to a file."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from scipy import sparse

from tastebridge._foundation.validation import check_count, check_fitted
from tastebridge.data import Panel
from tastebridge.data.types import Events
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.model.filters import Filters
from tastebridge.persist.output import replaced
from tastebridge.persist.writable import check_file
from tastebridge.report.about import about
from tastebridge.report.inside import directions_section, interests_section, routes_section
from tastebridge.report.lookup import lookup_data, lookup_section
from tastebridge.report.mapper import ReportedMapper
from tastebridge.report.overview import cost_section, data_section, intro
from tastebridge.report.page import page
from tastebridge.report.quality import accuracy_section, breadth_section, confidence_section
from tastebridge.report.reasons import state_of
from tastebridge.report.samples import samples_section
from tastebridge.report.sources import related_section, sources_section

_TIMED = 1000
_PEOPLE = 300
"""Users to look up if events are given."""


def write_report(
    mapper: ReportedMapper,
    path: str | Path,
    events: Events | None = None,
    people: int | None = None,
    author: str | None = None,
    data: str | None = None,
) -> Path:
    """Write a report of a fitted mapper: a single HTML file without network requests.

    Its figures were measured on held-out users during the fit and are stored in the model, so a model without
    users is sufficient. By default, the file contains no users. If events or a number of ``people`` are
    given, some users can be looked up by id, with their recommendations and the reasons. Such a report
    contains personal data.

    Parameters
    ----------
    mapper : InterestMapper
        Fitted or loaded.
    path : str or Path
        The file to write.
    events : Panel or frame, optional
        Histories of users to look up, for a model that holds none.
    people : int, optional
        Maximum number of users to look up, drawn at random from the events, or from the users of the model.
        By default 300 if events are given, and none otherwise.
    author : str, optional
        The author of the report, shown in its header.
    data : str, optional
        A description of the data, such as ``"shop.csv, June 2026"``, shown in the header.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidParameterError
        If ``people`` is not a count, or is above 0 without any users to look up; or ``path`` is a folder or
        is not in an existing folder.
    InvalidDataError
        If the recommender has no figures to report, such as a baseline or a model of an early version.

    Examples
    --------
    >>> import tempfile
    >>> import tastebridge as tb
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=400, n_items=60)
    >>> mapper = tb.InterestMapper("films").fit(panel)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_report(mapper, f"{folder}/report.html", author="The shop's data team")
    ...     "Does it help" in file.read_text(encoding="utf-8")
    True
    """
    check_fitted(mapper, "targets_")
    people = (0 if events is None else _PEOPLE) if people is None else check_count("people", people, 0)
    path = check_path(Path(path))
    if not hasattr(mapper, "findings_"):
        raise InvalidDataError(
            f"this {type(mapper).__name__} has nothing to report: it is not an InterestMapper, or it was "
            "saved by an earlier version. Fit it again."
        )
    panel = mapper.panel_ if events is None else state_of(mapper).encoder.read(events)
    if people and panel is None:
        raise InvalidParameterError(
            f"people={people} needs users to look up, and the model holds none. Pass events, or leave it out."
        )
    text = _render(mapper, panel, people, about(mapper, author, data))
    # only now is the file touched: an error on the way leaves an earlier report as it was
    with replaced(path) as new:
        new.write_text(text, encoding="utf-8")
    return path


def check_path(path: Path) -> Path:
    """Return the path if a report can be written there."""
    check_file("the report's path", path)
    return path


def _render(mapper: ReportedMapper, panel: Panel | None, people: int, head: str) -> str:
    data, shown = lookup_data(mapper, panel, people) if panel is not None and people else ("", 0)
    sections = [
        ("sources", "Does it help?", sources_section(mapper)),
        ("accuracy", "How good?", accuracy_section(mapper)),
        ("confidence", "Confidence", confidence_section(mapper)),
        ("breadth", "What kind?", breadth_section(mapper)),
        ("related", "Categories", related_section(mapper)),
        ("directions", "Directions", directions_section(mapper)),
        ("samples", "Samples", samples_section(mapper)),
        ("people", "Look up", lookup_section(shown, len(panel)) if panel is not None and shown else ""),
        ("interests", "Interests", interests_section(mapper)),
        ("routes", "Routes", routes_section(mapper)),
        ("data", "Data", data_section(mapper)),
        ("cost", "Cost", cost_section(mapper, _seconds(mapper))),
    ]
    return page(f"Recommending in {mapper.target}", head, intro(mapper), sections, data)


def _seconds(mapper: ReportedMapper) -> float:
    """Return the seconds per user for ten recommendations, with made-up histories of ten items per source."""
    rng = np.random.default_rng(0)
    histories = {}
    for name, items in mapper.items_.items():
        size = 0 if name == mapper.target else min(10, len(items))
        columns = np.sort(rng.integers(len(items), size=(_TIMED, size)), axis=1).ravel()
        data = np.ones(len(columns), dtype=np.float32)
        rows = sparse.csr_matrix((data, columns, np.arange(_TIMED + 1) * size), shape=(_TIMED, len(items)))
        rows.sum_duplicates()  # items are drawn with repetition, and a model takes each once
        histories[name] = rows
    # one batch of a thousand users: for a single one the calls would take longer than the work
    start = time.perf_counter()
    state = state_of(mapper)
    state.scorer.top_items(histories, min(10, len(state.items)), Filters())
    return (time.perf_counter() - start) / _TIMED
