"""A fitted recommender with another part in the place of one of its own."""

from dataclasses import replace


def with_part(recommender, model=None, **parts):
    """Put a model, or other parts of the state, in the place of those of a recommender of one target."""
    ((target, state),) = recommender.targets_.items()
    if model is not None:
        scorer = state.scorer
        changes = {"ratings": model} if getattr(scorer, "by_rating", False) else {}
        parts["scorer"] = replace(scorer, model=model, **changes)
    recommender.targets_ = {target: replace(state, **parts)}
    return recommender
