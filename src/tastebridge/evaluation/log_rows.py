"""The rows of a log of shown items with rewards and propensities, and the policies evaluated on them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data.text_ids import IdKind
from tastebridge.evaluation.list_tables import Recommendations, read_ids
from tastebridge.evaluation.off_policy import Estimates, estimates, expected_rewards, importance_weights
from tastebridge.evaluation.policies import Policy
from tastebridge.exceptions import InvalidDataError

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
_FOLDS = 5
_NO_PROPENSITY = (
    "the log has no column propensity: the probability with which its system showed the item. Without it, "
    "only the mean reward of the shown items is known. The reward of another system cannot be estimated: "
    "items that were shown more often, or to users who like them, look better than they are. Log the "
    "probability "
    "of every shown item, or show a share of items at random and give that probability. To measure how well "
    "events are predicted, use evaluate(…)."
)


class Log(NamedTuple):
    """The rows of a log, users and items by number."""

    user_ids: NDArray
    item_ids: NDArray
    users: Numbers
    items: Numbers
    rewards: Floats
    propensities: Floats

    @classmethod
    def of(cls, table: Recommendations) -> Log:
        """Return the rows of a table with the columns user_id, item_id, reward and propensity.

        Raises
        ------
        InvalidDataError
            If a column, an id or a reward is missing, or a propensity is not above 0 and at most 1.
        """
        found = read_ids(table, {}, ("reward", "propensity"), "the rows of a log")
        if "reward" not in found.numbers:
            raise InvalidDataError("the log has no column reward: 1 for a click and 0 for none, for example.")
        if "propensity" not in found.numbers:
            raise InvalidDataError(_NO_PROPENSITY)
        rewards, propensities = found.numbers["reward"], found.numbers["propensity"]
        if not len(rewards):
            raise InvalidDataError("the log has no rows.")
        if not found.known.all() or not np.isfinite(rewards).all():
            raise InvalidDataError("each row of the log needs user_id, item_id and a finite reward.")
        if not ((propensities > 0) & (propensities <= 1)).all():
            wrong = propensities[~((propensities > 0) & (propensities <= 1))][0]
            raise InvalidDataError(
                f"propensities must be above 0 and at most 1; one is {wrong:g}. An item that was shown had a "
                "probability above 0."
            )
        users, user_ids = pd.factorize(found.users, sort=True)
        items, item_ids = pd.factorize(found.items, sort=True)
        return cls(user_ids, item_ids, users.astype(np.int64), items.astype(np.int64), rewards, propensities)

    @property
    def kinds(self) -> dict[str, IdKind]:
        """The kinds of the ids, by which ids made of digits in a text file are read."""
        ids = {"user_id": self.user_ids, "item_id": self.item_ids}
        return {role: "int" if values.dtype == np.int64 else "str" for role, values in ids.items()}


class JudgedPolicy:
    """The estimates of a policy on a log.

    Parameters
    ----------
    log : Log
    policy : Policy
        Over the users of the log.
    clip : float or None
    random_state : int
        Of the folds of users, by which expected rewards are learned without their own rows.

    Attributes
    ----------
    found : Estimates
    weights : ndarray of shape (n_rows,)
        Clipped.
    full_weights : ndarray of shape (n_rows,)
        Without a clip.
    expected_weight : float
        The mean weight if all that the policy shows had a propensity: 1, or less with users without a list.
    without_list : int
        The number of users without a list.
    """

    def __init__(self, log: Log, policy: Policy, clip: float | None, random_state: int) -> None:
        n_users, n_items = len(log.user_ids), len(log.item_ids)
        items = pd.Index(log.item_ids).get_indexer(policy.items)
        shown = _probability_of_rows(log, policy, items)
        self.full_weights = importance_weights(shown, log.propensities)
        self.weights = importance_weights(shown, log.propensities, clip)
        self.without_list = n_users - len(np.unique(policy.users))
        # by user: no row of a user teaches the expectation of another of the user's rows
        folds = np.random.default_rng(random_state).permutation(n_users) % _FOLDS
        # an entry more, for items the log never showed: they are expected to earn the mean
        q = expected_rewards(log.items, log.rewards, folds[log.users], (_FOLDS, n_items + 1))
        expected_of_shown = policy.probability * q[folds[policy.users], items]
        of_policy = np.bincount(policy.users, expected_of_shown, n_users).astype(np.float64)
        totals = np.bincount(policy.users, policy.probability, n_users)
        self.expected_weight = float(totals[log.users].mean())
        expected = q[folds[log.users], log.items]
        self.found: Estimates = estimates(log.rewards, self.weights, expected, of_policy[log.users])


def _probability_of_rows(log: Log, policy: Policy, items: Numbers) -> Floats:
    """Return the probability with which a policy shows the item of each row; ``items`` are its own."""
    width = len(log.item_ids)
    known = items >= 0
    keys = policy.users[known] * width + items[known]
    # a pair of user and item as one number, so that a single look-up finds the rows
    place = pd.Index(keys).get_indexer(log.users * width + log.items)
    return np.where(place >= 0, np.append(policy.probability[known], 0.0)[place], 0.0)
