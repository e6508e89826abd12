r"""Secure aggregation: several parties with users in both categories add their moments.

**In one round** (:meth:`Member.masked`, :func:`sum_masked`), where all parties are sure to answer:

.. math:: m_i = v_i + \sum_{j > i} r_{ij} - \sum_{j < i} r_{ji} \pmod{2^{192}}, \qquad
          \sum_i m_i = \sum_i v_i

with a mask :math:`r_{ij}` that parties i and j draw from a key the two share. The coordinator sees the
:math:`m_i`, each of which is uniform on its own.

**In two rounds** (:meth:`Member.sealed`, :meth:`Member.opening`, :func:`sum_opened`), where parties may
stay away. First each party sends :math:`s_i = v_i + b_i` with a mask :math:`b_i` that it draws anew and
keeps to itself. The messages T that came are from a group G. The coordinator passes T on to G, and each
party of G answers once with

.. math:: o_i = b_i + \sum_{j > i, j \in G} r_{ij}(T) - \sum_{j < i, j \in G} r_{ji}(T), \qquad
          \sum_{i \in G} s_i - o_i = \sum_{i \in G} v_i .

A message that comes late is not in T: its mask is never taken off. The masks depend on T, and so on the
:math:`b_i`. A session that is used again, even after a restart, shows nothing.

**The coordinator learns** the exact sum of the moments over the group, and the number of factors. So do all
that it informs. **The parties learn** nothing. This holds if the coordinator and the parties follow the
protocol, even if they keep all they see. As long as two parties do not work with the coordinator, the sum of
these two stays hidden from the rest. With two parties in all, each can subtract its own part from the sum.

**Two sums show their difference.** The sums over two groups that differ by one party differ by the moments of
this party. No protocol can prevent it once both are exact. In one round it happens by accident: a party is
late, the others run again without it, and its first message comes after all. So a party sends exact moments
to one group only. For any other group it warns and adds Gaussian noise to every sum of factors, from the
system's secure source. Let :math:`a^2, b^2` be the mean diagonal entries of its own :math:`X^\top X` and
:math:`Y^\top Y`. The noise has standard deviation :math:`\sqrt n a, \sqrt n b, a^2, ab, b^2` on the sums of
x, y, xx, xy and yy: as large as its own sums can be. Such a sum is of little use. The coordinator learns the
number of users of the late party, and its moments plus the noise of the parties that answered. A party much
larger than these is not hidden. To go on without a party, use two rounds from the beginning.
``on_new_group`` chooses an error, or exact moments where the difference may be known.

Groups and sessions are remembered as long as the process lives. Give each party a ``ledger`` file to remember
them after a restart. In one round, a session used twice shows the difference of the two data sets.

**Not covered.** A sum can disclose a user, the more so the fewer there are. So does the difference of
two sums of one group, before and after a user came. Add noise first
(:class:`tastebridge.privacy.PrivateMoments`) where that matters. How two parties come to share a key is left
to them. All must have the same factors, fitted on data all may see. Nothing protects against a coordinator
that forges messages.

References
----------
K. Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", CCS (2017).
From there comes each party's own mask, removed only from messages that came. Their recovery from parties that
stay away in the second round is left out.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from tastebridge._foundation.validation import check_choice
from tastebridge._foundation.warnings import warn
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, MessageError
from tastebridge.maps.moments import Array, Moments
from tastebridge.privacy.federated.fixed import WORDS, Ring, from_wide, mask, negative, plus, to_wide
from tastebridge.privacy.federated.memory import Group, Memory
from tastebridge.privacy.federated.messages import Message
from tastebridge.privacy.keys import Key
from tastebridge.privacy.moments import nearest_psd
from tastebridge.privacy.noise import discrete_gaussian

KIND, SEALED, OPENING = "masked moments", "sealed moments", "opening"
BITS = 140
"""After the point: factors of any sensible unit keep all their digits, from 1e-12 to 1e6."""
_DIGITS = 20
"""Bits that the largest entry of a block must keep."""
_ZEROS = 2
"""Zeros at the end, whose sum shows whether all masks cancelled."""
# With more factors the sums are far too long for any message: refused before memory is asked for.
_WIDEST = 1 << 14


class Member:
    """A party of a secure sum.

    Parameters
    ----------
    name : str
    keys : mapping of name to Key
        For every other party of the sum the key shared with it, and with no third party.
    coordinator : str, default="coordinator"
    ledger : str or Path, optional
        A file of this party that remembers sessions and groups after a restart. None for the memory of this
        process.
    on_new_group : {"noise", "error", "exact"}, default="noise"
        The response if exact moments went to another group before: add noise with a warning, refuse, or send
        exact moments. The last lets others learn the difference of the two sums.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps.moments import Moments
    >>> from tastebridge.privacy import new_key
    >>> from tastebridge.privacy.federated import Member, sum_masked, sum_opened
    >>> key, moments = new_key(), Moments.from_arrays(np.eye(3), np.eye(3))
    >>> ada, eva = Member("ada", {"eva": key}), Member("eva", {"ada": key})
    >>> messages = [party.masked(moments, "run-1") for party in (ada, eva)]
    >>> sum_masked(messages, ["ada", "eva"], "run-1").n
    6.0

    In two rounds, of which the second is for those whose message came:

    >>> sealed = [party.sealed(moments, "run-2") for party in (ada, eva)]
    >>> openings = [party.opening("run-2", sealed) for party in (ada, eva)]
    >>> sum_opened(sealed, openings, "run-2").n
    6.0
    """

    def __init__(
        self,
        name: str,
        keys: Mapping[str, Key],
        coordinator: str = "coordinator",
        ledger: str | Path | None = None,
        on_new_group: Literal["noise", "error", "exact"] = "noise",
    ) -> None:
        if not keys or name in keys:
            raise InvalidParameterError(
                f"{name!r} needs a key for every other party and none for itself; got {sorted(keys)}."
            )
        check_choice("on_new_group", on_new_group, ("noise", "error", "exact"))
        self.name, self.coordinator, self.on_new_group = name, coordinator, on_new_group
        self._keys = dict(keys)
        self._memory = Memory(name, self._keys, ledger)
        self._own: dict[str, tuple[Moments, Ring]] = {}

    @property
    def group(self) -> Group:
        """The names of all parties of the sum, sorted."""
        return tuple(sorted((self.name, *self._keys)))

    def masked(self, moments: Moments, session: str) -> Message:
        """Return the one message of a sum in one round. A session serves once.

        Raises
        ------
        InvalidParameterError
            If the session was used before, or with ``on_new_group="error"`` if exact moments went to another
            group.
        InvalidDataError
            If a sum is too large or too small for the fixed point.

        Warns
        -----
        TastebridgeWarning
            If exact moments went to another group, so that noise is added.
        """
        return self.masked_after(moments, session, ())

    def masked_after(self, moments: Moments, session: str, groups: Iterable[Group]) -> Message:
        """Return :meth:`masked`; ``groups`` are more groups that exact moments went to before."""
        total = _wide(moments, len(self._keys) + 1)
        with self._memory.open() as memory:
            if session in memory.sessions:
                raise InvalidParameterError(
                    f"session {session!r} was used before; its masks serve once. Name another."
                )
            noise = self._noise(moments, self.group, memory.groups | set(groups))
            # Entered before the message exists: a session whose message was lost is spent all the same.
            memory.enter(session, self.group if noise is None else None)
        total = total if noise is None else plus(total, noise)
        total = plus(total, self._pairwise(self._keys, session, len(total)))
        return self._message(KIND, session, moments.shape, noise is None, total=total)

    def sealed(self, moments: Moments, session: str) -> Message:
        """Return the first message of a sum in two rounds: moments under a mask that only this party has.

        Raises
        ------
        InvalidDataError
            If a sum is too large or too small for the fixed point.
        """
        total = _wide(moments, len(self._keys) + 1)
        own = mask(secrets.token_bytes(32), "own", total.shape)
        self._own[session] = moments, own
        return self._message(SEALED, session, moments.shape, True, total=plus(total, own))

    def opening(self, session: str, sealed: Iterable[Message]) -> Message:
        """Return the second message, which serves only for the parties whose first messages came.

        Parameters
        ----------
        session : str
        sealed : list of Message
            The first messages of all parties to be summed, as they came to the coordinator; two at least.

        Raises
        ------
        InvalidParameterError
            If this party sealed nothing in the session or opened it before, or as :meth:`masked` does.
        MessageError
            If the messages do not belong together, or one is from a party without a key.
        """
        if session not in self._own:
            raise InvalidParameterError(
                f"{self.name!r} has nothing to open in session {session!r}: it sealed nothing, or opened it "
                "before, or was made anew since. Seal the moments again under a new session."
            )
        parts = list(sealed)
        (p, q), names = _checked(parts, SEALED, session, self.coordinator)
        moments, own = self._own[session]
        strangers = [name for name in names if name != self.name and name not in self._keys]
        if self.name not in names or len(names) < 2 or strangers or (p, q) != moments.shape:
            raise MessageError(
                f"{self.name!r} opens a sum of itself and of parties it shares a key with, "
                f"{sorted(self._keys)}, of {moments.shape} factors; the messages are from {names}, of "
                f"{(p, q)}."
            )
        group = tuple(names)
        with self._memory.open() as memory:
            noise = self._noise(moments, group, memory.groups)
            memory.enter(None, group if noise is None else None)
        # A second opening for another group would show the difference of the two.
        del self._own[session]
        total = own if noise is None else plus(own, noise)
        # The label holds the digest of all first messages: parties that were shown different ones draw masks
        # that do not cancel.
        keys = {name: self._keys[name] for name in names if name != self.name}
        masks = self._pairwise(keys, f"opening/{session}/{_digest(parts)}", len(own))
        return self._message(OPENING, session, moments.shape, noise is None, total=plus(total, masks))

    def _noise(self, moments: Moments, group: Group, groups: set[Group]) -> Ring | None:
        """Return the noise that hides parties in only one of two groups; None if there is one group."""
        others = sorted(groups - {group})
        if not others or self.on_new_group == "exact":
            return None
        why = (
            f"{self.name!r} sent exact moments to the group {list(others[0])} before. Exact ones to the "
            f"group {list(group)} would show the moments of parties in only one of the two"
        )
        if self.on_new_group == "error":
            raise InvalidParameterError(
                f"{why}. Sum over the same group, or pass on_new_group='exact' if all parties agree."
            )
        warn(
            f"{why}, so noise as large as its own moments is added; the sum is of little use. Use sealed "
            "and opening, which sum over those who answer, or pass on_new_group='exact' if all parties agree."
        )
        return _noise_like(moments)

    def _pairwise(self, keys: Mapping[str, Key], label: str, size: int) -> Ring:
        """Return the sum of the masks shared with others, which cancels with their masks."""
        total = np.zeros((size, WORDS), dtype=np.uint64)
        for other, key in keys.items():
            # Both parties must agree on the label and on who adds and who subtracts: the order of names says.
            first, second = sorted((self.name, other))
            drawn = mask(key.derive("secure aggregation"), f"{label}/{first}/{second}", total.shape)
            total = plus(total, drawn if self.name == first else negative(drawn))
        return total

    def _message(
        self, kind: str, session: str, shape: tuple[int, int], exact: bool, *, total: Ring
    ) -> Message:
        values = {"p": shape[0], "q": shape[1], "bits": BITS, "exact": exact}
        return Message(kind, session, self.name, self.coordinator, values, {"total": total.ravel()})


def sum_masked(
    messages: Iterable[Message], parties: Iterable[str], session: str, coordinator: str = "coordinator"
) -> Moments:
    """Return the sum of the moments of all parties, from one round.

    Raises
    ------
    MessageError
        If a party is missing, strange or there twice, or messages do not fit together. Also if masks do not
        cancel, as when two parties do not share a key.

    Warns
    -----
    TastebridgeWarning
        If a party added noise, as it does for a second group.

    Examples
    --------
    >>> from tastebridge.privacy.federated import sum_masked
    >>> sum_masked([], ["ada", "eva"], "run-1")
    Traceback (most recent call last):
    tastebridge.exceptions.MessageError: a sum needs one message of each of ['ada', 'eva']; got [].
    """
    expected, parts = sorted(parties), list(messages)
    came = sorted(message.sender for message in parts)
    if came != expected or not parts:
        raise MessageError(f"a sum needs one message of each of {expected}; got {came}.")
    (p, q), _ = _checked(parts, KIND, session, coordinator)
    return _moments(_sum(parts), p, q, parts)


def sum_opened(
    sealed: Iterable[Message], openings: Iterable[Message], session: str, coordinator: str = "coordinator"
) -> Moments:
    """Return the sum of the moments of the parties whose first messages were opened, from two rounds.

    Raises
    ------
    MessageError
        If the two rounds are not from the same parties, or messages do not fit together. Also if masks do not
        cancel, as when the parties were not shown the same messages.

    Warns
    -----
    TastebridgeWarning
        If a party added noise, as it does for a second group.

    Examples
    --------
    >>> from tastebridge.privacy.federated import sum_opened
    >>> sum_opened([], [], "run-1")
    Traceback (most recent call last):
    tastebridge.exceptions.MessageError: a sum needs messages of both rounds; got none.
    """
    first, second = list(sealed), list(openings)
    if not first or not second:
        raise MessageError("a sum needs messages of both rounds; got none.")
    shape, names = _checked(first, SEALED, session, coordinator)
    again, answered = _checked(second, OPENING, session, coordinator)
    if names != answered or shape != again:
        raise MessageError(
            f"the parties {names} sealed moments, and {answered} opened them; they must be the same. If one "
            "is missing in the second round, all must seal again."
        )
    return _moments(plus(_sum(first), negative(_sum(second))), *shape, second)


def _wide(moments: Moments, n_parties: int) -> Ring:
    """Return moments as wide numbers: the symmetric ones by their upper triangle, and zeros at the end."""
    p, q = moments.shape
    parts = moments.to_arrays()
    parts |= {name: np.asarray(parts[name])[np.triu_indices(size)] for name, size in (("xx", p), ("yy", q))}
    for name, part in parts.items():
        if 0 < np.abs(part).max(initial=0.0) < 2.0 ** (_DIGITS - BITS):
            raise InvalidDataError(
                f"the sums {name!r} are too small to be distinguished from 0. Scale the factors of all "
                "parties up."
            )
    flat = np.concatenate([np.ravel(part) for part in parts.values()])
    return np.vstack([to_wide(flat, BITS, n_parties), np.zeros((_ZEROS, WORDS), dtype=np.uint64)])


def _noise_like(moments: Moments) -> Ring:
    """Return Gaussian noise for the sums of factors, as large as the sums of the same users can be."""
    p, q = moments.shape
    a, b = (float(np.sqrt(np.trace(part) / len(part))) for part in (moments.xx, moments.yy))
    root = float(np.sqrt(moments.n))
    blocks = [
        (p, root * a),
        (q, root * b),
        (p * (p + 1) // 2, a * a),
        (p * q, a * b),
        (q * (q + 1) // 2, b * b),
    ]
    fine = 1 << 30  # the steps of a standard deviation
    drawn = [discrete_gaussian(fine * fine, size) * (spread / fine) for size, spread in blocks]
    flat = np.concatenate([np.zeros(1), *drawn])  # the number of users stays as it is
    return np.vstack([to_wide(flat, BITS), np.zeros((_ZEROS, WORDS), dtype=np.uint64)])


def _checked(
    parts: list[Message], kind: str, session: str, coordinator: str
) -> tuple[tuple[int, int], list[str]]:
    """Return the numbers of factors of messages of one kind that fit together, and their senders, sorted."""
    p, q, bits = (parts[0].value(name, int) for name in ("p", "q", "bits"))
    if bits != BITS or not 0 < p <= _WIDEST or not 0 < q <= _WIDEST:
        raise MessageError(f"the sizes p={p}, q={q}, bits={bits} cannot be.")
    for message in parts:
        message.expect(kind, session, coordinator, total=(WORDS * _size(p, q),))
        message.value("exact", bool)
        if [message.value(name, int) for name in ("p", "q", "bits")] != [p, q, bits]:
            raise MessageError(f"the factors of {message.sender!r} differ in number from the others.")
        if message.arrays["total"].dtype != np.uint64:
            raise MessageError(f"the sums of {message.sender!r} are not whole numbers modulo 2^64.")
    names = sorted(message.sender for message in parts)
    if len(set(names)) < len(names):
        raise MessageError(f"a sum needs one message of each party; got {names}.")
    return (p, q), names


def _digest(parts: list[Message]) -> str:
    """Return the digest of a set of messages: 64 hexadecimal digits."""
    total = hashlib.sha256()
    # By sender, since messages come in any order; digests of equal length leave no doubt where one ends.
    for message in sorted(parts, key=lambda part: part.sender):
        total.update(hashlib.sha256(message.to_bytes()).digest())
    return total.hexdigest()


def _size(p: int, q: int) -> int:
    return 1 + p + q + p * (p + 1) // 2 + p * q + q * (q + 1) // 2 + _ZEROS


def _sum(parts: list[Message]) -> Ring:
    total = np.zeros((len(parts[0].arrays["total"]) // WORDS, WORDS), dtype=np.uint64)
    for message in parts:
        total = plus(total, message.arrays["total"].reshape(total.shape))
    return total


def _moments(total: Ring, p: int, q: int, parts: list[Message]) -> Moments:
    """Return the moments of a sum; with noise in it, their second moments made positive semidefinite."""
    # Masks that are left over make these 384 bits uniform: the chance that all are 0 is 2^-384.
    if total[-_ZEROS:].any():
        raise MessageError(
            "the masks do not cancel: two parties do not share a key, were shown different messages, or a "
            "message was changed."
        )
    flat = from_wide(total[:-_ZEROS], BITS)
    sizes = (1, p, q, p * (p + 1) // 2, p * q)
    n, sum_x, sum_y, xx, xy, yy = np.split(flat, np.cumsum(sizes))
    second = [symmetric(xx, p), symmetric(yy, q)]
    noisy = sorted(message.sender for message in parts if not message.value("exact", bool))
    if noisy:
        warn(
            f"{', '.join(map(repr, noisy))} added noise as large as their own moments, since they sent exact "
            "moments to another group before. The sum is of little use."
        )
        second = [nearest_psd(part) for part in second]
    return Moments(float(n[0]), sum_x, sum_y, second[0], xy.reshape(p, q), second[1])


def symmetric(upper: Array, p: int) -> Array:
    """Return the symmetric matrix (p, p) of its upper triangle, flat."""
    S = np.zeros((p, p))
    S[np.triu_indices(p)] = upper
    return S + np.triu(S, 1).T
