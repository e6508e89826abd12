"""The roles of docstrings as Markdown: :class:`X` as a link, :math:`x` and ``.. math::`` as formulas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from griffe import Extension, Object

API = Path(__file__).resolve().parent.parent / "pages" / "api"
ENTRIES = {
    entry.rsplit(".", 1)[-1]: entry
    for page in sorted(API.glob("*.md"))
    for entry in re.findall(r"^::: (\S+)", page.read_text(), re.M)
}
"""The entries of the reference by their last name: docstrings name each other without the way to them."""

ROLE = re.compile(r":(class|func|meth|mod|data|attr):`(~?)([^`]+)`")
MATH = re.compile(r":math:`([^`]+)`", re.S)
BLOCK = re.compile(r"^([ ]*)\.\. math::[ ]*(.*(?:\n\1[ ]+\S.*|\n\s*(?=\n\1[ ]+\S))*)", re.M)
CODE = re.compile(r"^([ ]*)\.\. code-block:: (\w+)\n", re.M)
TABLE = re.compile(r"^([ ]*)(=+)[ ]+(=+)\n.*?\n\1\2[ ]+\3\n(?=\s*\n|\Z)", re.M | re.S)


def as_markdown(text: str, scope: Object | None) -> str:
    """Return a docstring with roles, formulas and tables in Markdown; ``scope`` is its class or module."""
    text = TABLE.sub(_table, text)
    text = BLOCK.sub(lambda found: _formula(found[1], found[2]), text)
    text = MATH.sub(lambda found: rf"\({_joined(found[1])}\)", text)
    text = CODE.sub(lambda found: f"{found[1]}Example:\n", text)
    return ROLE.sub(lambda found: _link(found[2], found[3], scope), text)


def _joined(tex: str) -> str:
    return " ".join(tex.split())


def _formula(indent: str, body: str) -> str:
    return f"{indent}\\[{_joined(body)}\\]\n"


def _link(short: str, name: str, scope: Object | None) -> str:
    """Return a link that stays text where the site has no such entry."""
    first = name.split(".")[0]
    if first == "tastebridge" or scope is None:
        full = name
    elif scope.is_class and name in scope.all_members:
        full = f"{scope.path}.{name}"
    else:
        full = name.replace(first, ENTRIES.get(first, f"{scope.path}.{first}"), 1)
    shown = name.rsplit(".", 1)[-1] if short or first == "tastebridge" else name
    return f'<autoref identifier="{full}" optional><code>{shown}</code></autoref>'


def _table(found: re.Match[str]) -> str:
    """Return a simple table of two columns as Markdown; a row whose first cell is empty goes on."""
    indent, first, _ = found.groups()
    at = len(indent) + len(first) + 1
    rows: list[list[str]] = []
    for line in found[0].splitlines():
        if re.fullmatch(r"[ ]*=+[ ]+=+", line) or not line.strip():
            continue
        left, right = line[:at].strip(), line[at:].strip()
        if rows and not left:
            rows[-1][1] += f" {right}"
        elif rows and not right:
            rows[-1][0] += f" {left}"
        else:
            rows.append([left, right])
    head, *rest = [f"{indent}| {left} | {right} |" for left, right in _escaped(rows)]
    return "\n".join([head, f"{indent}| --- | --- |", *rest, ""])


def _escaped(rows: list[list[str]]) -> list[list[str]]:
    """Return cells with their bars escaped, except in code, where a table leaves them alone."""
    return [[re.sub(r"(``.*?``)|\|", lambda bar: bar[1] or r"\|", cell) for cell in row] for row in rows]


class Roles(Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            scope = obj if obj.is_class or obj.is_module else obj.parent
            obj.docstring.value = as_markdown(obj.docstring.value, scope)
