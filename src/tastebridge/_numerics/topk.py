"""Exact top-k of inner products in bounded memory: a product proposes items, exact scores decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_count
from tastebridge._numerics.best import (
    LOWEST,
    Floats,
    Found,
    Keys,
    Numbers,
    merge,
    pack,
    unpack,
    unpack_numbers,
    unpack_scores,
)
from tastebridge._numerics.catalogue import (
    TILE_ITEMS,
    Catalogue,
    check_per_user,
    check_vectors,
    entries,
    lengths,
    open_items,
)
from tastebridge._numerics.threads import n_threads, one_blas_thread, together
from tastebridge.exceptions import InvalidDataError

TILE_USERS, SEGMENT, HEAD = 512, 256, 2048
PAD = 16
"""Unused scores after each row of a tile: rows a power of two apart would share few sets of a cache."""
PAIRS = 2**15
"""Components of pairs scored at once, which fit the fastest caches in float64."""
MARGIN = 6
"""Items kept beyond k, so that rounding cannot lose one of the k best."""
WORTH = 10**8
"""Number of scores in a call from which numba is loaded, if installed; loading takes about a second."""
MOST = 256
"""Items kept per user up to which the compiled scan, an insertion sort, is faster than numpy."""


@dataclass(frozen=True, eq=False)
class Masks:
    """The items that are open to users.

    Attributes
    ----------
    seen, deny_per_user : csr matrix of shape (n_users, n_items), optional
        Every stored entry is left out for that user.
    allow, deny : array-like of item numbers, optional
        Only these items, or all but these, for all users.
    allow_per_user : csr matrix of shape (n_users, n_items), optional
        Only the stored entries are open to that user.
    """

    seen: sparse.csr_matrix | None = None
    allow: ArrayLike | None = None
    deny: ArrayLike | None = None
    allow_per_user: sparse.csr_matrix | None = None
    deny_per_user: sparse.csr_matrix | None = None


NONE = Masks()
"""Every item is open to every user."""


def top_k(
    user_vectors: ArrayLike,
    item_vectors: ArrayLike | Catalogue,
    k: int,
    *,
    masks: Masks = NONE,
    block_bytes: int = 64 << 20,
    n_jobs: int = 1,
) -> tuple[NDArray[np.int32], Floats]:
    r"""Return for each user the ``k`` items of the largest inner product :math:`\langle u, v\rangle`.

    Items are visited in blocks, longest vectors first. A block is a BLAS product in float32. Its last bits
    depend on the shape of the block, the threads and the machine, so it only *proposes* items. By
    Cauchy–Schwarz its error is below :math:`\gamma=\epsilon(d+4)\|u\|\max\|v\|`. A few more items than k are
    kept, and the ones within :math:`2\gamma` of the k-th are scored again by :func:`pair_scores`. If all kept
    items of a user are that close, as with many equal items, the user is searched again with every proposal
    scored. A user skips a block if :math:`\|u\|\|v\|` is too small. The result is therefore the same for one
    user or a million, and for any ``block_bytes`` and ``n_jobs``. It does not depend on whether numpy or
    compiled code scans either; large calls use the latter if numba is installed. Ties go to the lower item
    number.

    Parameters
    ----------
    user_vectors, item_vectors : array-like of shape (n_users, n_components), (n_items, n_components)
        Finite numbers; used as float32. For repeated searches pass a :class:`Catalogue` of the item vectors.
    k : int
        Items per user, at most.
    masks : Masks
        The items open to each user; all by default.
    block_bytes : int
        Approximate working memory of a thread, besides the item vectors and the result.
    n_jobs : int
        Threads, as in joblib (-1: all cores). Each uses one BLAS thread.

    Returns
    -------
    indices : int32 array of shape (n_users, k)
        Item numbers, best first; -1 where fewer than ``k`` items are open to a user.
    scores : float32 array of shape (n_users, k)
        Their scores, descending; ``-inf`` where there is no item.

    Raises
    ------
    InvalidDataError
        If shapes disagree, a vector is not finite, or an item number does not exist.

    References
    ----------
    Teflioudi, Gemulla, "Exact and approximate maximum inner product search with LEMP", TODS 2016.

    Examples
    --------
    >>> items, scores = top_k([[1.0, 0.0]], [[1.0, 0.0], [3.0, 0.0], [2.0, 5.0]], k=2)
    >>> items.tolist(), scores.tolist()
    ([[1, 2]], [[3.0, 2.0]])
    """
    users, catalogue = check_vectors("user_vectors", user_vectors), catalogue_of(item_vectors)
    items = catalogue.items
    if users.shape[1] != items.shape[1]:
        raise InvalidDataError(
            f"user_vectors have {users.shape[1]} components and item_vectors {items.shape[1]}; "
            "both must come from the same model."
        )
    shape, k = (len(users), len(items)), check_count("k", k)
    if masks.allow is not None or masks.deny is not None:
        catalogue = Catalogue.of(items, open_items(len(items), masks.allow, masks.deny))
    banned = [check_per_user(name, getattr(masks, name), shape) for name in ("seen", "deny_per_user")]
    opened = check_per_user("allow_per_user", masks.allow_per_user, shape)
    best: Keys = np.zeros((len(users), k), dtype=np.uint64)

    def work(rows: slice) -> None:
        shut = [_cut(m, rows) for m in banned if m is not None]
        _search(users[rows], catalogue, best[rows], shut, None if opened is None else _cut(opened, rows))

    threads = n_threads(n_jobs)
    stored = sum(m.nnz for m in (*banned, opened) if m is not None) // max(1, len(users))
    # about the bytes a user needs: keys and masks, the vector, bounds, thin columns
    each = 40 * (2 * k + MARGIN + stored) + 8 * users.shape[1] + len(items) // 128 + 8 * len(catalogue.rare)
    with one_blas_thread():
        run = [partial(work, rows) for rows in _chunks(len(users), block_bytes // each, threads)]
        together(run, n_jobs)
    return unpack(best)


def catalogue_of(item_vectors: ArrayLike | Catalogue, typical: Floats | None = None) -> Catalogue:
    """Return a catalogue of item vectors for repeated searches; ``typical`` users make small ones faster."""
    if isinstance(item_vectors, Catalogue):
        return item_vectors
    items = check_vectors("item_vectors", item_vectors)
    return Catalogue.of(items, np.arange(len(items)), typical)


def pair_scores(users: NDArray[np.floating], items: Floats) -> Floats:
    """Return the inner products of aligned rows, summed in float64: the one definition of a score.

    Each row is summed alone, so its score does not depend on the other rows.

    Examples
    --------
    >>> pair_scores(np.float32([[1, 2]]), np.float32([[3, 4]])).tolist()
    [11.0]
    """
    products = items.astype(np.float64)
    products *= users
    return products.sum(axis=1).astype(np.float32)


def chosen_scores(users: NDArray[np.floating], rows: Numbers, items: Floats, numbers: Numbers) -> Floats:
    """Return :func:`pair_scores` of ``rows`` of ``users`` and ``numbers`` of ``items``, as fits the cache.

    Examples
    --------
    >>> chosen_scores(np.float32([[1, 2]]), np.array([0, 0]), np.float32([[3, 4], [1, 0]]), np.array([1, 0]))
    array([ 1., 11.], dtype=float32)
    """
    scores = np.empty(len(rows), dtype=np.float32)
    step = max(1, PAIRS // max(1, items.shape[1]))
    for start in range(0, len(rows), step):
        here = slice(start, start + step)
        own = users if len(users) == 1 else users.take(rows[here], axis=0)
        scores[here] = pair_scores(own, items.take(numbers[here], axis=0))
    return scores


def _search(
    users: Floats,
    catalogue: Catalogue,
    best: Keys,
    shut: list[sparse.csr_matrix],
    only: sparse.csr_matrix | None,
) -> None:
    """Fill ``best`` (n_users, k), in place, with the keys of each user's best items."""
    if len(users) == 1:
        _search_one(users, catalogue, best, shut, only)
        return
    k, slack = best.shape[1], _slack(users, catalogue)
    shut, only = [catalogue.fold(m) for m in shut], None if only is None else catalogue.fold(only)
    near = _scan(users, catalogue, k, MARGIN, shut, only)
    scores = unpack_scores(near)
    close = scores >= (np.partition(scores, MARGIN, axis=1)[:, MARGIN] - slack)[:, None]
    # every item kept is close, so one that was not kept may belong to the k best
    spilled = np.flatnonzero((close & (near > 0)).all(axis=1))
    close[spilled] = False
    rows, places = np.nonzero(close & (near > 0))
    numbers = unpack_numbers(near[rows, places])
    merge(best, rows, pack(chosen_scores(users, rows, catalogue.items, numbers), numbers))
    if len(spilled):
        own = [_rows_of(part, spilled, len(users)) for part in shut]
        theirs = None if only is None else _rows_of(only, spilled, len(users))
        best[spilled] = _scan(users[spilled], catalogue, k, 0, own, theirs)


