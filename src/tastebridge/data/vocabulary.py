"""A vocabulary: the ids of users or items, sorted, and the number of each inside the package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_choice, nearest
from tastebridge.data.coding import Kind, encode
from tastebridge.data.reindexing import Places
from tastebridge.exceptions import InvalidDataError, UnknownIdError

_SHOWN = 5
_SEARCHED = 2_000
_FEW = 50
"""Ids asked for are few where there are so many times more: a table of all would take longer to make."""
_HANDFUL = 64
"""So many are few even where there is a table."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The ids of users or items, sorted ascending; the number of an id is its position.

    Ids come from the caller (all int or all str). Numbers are 0 … n-1 and are used inside the package.

    Parameters
    ----------
    ids : ndarray
        Clean ids: int64, or object holding only str; sorted and unique. For raw ids use :meth:`from_ids`.
    name : str, default="id"
        The word for one id in an error.

    Examples
    --------
    >>> users = Vocabulary.from_ids(["eva", "ada", "eva"])
    >>> users.ids.tolist()
    ['ada', 'eva']
    >>> users.numbers(["eva"]).tolist(), users.ids_of([0]).tolist()
    ([1], ['ada'])
    """

    ids: np.ndarray
    name: str = "id"

    def __post_init__(self) -> None:
        if self.ids.ndim != 1 or self.ids.dtype not in (np.dtype(np.int64), np.dtype(object)):
            raise InvalidDataError(
                f"Vocabulary needs a 1-d array of int64 or of str objects; got {self.ids.dtype} of shape"
                f" {self.ids.shape}. Use Vocabulary.from_ids for raw ids."
            )
        if not np.all(self.ids[1:] > self.ids[:-1]):
            raise InvalidDataError("Vocabulary needs sorted unique ids. Use Vocabulary.from_ids for raw ids.")
        # A view, so that the caller's own array stays writable.
        frozen = self.ids.view()
        frozen.flags.writeable = False
        object.__setattr__(self, "ids", frozen)

    @classmethod
    def from_ids(cls, ids: object, name: str = "user_id") -> Vocabulary:
        """Make a vocabulary of raw ids, in any order and with repetitions.

        Parameters
        ----------
        ids : list, ndarray, pandas, polars or pyarrow column
            All int or all str, none missing.
        name : str, default="user_id"
            The word for one id in an error.

        Returns
        -------
        Vocabulary
            The distinct ids.

        Raises
        ------
        InvalidDataError
            If an id is missing, or the ids are of mixed type.
        """
        coded = encode(ids, name)
        _refuse_missing(coded.codes, name)
        return cls(coded.ids, name)

    @property
    def kind(self) -> Kind:
        """``"int"`` or ``"str"``: the type of every id."""
        return "int" if self.ids.dtype == np.int64 else "str"

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: object) -> bool:
        fits = isinstance(id, str) if self.kind == "str" else isinstance(id, int | np.integer)
        # True == 1 in Python, and is no id.
        return fits and not isinstance(id, bool) and id in self._index

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self is other or (self.kind == other.kind and np.array_equal(self.ids, other.ids))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(id) for id in self.ids[:3].tolist()) + (", …" if len(self) > 3 else "")
        return f"<Vocabulary of {len(self):,} {self.kind} ids: {shown}>"

    def numbers(self, ids: object, missing: Literal["error", "skip", "negative"] = "error") -> np.ndarray:
        """Return the numbers of ids.

        Parameters
        ----------
        ids : list, ndarray, pandas, polars or pyarrow column
            Of the same kind as the vocabulary.
        missing : {"error", "skip", "negative"}, default="error"
            The treatment of an id outside the vocabulary: raise, leave out, or make it -1.

        Returns
        -------
        ndarray of int64
            One number per id, in their order.

        Raises
        ------
        UnknownIdError
            If an id is unknown and ``missing="error"``.
        InvalidDataError
            If the ids are of the other kind (``"7"`` asked of ints), mixed, null, or a single value.
        """
        check_choice("missing", missing, ("error", "skip", "negative"))
        coded = encode(ids, self.name)
        _refuse_missing(coded.codes, self.name)
        self._refuse_other_kind(coded.ids)
        found = self._find(coded.ids)
        numbers = found.astype(np.int64)[coded.codes]
        if missing == "error" and len(found) and found.min() < 0:
            raise UnknownIdError(self._unknown(coded.ids[found < 0]))
        return numbers[numbers >= 0] if missing == "skip" else numbers

    def numbers_of(self, other: Vocabulary) -> np.ndarray:
        """Return the numbers of the ids of another vocabulary, -1 for those not here."""
        self._refuse_other_kind(other.ids)
        return self._find(other.ids).astype(np.int64)

    def ids_of(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the ids of numbers; a number outside 0 … n-1 is an error, negative ones too."""
        places = np.asarray(numbers, dtype=np.int64)
        if places.size and (places.min() < 0 or places.max() >= len(self)):
            raise InvalidDataError(
                f"numbers must lie in 0 … {len(self) - 1} for this vocabulary of {len(self)};"
                f" got {places.min()} … {places.max()}."
            )
        return self.ids[places]

    def extended(self, ids: np.ndarray) -> tuple[Vocabulary, Places]:
        """Return the vocabulary with more ids (clean, sorted), and the new numbers of the old ids."""
        new = ids[self._find(ids) < 0] if len(self) else ids
        if not len(new):
            return self, Places(np.arange(len(self)), len(self))
        at = np.searchsorted(self.ids, new) if len(self) else np.zeros(len(new), dtype=np.int64)
        whole = np.insert(self.ids, at, new) if len(self) else new
        # insert counts places in the old array: each new id is moved on by the new ones before it.
        moved = np.delete(np.arange(len(whole)), at + np.arange(len(new)))
        return Vocabulary(whole, self.name), Places(moved, len(whole))

    def _find(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of each clean id, -1 where unknown: of few by halving, of many by a table."""
        few = _HANDFUL if "_index" in self.__dict__ else len(self) // _FEW
        if len(ids) > few or not len(self):
            return np.asarray(self._index.get_indexer(pd.Index(ids, dtype=ids.dtype)))
        at = np.minimum(np.searchsorted(self.ids, ids), len(self) - 1)
        return np.where(self.ids[at] == ids, at, -1)

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.ids, dtype=self.ids.dtype)

    def _refuse_other_kind(self, ids: np.ndarray) -> None:
        if len(ids) and len(self) and ids.dtype != self.ids.dtype:
            came = "int" if ids.dtype == np.int64 else "str"
            raise InvalidDataError(
                f"{self.name} is of kind {self.kind} here (such as {self.ids[:1].tolist()[0]!r});"
                f" got ids of kind {came} (such as {ids[:1].tolist()[0]!r}). Convert them to {self.kind}."
            )

    def _unknown(self, ids: np.ndarray) -> str:
        shown = ", ".join(repr(id) for id in ids[:_SHOWN].tolist())
        more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
        hint = nearest(ids[0], self._around(ids[0])) if self.kind == "str" and len(self) else ""
        return (
            f"{self.name} {shown}{more} not among the {len(self):,} known here.{hint}"
            ' Leave unknown ids out with missing="skip" where that is offered.'
        )

    def _around(self, id: str) -> list[str]:
        """Return the ids that sort near this one: enough to find a misspelling, few enough to compare."""
        place = int(np.searchsorted(self.ids, id))
        return self.ids[max(0, place - _SEARCHED // 2) : place + _SEARCHED // 2].tolist()


def _refuse_missing(codes: np.ndarray, name: str) -> None:
    missing = int(np.count_nonzero(codes < 0))
    if missing:
        raise InvalidDataError(
            f"{name} has {missing:,} missing ids (null, NaN or empty); leave them out first."
        )
