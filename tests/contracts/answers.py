"""All that a fitted recommender says, to be compared with what another one says."""

import numpy as np
import pandas as pd


def pairs_of(model, users, target):
    """Every pair of a user and an item of the target."""
    items = items_of(model, target)
    product = pd.MultiIndex.from_product([list(users), list(items)], names=["user_id", "item_id"])
    return product.to_frame(index=False)


def items_of(model, target):
    """The items of a target, as the model orders them."""
    return model.targets_[target].items.ids


def answers(model, users, n=4, verbs=None):
    """The answer of every public verb to some users of the fit, by name; ``verbs`` for some of them."""
    found = {}
    several = len(model.targets_) > 1

    def asked(name):
        return verbs is None or name in verbs

    if asked("recommend"):
        found["recommend"] = model.recommend(users, n)
    for target in model.targets_:
        given, items = ({"category": target} if several else {}), items_of(model, target)
        pairs = pairs_of(model, users, target)
        if asked("predict"):
            scores = model.predict(pairs.assign(**given))
            found[f"predict {target}"] = pairs.assign(score=scores)
        if asked("audience"):
            found[f"audience {target}"] = model.audience(list(items[:2]), n, user_ids=users, **given)
        if asked("explain"):
            found[f"explain {target}"] = model.explain(users[0], items[-1], **given)
        if asked("vectors") and hasattr(model.targets_[target].scorer.model, "item_vectors"):
            for name, (ids, vectors) in {
                "user_id": model.user_vectors(users, **given),
                "item_id": model.item_vectors(**given),
            }.items():
                found[f"vectors {name} {target}"] = pd.DataFrame(np.asarray(vectors)).assign(**{name: ids})
        if asked("confidence") and hasattr(model, "confidence"):
            found[f"confidence {target}"] = model.confidence(users, 3, **given)
    if asked("interests") and hasattr(model, "interests"):
        found["interests"] = model.interests(users)
    if asked("tables"):
        for name in ("transfer_", "routes_"):
            if isinstance(getattr(type(model), name, None), property):
                found[name] = getattr(model, name)
    return found


def assert_same(one, two, about=""):
    """The same answers, bit by bit."""
    assert one.keys() == two.keys()
    for name, frame in one.items():
        found, wanted = (part.reset_index(drop=True) for part in (two[name], frame))
        pd.testing.assert_frame_equal(
            found, wanted, check_dtype=False, check_exact=True, obj=f"{about}: {name}"
        )


def renamed(found, users=None, items=None, categories=None):
    """Answers with ids and categories replaced by functions of them, in cells and in names of routes."""
    out = {}
    for name, frame in found.items():
        frame = frame.copy()
        for column in frame.columns:
            if column == "user_id" and users:
                frame[column] = [users(cell) for cell in frame[column]]
            elif column in ("item_id", "source_item") and items:
                frame[column] = [cell if pd.isna(cell) else items(cell) for cell in frame[column]]
            elif column in ("category", "source_category", "source", "target") and categories:
                frame[column] = [categories(cell) for cell in frame[column]]
        out[name] = frame.drop(columns="route", errors="ignore") if categories else frame
    return out