def _scan(
    users: Floats,
    catalogue: Catalogue,
    k: int,
    margin: int,
    shut: list[sparse.csr_matrix],
    only: sparse.csr_matrix | None,
) -> Keys:
    """Return the keys of the ``k + margin`` best items by the product; with margin 0 the exact k best."""
    reach, slack = lengths(users) + _error(users), _slack(users, catalogue)
    common = users if not len(catalogue.thin) else np.ascontiguousarray(users[:, catalogue.thick])
    scarce = catalogue.scarce_scores(users)
    buffer = np.empty(TILE_USERS * (TILE_ITEMS + PAD), dtype=np.float32)
    found = Found(len(users), k, margin, slack)
    # without a margin all proposals are scored exactly, which the compiled scan does not do
    keep = _compiled_keep(len(users) * len(catalogue.numbers), k + margin) if margin else None
    for block, start in enumerate(range(0, len(catalogue.numbers), TILE_ITEMS)):
        here = slice(start, start + TILE_ITEMS)
        numbers, width = catalogue.numbers[here], len(catalogue.numbers[here])
        few = slice(*np.searchsorted(catalogue.rare, (start, start + TILE_ITEMS)))
        active = np.flatnonzero(reach * catalogue.norms[start] >= found.floor)
        # blocks are sorted by length: no user reaches a later one either
        if not len(active):
            break
        theirs = common if len(active) == len(common) else common[active]
        columns = catalogue.vectors[here].T
        # the copy makes a product faster by a twentieth, which pays for several tiles
        columns = np.ascontiguousarray(columns) if len(active) > TILE_USERS else columns
        for at in range(0, len(active), TILE_USERS):
            tile = active[at : at + TILE_USERS]
            area = buffer[: len(tile) * (width + PAD)].reshape(len(tile), -1)
            np.matmul(theirs[at : at + TILE_USERS], columns, out=area[:, :width])
            if few.stop > few.start:
                area[:, catalogue.rare[few] - start] += scarce[tile, few]
            area = _mask(area, block * len(users) + tile, shut, only)
            if keep is not None:
                keep(area, tile, numbers, found.best, found.bounds, margin)
                continue
            scores = area[:, :width]
            rows, places, near = _proposals(scores, _floor(scores, found.floor, tile, slack, k))
            which, who = numbers[places], tile[rows]
            values = near if margin else chosen_scores(users, who, catalogue.items, which)
            found.add(who, which, values, k * len(active))
    found.settle()
    return found.best


