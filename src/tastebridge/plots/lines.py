"""Numbers along an axis: accuracy by length of history, and said against seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tastebridge.plots.scale import Scale, linear, ticks
from tastebridge.plots.svg import Picture, dot, frame, segment, trail, words

_WIDTH, _HEIGHT = 360.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 348.0, 26.0, 200.0


def history_plot(groups: Sequence[tuple[str, float, float, float, float]], title: str, unit: str) -> Picture:
    """Draw a measure by length of history, with intervals, beside that of the baseline.

    Parameters
    ----------
    groups : sequence of (label, mean, low, high, baseline)
    title, unit : str

    Examples
    --------
    >>> "1–4" in history_plot([("1–4", 0.2, 0.1, 0.3, 0.1), ("5 or more", 0.3, 0.2, 0.4, 0.1)], "By", "NDCG")
    True
    """
    highest = max((max(row[3], row[4]) for row in groups), default=1.0)
    y = linear(0.0, 1.08 * highest, _BOTTOM, _TOP)
    x = linear(-0.5, len(groups) - 0.5, _LEFT, _RIGHT)
    marks = [*_level_lines(y, 1.08 * highest), words(_LEFT, 14, unit, "soft", size=11)]
    marks.append(trail([(x(at), y(row[4])) for at, row in enumerate(groups)], "flat", dashed=True))
    marks.append(trail([(x(at), y(row[1])) for at, row in enumerate(groups)]))
    for at, (label, mean, low, high, baseline) in enumerate(groups):
        marks.append(dot(x(at), y(baseline), 3, "flat", f"{label}: {baseline:.3f} without sources"))
        marks.append(segment(x(at), y(low), x(at), y(high), "accent", 3))
        marks.append(dot(x(at), y(mean), 5, "accent", f"{label}: {mean:.3f} ({low:.3f} to {high:.3f})"))
        marks.append(words(x(at), _BOTTOM + 16, label.replace(" or more", "+"), "soft", "middle", 11))
    marks.append(words(_RIGHT, _BOTTOM + 34, "items known of a person elsewhere", "soft", "end", 11))
    marks += _legend("with sources", "without")
    said = "; ".join(
        f"{label} items: {mean:.3f}, without sources {base:.3f}" for label, mean, _, _, base in groups
    )
    return frame(_WIDTH, _HEIGHT, title, said, marks)


def reliability_plot(points: Sequence[tuple[float, float, float]], title: str) -> Picture:
    """Draw what was said against what was seen: on the diagonal, the two are the same.

    Parameters
    ----------
    points : sequence of (predicted, observed, people)
    title : str

    Examples
    --------
    >>> "share seen" in reliability_plot([(0.2, 0.25, 40), (0.7, 0.6, 40)], "Reliability")
    True
    """
    highest = min(1.0, 1.1 * max((max(said, seen) for said, seen, _ in points), default=1.0))
    y = linear(0.0, highest, _BOTTOM, _TOP)
    x = linear(0.0, highest, _LEFT, _RIGHT)
    marks = [*_level_lines(y, highest), words(_LEFT, 14, "share seen", "soft", size=11)]
    marks += [
        words(x(value), _BOTTOM + 16, f"{value:g}", "soft", "middle", 11) for value in ticks(0.0, highest)
    ]
    marks.append(segment(x(0), y(0), x(highest), y(highest), "flat", 1.5, dashed=True))
    marks.append(trail([(x(said), y(seen)) for said, seen, _ in points]))
    for said, seen, people in points:
        marks.append(
            dot(x(said), y(seen), 4.5, "accent", f"said {said:.2f}, seen {seen:.2f}, {people:g} people")
        )
    marks.append(words(_RIGHT, _BOTTOM + 34, "probability said", "soft", "end", 11))
    told = "; ".join(f"said {said:.2f}, seen {seen:.2f}" for said, seen, _ in points)
    return frame(_WIDTH, _HEIGHT, title, told, marks)


def _level_lines(y: Scale, highest: float) -> Iterator[str]:
    for value in ticks(0.0, highest):
        yield segment(_LEFT, y(value), _RIGHT, y(value))
        yield words(_LEFT - 6, y(value) + 4, f"{value:g}", "soft", "end", 11)


def _legend(one: str, other: str) -> Iterator[str]:
    yield segment(_RIGHT - 178, 10, _RIGHT - 162, 10, "accent", 3)
    yield words(_RIGHT - 158, 14, one, "soft", size=11)
    yield segment(_RIGHT - 74, 10, _RIGHT - 58, 10, "flat", 2, dashed=True)
    yield words(_RIGHT - 54, 14, other, "soft", size=11)
