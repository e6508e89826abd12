"""Tables in Markdown."""

from __future__ import annotations


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ends(low: float, high: float) -> str:
    """Return an interval of shares, in per cent."""
    return f"{100 * low:.2f}, {100 * high:.2f}"
