"""Questions and answers: the posterior in its textbook form, sums, vectors, errors and a planted taste."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, UnknownIdError
from tastebridge.model import taste
from tastebridge.model.answered import ANSWERS, AnsweredScorer
from tastebridge.model.item_tree import ROOT, ItemTree
from tastebridge.model.questions import Situation, best_questions
from tastebridge.recommenders.asking import answered


@pytest.fixture(scope="module")
def mapper():
    panel, _ = make_panel(n_users=500, n_items=80, events_per_user=10)
    return tb.InterestMapper("films", n_folds=1, n_components=16).fit(panel)


@pytest.fixture(scope="module")
def history(mapper):
    """Return the events of one user without films."""
    frame = mapper.panel_.to_frame()
    return frame[frame["user_id"] == mapper.panel_.users_without("films")[0]]


@pytest.fixture
def answers(mapper):
    films = mapper.items_["films"].ids
    return {films[3]: "liked", films[20]: "not", films[41]: "unknown", films[7]: "liked"}


def vector(mapper, history, answers):
    found = answered(mapper.targets_["films"], history, answers)
    return found.state.scorer.user_vectors(found.histories)


def test_the_posterior_is_that_of_a_gaussian_linear_model(mapper):
    prior = taste.TastePrior.of(mapper.model_)
    items, given = np.array([3, 7, 20]), np.array([1.0, 1.0, -1.0])
    row = sparse.csr_matrix((given, ([0, 0, 0], items)), shape=(1, 80))
    W = prior.directions(items)
    np.testing.assert_allclose(np.linalg.norm(W, axis=1), 1.0)
    # the primal form: a precision matrix over the taste, of the size of the factors
    precision = np.eye(W.shape[1]) + W.T @ W / taste.NOISE
    seen = np.where(given > 0, 1.0, -taste.DISLIKE)
    mean = np.linalg.solve(precision, W.T @ seen / taste.NOISE)
    scale = taste.SCALE / np.sqrt(1 + 12 / taste.EVENTS)
    expected = scale * prior.vectors(np.arange(80)) @ mean
    found = prior.shifts(row, np.array([scale])) @ mapper.item_vectors().vectors.T
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)
    for item in (0, 50):
        assert prior.contributions(row, np.array([scale]), item).sum() == pytest.approx(
            expected[item], rel=1e-9
        )


def test_one_user_vector_and_the_same_item_matrix_give_the_scores(mapper, history, answers):
    scores = vector(mapper, history, answers)[0] @ mapper.item_vectors().vectors.T
    found = mapper.recommend_from(history, 20, answers=answers, twins="keep")
    at = mapper.items_["films"].numbers(found["item_id"])
    np.testing.assert_allclose(found["score"], scores[at], rtol=1e-5)


def test_explanations_with_answers_sum_to_the_score(mapper, history, answers):
    for item, score in mapper.recommend_from(history, 3, answers=answers)[["item_id", "score"]].to_numpy():
        parts = mapper.explain_from(history, item, answers=answers)
        assert parts["contribution"].sum() == pytest.approx(score, rel=1e-5)
        told = parts[parts["route"].str.startswith("answer")].set_index("source_item")["route"]
        liked = {name: f"answer: {word}" for name, word in answers.items() if word != "unknown"}
        assert told.to_dict() == liked


def test_answers_move_similar_items_up_and_down(mapper, history):
    films, prior = mapper.items_["films"].ids, taste.TastePrior.of(mapper.model_)
    likeness = taste.gram(prior.directions(np.array([3])), prior.directions(np.arange(80)))[0]
    near = int(np.argsort(-likeness)[1])

    def score(answers):
        return mapper.explain_from(history, films[near], answers=answers)["contribution"].sum()

    before = score({})
    assert score({films[3]: "liked"}) > before > score({films[3]: "not"})
    assert score({films[3]: "unknown"}) == before


def test_answered_items_are_left_out_and_unknown_ones_stay(mapper, history, answers):
    everything = set(mapper.recommend_from(history, 77, answers=answers, twins="keep")["item_id"])
    assert everything == set(mapper.items_["films"].ids) - {
        name for name, word in answers.items() if word != "unknown"
    }


def test_without_answers_nothing_changes(mapper, history):
    for answers in ({}, {mapper.items_["films"].ids[5]: "unknown"}):
        pd.testing.assert_frame_equal(
            mapper.recommend_from(history, 10, answers=answers), mapper.recommend_from(history, 10)
        )


@pytest.mark.bits
def test_a_user_is_the_same_in_any_batch_and_order_of_answers(mapper):
    rng, films = np.random.default_rng(0), mapper.items_["films"].ids
    users = mapper.panel_.users.ids[:40]
    frame = mapper.panel_.to_frame()
    words = rng.choice(["liked", "not", "unknown"], 40 * 5)
    table = pd.DataFrame(
        {
            "user_id": np.repeat(users, 5),
            "item_id": np.concatenate([rng.choice(films, 5, replace=False) for _ in users]),
            "answer": words,
        }
    )
    whole = mapper.recommend_from(frame[frame["user_id"].isin(users)], 10, answers=pl.from_pandas(table))
    for user in users[::7]:
        own = table[table["user_id"] == user].iloc[::-1]
        alone = mapper.recommend_from(
            frame[frame["user_id"] == user], 10, answers=dict(zip(own["item_id"], own["answer"], strict=True))
        )
        expected = whole[whole["user_id"] == user].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected)


def test_users_of_the_answers_alone_are_served_next_to_users_with_a_history(mapper, history):
    film, user = mapper.items_["films"].ids[0], history["user_id"].iloc[0]
    table = pd.DataFrame(
        {"user_id": [user, 9_000_001], "item_id": [film, film], "answer": ["liked", "liked"]}
    )
    both = mapper.recommend_from(history, 5, answers=table)
    assert both["user_id"].unique().tolist() == [user, 9_000_001]
    alone = mapper.recommend_from(None, 5, answers=table.iloc[1:])
    pd.testing.assert_frame_equal(both.iloc[5:].reset_index(drop=True), alone)
    assert mapper.recommend_from(None, 5, answers={film: "liked"})["user_id"].unique() == ["new user"]


def test_questions_adapt_and_do_not_repeat(mapper, history):
    films, answers = set(mapper.items_["films"].ids), {}
    for word in ("unknown", "not", "liked", "liked"):
        table = mapper.questions(history, n=2, answers=answers)
        assert table.columns.tolist() == ["item_id", "chance", "gain"]
        assert table["chance"].between(0, 1).all()
        assert (table["gain"] >= 0).all()
        item = table["item_id"].iloc[0]
        assert item in films - set(answers)
        answers[item] = word
    pd.testing.assert_frame_equal(
        mapper.questions(history, answers=answers), mapper.questions(history, answers=answers)
    )
    other = dict.fromkeys(answers, "liked")
    assert not mapper.questions(history, answers=answers).equals(mapper.questions(history, answers=other))


def test_questions_pass_over_items_a_user_has_and_items_few_users_know(mapper):
    frame, user = mapper.panel_.to_frame(), mapper.panel_["films"].active[0]
    own = frame[frame["user_id"] == user]
    asked = mapper.questions(own, n=200)
    had = set(own.loc[own["category"] == "films", "item_id"])
    counts = frame[frame["category"] == "films"].groupby("item_id").size()
    assert not had & set(asked["item_id"])
    assert counts[asked["item_id"]].min() >= counts.median()
    assert 20 < len(asked) <= 40


def test_the_best_question_is_the_best_of_all_by_the_definition(mapper):
    """The gain of every item, from whole lists and a loop, without the sparing of the search."""
    model = mapper.model_
    prior = taste.TastePrior.of(model)
    scorer = AnsweredScorer(model, prior)
    histories = {
        name: sparse.csr_matrix((1, len(ids)), dtype=np.float32) for name, ids in mapper.items_.items()
    }
    base = sparse.csr_matrix(([1.0], ([0], [11])), shape=(1, 80))
    scores = scorer.user_vectors({**histories, ANSWERS: base})[0].astype(float) @ model.item_vectors().T
    closed, asked = np.zeros(80, bool), np.zeros(80, bool)
    closed[11], asked[13] = True, True
    mean = prior.mean(base)
    situation = Situation(scores, closed, asked, np.ones(80, bool), np.array([11]), 5.0, 4.0, mean)

    def chances(values):
        shares = np.exp(values - values.max())
        return np.minimum(0.9, 5.0 * shares / shares.sum())

    W = prior.directions(np.array([11]))
    C = np.eye(W.shape[1]) - W.T @ W / (W @ W.T + taste.NOISE)
    expected = {}
    for item in np.flatnonzero(~closed & ~asked):
        w = prior.directions(np.array([item]))[0]
        step = 4.0 * (1 - w @ mean) / (w @ C @ w + taste.NOISE)
        after = scores + step * prior.vectors(np.arange(80)) @ C @ w
        now = np.where(closed, -np.inf, scores)
        after = np.where(closed, -np.inf, after)
        p = chances(now)[item]
        now[item] = after[item] = -np.inf
        q, d = chances(after), 1 / np.log2(np.arange(10) + 2)
        expected[item] = p * (d @ (q[np.argsort(-after)[:10]] - q[np.argsort(-now)[:10]]))
    found = best_questions(prior, situation, 1)[0]
    assert found.item == max(expected, key=expected.get)
    assert found.gain == pytest.approx(expected[found.item], rel=1e-6)


@pytest.mark.filterwarnings("ignore:.*fewer than n=80")
@pytest.mark.parametrize("words", [{}, {5: "liked"}, {5: "liked", 7: "not", 9: "unknown", 30: "liked"}])
def test_the_gain_is_the_one_of_the_lists_after_the_answer(mapper, history, words):
    """The documented formula, from whole lists of ``recommend_from`` alone."""
    films = mapper.items_["films"].ids
    answers = {films[at]: word for at, word in words.items()}

    def listed(more):
        found = mapper.recommend_from(history, 80, answers={**answers, **more}, twins="keep")
        return dict(zip(found["item_id"], found["score"].astype(float), strict=True))

    def chances(scores):
        values = np.exp(np.array(list(scores.values())) - max(scores.values()))
        n_liked = np.exp(-mapper.statistics_["films"].idf).sum()
        return dict(zip(scores, np.minimum(0.9, n_liked * values / values.sum()), strict=True))

    now = listed({})
    for item, chance, gain in mapper.questions(history, 1, answers=answers).to_numpy():
        then = listed({item: "liked"})
        q, before = chances(then), [other for other in now if other != item]
        pairs = zip(list(then)[:10], before[:10], strict=True)
        expected = sum((q[b] - q[a]) / np.log2(2 + at) for at, (b, a) in enumerate(pairs))
        assert chance == pytest.approx(chances(now)[item], rel=1e-4)
        assert gain == pytest.approx(chance * expected, rel=1e-3)


def test_the_last_open_item_gains_nothing(mapper):
    counts = mapper.panel_.to_frame().query("category == 'films'").groupby("item_id").size()
    last = counts.idxmax()
    answers = {item: "not" for item in mapper.items_["films"].ids if item != last}
    asked = mapper.questions(answers=answers)
    assert asked["item_id"].tolist() == [last]
    assert asked["gain"].tolist() == [0.0]


def test_answers_of_users_with_a_planted_taste_improve_their_lists():
    panel, _ = make_panel(n_users=600, n_items=120, events_per_user=15, random_state=3)
    learned = tb.InterestMapper("films", n_folds=1, n_components=16).fit(panel[np.arange(500)])
    frame = panel[np.arange(500, 600)].to_frame()
    films = frame[frame["category"] == "films"]
    hits = {0: [], 3: []}
    for _, own in films.groupby("user_id"):
        taken = [item for item in own["item_id"] if item in learned.items_["films"]]
        for n, found in hits.items():
            given = {} if n == 0 else dict.fromkeys(taken[:n], "liked")
            rest = set(taken[3:])
            listed = learned.recommend_from(None, 13, answers=given)["item_id"]
            hits_of = [item for item in listed if item not in taken[:3]][:10]
            found.append(len(rest & set(hits_of)) / max(min(10, len(rest)), 1))
    assert np.mean(hits[3]) > 1.2 * np.mean(hits[0])


def test_a_loaded_model_asks_and_answers_alike(mapper, history, answers, tmp_path):
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(
        loaded.questions(history, answers=answers), mapper.questions(history, answers=answers)
    )
    pd.testing.assert_frame_equal(
        loaded.recommend_from(history, answers=answers), mapper.recommend_from(history, answers=answers)
    )


def test_several_targets_ask_within_one_category(mapper):
    panel = mapper.panel_
    both = tb.InterestMapper(["films", "books"], n_folds=1, n_components=16).fit(panel)
    item = both.questions(n=1, category="films")["item_id"].item()
    found = both.recommend_from(None, 5, answers={item: "liked"}, categories="films")
    single = both.mappers_["films"].recommend_from(None, 5, answers={item: "liked"})
    pd.testing.assert_frame_equal(found, single)
    parts = both.explain_from(None, found["item_id"].iloc[0], answers={item: "liked"})
    assert parts["contribution"].sum() == pytest.approx(found["score"].iloc[0], rel=1e-5)
    with pytest.raises(InvalidParameterError, match=r"category='films'"):
        both.questions()
    with pytest.raises(InvalidParameterError, match=r"answers is about one category"):
        both.recommend_from(None, answers={item: "liked"})


def test_names_of_items_are_shown(mapper):
    frame = mapper.panel_.to_frame()
    names = (
        frame[["item_id", "category"]].drop_duplicates().assign(name=lambda rows: "The " + rows["item_id"])
    )
    panel = tb.Panel.from_frame(frame[["user_id", "item_id", "category"]], item_names=names)
    named = tb.InterestMapper("films", n_folds=1, n_components=8).fit(panel)
    asked = named.questions(n=2)
    assert (asked["name"] == "The " + asked["item_id"]).all()


def test_groups_halve_the_items_by_popularity_down_to_single_ones(mapper):
    tree = mapper.targets_["films"].item_tree
    popularity = np.exp(-mapper.targets_["films"].encoder.statistics["films"].idf)
    waiting, leaves = [ROOT], []
    while waiting:
        group = waiting.pop()
        halves = tree.halves(group)
        if not halves:
            leaves.extend(tree.items(group))
            continue
        parts = [tree.items(half) for half in halves]
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(tree.items(group)))
        # neither half could take the item at the border and still be at most half
        left, whole = popularity[parts[0]].sum(), popularity[tree.items(group)].sum()
        assert len(parts[0]) == 1 or left <= whole / 2 + 1e-12
        assert len(parts[1]) == 1 or left + popularity[parts[1][0]] >= whole / 2 - 1e-12
        waiting += halves
    assert sorted(leaves) == list(range(80))


def test_another_thread_finds_both_halves_of_a_group_or_none(mapper):
    tree = ItemTree(taste.TastePrior.of(mapper.model_), np.ones(80))

    class Looked(dict):
        def __setitem__(self, group, items):
            super().__setitem__(group, items)
            # as in a thread that runs between two steps of the first one
            assert 2 * ROOT not in self or len(tree.items(2 * ROOT + 1))

    tree._groups = Looked(tree._groups)
    assert tree.halves(ROOT) == [2, 3]


def test_a_group_is_split_along_its_largest_spread(mapper):
    prior = taste.TastePrior.of(mapper.model_)
    popularity = np.random.default_rng(0).uniform(1, 2, 80)
    tree = ItemTree(prior, popularity)
    W = prior.directions(np.arange(80))
    centred = (W - np.average(W, axis=0, weights=popularity)) * np.sqrt(popularity)[:, None]
    v = np.linalg.svd(centred, full_matrices=False)[2][0]
    left, right = (W[tree.items(half)] @ v for half in tree.halves(ROOT))
    apart = max(left.min() - right.max(), right.min() - left.max())
    assert apart > -0.15 * (W @ v).std()  # the power method stops after some steps


def test_a_screen_holds_all_items_and_the_next_one_those_of_the_groups_picked(mapper, history):
    films, tree = mapper.items_["films"], mapper.targets_["films"].item_tree
    first = mapper.questions(history, 8, kind="groups")
    assert first.columns.tolist() == ["group", "examples", "n_items", "chance"]
    assert first["n_items"].sum() == 80
    assert first["chance"].between(0, 1).all()
    assert first["chance"].is_monotonic_decreasing
    several = first.loc[first["n_items"] > 1, "group"].tolist()
    picked, other = several[:2], several[2]
    answers = dict.fromkeys(picked, "liked") | {other: "not"}
    second = mapper.questions(history, 8, kind="groups", answers=answers)
    inside = {films.ids[at] for name in picked for at in tree.items(int(name.split()[1]))}
    assert {item for examples in second["examples"] for item in examples} <= inside
    assert not set(first["group"]) & set(second["group"])
    # single items are answered about by their own ids, and a whole catalogue comes to an end
    for _ in range(40):
        table = mapper.questions(history, 8, kind="groups", answers=answers)
        if table.empty:
            break
        assert not set(table["group"]) & set(answers)
        answers |= dict.fromkeys(table["group"], "liked")
    assert table.empty


def test_groups_passed_over_come_again_in_parts_and_disliked_ones_do_not(mapper, history):
    tree = mapper.targets_["films"].item_tree
    first = mapper.questions(history, 8, kind="groups")
    several = first.loc[first["n_items"] > 1, "group"].tolist()
    answers = dict.fromkeys(first["group"], "unknown") | {several[0]: "not"}
    shown = mapper.questions(history, 8, kind="groups", answers=answers)
    closed = {mapper.items_["films"].ids[at] for at in tree.items(int(several[0].split()[1]))}
    assert 1 < len(shown) <= 8
    assert not closed & {item for examples in shown["examples"] for item in examples}
    assert not set(shown["group"]) & set(answers)


def test_a_liked_group_is_one_observation_of_its_mean_direction(mapper, history):
    """Against the precision form of the posterior, with the noise of every observation."""
    state, prior = mapper.targets_["films"], taste.TastePrior.of(mapper.model_)
    films, groups = state.items.ids, [2, 12]
    shares = np.exp(-state.encoder.statistics["films"].idf)
    members = [state.item_tree.items(group) for group in groups]
    W = np.array([np.average(prior.directions(some), axis=0, weights=shares[some]) for some in members])
    noise = taste.NOISE + 1 - (W * W).sum(axis=1)
    outside = next(at for at in range(80) if at not in np.concatenate(members))
    W = np.concatenate([prior.directions(np.array([outside])), W])
    noise, seen = np.append(taste.NOISE, noise), np.array([-taste.DISLIKE, 1.0, 1.0])
    precision = np.eye(W.shape[1]) + (W / noise[:, None]).T @ W
    mean = np.linalg.solve(precision, W.T @ (seen / noise))
    answers = {f"(group) {group}": "liked" for group in groups} | {films[outside]: "not"}
    scale = taste.SCALE / np.sqrt(1 + len(history) / taste.EVENTS)
    expected = scale * prior.vectors(np.arange(80)) @ mean
    moved = vector(mapper, history, answers) - vector(mapper, history, {})
    np.testing.assert_allclose((moved @ mapper.item_vectors().vectors.T)[0], expected, rtol=1e-3, atol=1e-4)
    item = mapper.recommend_from(history, 1, answers=answers)
    parts = mapper.explain_from(history, item["item_id"].iloc[0], answers=answers)
    assert parts["contribution"].sum() == pytest.approx(item["score"].iloc[0], rel=1e-5)
    told = parts.loc[parts["route"].str.startswith("answer"), "route"]
    assert set(told) == {"answer: liked (group) 2", "answer: liked (group) 12", "answer: not"}


def test_the_item_liked_within_a_group_takes_its_place(mapper, history):
    group = mapper.questions(history, 6, kind="groups")["group"].iloc[-1]
    item = mapper.items_["films"].ids[mapper.targets_["films"].item_tree.items(int(group.split()[1]))[0]]
    both = mapper.recommend_from(history, 5, answers={group: "liked", item: "liked"})
    pd.testing.assert_frame_equal(both, mapper.recommend_from(history, 5, answers={item: "liked"}))
    alone = mapper.recommend_from(history, 80, answers={group: "liked"}, twins="keep")
    assert item in set(alone["item_id"])  # a group stays in the list


@pytest.mark.bits
def test_answers_about_groups_are_the_same_in_any_batch(mapper):
    frame, users = mapper.panel_.to_frame(), mapper.panel_.users.ids[:12]
    groups, films = [f"(group) {number}" for number in (2, 5, 6, 13, 31)], mapper.items_["films"].ids
    rows = [(user, groups[at % 5], "liked") for at, user in enumerate(users) if at % 3]
    rows += [(user, films[7 * at], "liked") for at, user in enumerate(users) if at % 2]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "answer"])
    whole = mapper.recommend_from(frame[frame["user_id"].isin(users)], 10, answers=table)
    for user in users[::2]:
        own, answers = frame[frame["user_id"] == user], table[table["user_id"] == user]
        alone = mapper.recommend_from(
            own, 10, answers=dict(zip(answers["item_id"], answers["answer"], strict=True))
        )
        pd.testing.assert_frame_equal(alone, whole[whole["user_id"] == user].reset_index(drop=True))


def test_a_loaded_model_has_the_same_groups(mapper, history, tmp_path):
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    first = mapper.questions(history, 8, kind="groups")
    pd.testing.assert_frame_equal(loaded.questions(history, 8, kind="groups"), first)
    answers = {first["group"].iloc[-1]: "liked", "(group) 5": "liked"}
    pd.testing.assert_frame_equal(
        loaded.recommend_from(history, answers=answers), mapper.recommend_from(history, answers=answers)
    )


def test_groups_that_cannot_be_answered_are_one_error(mapper, history):
    with pytest.raises(UnknownIdError, match=r"no group '\(group\) 999999999999'"):
        mapper.recommend_from(history, answers={"(group) 999999999999": "liked"})
    table = pd.DataFrame({"user_id": [1, 1], "item_id": ["(group) 2"] * 2, "answer": ["liked", "not"]})
    with pytest.raises(InvalidDataError, match="user 1 answers twice about"):
        mapper.recommend_from(None, answers=table)
    with pytest.raises(InvalidParameterError, match="kind must be one of"):
        mapper.questions(kind="screens")
    with pytest.raises(InvalidParameterError, match="n must be a whole number"):
        mapper.questions(n=1, kind="groups")


FILM = "films:01"


@pytest.mark.parametrize(
    ("answers", "error", "said"),
    [
        ({"no such film": "liked"}, UnknownIdError, "no such film"),
        ({FILM: "yes"}, InvalidParameterError, "'liked', 'not', 'unknown'; got 'yes'"),
        ({FILM: True}, InvalidParameterError, "'liked', 'not', 'unknown'; got True"),
        ({7: "liked"}, InvalidDataError, "7"),
        ([FILM], InvalidDataError, "a mapping of item_id to answer"),
        ("liked", InvalidDataError, "a mapping of item_id to answer"),
        (pd.DataFrame({"item_id": [FILM], "answer": ["liked"]}), InvalidDataError, "user_id is missing"),
        (
            pd.DataFrame({"user_id": [1, 1], "item_id": [FILM] * 2, "answer": ["liked", "not"]}),
            InvalidDataError,
            "user 1 answers twice about 'films:01'",
        ),
    ],
)
def test_answers_that_cannot_be_read_are_one_error(mapper, answers, error, said):
    with pytest.raises(error, match=said):
        mapper.recommend_from(None, answers=answers)


def test_requests_that_cannot_be_answered_are_one_error(mapper):
    frame = mapper.panel_.to_frame()
    two = frame[frame["user_id"].isin(mapper.panel_.users.ids[:2])]
    with pytest.raises(InvalidParameterError, match="a history or answers"):
        mapper.recommend_from(None)
    with pytest.raises(InvalidDataError, match="the history has 2"):
        mapper.recommend_from(two, answers={FILM: "liked"})
    with pytest.raises(InvalidDataError, match="for one user; the history has 2"):
        mapper.questions(two)
    with pytest.raises(InvalidParameterError, match="n must be a whole number"):
        mapper.questions(n=0)
    with pytest.raises(InvalidDataError, match="before it was compressed"):
        mapper.compress(8).questions()


def test_answers_count_as_much_as_the_blend_they_join(mapper):
    """A blend scaled by a share, and answers with this share, order all items as before."""
    model = replace(mapper.model_, levels={})
    half = replace(model, segments={name: one.scaled(0.5) for name, one in model.segments.items()})
    histories = {
        name: sparse.csr_matrix((1, len(ids)), dtype=np.float32) for name, ids in mapper.items_.items()
    }
    histories[ANSWERS] = sparse.csr_matrix(([1.0], ([0], [11])), shape=(1, 80))
    prior = taste.TastePrior.of(model)
    whole = AnsweredScorer(model, prior)
    scaled = AnsweredScorer(half, prior, shares=dict.fromkeys(model.segments, 0.5))
    pairs = np.zeros(80, dtype=np.int64), np.arange(80)
    np.testing.assert_allclose(
        scaled.pair_scores(histories, *pairs), whole.pair_scores(histories, *pairs) / 2, rtol=1e-5, atol=1e-6
    )
    for item in (3, 11):
        parts = scaled.contributions(histories, item)
        total = scaled.pair_scores(histories, np.array([0]), np.array([item]))[0]
        assert sum(part.contribution for part in parts) == pytest.approx(total, abs=1e-5)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_categories_can_have_the_names_of_the_keys_of_answers():
    """Their histories count as those of any other name."""
    frame = make_panel(n_users=120, n_items=30, categories=("books", "games", "films"), events_per_user=6)[0]
    frame = frame.to_frame().astype({"category": str})
    lists = {}
    for names in ({"books": "(answers)", "games": "(groups)"}, {"books": "(an", "games": "(gr"}):
        renamed = frame.assign(category=frame["category"].replace(names))
        mapper = tb.InterestMapper("films", n_folds=1, n_components=8).fit(tb.Panel.from_frame(renamed))
        user = renamed["user_id"].iloc[0]
        own = renamed[(renamed["user_id"] == user) & (renamed["category"] != "films")]
        answers = {mapper.items_["films"].ids[3]: "liked", "(group) 5": "liked"}
        lists[tuple(names.values())] = mapper.recommend_from(own, 5, answers=answers)
        without = mapper.recommend_from(own.iloc[:1], 5, answers=answers)
        assert not np.array_equal(lists[tuple(names.values())]["score"], without["score"])
    pd.testing.assert_frame_equal(*lists.values())


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_an_item_with_the_name_of_a_group_is_refused():
    frame = make_panel(n_users=120, n_items=30, events_per_user=6)[0].to_frame()
    items = frame["item_id"].astype(str)
    frame["item_id"] = items.mask(items == "films:05", "(group) 5")
    mapper = tb.InterestMapper("films", n_folds=1, n_components=8).fit(tb.Panel.from_frame(frame))
    with pytest.raises(InvalidDataError, match=r"'\(group\) 5' is the id of an item .* two meanings"):
        mapper.recommend_from(None, answers={"(group) 5": "liked"}, n=5)
    assert len(mapper.recommend_from(None, answers={"(group) 6": "liked"}, n=5)) == 5
