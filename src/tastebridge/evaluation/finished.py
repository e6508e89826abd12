"""Finished lists of any system, prepared for evaluation by explicit rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.evaluation.list_tables import ListTable, Numbers, Recommendations, read_lists
from tastebridge.exceptions import InvalidDataError
from tastebridge.splits import Split

ACCOUNT = ["finding", "rows", "users", "rule"]


@dataclass(frozen=True)
class FinishedLists:
    """Finished lists of any system, as a model for :func:`tastebridge.evaluate`.

    Attributes
    ----------
    lists : DataFrame
        The evaluated rows: user_id, item_id and rank (from 1), best first.
    account : DataFrame
        One row per finding, with the numbers of rows and users and the rule that was applied: finding, rows,
        users, rule. It is empty without findings.

    Examples
    --------
    >>> from tastebridge.data import Panel
    >>> from tastebridge.splits import cold_users
    >>> rows = [(user, item, category) for user in "abcde" for item, category in ("xf", "zf", "yb")]
    >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    >>> split = cold_users(panel, "f", test_size=2)
    >>> user = split.user_ids[0]
    >>> theirs = pd.DataFrame({"user_id": [user] * 3, "item_id": list("zzx"), "rank": 1})
    >>> found = FinishedLists.of(theirs, split)
    >>> found.lists["item_id"].tolist(), found.account["finding"].tolist()
    (['z', 'x'], ['duplicates', 'users without a row'])
    """

    lists: pd.DataFrame
    account: pd.DataFrame

    @classmethod
    def of(cls, table: Recommendations, split: Split) -> FinishedLists:
        """Return the lists in a table, for the users of a split.

        Rows are ordered by rank if there is a rank column, with scores for ties, and otherwise by descending
        score. Further ties keep the order of the table. Then these rules apply, in this order:

        - **Rows without an id, or without a finite score or rank,** are left out.
        - **Users without hidden rows** are not evaluated.
        - **Items of other categories** and **items the user already has** in the target are removed, and
          later items move up. Such items cannot be hits, and lists of models never contain them.
        - **Duplicates**: the best position of an item counts, the others are removed.
        - **Unknown items**, which are in no row of the split, keep their position and count as misses.
        - **Users without a row** count as misses, with 0 in every accuracy metric.

        Parameters
        ----------
        table : frame of pandas, polars or Arrow, str or Path
            Columns for user_id and item_id, and score, rank or both. Files can be Parquet, a folder of
            Parquet files, CSV, or any other format of :func:`tastebridge.read_panel`.
        split : Split
            The split with the held-out rows.

        Raises
        ------
        InvalidDataError
            If a column is missing, ids are of another kind than in the split, or no user of the split has a
            row.
        """
        panel = split.train
        kinds = {"user_id": panel.users.kind, "item_id": panel[split.target].items.kind}
        return _Reader(read_lists(table, kinds), split).lists()

    def fit(self, panel: object) -> FinishedLists:
        """Return the same lists, as there is nothing to fit."""
        return self

    def recommend(self, user_ids: NDArray, n: int = 10) -> pd.DataFrame:
        """Return user_id, item_id and rank of at most ``n`` items for each of the users."""
        chosen = self.lists["rank"].le(n) & self.lists["user_id"].isin(user_ids)
        return self.lists[chosen].reset_index(drop=True)

    def said(self, n: int) -> str:
        """Return a sentence on all findings, and on users whose lists are shorter than ``n``; "" for none."""
        parts = [
            f"{row.finding}: {row.rows:,} rows of {row.users:,} users ({row.rule})"
            if row.rows
            else f"{row.finding}: {row.users:,} ({row.rule})"
            for row in self.account.itertuples()
        ]
        longest = self.lists.groupby("user_id")["rank"].max()
        if short := int((longest < n).sum()):
            parts.append(f"lists shorter than {n}: {short:,} users (nothing is added)")
        return "; ".join(parts)


class _Reader:
    """Applies the rules to a table, one after another, and counts."""

    def __init__(self, table: ListTable, split: Split) -> None:
        self._table, self._split = table, split
        self._rows: list[tuple[str, int, int, str]] = []

    def lists(self) -> FinishedLists:
        """Return the evaluated lists and the account."""
        table, split = self._table, self._split
        order = self._ordered()
        if len(table.users) and not len(order):
            raise InvalidDataError(
                "no row has both ids and a finite number as score and as rank. Leave out a column without "
                "numbers."
            )
        users = split.train.users.numbers(table.users[order], missing="negative")
        judged = pd.Index(split.user_ids).get_indexer(table.users[order]) >= 0
        order, users = self._kept(order, users, judged, "users without hidden rows", "not judged")
        if not len(order):
            raise InvalidDataError(
                "no recommendation is to a user with hidden rows. Are the recommendations and the split of "
                f"the same users? The split has user_id {split.user_ids[:1].tolist()[0]!r}, for example."
            )
        items = split.train[split.target].items.numbers(table.items[order], missing="negative")
        # an item may stand in several categories; what the target has is of the target
        other = (items < 0) & self._elsewhere(table.items[order])
        order, users, items = self._kept(order, users, ~other, "items of other categories", "left out", items)
        had = self._had(users, items)
        order, users, items = self._kept(order, users, ~had, "items already had", "left out", items)
        double = pd.DataFrame({"user": users, "item": table.items[order]}).duplicated().to_numpy()
        order, users, items = self._kept(order, users, ~double, "duplicates", "the best place counts", items)
        # an item that only hidden rows have is new to the training, and can be found all the same
        hidden = pd.Index(split.truth["item_id"].unique()).get_indexer(table.items[order]) >= 0
        self._note(users, (items >= 0) | hidden, "unknown items", "missed, at their place")
        frame = pd.DataFrame({"user_id": table.users[order], "item_id": table.items[order]})
        frame["rank"] = frame.groupby("user_id").cumcount() + 1
        without = len(split.user_ids) - frame["user_id"].nunique()
        if without:
            self._rows.append(("users without a row", 0, without, "missed, 0 in every metric of accuracy"))
        return FinishedLists(frame, pd.DataFrame(self._rows, columns=ACCOUNT))

    def _ordered(self) -> Numbers:
        """Return the numbers of usable rows, the best of each user first."""
        order, usable = self._table.ordered()
        self._note(self._table.users, usable, "rows without an id or a number", "left out")
        return order

    def _kept(
        self, order: Numbers, users: Numbers, keep: NDArray[np.bool_], finding: str, rule: str, *more: Numbers
    ) -> tuple[Numbers, ...]:
        self._note(users if more else self._table.users[order], keep, finding, rule)
        return (order[keep], users[keep], *(part[keep] for part in more))

    def _note(self, users: NDArray, keep: NDArray[np.bool_], finding: str, rule: str) -> None:
        if rows := int(np.count_nonzero(~keep)):
            self._rows.append((finding, rows, len(pd.unique(users[~keep])), rule))

    def _elsewhere(self, ids: NDArray) -> NDArray[np.bool_]:
        """Return which items are of another category of the training panel."""
        return np.any([pd.Index(known).get_indexer(ids) >= 0 for known in self._others()], axis=0)

    def _others(self) -> Iterator[NDArray]:
        panel, target = self._split.train, self._split.target
        yield np.zeros(0, dtype=object)
        for name in panel.categories:
            if name != target:
                yield panel[name].items.ids

    def _had(self, users: Numbers, items: Numbers) -> NDArray[np.bool_]:
        """Return which rows are of an item that their user has in the training rows of the target."""
        matrix = self._split.train[self._split.target].matrix
        found = np.zeros(len(users), dtype=bool)
        known = np.flatnonzero((users >= 0) & (items >= 0))
        if len(known):
            # user and item as one number
            keys = users * matrix.shape[1] + items
            rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
            found[known] = np.isin(keys[known], rows * matrix.shape[1] + matrix.indices)
        return found
