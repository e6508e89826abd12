"""The privacy budget: a ledger of all spending, which refuses to be overspent."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Self

from tastebridge._foundation.validation import check_number
from tastebridge.exceptions import InvalidDataError, MissingDependencyError, PrivacyBudgetError
from tastebridge.privacy.ledger import Ledger, open_ledger

_PACKAGE, _KIND = "tastebridge", "privacy budget"
_SEEN: dict[str, int] = {}
"""By the id of a budget, the releases this process has seen in its file: a file with fewer is an old one."""


class Budget:
    r"""A total :math:`(\varepsilon, \delta)` for all that is released about a set of users.

    Every release is a Gaussian mechanism with a noise multiplier (noise over sensitivity). They compose by
    Rényi differential privacy, accounted for by Google's ``dp-accounting``: several releases cost less than
    the sum of their :math:`\varepsilon`. A release without noise, by ``epsilon=inf``, spends everything.

    **There is one ledger.** A copy of a budget, or the budget of a cloned estimator, is the same object. It
    is not pickled, and a forked process cannot spend it. After :meth:`write` the ledger is the file. All
    budgets that :meth:`read` makes of it, in any process, enter each release there before it is made, under a
    lock. A copy of the file is refused as long as the file itself exists. A budget that comes with a loaded
    model is a record of past spending. It cannot be spent: pass the budget itself to the next fit.

    **Limits.** A budget knows nothing of releases made without it. A second budget made by hand can be spent
    again. So can a ledger restored from a backup before any process has read its later state.

    Parameters
    ----------
    epsilon : float
        Above 0; ``inf`` for no limit.
    delta : float
        Between 0 and 1, well below one over the number of users.
    spent : sequence of float, optional
        The noise multipliers of earlier releases; 0 for one without noise.
    record : bool, default=False
        Whether this only shows past spending and cannot be spent itself.

    Raises
    ------
    PrivacyBudgetError
        By :meth:`spend`, if a release would overspend it, or it is a copy: nothing is spent then.

    References
    ----------
    I. Mironov, "Rényi differential privacy", CSF (2017).

    Examples
    --------
    >>> from tastebridge.privacy import Budget
    >>> budget = Budget(3.0, 1e-6)
    >>> budget.spend(2.0)
    >>> 2.3 < budget.spent_epsilon < 2.5
    True
    >>> budget.spend(2.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tastebridge.exceptions.PrivacyBudgetError: this release would spend epsilon=3.54 of 3 (delta=1e-06); ...
    """

    def __init__(
        self, epsilon: float, delta: float, spent: Sequence[float] = (), record: bool = False
    ) -> None:
        self.epsilon, self.delta, self.record = check_epsilon(epsilon), check_delta(delta), bool(record)
        self._spent = [float(check_number("spent", noise, 0.0)) for noise in spent]
        self._lock, self._process = Lock(), os.getpid()
        self._id = secrets.token_hex(16)
        self._path: Path | None = None

    @property
    def spent(self) -> tuple[float, ...]:
        """The noise multipliers of all releases so far; 0 for one without noise."""
        if self._path is not None:
            with self._opened(self._path) as ledger:
                self._spent = _spending(ledger)
        return tuple(self._spent)

    @property
    def spent_epsilon(self) -> float:
        """The epsilon of all releases so far, at the budget's delta."""
        return epsilon_of(self.spent, self.delta)

    def spend(self, noise_multiplier: float) -> None:
        """Enter a release before it is made; 0 for one without noise.

        Raises
        ------
        PrivacyBudgetError
            If it would overspend the budget, or this is a copy of it.
        InvalidDataError
            If the file of the budget cannot be read, or is a copy or older than it was.
        """
        noise = float(check_number("noise_multiplier", noise_multiplier, 0.0))
        self._refuse_copies()
        if self._path is not None:
            with self._opened(self._path) as ledger:
                # Another process may have spent since, so the file is read anew under its lock.
                self._spent = _spending(ledger)
                self._check_room(noise)
                # The file before the memory: a crash in between then counts a release that was not made, and
                # never the reverse.
                ledger.append({"noise_multiplier": noise})
                self._spent.append(noise)
                _SEEN[self._id] = len(self._spent)
            return
        with self._lock:
            self._check_room(noise)
            self._spent.append(noise)

    def write(self, path: str | Path) -> None:
        """Write the ledger to a new file, which is the ledger from now on.

        Raises
        ------
        InvalidDataError
            If there is another file at the path: a ledger is never overwritten.
        """
        path = Path(path).absolute()
        self._refuse_copies()
        with self._lock, open_ledger(path, create=True) as ledger:
            if not ledger.records and self._path is None:
                ledger.append(
                    {
                        "package": _PACKAGE,
                        "kind": _KIND,
                        "id": self._id,
                        "path": str(path),
                        "epsilon": None if math.isinf(self.epsilon) else self.epsilon,
                        "delta": self.delta,
                        "spent": self._spent,
                    }
                )
            elif not ledger.records or ledger.records[0].get("id") != self._id:
                raise InvalidDataError(
                    f"the budget cannot be written to {str(path)!r}: "
                    + (f"it is in {str(self._path)!r}." if self._path else "there is another file.")
                    + " A ledger is in one place and is never overwritten. Use Budget.read(path) there."
                )
        self._path = path

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Return the budget of a file that :meth:`write` wrote; its releases are entered there.

        Raises
        ------
        InvalidDataError
            If it cannot be read, is a copy of another file, or is not a budget. Past spending must be known,
            so there is no default.
        """
        path = Path(path).absolute()
        try:
            with open_ledger(path) as ledger:
                head = ledger.records[0]
                if (head["package"], head["kind"]) != (_PACKAGE, _KIND):
                    raise ValueError("it holds no privacy budget")
                # JSON has no infinity, so null stands for it; in older files, without an id, null is damage.
                epsilon = math.inf if head["epsilon"] is None and "id" in head else head["epsilon"]
                budget = cls(epsilon, head["delta"], _spending(ledger))
        except (ValueError, LookupError, TypeError) as error:
            why = str(error).partition("\n")[0][:200]
            raise InvalidDataError(f"{str(path)!r} is not a readable privacy budget: {why}.") from None
        budget._id, budget._path = _id_of(head, path), path
        with budget._opened(path):
            return budget

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Ledger]:
        """Open the file of the budget; refuse another one, a copy, and one that is older than it was."""
        with open_ledger(path) as ledger:
            head = ledger.records[0] if ledger.records else {}
            if _id_of(head, path) != self._id:
                raise InvalidDataError(f"the file {str(path)!r} is the ledger of another budget by now.")
            # The last place entered is where the file lives: a file that was moved has entered its new one.
            home = Path(next((r["path"] for r in reversed(ledger.records) if "path" in r), path))
            if home != path:
                _refuse_copy_of(home, path, self._id)
                ledger.append({"path": str(path)})  # it was moved here
            if len(_spending(ledger)) < _SEEN.get(self._id, 0):
                raise InvalidDataError(
                    f"the ledger {str(path)!r} holds fewer releases than before: an older copy was restored. "
                    "A release cannot be undone; restore the latest state."
                )
            _SEEN[self._id] = len(_spending(ledger))
            yield ledger

    def _refuse_copies(self) -> None:
        if self.record:
            raise PrivacyBudgetError(
                "this budget came with a saved model: it is a record of the spending and cannot be spent, "
                "or every copy of the model could. Set budget= to the budget of the earlier fits, which "
                "Budget.read(path) reads from its ledger."
            )
        if self._path is None and os.getpid() != self._process:
            raise PrivacyBudgetError(
                "this budget is in the memory of another process, and this one holds a copy. Write it to a "
                "file by budget.write(path) before processes are started: they share the file."
            )

    def _check_room(self, noise: float) -> None:
        after = epsilon_of([*self._spent, noise], self.delta)
        if after > self.epsilon:
            raise PrivacyBudgetError(
                f"this release would spend epsilon={after:.3g} of {self.epsilon:.3g} "
                f"(delta={self.delta:g}); {epsilon_of(self._spent, self.delta):.3g} is spent. Add noise, or "
                "stop here: a release cannot be taken back."
            )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return epsilon, delta and all spending, as a saved model keeps them: a record."""
        return {"epsilon": self.epsilon, "delta": self.delta, "spent": list(self.spent), "record": True}

    def __sklearn_clone__(self) -> Self:
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a Budget is not pickled: two copies could be spent twice. Use write and read.")

    def __repr__(self) -> str:
        return f"Budget(epsilon={self.epsilon:g}, delta={self.delta:g}, spent={self._spent})"


def _spending(ledger: Ledger) -> list[float]:
    """Return the noise multipliers in a ledger."""
    head, *rest = ledger.records
    later = [record["noise_multiplier"] for record in rest if "noise_multiplier" in record]
    if not isinstance(head["spent"], list) or any(type(noise) not in (int, float) for noise in later):
        raise InvalidDataError("the ledger of a budget is damaged: a noise multiplier is not a number.")
    return [*head["spent"], *later]


def _id_of(head: dict[str, Any], path: Path) -> str:
    """Return the id in the first record of a ledger; older files have none and go by their place."""
    return str(head.get("id", path))


def _refuse_copy_of(home: Path, path: Path, known: str) -> None:
    """Refuse a ledger if the file it was copied from is still where it was."""
    try:
        if os.path.samefile(home, path):  # by a link; to open it again would wait for ourselves
            return
        with open_ledger(home) as ledger:
            same = bool(ledger.records) and _id_of(ledger.records[0], home) == known
    except (InvalidDataError, OSError):
        return
    if same:
        raise InvalidDataError(
            f"the ledger {str(path)!r} is a copy of {str(home)!r}, and the budget could be spent twice. Read "
            "the original."
        )


def noise_multiplier_for(epsilon: float, delta: float, n_releases: int = 1) -> float:
    """Return the ratio of noise to sensitivity for ``n_releases`` releases of equal noise.

    Examples
    --------
    >>> from tastebridge.privacy import noise_multiplier_for
    >>> round(noise_multiplier_for(3.0, 1e-6), 2)
    1.64
    """
    check_epsilon(epsilon), check_delta(delta)
    if epsilon == float("inf"):
        return 0.0
    dp, rdp = _library()
    event = lambda noise: dp.SelfComposedDpEvent(dp.GaussianDpEvent(noise), n_releases)  # noqa: E731
    noise = float(dp.calibrate_dp_mechanism(rdp.RdpAccountant, event, epsilon, delta))
    # The calibration stops within a tolerance; the claim must hold exactly.
    while epsilon_of([noise] * n_releases, delta) > epsilon:
        noise *= 1.0 + 1e-6
    return noise


def epsilon_of(noise_multipliers: Sequence[float], delta: float) -> float:
    """Return the epsilon of Gaussian releases with these noise multipliers, composed; 0 is no noise."""
    if not noise_multipliers:
        return 0.0
    if min(noise_multipliers) == 0.0:
        return math.inf
    dp, rdp = _library()
    accountant = rdp.RdpAccountant()
    for noise in noise_multipliers:
        accountant.compose(dp.GaussianDpEvent(noise))
    return float(accountant.get_epsilon(delta))


def check_epsilon(epsilon: float) -> float:
    """Return an epsilon above 0; infinity is one."""
    return epsilon if epsilon == float("inf") else check_number("epsilon", epsilon, 0.0, open_minimum=True)


def check_delta(delta: float) -> float:
    """Return a delta between 0 and 1, both excluded."""
    return check_number("delta", delta, 0.0, 1.0 - 1e-12, open_minimum=True)


def _library() -> tuple[Any, Any]:
    try:
        import dp_accounting
        from dp_accounting import rdp
    except ImportError:
        raise MissingDependencyError(
            "privacy accounting needs the package dp-accounting. Install it: pip install "
            "'tastebridge[privacy]'."
        ) from None
    return dp_accounting, rdp
