"""The frame of the page: head, navigation, style and script, all inside the one file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from tastebridge._foundation.version import __version__
from tastebridge.report.html import text

_BUTTON = '<button id="theme" type="button">Dark</button>'
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Makes the browser refuse every request; the page makes none, even if a name in it slips past escaping."""


def page(title: str, about: str, intro: str, sections: Sequence[tuple[str, str, str]], data: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    title : str
    about : str
        Markup of the lines on the report itself: date, author, model, data.
    intro : str
        Markup of the head of the page.
    sections : sequence of (name, short title, markup)
        Empty ones are left out, in the navigation too.
    data : str
        JSON with the users that the script shows.
    """
    shown = [part for part in sections if part[2]]  # no link may lead to a section that is not there
    links = "".join(f'<a href="#{name}">{text(short)}</a>' for name, short, _ in shown)
    script = _file("script.js")
    kept = f'<script type="application/json" id="people-data">{_harmless(data)}</script>' if data else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{text(title)}</title>
<link rel="icon" href="data:,">
<style>{_file("style.css")}{_file("print.css")}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><h1>{text(title)}</h1>{about}{intro}</header>
<nav aria-label="Sections"><div><span>{links}</span>{_BUTTON}</div></nav>
<main id="content">
{"".join(part for _, _, part in shown)}
</main>
<footer>Made by tastebridge {text(__version__)}. This file is self-contained and makes no network "
"requests.</footer>
{kept}
<script>{script}</script>
</body>
</html>
"""


def _file(name: str) -> str:
    return files("tastebridge.report").joinpath(name).read_text(encoding="utf-8")


def _harmless(json: str) -> str:
    """Return JSON in which no text can close the surrounding element."""
    # HTML entities are not decoded within a script, so the escapes are JSON's
    return json.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
