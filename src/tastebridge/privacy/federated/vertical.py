r"""Two businesses, one category each: noisy moments of the users they share.

One party holds source factors X of its users, the other target factors Y of its own. Neither may learn which
users are shared, or see a row of the other. A *helper*, who sees no data, does three things. It pairs keyed
pseudonyms, deals random numbers that let two matrices be multiplied unseen, and adds noise.

1. Each party sends the helper the pseudonyms of its users, keyed by a secret the two parties share.
2. The helper gives every pseudonym a random slot among :math:`n_x + n_y`, the same slot for the same
   pseudonym. It deals random :math:`R_x, r_x` to one party and :math:`R_y, r_y = \beta(R_x, R_y) - r_x + e`
   to the other. Here :math:`\beta(A, B)` are the entries of :math:`A^\top B` that make up moments, and e is
   noise.
3. Each party puts its rows :math:`[1, x, xx^\top]` into its slots, zeros into all others, and sends the other
   :math:`\hat X = X + R_x`, or :math:`\hat Y = Y + R_y`.
4. The shares :math:`v_x = r_x - \beta(R_x, \hat Y)` and :math:`v_y = \beta(\hat X, Y) + r_y` are exchanged.
   Their sum is :math:`\beta(X, Y) + e`: a slot counts only where both have a row.

All numbers are whole numbers modulo :math:`2^{64}` (fixed point), so nothing is lost but by rounding.

**Why noise.** Exact sums :math:`n, \sum x, X^\top X` over the shared users are linear equations for who is
shared, with coefficients that the party knows. With 32 factors there are 561 equations, enough to find all
shared users among 300. Then the equations of :math:`X^\top Y` give the other's rows, if at most p + 1 are
shared.

**The noise.** Rows are divided by a power of two so that none is longer than 1. The six parts then get
discrete Gaussian noise, as in :class:`tastebridge.privacy.PrivateMoments` with its default shares. Both
parties get the same noisy moments. Their covariances are made positive semidefinite, and n is at least 1.

**A party learns** the moments under :math:`(\varepsilon, \delta)`-differential privacy. Let two data sets
differ in whether one user of the other party is also a user of this one. Then the chance of any set of
outcomes differs by at most the factor :math:`e^\varepsilon`, up to :math:`\delta`. Another row for a
shared user, within the same power of two, counts as two such changes. Exactly, and without noise: the number
of users and factors of the other, and the power of two that bounds its rows. With ``epsilon=inf`` there is no
noise: **both parties can then find out exactly which of their users are shared**. Choose that only where the
two may know the linkage. Every run spends privacy anew: n runs of noise multiplier :math:`\sigma` count as
one of :math:`\sigma / \sqrt n`. A :class:`tastebridge.privacy.Budget` given to each party keeps the sum.

**The helper learns** pseudonyms, and so the number of shared users; without the key it cannot tell who they
are. It knows the numbers of factors and the noise. It sees no row and no result.

**Not covered.** The guarantee holds if all three follow the protocol and do not work together. If the helper
and one party do, they see the other's factors, user by user. The key agreement of the two parties, and
channels that are encrypted and name the speaker, are out of scope.

References
----------
W. Du and M. J. Atallah, "Protocols for secure remote database access with approximate matching" (2001).
D. Beaver, "Commodity-based cryptography", STOC (1997): a helper that deals randomness and sees no data.
C. Dwork et al., "Our data, ourselves: privacy via distributed noise generation", EUROCRYPT (2006).
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tastebridge._foundation.validation import check_choice
from tastebridge.data.coding import encode
from tastebridge.data.types import Ids
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, MessageError
from tastebridge.maps.moments import Array, Moments
from tastebridge.privacy.budget import Budget, check_delta, check_epsilon, noise_multiplier_for
from tastebridge.privacy.federated.aggregate import symmetric
from tastebridge.privacy.federated.fixed import Ring, from_fixed, mask, product, to_fixed
from tastebridge.privacy.federated.messages import Message
from tastebridge.privacy.keys import Key
from tastebridge.privacy.moments import SHARES, moments_of
from tastebridge.privacy.noise import discrete_gaussian
from tastebridge.privacy.pseudonyms import pseudonyms_of

# Slots and factors a party accepts: a hostile helper must not make it ask for endless memory.
_MOST = 1 << 28
_WIDEST = 1 << 12
_EXACT = "exact"
"""Epsilon of a message that asks for no noise. One without an epsilon is refused."""
_TAIL = 12.0
"""Standard deviations of noise there is room for: more have a chance below 1e-30."""


class Party:
    """One of the two, with the factors of its users.

    Parameters
    ----------
    name, peer, helper : str
        Its own name, and the names of the other party and of the helper.
    side : {"x", "y"}
        Whether it holds source or target factors.
    ids : list or column of ids
        Its users, each once; of one kind (int or str) on both sides.
    factors : array-like of shape (n, p)
        One row per user.
    key : Key
        The secret of the two parties, which the helper must not have.
    session : str
        The name of this run.
    epsilon : float, default=3.0
        Above 0, the same for both parties. ``inf`` for exact moments, from which both parties can find out
        exactly which of their users are shared.
    delta : float, default=1e-6
        Well below one over the number of users, the same for both parties.
    budget : Budget, optional
        Each run spends from it, before any message about the factors leaves this party.

    Raises
    ------
    InvalidDataError
        If factors or ids cannot be used.
    PrivacyBudgetError
        By :meth:`rows`, if the budget does not allow the run.
    InvalidParameterError
        If a parameter cannot be used, or a step is taken twice or out of order.
    MissingDependencyError
        If epsilon is finite and ``dp-accounting`` is not installed.

    Examples
    --------
    Without noise, between parties that may know whom they share:

    >>> from tastebridge.privacy import new_key
    >>> from tastebridge.privacy.federated import Helper, Party
    >>> key = new_key()
    >>> exact = {"key": key, "session": "run-1", "epsilon": float("inf")}
    >>> shop = Party("shop", "club", "helper", "x", ["ada", "eva"], [[1.0], [2.0]], **exact)
    >>> club = Party("club", "shop", "helper", "y", ["eva", "kim"], [[0.5], [4.0]], **exact)
    >>> deal_shop, deal_club = Helper("helper").deal(shop.people(), club.people())
    >>> rows_shop, rows_club = shop.rows(deal_shop), club.rows(deal_club)
    >>> share_shop, share_club = shop.share(rows_club), club.share(rows_shop)
    >>> moments = shop.moments(share_club)  # of eva alone
    >>> round(moments.n, 3), round(float(moments.xy[0, 0]), 3)
    (1.0, 1.0)
    """

    def __init__(
        self,
        name: str,
        peer: str,
        helper: str,
        side: Literal["x", "y"],
        ids: Ids,
        factors: ArrayLike,
        key: Key,
        session: str,
        epsilon: float = 3.0,
        delta: float = 1e-6,
        budget: Budget | None = None,
    ) -> None:
        check_choice("side", side, ("x", "y"))
        self.epsilon, self.delta = float(check_epsilon(epsilon)), check_delta(delta)
        F = np.asarray(factors, dtype=np.float64)
        coded = encode(ids, "ids")
        if F.ndim != 2 or len(F) != len(coded.codes) or not F.size or not np.isfinite(F).all():
            raise InvalidDataError(
                f"factors must be a matrix of finite numbers with a row for each of {len(coded.codes)} ids; "
                f"got shape {F.shape}."
            )
        if len(coded.ids) < len(coded.codes) or (coded.codes < 0).any():
            raise InvalidDataError("ids must name each user once, and none may be missing.")
        self.name, self.peer, self.helper, self.side, self.session = name, peer, helper, side, session
        self._names = pseudonyms_of(ids, key, context=f"federated/{session}")
        self._kind = "int" if coded.ids.dtype.kind == "i" else "str"
        self.budget = budget
        # A power of two: dividing by it is exact, and it tells the other party least about the longest row.
        self._scale = 2.0 ** np.ceil(np.log2(max(float(np.linalg.norm(F, axis=1).max()), 2.0**-500)))
        self._factors = F / self._scale
        self._step = 0

    def people(self) -> Message:
        """Return the first message, to the helper: pseudonyms and the number of factors."""
        self._once(0)
        words = np.array([[int(name[:16], 16), int(name[16:], 16)] for name in self._names], dtype=np.uint64)
        values = {"side": self.side, "kind": self._kind, "width": self._factors.shape[1], **self._privacy}
        return Message("people", self.session, self.name, self.helper, values, {"pseudonyms": words})

    def rows(self, deal: Message) -> Message:
        """Return the second message, to the other party: the masked rows of all slots."""
        self._once(1)
        n = len(self._factors)
        deal.expect("deal", self.session, self.name, slots=(n,), correction=(None,))
        slots, n_slots, other = deal.arrays["slots"], deal.value("n_slots", int), deal.value("width", int)
        if not (n < n_slots <= _MOST and 0 < other <= _WIDEST) or not _distinct(slots, n_slots):
            raise MessageError("the helper's slots are not one for each user.")
        if {name: deal.values.get(name) for name in self._privacy} != self._privacy:
            raise MessageError(
                f"the helper dealt for another noise than {self._privacy}, which this party asked for."
            )
        self._noise = noise_multiplier_for(self.epsilon, self.delta)
        self._bits, self._other = _bits(n_slots, self._noise), other
        own = self._factors.shape[1]
        p, q = (own, other) if self.side == "x" else (other, own)
        self._sizes, self._correction = (p, q), deal.arrays["correction"]
        if self._correction.shape != (_n_sums(p, q),) or self._correction.dtype != np.uint64:
            raise MessageError("the helper's random numbers do not fit the factors.")
        if self.budget is not None:
            self.budget.spend(self._noise)
        # Rows of zeros at the slots of the other party: they add nothing, and under the mask they look alike.
        self._rows = np.zeros((n_slots, _n_columns(own)), dtype=np.uint64)
        self._rows[slots] = to_fixed(augmented(self._factors), self._bits)
        self._mask = mask(_seed(deal), "rows", self._rows.shape)
        values = {"scale": float(self._scale)}
        return Message("rows", self.session, self.name, self.peer, values, {"rows": self._rows + self._mask})

    def share(self, rows: Message) -> Message:
        """Return the third message, to the other party: this one's share of the moments."""
        self._once(2)
        rows.expect("rows", self.session, self.name, rows=(len(self._rows), _n_columns(self._other)))
        self._other_scale = _scale(rows)
        theirs = _ring(rows, "rows")
        if self.side == "x":
            self._share = self._correction - bilinear(self._mask, theirs, *self._sizes)
        else:
            self._share = self._correction + bilinear(theirs, self._rows, *self._sizes)
        return Message("share", self.session, self.name, self.peer, {}, {"share": self._share})

    def moments(self, share: Message) -> Moments:
        """Return the noisy moments of the users both have, from the other's share."""
        self._once(3)
        share.expect("share", self.session, self.name, share=(_n_sums(*self._sizes),))
        flat = from_fixed(self._share + _ring(share, "share"), 2 * self._bits)
        both = (self._scale, self._other_scale)
        clips = both if self.side == "x" else both[::-1]
        parts = _parts(flat, *self._sizes)
        if self._noise:
            return moments_of(parts, clips, None)
        x, y = clips
        units = {"sum_x": x, "sum_y": y, "xx": x * x, "xy": x * y, "yy": y * y}
        return Moments(float(parts["n"][0]), **{name: parts[name] * unit for name, unit in units.items()})

    @property
    def _privacy(self) -> dict[str, Any]:
        """The requested noise, in a form for messages, which cannot contain infinity."""
        return {"epsilon": _EXACT if math.isinf(self.epsilon) else self.epsilon, "delta": self.delta}

    def _once(self, step: int) -> None:
        if step != self._step:
            raise InvalidParameterError(
                f"{self.name!r} is at step {self._step + 1} of people, rows, share and moments, each of "
                "which serves once. Start a new Party with a new session to run again."
            )
        self._step += 1


