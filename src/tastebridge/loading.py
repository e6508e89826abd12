"""Saved models back into recommenders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tastebridge._foundation.log import LOGGER
from tastebridge._foundation.validation import check_path
from tastebridge.baselines import ItemNeighbours, JointALS, Popularity, RecentPopularity, TargetOnly
from tastebridge.exceptions import ModelFileError
from tastebridge.model.scorers import SimilarityScorer
from tastebridge.persist import broken, read
from tastebridge.privacy.keys import Key
from tastebridge.recommenders.base import ENCRYPTED, Recommender, restored
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


def load(path: str | Path, *, key: Key | bytes | None = None, name: str | None = None) -> Recommender:
    """Load a recommender that was saved with ``save``.

    The folder contains arrays, tables and plain values; no code is ever executed from it. Every file must
    have the size and the checksum in the manifest. The loaded model gives the same results, bit for bit.

    Parameters
    ----------
    path : str or Path
        The folder.
    key : Key or bytes, optional
        The key with which the model was encrypted; see :func:`tastebridge.privacy.read_key`. If a key is
        given, a model that is not encrypted is refused.
    name : str, optional
        The name under which the model was saved, ``save(…, name=…)``. A model with another name is refused.
        A key alone opens every model that was saved with it.

    Returns
    -------
    Recommender
        An object of the saved class, such as :class:`tastebridge.InterestMapper`. By default a model is saved
        without its users, and then supports :meth:`~tastebridge.InterestMapper.recommend_from`.

    Raises
    ------
    ModelFileError
        If the folder is missing, damaged, incomplete or not a model. Also if the key is missing or wrong, or
        the name differs.
    ModelFormatError
        If a later version of tastebridge saved it in a format unknown to this version.

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
    path = check_path("path", path)
    saved = read(path, key, name)
    with broken(path):
        if saved.kind not in KINDS:
            raise ModelFileError(f"it names the class {saved.kind!r}, which is not a recommender.")
        # a made-up file can pair any class with any model, and only this class has no vectors
        similar = saved.single is not None and isinstance(saved.single.scorer, SimilarityScorer)
        if (saved.kind == "ItemNeighbours") != similar:
            raise ModelFileError(f"its model does not belong to the class {saved.kind}.")
        # within broken(), as a constructor refuses parameters that no fit can have had
        recommender: Recommender = restored(KINDS[saved.kind](**saved.parameters), saved)
    LOGGER.info("loaded the %s of %s", saved.kind, path)
    if key is not None:
        setattr(recommender, ENCRYPTED, True)
    return recommender


def is_encrypted(recommender: Recommender) -> bool:
    """Return whether a model was loaded from encrypted files, so that copies must be encrypted too."""
    return bool(getattr(recommender, ENCRYPTED, False))
