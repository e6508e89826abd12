"""The whole path, slow and plain: dense numpy by the formulas of the docstrings.

Matrices of histories are dense, users by items; cleaning and ids are the panel's affair.
"""

import numpy as np
from scipy.optimize import minimize


def power(degrees, exponent):
    """A degree to a power; 0 where the degree is 0."""
    return np.array([d**exponent if d > 0 else 0.0 for d in degrees])


# ---------------------------------------------------------------------------------------------- weighting
def weighted(W, scheme, k1=100.0, b=0.8):
    """Strengths under a scheme: see data/weighting_schemes."""
    taken = W > 0
    n_users = taken.any(axis=1).sum()
    idf = np.maximum(0.0, np.log(n_users / (1.0 + taken.sum(axis=0))))
    length = W.sum(axis=1)
    mean = length[taken.any(axis=1)].mean()
    return {
        "none": lambda: W,
        "binary": lambda: taken.astype(float),
        "log": lambda: np.log(1.0 + W),
        "tfidf": lambda: np.sqrt(W) * idf,
        "bm25": lambda: W * (k1 + 1.0) / (W + k1 * (1.0 - b + b * length[:, None] / mean)) * idf * taken,
        "l2": lambda: W / np.where(length > 0, np.sqrt((W**2).sum(axis=1)), 1.0)[:, None],
    }[scheme]()


# ------------------------------------------------------------------------------------------------ factors
class SVD:
    """A = Du^-a R Di^-b = U S V'; z = du^-a r Di^-b V f(S); items Di^b V."""

    def __init__(self, R, k, beta=0.0, a=0.5, b=0.5):
        self.a, degrees = a, R.sum(axis=0)
        A = power(R.sum(axis=1), -a)[:, None] * R * power(degrees, -b)
        s, V = np.linalg.svd(A, full_matrices=False)[1:]
        self.s, V = s[:k], V[:k].T
        self.encoder = power(degrees, -b)[:, None] * V * (self.s / self.s[0]) ** beta
        self.items = power(degrees, b)[:, None] * V

    def parts(self, r):
        """Row j is what the past item j adds to the vector of the history r."""
        return power([r.sum()], -self.a)[0] * r[:, None] * self.encoder

    def encode(self, R):
        return np.array([self.parts(r).sum(axis=0) for r in R])


class EASE(SVD):
    """B_ij = (V f V')_ij / (1 - (V f V')_jj) with f = s^2 / (s^2 + penalty)."""

    def __init__(self, R, k, penalty=300.0):
        s, V = np.linalg.svd(R, full_matrices=False)[1:]
        s, V, self.a = s[:k], V[:k].T, 0.0
        f = s**2 / (s**2 + penalty)
        self.encoder = V * f
        self.items = V / (1.0 - (V**2 * f).sum(axis=1))[:, None]


