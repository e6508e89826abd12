r"""Secure aggregation: several businesses, each with people of its own in both categories, add their moments.

.. math:: m_i = v_i + \sum_{j > i} r_{ij} - \sum_{j < i} r_{ji} \pmod{2^{64}}, \qquad
          \sum_i m_i = \sum_i v_i

with a mask :math:`r_{ij}` that parties i and j draw from a key the two share. The coordinator sees the
:math:`m_i`, each of which is uniform on its own, and learns the sum of all and nothing else.

**Who learns what.** The coordinator, and whoever it tells: the sum of the moments, exactly. Parties: nothing.
This holds against a coordinator and parties that follow the protocol but keep what they see, as long as two
parties do not work with it: the sum of these two stays hidden from the rest. With two parties in all, each
can take its own part off the sum. A sum can still tell of a person, the more so the fewer there are: add
noise first (:class:`tastebridge.privacy.PrivateMoments`) where that matters. How two parties come to share a
key is theirs; all must have the same factors, fitted on data all may see. A party that stays away makes the
sum unreadable: run again without it, under a new session.

References
----------
K. Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", CCS (2017),
without its recovery from drop-outs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tastebridge.exceptions import InvalidParameterError, MessageError
from tastebridge.maps.moments import Array, Moments
from tastebridge.privacy.federated.fixed import Ring, from_fixed, mask, to_fixed
from tastebridge.privacy.federated.messages import Message
from tastebridge.privacy.keys import Key

KIND = "masked moments"
BITS = 24
_ZEROS = 2
"""Zeros at the end, whose sum shows whether all masks cancelled."""


class Member:
    """A party of a secure sum.

    Parameters
    ----------
    name : str
    keys : mapping of name to Key
        For every other party the key shared with it, and with nobody else.
    coordinator : str, default="coordinator"

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps.moments import Moments
    >>> from tastebridge.privacy import new_key
    >>> from tastebridge.privacy.federated import Member, sum_masked
    >>> key, rows = new_key(), np.eye(3)
    >>> ada, eva = Member("ada", {"eva": key}), Member("eva", {"ada": key})
    >>> messages = [party.masked(Moments.from_arrays(rows, rows), "run-1") for party in (ada, eva)]
    >>> sum_masked(messages, ["ada", "eva"], "run-1").n
    6.0
    """

    def __init__(self, name: str, keys: Mapping[str, Key], coordinator: str = "coordinator") -> None:
        if not keys or name in keys:
            raise InvalidParameterError(
                f"{name!r} needs a key for every other party and none for itself; got {sorted(keys)}."
            )
        self.name, self.coordinator = name, coordinator
        self._keys = dict(keys)
        self._sessions: set[str] = set()

    def masked(self, moments: Moments, session: str) -> Message:
        """Return the message to the coordinator. A session serves once: twice would show the difference.

        Raises
        ------
        InvalidParameterError
            If the session was used before.
        InvalidDataError
            If a sum is too large for the fixed point.
        """
        if session in self._sessions:
            raise InvalidParameterError(
                f"session {session!r} was used before; its masks serve once. Name another."
            )
        p, q = moments.shape
        flat = np.concatenate([np.ravel(part) for part in moments.to_arrays().values()])
        total = np.append(to_fixed(flat, BITS, len(self._keys) + 1), np.zeros(_ZEROS, dtype=np.uint64))
        self._sessions.add(session)
        for other, key in self._keys.items():
            first, second = sorted((self.name, other))
            drawn = mask(key.derive("secure aggregation"), f"{session}/{first}/{second}", total.shape)
            total = total + drawn if self.name == first else total - drawn
        values = {"p": p, "q": q, "bits": BITS}
        return Message(KIND, session, self.name, self.coordinator, values, {"total": total})


def sum_masked(
    messages: Iterable[Message], parties: Iterable[str], session: str, coordinator: str = "coordinator"
) -> Moments:
    """Return the sum of the moments of all parties.

    Raises
    ------
    MessageError
        If a party is missing, strange or there twice; messages do not fit together; or masks do not cancel,
        as when two parties do not share a key.

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
    p, q, bits = (parts[0].value(name, int) for name in ("p", "q", "bits"))
    if bits != BITS or not 0 < p <= 1 << 14 or not 0 < q <= 1 << 14:
        raise MessageError(f"the sizes p={p}, q={q}, bits={bits} cannot be.")
    size = 1 + p + q + p * p + p * q + q * q
    total: Ring = np.zeros(size + _ZEROS, dtype=np.uint64)
    for message in parts:
        message.expect(KIND, session, coordinator, total=(size + _ZEROS,))
        if [message.value(name, int) for name in ("p", "q", "bits")] != [p, q, bits]:
            raise MessageError(
                f"the factors of {message.sender!r} differ in number from those of the others."
            )
        if message.arrays["total"].dtype != np.uint64:
            raise MessageError(f"the sums of {message.sender!r} are not whole numbers modulo 2^64.")
        total = total + message.arrays["total"]
    if total[size:].any():
        raise MessageError(
            "the masks do not cancel: two parties do not share a key, or a message was changed."
        )
    return _unflattened(from_fixed(total[:size], bits), p, q)


def _unflattened(flat: Array, p: int, q: int) -> Moments:
    shapes = [(), (p,), (q,), (p, p), (p, q), (q, q)]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    n, *parts = (part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True))
    return Moments(float(n), *parts)
