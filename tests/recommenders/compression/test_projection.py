import numpy as np

from tastebridge.recommenders.compression.projection import balanced, of_peaks, of_scores


def people_and_items(rank=None):
    rng = np.random.default_rng(0)
    V = rng.normal(size=(500, 30)) * np.linspace(1, 3, 30) + 2.0
    U = rng.normal(size=(200, 30)) @ np.diag(np.linspace(4, 0.1, 30)) @ rng.normal(size=(30, 30))
    if rank is not None:
        U = U[:, :rank] @ rng.normal(size=(rank, 30))
    return U, V


def errors(U, V, projection):
    """The squared error of every person's centred scores, in units of their variance."""
    S, found = U @ V.T, U @ projection.people @ projection.items.T
    residual = (found - found.mean(axis=1, keepdims=True)) - (S - S.mean(axis=1, keepdims=True))
    return (residual**2).mean(axis=1) / S.var(axis=1)


def test_scores_of_few_dimensions_stay_as_they_are():
    U, V = people_and_items(rank=5)
    projection = of_scores(U, V, 6)
    np.testing.assert_allclose(U @ projection.people @ projection.items.T, U @ V.T, rtol=1e-4, atol=1e-3)


def test_the_error_is_the_least_possible():
    U, V = people_and_items()
    S = U @ V.T
    S = (S - S.mean(axis=1, keepdims=True)) / S.std(axis=1, keepdims=True)
    for k in (3, 8, 20):
        tail = (np.linalg.svd(S, compute_uv=False)[k - 1 :] ** 2).sum() / S.size  # Eckart and Young
        np.testing.assert_allclose(errors(U, V, of_scores(U, V, k)).mean(), tail, rtol=1e-5)


def test_it_loses_less_than_the_plain_decomposition():
    U, V = people_and_items()
    Q = np.linalg.svd(V, full_matrices=False)[2][:8].T
    plain = of_scores(U, V, 8)._replace(people=Q, items=V @ Q)
    assert errors(U, V, of_scores(U, V, 8)).mean() < 0.7 * errors(U, V, plain).mean()


def test_the_mean_score_of_a_person_is_exact():
    U, V = people_and_items()
    projection = of_scores(U, V, 4)
    found = U @ projection.people @ projection.items.T
    np.testing.assert_allclose(found.mean(axis=1), (U @ V.T).mean(axis=1), rtol=1e-9, atol=1e-9)


def test_every_link_stays_the_best_of_its_row():
    d, k = 600, 64
    projection = of_peaks(np.eye(d), k, np.random.default_rng(0))
    S = projection.people @ projection.items.T
    np.testing.assert_allclose(np.diag(S), 1.0)
    np.testing.assert_array_equal(S.argmax(axis=1), np.arange(d))
    noise = S[~np.eye(d, dtype=bool)]
    np.testing.assert_allclose(
        np.sqrt((noise**2).mean()), np.sqrt((d - k) / (k * (d - 1))), rtol=0.01
    )  # Welch


def test_room_for_all_links_keeps_them():
    projection = of_peaks(np.eye(5), 5, np.random.default_rng(0))
    np.testing.assert_array_equal(projection.people @ projection.items.T, np.eye(5))


def test_balanced_columns_have_one_size_and_multiply_back():
    A = np.random.default_rng(0).normal(size=(50, 3)) * [1.0, 100.0, 0.0]
    even, size = balanced(A)
    np.testing.assert_allclose(np.sqrt((even[:, :2] ** 2).mean(axis=0)), 1.0)
    np.testing.assert_allclose(even * size, A)
