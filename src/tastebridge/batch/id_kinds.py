"""The kinds of ids that a model knows, so that the digits of a text file are read as the model's are."""

from __future__ import annotations

from typing import Any

from tastebridge.data.text_ids import IdKind


def kinds_of(recommender: Any) -> dict[str, IdKind]:
    """Return the kind of the item ids a model knows and, where it holds its users, of theirs.

    Parameters
    ----------
    recommender : Recommender
        Fitted.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge.datasets import make_panel
    >>> kinds_of(tb.Popularity("films").fit(make_panel(n_users=50, n_items=20)[0]))["item_id"]
    'str'
    """
    found: dict[str, IdKind] = {}
    items = {part.kind for part in (getattr(recommender, "items_", None) or {}).values() if len(part)}
    if len(items) == 1:
        found["item_id"] = items.pop()
    panel = getattr(recommender, "panel_", None)
    if panel is not None and len(panel.users):
        found["user_id"] = panel.users.kind
    return found