class Helper:
    """Pair pseudonyms, deal random numbers and add noise, without access to any data.

    Parameters
    ----------
    name : str, default="helper"

    Examples
    --------
    >>> from tastebridge.privacy import new_key
    >>> from tastebridge.privacy.federated import Helper, Party
    >>> key = new_key()
    >>> shop = Party("shop", "club", "helper", "x", ["ada", "eva"], [[1.0], [2.0]], key, "run-1")
    >>> club = Party("club", "shop", "helper", "y", ["eva"], [[0.5]], key, "run-1")
    >>> [deal.receiver for deal in Helper("helper").deal(shop.people(), club.people())]
    ['shop', 'club']
    """

    def __init__(self, name: str = "helper") -> None:
        self.name = name
        self._sessions: set[str] = set()

    def deal(self, one: Message, two: Message) -> tuple[Message, Message]:
        """Return the messages to the senders of two messages of :meth:`Party.people`, in their order.

        Raises
        ------
        MessageError
            If the two do not belong together. They need one side each, ids of one kind, one session, each
            user once, and the same epsilon and delta.
        """
        session = one.session
        for message in (one, two):
            message.expect("people", session, self.name, pseudonyms=(None, 2))
        if session in self._sessions:
            raise MessageError(f"session {session!r} was dealt before; its masks serve once.")
        if {one.value("side", str), two.value("side", str)} != {"x", "y"} or one.sender == two.sender:
            raise MessageError(
                "one party must hold source factors (side 'x') and another target factors ('y')."
            )
        kinds = {message.sender: message.value("kind", str) for message in (one, two)}
        if len(set(kinds.values())) > 1:
            raise MessageError(
                f"ids must be of one kind on both sides, or no user is paired; they are {kinds}."
            )
        privacy = {name: one.values.get(name) for name in ("epsilon", "delta")}
        noise = _noise_of(privacy, two)
        self._sessions.add(session)
        slots, n_slots = _slots([_ring(message, "pseudonyms") for message in (one, two)])
        widths = [message.value("width", int) for message in (one, two)]
        if not all(0 < width <= _WIDEST for width in widths):
            raise MessageError(f"the numbers of factors {widths} cannot be.")
        seeds = [secrets.token_bytes(32) for _ in range(2)]
        corrections = _corrections(seeds, n_slots, widths, noise, flipped=one.values["side"] == "y")
        messages = (
            Message(
                "deal",
                session,
                self.name,
                message.sender,
                {"n_slots": n_slots, "width": widths[1 - at], "seed": seeds[at].hex(), **privacy},
                {"slots": slots[at], "correction": corrections[at]},
            )
            for at, message in enumerate((one, two))
        )
        first, second = messages
        return first, second


