"""The contract of a recommender: what is recommended, told by brute force from what is predicted."""

import numpy as np
import pandas as pd


def had(panel, target):
    """The target items of every person, by id."""
    part, users = panel[target], panel.users.ids
    return {user: set(part.items.ids[row.indices]) for user, row in zip(users, part.matrix, strict=True)}


def best_by_hand(model, panel, user_ids, n, open_to=lambda user, item: True):
    """Every pair scored by ``predict``, sorted in full: ties to the item that comes first."""
    items, seen = panel[model.target].items.ids, had(panel, model.target)
    pairs = pd.MultiIndex.from_product([user_ids, items], names=["user_id", "item_id"]).to_frame(index=False)
    pairs["score"] = model.predict(pairs)
    mine = [item not in seen[user] and open_to(user, item) for user, item in pairs.iloc[:, :2].to_numpy()]
    pairs = pairs[np.array(mine, dtype=bool)]
    rows = [
        rows.sort_values("score", ascending=False, kind="stable").head(n).assign(user_id=user)
        for user in user_ids
        if len(rows := pairs[pairs["user_id"] == user])
    ]
    if not rows:
        return pairs.assign(rank=np.zeros(len(pairs), dtype=np.int64))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(rank=table.groupby("user_id", sort=False).cumcount() + 1)


def assert_same_lists(one, two, scores="exact"):
    """The same people, items and ranks in the same order; and the same scores, bit by bit."""
    columns = ["user_id", "item_id", "rank"] + (["score"] if scores == "exact" else [])
    pd.testing.assert_frame_equal(
        one[columns].reset_index(drop=True),
        two[columns].reset_index(drop=True),
        check_exact=True,
        check_dtype=False,
    )