def exact_ease(R, penalty):
    """The (n_items, n_items) solution by the inverse of the Gram matrix (Steck, 2019)."""
    P = np.linalg.inv(R.T @ R + penalty * np.eye(R.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0.0)
    return B


class Profile:
    """d^-1/2 times the sum of the vectors of the d items."""

    def __init__(self, T):
        self.items = T

    def parts(self, r):
        return power([(r > 0).sum()], -0.5)[0] * (r > 0)[:, None] * self.items

    encode = SVD.encode


class ALS:
    """z = (Y' C Y + penalty I)^-1 Y' C p with C_jj = alpha r_j where there is an event, 1 elsewhere."""

    def __init__(self, Y, alpha, penalty):
        self.items, self.alpha, self.penalty = Y, alpha, penalty

    def parts(self, r):
        C = np.where(r > 0, self.alpha * r, 1.0)
        A = (self.items.T * C) @ self.items + self.penalty * np.eye(self.items.shape[1])
        return np.linalg.solve(A, (self.items * (C * (r > 0))[:, None]).T).T

    encode = SVD.encode


def als_loss(R, Z, Y, alpha, penalty):
    """The weighted squared error and the penalties."""
    C = np.where(R > 0, alpha * R, 1.0)
    return (C * ((R > 0) - Z @ Y.T) ** 2).sum() + penalty * ((Z**2).sum() + (Y**2).sum())


def exact_als(R, Y, alpha, penalty, rounds):
    """Rounds of exact alternation from item factors."""
    for _ in range(rounds):
        Z = ALS(Y, alpha, penalty).encode(R)
        Y = ALS(Z, alpha, penalty).encode(R.T)
    return Z, Y


# --------------------------------------------------------------------------------------------------- maps
def ridge(X, Y, alpha, w=None):
    """B = (Sxx + alpha tr(Sxx) / p I)^-1 Sxy and b, of rows with weights w."""
    w = np.ones(len(X)) if w is None else w
    x, y = w @ X / w.sum(), w @ Y / w.sum()
    S, Sxy = ((X - x).T * w) @ (X - x), ((X - x).T * w) @ (Y - y)
    B = np.linalg.solve(S + alpha * np.trace(S) / len(S) * np.eye(len(S)), Sxy)
    return B, y - x @ B


def root(S, exponent):
    """A power of a symmetric matrix."""
    values, V = np.linalg.eigh(S)
    return (V * values**exponent) @ V.T


def cca(X, Y, k, r):
    """y = mean + Syy Wy diag(rho) Wx' (x - mean) with regularised moments."""
    x, y = X.mean(axis=0), Y.mean(axis=0)
    Sxx, Syy = (X - x).T @ (X - x), (Y - y).T @ (Y - y)
    Sxx, Syy = (S + r * np.trace(S) / len(S) * np.eye(len(S)) for S in (Sxx, Syy))
    U, rho, Vt = np.linalg.svd(root(Sxx, -0.5) @ (X - x).T @ (Y - y) @ root(Syy, -0.5))
    B = root(Sxx, -0.5) @ U[:, :k] @ np.diag(rho[:k]) @ Vt[:k] @ root(Syy, 0.5)
    return B, y - x @ B


def procrustes(X, Y):
    """c Q with Q = U V' of the SVD of Sxy and c = tr(S) / tr(Q' Sxx Q)."""
    x, y = X.mean(axis=0), Y.mean(axis=0)
    U, s, Vt = np.linalg.svd((X - x).T @ (Y - y), full_matrices=False)
    B = s.sum() / np.trace((U @ Vt).T @ (X - x).T @ (X - x) @ U @ Vt) * U @ Vt
    return B, y - x @ B


# ------------------------------------------------------------------------------------------------- routes
class Route:
    """An encoder of the histories of some categories, a map, and item vectors."""

    def __init__(self, categories, encoder=None, items=None, B=None, b=None):
        self.categories, self.encoder, self.items = categories, encoder, items
        self.B = np.eye(items.shape[1]) if B is None else B
        self.b = np.zeros(items.shape[1]) if b is None else b

    def parts(self, history, item):
        """What each past item, over the categories side by side, and the baseline add to a score."""
        r = np.concatenate([history[name] for name in self.categories])
        if not r.any():
            return np.zeros(len(r)), 0.0
        v = self.items[item]
        return self.encoder.parts(r) @ self.B @ v, self.b @ v

    def scores(self, histories):
        """One row per user; 0 for users without a history in its categories."""
        R = np.hstack([histories[name] for name in self.categories])
        return ((self.encoder.encode(R) @ self.B + self.b) @ self.items.T) * R.any(axis=1)[:, None]


class Popularity:
    """log((n_i + c) / mean(n + c)), of all users or those with a history in some categories."""

    categories = ()

    def __init__(self, histories, target, among=None, prior=0.5):
        rows = np.array([among is None or any(histories[name][u].any() for name in among)
                         for u in range(len(histories[target]))])  # fmt: skip
        n = (histories[target][rows] > 0).sum(axis=0) + prior
        self.log_shares = np.log(n / n.mean())

    def scores(self, histories):
        return np.tile(self.log_shares, (len(next(iter(histories.values()))), 1))


class Neighbours:
    """s_ij = n_ij / (sqrt(n_i n_j) + h) of the strongest pairs of at least some users; d^-1/2 sum of s_ij."""

    def __init__(self, histories, source, target, n_links=1000, h=2.0, min_users=3):
        self.categories = (source,)
        X, Y = histories[source] > 0, histories[target] > 0
        both = X.any(axis=1) & Y.any(axis=1)
        X, Y = X[both].astype(float), Y[both].astype(float)
        links = []
        for i in range(X.shape[1]):
            for j in range(Y.shape[1]):
                n = (X[:, i] * Y[:, j]).sum()
                if n >= min_users and not (source == target and i == j):
                    links.append((-n / (np.sqrt(X[:, i].sum() * Y[:, j].sum()) + h), i, j))
        self.links = np.zeros((X.shape[1], Y.shape[1]))
        for strength, i, j in sorted(links)[:n_links]:
            self.links[i, j] = -strength

    def parts(self, history, item):
        r = history[self.categories[0]] > 0
        return power([r.sum()], -0.5)[0] * r * self.links[:, item], 0.0

    def scores(self, histories):
        R = (histories[self.categories[0]] > 0).astype(float)
        return power(R.sum(axis=1), -0.5)[:, None] * (R @ self.links)


def transfer(histories, source, target, encoder, decoder, learn):
    """A route from source factors through a map of the users with both histories to target items."""
    X, Y = histories[source], histories[target]
    both = X.any(axis=1) & Y.any(axis=1)
    return Route((source,), encoder, decoder.items, *learn(encoder.encode(X[both]), decoder.encode(Y[both])))


def joint(histories, target, encoder):
    """A route from all categories side by side, of which the target's items are kept."""
    names = list(histories)
    start = sum(histories[name].shape[1] for name in names[: names.index(target)])
    return Route(tuple(histories), encoder, encoder.items[start : start + histories[target].shape[1]])


def shared_items(histories, source, target, same, learn):
    """Factors of both catalogues as one: ``same`` is the target item of each source item, or -1."""
    S, T = histories[source], histories[target]
    n, m = len(same), T.shape[1]
    P = np.zeros((n, m + (same < 0).sum()))
    P[np.arange(n), np.where(same < 0, m + np.cumsum(same < 0) - 1, same)] = 1.0
    model = learn(((S @ P + np.pad(T, ((0, 0), (0, P.shape[1] - m)))) > 0).astype(float))
    model.encoder = np.vstack([P @ model.encoder, model.encoder[:m]])
    return Route((source, target), model, model.items[:m])


class Recent(Popularity):
    """For current users: popularity, or its change by events of weight 2^(-a / h); given are 2^(-a / 32)."""

    def __init__(self, histories, target, share=None, prior=0.5):
        self.log_shares = Popularity(histories, target, None, prior).log_shares
        if share is not None:
            n = (histories[target] ** (32.0 / share)).sum(axis=0) + prior
            self.log_shares = np.log(n / n.mean()) - self.log_shares

    def scores(self, histories):
        youngest = np.hstack(list(histories.values())).max(axis=1)
        ages = -32.0 * np.log2(np.where(youngest > 0, youngest, 1.0))
        return np.clip(2.0 - 4.0 * ages, 0.0, 1.0)[:, None] * self.log_shares


def twins(X, Y, least, share=0.8):
    """Pairs (source item, item) with n_ij / (n_i + n_j - n_ij) and n_ij large enough, of users in both."""
    both = (X > 0).any(axis=1) & (Y > 0).any(axis=1)
    X, Y = (X[both] > 0), (Y[both] > 0)
    n = X.T.astype(int) @ Y
    return (n >= least) & (n >= share * (X.sum(axis=0)[:, None] + Y.sum(axis=0) - n))


# ----------------------------------------------------------------------------------------------- features
def whiten(X, k):
    """Rows on their k leading principal directions, and the root of the share of each; 0 rows count not."""
    values, W = np.linalg.eigh(X.T @ X / X.any(axis=1).sum())
    kept = [i for i in np.argsort(-values) if values[i] > 1e-6 * values.max()][:k]
    return X @ W[:, kept] / np.sqrt(values[kept]), np.sqrt(values[kept] / values.sum())


def described(tables, k=64, dense=True):
    """t = L^-1/2 W' (f - mean) of the items of some categories; items without features have rows of NaN."""
    F = np.vstack(tables)
    known = ~np.isnan(F).any(axis=1)
    if not dense:
        U, s, _ = np.linalg.svd(np.nan_to_num(F), full_matrices=False)
        F = U[:, : k + 1] * s[: k + 1]
    X = (F - F[known].mean(axis=0)) * known[:, None]
    X = np.nan_to_num(X) / (np.maximum(F[known].std(axis=0), 1e-12) if dense else 1.0)
    T, spread = whiten(X, k)
    return np.split(T, np.cumsum([len(table) for table in tables])[:-1]), spread


def likeness(histories, category, target, T, alpha=0.2):
    """The ridge map from the other items of a user of the target to each item, less the mean over events."""
    n = {name: (R > 0).sum(axis=0) for name, R in histories.items()}
    C = {name: (V - n[name] @ V / n[name].sum()) * V.any(axis=1)[:, None] for name, V in T.items()}
    pairs = [
        ((r @ C[target] - C[target][i]) / np.sqrt(r.sum() - 1.0), C[target][i])
        for r in (histories[target] > 0).astype(float)
        for i in (np.flatnonzero(r) if r.sum() > 1 else [])
    ]
    X, Y = (np.array(side) for side in zip(*pairs, strict=True))
    return Route((category,), Profile(C[category]), T[target], *ridge(X, Y, alpha))


def by_features(V, T, n, floor=0.0):
    """Vectors of items without users by a ridge map from features, less those they have; 0 for others."""
    known, new = T.any(axis=1) & (n > 0), T.any(axis=1) & (n == 0)
    B, b = ridge(T[known], V[known], 1.0)
    return (T @ B + b - floor) * new[:, None]


# ------------------------------------------------------------------------------------------------ ratings
class Ratings:
    """mean + b_i + b_u + z_u v_i; (b_u, z_u) = (V'V + penalties)^-1 V' e over the rated items (not NaN)."""

    def __init__(self, offsets, items, users=10.0, penalty=10.0):
        self.offsets, self.items = offsets, items
        self.penalties = np.diag([users] + [penalty] * (items.shape[1] - 1))

    def parts(self, r):
        V = self.items * ~np.isnan(r)[:, None]
        return np.nan_to_num(r - self.offsets)[:, None] * np.linalg.solve(V.T @ V + self.penalties, V.T).T

    encode = SVD.encode


def item_features(R, k):
    """Log of an item's ratings, mean log of its raters' (one more has the mean), factors of who rated."""
    B = ~np.isnan(R)
    n, logs = B.sum(axis=0), np.log1p(B.sum(axis=1))
    raters = (logs @ B + (logs * B.sum(axis=1)).sum() / B.sum()) / (n + 1.0)
    A = power(B.sum(axis=1), -0.5)[:, None] * B * power(n, -0.5)
    Y = np.column_stack([np.log1p(n), raters, np.linalg.svd(A)[2][:k].T])
    return (Y - Y[n > 0].mean(axis=0)) / np.maximum(Y[n > 0].std(axis=0), 1e-12) * (n > 0)[:, None]


def item_effects(R, Y, users, items, features):
    """The mean, c + b_i + y_i g, and b_u, of the penalised least squares over the ratings (not NaN)."""
    u, i = np.nonzero(~np.isnan(R))
    y = R[u, i] - R[u, i].mean()
    n, m = R.shape
    A = np.hstack([np.eye(n)[u], np.eye(m)[i], np.ones((len(u), 1)), Y[i]])
    penalties = np.r_[np.full(n, users), np.full(m, items), 1e-6, np.full(Y.shape[1], features)]
    w = np.linalg.solve(A.T @ A + np.diag(penalties), A.T @ y)
    return R[u, i].mean(), w[n : n + m] + w[n + m] + Y @ w[n + m + 1 :], w[:n]


# -------------------------------------------------------------------------------------------------- blend
def softplus(x):
    return np.log1p(np.exp(-abs(x))) + np.maximum(x, 0.0)


def listwise(theta, X, gates, q, penalty):
    """Mean over lists, each with its hit first, of (1 - p^q) / q, and penalty |b|^2."""
    coef = theta.reshape(1 + gates.shape[1], X.shape[2])
    w = softplus(coef[0] + gates @ coef[1:])
    s = (X * w[:, None, :]).sum(axis=2)
    p = np.exp(s[:, 0] - s.max(axis=1)) / np.exp(s - s.max(axis=1, keepdims=True)).sum(axis=1)
    value = -np.log(p) if q == 0 else (1.0 - p**q) / q
    return value.mean() + penalty * (coef[1:] ** 2).sum()


def fitted_blend(X, gates, q=0.5, penalty=0.01):
    """The least loss that is found from equal weights with numerical gradients."""
    start = np.zeros((1 + gates.shape[1], X.shape[2]))
    start[0] = np.log(np.expm1(1.0 / X.shape[2]))
    return minimize(listwise, start.ravel(), (X, gates, q, penalty), method="BFGS", options={"gtol": 1e-7})


def gates_of(histories, target, links):
    """log(1 + source events), log(1 + target events), log(0.01 + lengths of scores by links)."""
    there = (histories[target] > 0).sum(axis=1)
    here = sum((R > 0).sum(axis=1) for R in histories.values()) - there
    strength = here * 0.0 + sum(np.linalg.norm(route.scores(histories), axis=1) for route in links)
    return np.log([1.0 + here, 1.0 + there, 0.01 + strength]).T


def weights_of(blend, gates):
    """w_r = softplus(a_r + b_r g) / sigma_r, gates brought within their range and standardised."""
    g = np.minimum(np.maximum(gates, blend.gate_low_), blend.gate_high_)
    g = (g - blend.gate_mean_) / blend.gate_scale_
    return softplus(blend.coef_[0] + g @ blend.coef_[1:]) / blend.scale_


# ------------------------------------------------------------------------------------------------ chances
def category_chances(model, counts):
    """softmax(W x + b) of the features of the numbers of items, the shares mixed in by 1 %."""
    n, n_categories = counts.sum(), len(counts)
    x = np.log((counts + 6.0 * model.shares) / (n + 6.0))
    if model.coef.shape[1] > n_categories:
        p = counts / max(n, 1.0)
        x = np.concatenate([x, p, np.log(1.0 + counts), [np.log(1.0 + n)]])
        if n_categories <= 8:
            x = np.append(x, [p[c] * p[d] for c in range(n_categories) for d in range(c, n_categories)])
    s = model.coef @ x + model.intercept
    odds = np.exp(s - s.max())
    return 0.99 * odds / odds.sum() + 0.01 * model.shares


def chances_within(scores, had, tau, kappa, n):
    """exp(tau s_i) (1 + n_i)^kappa over the sum of the items not had; 0 for those had."""
    s = np.where(had, -np.inf, tau * scores + kappa * np.log(1.0 + n))
    odds = np.exp(s - s.max())
    return odds / odds.sum()