def augmented(F: Array) -> Array:
    r"""Return the rows :math:`[1, f, f f^\top]` of factors (n, p), of the last the upper triangle."""
    rows, columns = np.triu_indices(F.shape[1])
    return np.hstack([np.ones((len(F), 1)), F, F[:, rows] * F[:, columns]])


def bilinear(A: Ring, B: Ring, p: int, q: int) -> Ring:
    """Return the entries of ``A.T @ B`` that make up moments, flat: all pairs, ``xx`` and ``yy``."""
    pairs = product(A[:, : p + 1], B[:, : q + 1])
    xx, yy = product(A[:, p + 1 :], B[:, :1]), product(A[:, :1], B[:, q + 1 :])
    return np.concatenate([pairs.ravel(), xx.ravel(), yy.ravel()])


def _noise_of(privacy: dict[str, Any], other: Message) -> float:
    """Return the noise multiplier that both parties ask for."""
    if {name: other.values.get(name) for name in privacy} != privacy:
        raise MessageError("the parties ask for different noise; agree on one epsilon and one delta.")
    try:
        epsilon = math.inf if privacy["epsilon"] == _EXACT else privacy["epsilon"]
        return noise_multiplier_for(check_epsilon(epsilon), check_delta(privacy["delta"]))
    except InvalidParameterError as error:
        raise MessageError(f"this noise cannot be: {error}") from None


