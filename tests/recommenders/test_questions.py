"""Questions and answers: the posterior in its textbook form, sums, vectors, errors and a planted taste."""

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
    found = prior.shifts(row, np.array([12])) @ mapper.item_vectors().vectors.T
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)
    for item in (0, 50):
        assert prior.contributions(row, np.array([12]), item).sum() == pytest.approx(expected[item], rel=1e-9)


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
    scorer = AnsweredScorer.of(mapper.model_)
    prior, model = scorer.prior, mapper.model_
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
