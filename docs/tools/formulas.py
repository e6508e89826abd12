"""Formulas as MathML, made when the site is built: no script and no network when it is read."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert
from mkdocs.plugins import get_plugin_logger

log = get_plugin_logger("formulas")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.S)


def mathml(tex: str, display: str) -> str:
    """Return the MathML of a formula."""
    # latex2mathml knows neither of these
    tex = tex.replace(r"\lVert", r"\|").replace(r"\rVert", r"\|").replace(r"\tfrac", r"\frac")
    return convert(" ".join(tex.split()), display=display)


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """Replace the formulas of a page; one that cannot be read is a warning, and so an error when strict."""

    def replaced(found: re.Match[str]) -> str:
        tag, bracket, tex = found.groups()
        try:
            made = mathml(html.unescape(tex), "block" if bracket == "[" else "inline")
        except Exception as error:  # whatever the converter raises, name the page and the formula
            log.warning(f"{page.file.src_uri}: no MathML of {tex!r}: {error!r}")
            return found[0]
        return f'<{tag} class="formula">{made}</{tag}>'

    return FORMULA.sub(replaced, content)
