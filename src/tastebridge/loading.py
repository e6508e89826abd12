"""Saved models back into recommenders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tastebridge.baselines import ItemNeighbours, JointALS, Popularity, RecentPopularity, TargetOnly
from tastebridge.exceptions import ModelFileError
from tastebridge.model.scorers import SimilarityScorer
from tastebridge.persist import broken, read
from tastebridge.privacy.keys import Key
from tastebridge.recommenders.base import Recommender, restored
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.recommenders.private_mapper import PrivateMapper
from tastebridge.recommenders.rating_mapper import RatingMapper

KINDS: Mapping[str, type[Recommender]] = {
    kind.__name__: kind
    for kind in (
        InterestMapper,
        ItemNeighbours,
        JointALS,
        Popularity,
        PrivateMapper,
        RatingMapper,
        RecentPopularity,
        TargetOnly,
    )
}
"""The only classes a saved model can become."""


_ENCRYPTED = "encrypted_"
"""An attribute that a fit forgets, as all that end in an underscore."""


def load(path: str | Path, *, key: Key | bytes | None = None, name: str | None = None) -> Recommender:
    """Load a recommender that was saved with ``save``.

    Nothing in the folder is run: it holds arrays, tables and plain values, and every file must have the size
    and the checksum the manifest names. The loaded model gives the same results, bit by bit.

    Parameters
    ----------
    path : str or Path
        The folder.
    key : Key or bytes, optional
        The key an encrypted model was saved with; see :func:`tastebridge.privacy.read_key`. With a key a
        model that is not encrypted is refused.
    name : str, optional
        The name the model was saved under, ``save(…, name=…)``. A model of another name, or of none, is
        refused: a key alone opens every model that was saved with it.

    Returns
    -------
    Recommender
        Of the class that was saved, such as :class:`tastebridge.InterestMapper`. Saved without users, as is
        the default, it answers :meth:`~tastebridge.InterestMapper.recommend_from`.

    Raises
    ------
    ModelFileError
        If there is no such folder, or it is not a model, damaged or incomplete; or if the key is missing or
        wrong, or the name another one.
    ModelFormatError
        If a later version of tastebridge wrote it in a format this one does not know.

    Examples
    --------
    >>> import tempfile
    >>> import tastebridge as tb
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> mapper = tb.Popularity("films").fit(panel)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mapper.save(f"{folder}/model")
    ...     loaded = tb.load(f"{folder}/model")
    >>> loaded.recommend_from(panel[:2], n=1).equals(mapper.recommend(panel.users.ids[:2], n=1))
    True
    """
    path = Path(path)
    saved = read(path, key, name)
    with broken(path):
        if saved.kind not in KINDS:
            raise ModelFileError(f"it names the class {saved.kind!r}, which is not a recommender.")
        similar = saved.single is not None and isinstance(saved.single.scorer, SimilarityScorer)
        if (saved.kind == "ItemNeighbours") != similar:
            raise ModelFileError(f"its model is not one of {saved.kind}.")
        recommender: Recommender = restored(KINDS[saved.kind](**saved.parameters), saved)
    if key is not None:
        setattr(recommender, _ENCRYPTED, True)
    return recommender


def is_encrypted(recommender: Recommender) -> bool:
    """Return whether a model was loaded from encrypted files, so that no copy of it is to lie in the open."""
    return bool(getattr(recommender, _ENCRYPTED, False))