def _compiled_keep(n_scores: int, n_kept: int) -> Callable[..., None] | None:
    """Return the compiled scan, or None for small calls and where numba is not installed."""
    if n_kept > MOST or (n_scores < WORTH and not _load_keep.cache_info().currsize):
        return None
    return _load_keep()


@cache
def _load_keep() -> Callable[..., None] | None:
    try:
        from tastebridge._numerics.compiled import keep
    except ImportError:
        return None
    return keep


def _error(users: Floats) -> NDArray[np.float64]:
    """Return the largest error of a product for an item of length 1."""
    return (users.shape[1] + 4) * 2.0**-24 * lengths(users)


def _slack(users: Floats, catalogue: Catalogue) -> NDArray[np.float64]:
    """Return the largest distance of one of a user's k best below the k-th best by the product."""
    return 2 * catalogue.norms.max(initial=0.0) * _error(users)


def _rows_of(folded: sparse.csr_matrix, users: Numbers, n_users: int) -> sparse.csr_matrix:
    """Return the rows of some users of all blocks of a mask."""
    blocks = np.arange(folded.shape[0] // n_users) * n_users
    return folded[np.add.outer(blocks, users).ravel()]


def _search_one(
    user: Floats,
    catalogue: Catalogue,
    best: Keys,
    shut: list[sparse.csr_matrix],
    only: sparse.csr_matrix | None,
) -> None:
    """Fill ``best`` (1, k), in place, as :func:`_search` does, for one user by the bounds of the sketch.

    The first items of the sketch give a floor. Only items whose bound reaches it are visited after them.
    """
    sketch, k, n_items = catalogue.sketch, best.shape[1], len(catalogue.numbers)
    if not n_items:
        return
    one = _One(user, catalogue, _closed(catalogue, shut, only))
    head = min(n_items, max(HEAD, 4 * k))
    # too few open items among the first ones to give a floor
    if head - np.count_nonzero(one.closed[sketch.order[:head]]) < k:
        head = n_items
    near, most = one.look(slice(head))
    first = np.argpartition(near, -min(2 * k, head))[-2 * k :]
    first = first[near[first] >= LOWEST]
    most[first] = -np.inf
    found = np.sort(one.keys(first))
    floor = float(unpack_scores(found[-k:])[0] if len(found) >= k else LOWEST)
    # scores are rounded to float32, and an equal score must not fall below the floor
    floor -= abs(floor) * 2.0**-22
    reach, far = one.reach(floor, head)
    looks = zip((near, most), one.look(slice(head, reach)), one.look(far), strict=True)
    near, most = (np.concatenate(parts) for parts in looks)
    left = most >= floor
    ranks = one.closer(np.append(np.arange(reach), far)[left], near[left], floor)
    best[0] = np.partition(np.concatenate([best[0], found, one.keys(ranks)]), -k)[-k:]


class _One:
    """One user and the items of a catalogue, by their ranks in its sketch.

    Parameters
    ----------
    user : ndarray of shape (1, n_components)
    catalogue : Catalogue
    closed : ndarray of bool, shape (n_open,)
        The places of the catalogue that are closed to the user.
    """

    def __init__(self, user: Floats, catalogue: Catalogue, closed: NDArray[np.bool_]) -> None:
        self.closed = closed
        self._user, self._catalogue, self._sketch = user.astype(np.float64), catalogue, catalogue.sketch
        self._common = user[0] if not len(catalogue.thin) else user[0, catalogue.thick]
        self._own = self._sketch.person(self._common)
        self._scarce = np.zeros(len(closed), dtype=np.float32)
        self._scarce[catalogue.rare] = catalogue.scarce_scores(user)[0]
        grain = (user.shape[1] + 4) * 2.0**-23 * float(np.linalg.norm(self._user))
        self._rounding = grain * catalogue.norms

    def look(self, ranks: slice | Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return approximate scores of items, and upper bounds of their scores."""
        places, (near, off) = self._sketch.order[ranks], self._sketch.bounds(self._own, ranks)
        near += self._scarce[places]
        near[self.closed[places]] = -np.inf
        return near, near + off + self._rounding[places]

    def reach(self, floor: float, least: int) -> tuple[int, Numbers]:
        """Return the number of leading ranks that may reach a floor, and later ones by thin columns."""
        reach = max(least, self._sketch.reach(self._own, floor - self._rounding[0]))
        rare = self._catalogue.rare
        linked = self._sketch.rank[rare[self._scarce[rare] > 0]]
        return reach, linked[linked >= reach]

    def closer(self, ranks: Numbers, near: NDArray[np.float64], floor: float) -> Numbers:
        """Return the ranks that may reach a floor by tighter bounds."""
        if self._sketch.turn is None:
            return ranks
        near, off = self._sketch.closer(self._own, ranks, near)
        ranks = ranks[near + off + self._rounding[self._sketch.order[ranks]] >= floor]
        # whole vectors in float32 leave those alone that rounding cannot tell from the best
        places = self._sketch.order[ranks]
        near = self._catalogue.vectors.take(places, axis=0) @ self._common
        return ranks[near + self._scarce[places] + self._rounding[places] >= floor]

    def keys(self, ranks: Numbers) -> Keys:
        """Return the keys of items with their exact scores."""
        numbers = self._catalogue.numbers[self._sketch.order[ranks]]
        scores = chosen_scores(self._user, np.zeros_like(numbers), self._catalogue.items, numbers)
        return pack(scores, numbers)


def _closed(
    catalogue: Catalogue, shut: list[sparse.csr_matrix], only: sparse.csr_matrix | None
) -> NDArray[np.bool_]:
    """Return a mask of the places of the catalogue that are closed to the user of these rows."""
    closed = np.full(len(catalogue.numbers), only is not None)
    for matrix, is_closed in [(only, False), *((part, True) for part in shut)]:
        if matrix is not None:
            places = catalogue.position[matrix.indices]
            closed[places[places >= 0]] = is_closed
    return closed


def _mask(
    scores: Floats, rows: Numbers, shut: list[sparse.csr_matrix], only: sparse.csr_matrix | None
) -> Floats:
    """Put ``-inf`` where an item is closed to a user."""
    if only is not None:
        opened = np.full_like(scores, -np.inf)
        at = entries(only, rows)
        opened[at] = scores[at]
        scores = opened
    for matrix in shut:
        scores[entries(matrix, rows)] = -np.inf
    return scores


def _floor(
    scores: Floats, floor: NDArray[np.float64], tile: Numbers, slack: NDArray[np.float64], k: int
) -> Floats:
    """Return the least useful score of each user of a tile; users without a ``floor`` get one, in place."""
    least = floor[tile]
    if least.min() <= LOWEST:
        new = np.flatnonzero(least <= LOWEST)
        some = scores if len(new) == len(tile) else scores[new]
        floor[tile[new]] = np.maximum(_kth_at_least(some, k) - slack[tile[new]], LOWEST)
        least = floor[tile]
    return least.astype(np.float32)


def _proposals(scores: Floats, floor: Floats) -> tuple[Numbers, Numbers, Floats]:
    """Return (row, column, score), row by row, of every score that may belong to its row's k best.

    Positive floats sort like their bits as integers, and the largest integer is found faster.
    """
    width = scores.shape[1]
    size = SEGMENT if width % SEGMENT == 0 else width
    segments = scores.reshape(len(scores), -1, size)
    kind = np.int32 if floor.min() > 0 else np.float32
    peaks = segments.view(kind).max(axis=2).view(np.float32)
    row, segment = np.divmod(np.flatnonzero(peaks >= floor[:, None]), width // size)
    hot, limit = segments[row, segment], floor[row]
    places = np.flatnonzero(hot >= limit[:, None])
    at, column = np.divmod(places, size)
    return row[at], segment[at] * size + column, hot.ravel()[places]


def _kth_at_least(scores: Floats, k: int) -> Floats:
    """Return a lower bound of each row's k-th largest score: the k-th largest of the maxima of groups."""
    width = scores.shape[1]
    size = min(16, max(1, width // (4 * k)))
    n_groups = width // size
    if n_groups < k:
        return np.full(len(scores), LOWEST)
    peaks = scores[:, : size * n_groups].reshape(len(scores), size, n_groups).max(axis=1)
    return np.maximum(np.partition(peaks, n_groups - k, axis=1)[:, n_groups - k], LOWEST)


def _cut(mask: sparse.csr_matrix, rows: slice) -> sparse.csr_matrix:
    """Return consecutive rows of a mask."""
    return mask if rows.stop - rows.start >= mask.shape[0] else mask[rows]


def _chunks(n_users: int, at_once: int, n_threads: int) -> list[slice]:
    """Return consecutive runs of users that fit into memory and keep every thread busy."""
    # four runs per thread, so that one slow run does not keep the others waiting
    share = -(-n_users // (4 * n_threads if n_threads > 1 else 1))
    step = max(TILE_USERS, min(at_once, share))
    return [slice(start, start + step) for start in range(0, n_users, step)]
