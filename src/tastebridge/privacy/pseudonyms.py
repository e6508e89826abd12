r"""Keyed pseudonyms: ids that cannot be linked to users, or guessed, without the key.

.. math:: \text{pseudonym} = \text{HMAC-SHA256}\big(k_c,\; \text{kind} \,\|\, \text{id}\big)_{1…16}, \qquad
          k_c = \text{HMAC-SHA256}(k, \text{context})

in hex. A hash without a key would be no protection: ids can be tried one by one. The same key and context
give the same pseudonym, so two businesses that share a key, and no others, can pair their users. Another
context gives pseudonyms that cannot be linked to the first. Ids of kind int and str stay apart as in a
:class:`tastebridge.Vocabulary`: 7 and "7" are two users. Strings are taken as they are, letter for letter:
agree on one form (case, Unicode normalisation) before.

Pseudonyms are not anonymity: a history may identify its user under any name.

References
----------
NIST FIPS 198-1 (HMAC). ENISA, "Pseudonymisation techniques and best practices" (2019).
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any, overload

import narwhals as nw
import numpy as np

from tastebridge.data import Interactions, Panel, Vocabulary
from tastebridge.data.coding import encode
from tastebridge.data.types import Frame, Ids
from tastebridge.exceptions import InvalidDataError
from tastebridge.privacy.keys import Key, as_key

_HEX = 32
_KINDS = {"i": b"int:", "O": b"str:"}


def pseudonyms_of(ids: Ids, key: Key | bytes, *, context: str = "user_id") -> np.ndarray:
    """Return the pseudonyms of a column of ids.

    Parameters
    ----------
    ids : list, ndarray, pandas, polars or pyarrow column
        All int or all str, none missing; repetitions are allowed.
    key : Key or bytes
    context : str, default="user_id"
        The purpose of the pseudonyms. Pseudonyms of different contexts cannot be linked.

    Returns
    -------
    ndarray of str objects
        32 hexadecimal digits (128 bits) for each id.

    Raises
    ------
    InvalidDataError
        If an id is missing, ids are of mixed type, or two ids get one pseudonym (chance below 1e-20 for a
        billion users).

    Examples
    --------
    >>> from tastebridge.privacy import Key, pseudonyms_of
    >>> key = Key(bytes(32))  # a real one comes from new_key()
    >>> pseudonyms_of(["ada", "eva", "ada"], key).tolist()[::2] == [pseudonyms_of(["ada"], key)[0]] * 2
    True
    >>> bool(pseudonyms_of([7], key)[0] == pseudonyms_of(["7"], key)[0])
    False
    """
    coded = encode(ids, "ids")
    missing = int(np.count_nonzero(coded.codes < 0))
    if missing:
        raise InvalidDataError(f"ids has {missing:,} missing ids; leave them out first.")
    return _hashed(coded.ids, as_key(key), context)[coded.codes]


@overload
def pseudonymize(data: Panel, key: Key | bytes, *, column: str = ..., context: str = ...) -> Panel: ...
@overload
def pseudonymize(data: Frame, key: Key | bytes, *, column: str = ..., context: str = ...) -> Frame: ...
def pseudonymize(
    data: Panel | Frame, key: Key | bytes, *, column: str = "user_id", context: str = "user_id"
) -> Panel | Frame:
    """Return a panel or frame with pseudonyms in place of its user ids.

    Parameters
    ----------
    data : Panel, or pandas, polars or pyarrow frame
    key : Key or bytes
    column : str, default="user_id"
        The column of ids in a frame.
    context : str, default="user_id"
        As in :func:`pseudonyms_of`.

    Returns
    -------
    Panel or frame
        The same kind as ``data``. The users of a panel are sorted by their pseudonyms.

    Raises
    ------
    InvalidDataError
        If the column is not there, or as in :func:`pseudonyms_of`.

    Examples
    --------
    >>> import pandas as pd
    >>> import tastebridge as tb
    >>> from tastebridge.privacy import new_key, pseudonymize
    >>> rows = [("ada", "dune", "books"), ("eva", "emma", "books")]
    >>> panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    >>> hidden = pseudonymize(panel, new_key())
    >>> len(hidden), "ada" in hidden.users
    (2, False)
    """
    if isinstance(data, Panel):
        return _panel(data, as_key(key), context)
    frame = nw.from_native(data, eager_only=True)
    if column not in frame.columns:
        raise InvalidDataError(
            f"there is no column {column!r} to put pseudonyms in; there are {', '.join(frame.columns)}."
        )
    names = pseudonyms_of(nw.to_native(frame[column]), key, context=context).tolist()
    hidden = nw.new_series(column, names, nw.String, backend=frame.implementation)
    if nw.get_native_namespace(frame).__name__ == "pandas":
        native: Any = data
        return native.assign(**{column: np.array(names, dtype=object)})
    return nw.to_native(frame.with_columns(hidden))


def _hashed(ids: np.ndarray, key: Key, context: str) -> np.ndarray:
    """Return the pseudonyms of distinct ids."""
    secret, kind = key.derive(f"pseudonyms/{context}"), _KINDS[ids.dtype.kind]
    names = [
        hmac.digest(secret, kind + str(id).encode("utf-8"), "sha256").hex()[:_HEX] for id in ids.tolist()
    ]
    if len(set(names)) < len(names):
        raise InvalidDataError("two ids get one pseudonym. Use another context.")
    return np.array(names, dtype=object)


def _panel(panel: Panel, key: Key, context: str) -> Panel:
    names = _hashed(panel.users.ids, key, context)
    # In the order of pseudonyms: the order of the ids would let a reader guess them.
    order = np.argsort(names, kind="stable")
    users = Vocabulary(names[order], panel.users.name)
    parts = {name: _reordered(part, order, users) for name, part in panel.interactions.items()}
    return replace(panel, users=users, interactions=parts)


def _reordered(part: Interactions, order: np.ndarray, users: Vocabulary) -> Interactions:
    """Return interactions with users in another order, and with the times of their events."""
    times = part.times
    if times is not None:
        ends = part.matrix.indptr
        times = np.concatenate([times[:0], *(times[ends[row] : ends[row + 1]] for row in order)])
    return Interactions(part.category, users, part.items, part.matrix[order], times)
