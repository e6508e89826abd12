"""The kinds of ids in a model, by which ids made of digits in a text file are read."""

from __future__ import annotations

from tastebridge.data.text_ids import IdKind
from tastebridge.recommenders import Recommender


def kinds_of(recommender: Recommender) -> dict[str, IdKind]:
    """Return the kind of a model's item ids and, if it holds its users, of their ids.

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
    # categories with ids of different kinds leave it open, as without a model
    if len(items) == 1:
        found["item_id"] = items.pop()
    panel = getattr(recommender, "panel_", None)
    if panel is not None and len(panel.users):
        found["user_id"] = panel.users.kind
    return found
