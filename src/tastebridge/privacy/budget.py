"""The privacy budget: a ledger of what was spent, which refuses to be overspent."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Self

from tastebridge._foundation.validation import check_number
from tastebridge.exceptions import InvalidDataError, MissingDependencyError, PrivacyBudgetError

_LONGEST = 1 << 20


class Budget:
    r"""A total :math:`(\varepsilon, \delta)` for all that is released about a set of people.

    Every release is a Gaussian mechanism with a noise multiplier (noise over sensitivity). They compose by
    Rényi differential privacy, accounted for by Google's ``dp-accounting``: several releases cost less than
    the sum of their :math:`\varepsilon`. A budget is one ledger: copying it, or cloning an estimator that
    holds it, gives the same ledger. A budget knows nothing of releases that were made without it.

    Parameters
    ----------
    epsilon : float
        Above 0; ``inf`` for no limit.
    delta : float
        Between 0 and 1, well below one over the number of people.
    spent : sequence of float, optional
        The noise multipliers of what was released before.

    Raises
    ------
    PrivacyBudgetError
        By :meth:`spend`, if a release would overspend it: nothing is spent then.

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

    def __init__(self, epsilon: float, delta: float, spent: Sequence[float] = ()) -> None:
        self.epsilon, self.delta = check_epsilon(epsilon), check_delta(delta)
        self._spent = [check_number("spent", noise, 0.0, open_minimum=True) for noise in spent]
        self._lock = Lock()

    @property
    def spent(self) -> tuple[float, ...]:
        """The noise multipliers of all releases so far."""
        return tuple(self._spent)

    @property
    def spent_epsilon(self) -> float:
        """The epsilon of all releases so far, at the budget's delta."""
        return epsilon_of(self._spent, self.delta)

    def spend(self, noise_multiplier: float) -> None:
        """Enter a release before it is made."""
        check_number("noise_multiplier", noise_multiplier, 0.0, open_minimum=True)
        with self._lock:
            after = epsilon_of([*self._spent, noise_multiplier], self.delta)
            if after > self.epsilon:
                raise PrivacyBudgetError(
                    f"this release would spend epsilon={after:.3g} of {self.epsilon:.3g} "
                    f"(delta={self.delta:g}); {self.spent_epsilon:.3g} is spent. Add noise, or stop here: "
                    "what was released cannot be taken back."
                )
            self._spent.append(float(noise_multiplier))

    def write(self, path: str | Path) -> None:
        """Write the ledger to a JSON file, in one step."""
        path = Path(path)
        record = {"package": "tastebridge", "kind": "privacy budget", **self.get_params()}
        new = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
        try:
            new.write_text(json.dumps(record), "ascii")
            os.replace(new, path)
        finally:
            new.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Return the budget of a file that :meth:`write` wrote.

        Raises
        ------
        InvalidDataError
            If it cannot be read or is anything else: what was spent must be known, so there is no default.
        """
        try:
            with open(path, "rb") as file:
                record = json.loads(file.read(_LONGEST))
            if (record["package"], record["kind"]) != ("tastebridge", "privacy budget"):
                raise ValueError("it is something else")
            return cls(record["epsilon"], record["delta"], record["spent"])
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            why = str(error).partition("\n")[0][:200]
            raise InvalidDataError(f"{str(path)!r} is not a readable privacy budget: {why}.") from None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return epsilon, delta and what is spent, as a saved model keeps them."""
        return {"epsilon": self.epsilon, "delta": self.delta, "spent": list(self._spent)}

    def __sklearn_clone__(self) -> Self:
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a Budget is not pickled: two copies could be spent twice. Use write and read.")

    def __repr__(self) -> str:
        return f"Budget(epsilon={self.epsilon:g}, delta={self.delta:g}, spent={self._spent})"


def noise_multiplier_for(epsilon: float, delta: float, n_releases: int = 1) -> float:
    """Return the noise over sensitivity that ``n_releases`` releases of equal noise may have in all.

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
    while epsilon_of([noise] * n_releases, delta) > epsilon:
        noise *= 1.0 + 1e-6
    return noise


def epsilon_of(noise_multipliers: Sequence[float], delta: float) -> float:
    """Return the epsilon of Gaussian releases with these noise multipliers, composed."""
    if not noise_multipliers:
        return 0.0
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