def _corrections(
    seeds: list[bytes], n_slots: int, widths: list[int], noise: float, flipped: bool
) -> list[Ring]:
    """Return the dealt numbers of both: they sum to the bilinear product of their masks, and noise."""
    masks = [
        mask(seed, "rows", (n_slots, _n_columns(width))) for seed, width in zip(seeds, widths, strict=True)
    ]
    order = slice(None, None, -1 if flipped else 1)
    (A, B), (p, q) = masks[order], widths[order]
    whole = bilinear(A, B, p, q)
    if noise:
        whole = whole + _noise(p, q, noise, _bits(n_slots, noise))
    # The product is split in two, each part uniform by itself: neither party learns anything from its own.
    drawn = np.frombuffer(secrets.token_bytes(whole.nbytes), dtype="<u8")
    return [drawn, whole - drawn]


def _slots(names: Sequence[Ring]) -> tuple[list[np.ndarray], int]:
    """Return for either party the random slots of its pseudonyms, and the number of slots."""
    both = np.concatenate(names)
    users, place = np.unique(both, axis=0, return_inverse=True)
    place = place.reshape(-1)
    for part in (place[: len(names[0])], place[len(names[0]) :]):
        if not len(part) or len(np.unique(part)) < len(part):
            raise MessageError("a party must have users, and name each once.")
    if len(both) > _MOST:
        raise MessageError(f"{len(both):,} users are more than {_MOST:,}.")
    drawn = list(range(len(both)))
    # From the secure source: slots in a predictable order would show which pseudonyms are shared.
    secrets.SystemRandom().shuffle(drawn)
    given = np.array(drawn, dtype=np.int64)[: len(users)][place]
    return [given[: len(names[0])], given[len(names[0]) :]], len(both)


