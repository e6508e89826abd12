"""Nouns with their number or article, as screens, cards and errors show them."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless it is one thing.

    Examples
    --------
    >>> counted(1, "category"), counted(2000, "category"), counted(0, "user")
    ('1 category', '2,000 categories', '0 users')
    """
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{n:,} {noun}s"


def with_article(thing: object) -> str:
    """Return the name of the type of a thing, with its article.

    Examples
    --------
    >>> with_article([]), with_article(1)
    ('a list', 'an int')
    """
    name = type(thing).__name__
    return f"{'an' if name[0] in 'AEIOaeio' or name.startswith('nd') else 'a'} {name}"