def _bits(n_slots: int, noise: float) -> int:
    """Return the bits after the point of a factor: sums over all slots, and noise, must fit in 62 bits."""
    room = int(n_slots) + math.ceil(_TAIL * noise / min(SHARES.values()) ** 0.5)
    return (62 - room.bit_length()) // 2


def _noise(p: int, q: int, noise: float, bits: int) -> Ring:
    """Return noise for the sums, flat; off the diagonal, where an entry stands for two, half the variance."""
    variance = {name: math.ceil((noise * 4.0**bits) ** 2 / share) for name, share in SHARES.items()}
    pairs = np.empty((p + 1, q + 1), dtype=np.int64)
    pairs[0, 0] = discrete_gaussian(variance["n"], 1)[0]
    pairs[1:, 0] = discrete_gaussian(variance["sum_x"], p)
    pairs[0, 1:] = discrete_gaussian(variance["sum_y"], q)
    pairs[1:, 1:] = discrete_gaussian(variance["xy"], p * q).reshape(p, q)
    drawn = [pairs.ravel(), *(_triangle(size, variance[name]) for size, name in ((p, "xx"), (q, "yy")))]
    return np.concatenate(drawn).view(np.uint64)


def _triangle(p: int, variance: int) -> np.ndarray:
    rows, columns = np.triu_indices(p)
    drawn = np.empty(len(rows), dtype=np.int64)
    drawn[rows == columns] = discrete_gaussian(variance, p)
    # Rounded up: half the variance rounded down would claim more privacy than there is.
    drawn[rows != columns] = discrete_gaussian(-(-variance // 2), p * (p - 1) // 2)
    return drawn


def _parts(flat: Array, p: int, q: int) -> dict[str, Array]:
    """Return the six sums of rows no longer than 1."""
    pairs, xx, yy = np.split(flat, np.cumsum([(p + 1) * (q + 1), p * (p + 1) // 2]))
    P = pairs.reshape(p + 1, q + 1)
    return {
        "n": P[0, :1],
        "sum_x": P[1:, 0],
        "sum_y": P[0, 1:],
        "xx": symmetric(xx, p),
        "xy": P[1:, 1:],
        "yy": symmetric(yy, q),
    }


def _n_columns(p: int) -> int:
    return 1 + p + p * (p + 1) // 2


def _n_sums(p: int, q: int) -> int:
    return (p + 1) * (q + 1) + p * (p + 1) // 2 + q * (q + 1) // 2


def _distinct(slots: np.ndarray, n_slots: int) -> bool:
    whole = slots.dtype == np.int64 and slots.min(initial=0) >= 0 and slots.max(initial=0) < n_slots
    return bool(whole and len(np.unique(slots)) == len(slots))


def _ring(message: Message, name: str) -> Ring:
    if message.arrays[name].dtype != np.uint64:
        raise MessageError(f"the {name} of {message.sender!r} are not whole numbers modulo 2^64.")
    return message.arrays[name]


def _seed(message: Message) -> bytes:
    try:
        seed = bytes.fromhex(message.value("seed", str))
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise MessageError("the helper's seed is not 32 bytes.")
    return seed


def _scale(message: Message) -> float:
    scale = message.value("scale", float)
    if not 2.0**-500 <= scale <= 2.0**500:
        raise MessageError(f"the scale {scale:g} of {message.sender!r} cannot be.")
    return float(scale)
