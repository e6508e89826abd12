"""Models trained elsewhere against the mapper's own factors, on the users of ``valid``.

``python -m benchmarks.pretrained`` trains ALS of the package implicit and word2vec of gensim on the source
alone, with all its users, and ALS on the target alone. Without gensim its row is left out. The models are
given to a mapper as ``source_models`` and ``target_model``. It ranks the held-out rows of ``valid`` among
999 others and writes ``results/pretrained.csv``: NDCG@10, with and without twins, the paired difference to
the mapper's own factors with its interval over users, and seconds of the processor. Without any source,
users new to the target get popularity. The test rows are not read. ``--tasks`` takes names or patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares

from benchmarks.task import Task, binary
from benchmarks.valid import run
from tastebridge import InterestMapper, Panel, Popularity
from tastebridge.factors import PretrainedFactors, from_gensim, from_implicit

_TASKS = ["cloth<-*", "sport<-cloth*"]


def als(panel: Panel, category: str) -> PretrainedFactors:
    """Return a model of implicit, trained on one category alone with the settings of the default routes."""
    part = panel[category]
    model = AlternatingLeastSquares(factors=64, regularization=0.1, alpha=5.0, iterations=15, random_state=0)
    model.fit(binary(part.matrix), show_progress=False)
    return from_implicit(model, part.items.ids)


def word2vec(panel: Panel, category: str) -> PretrainedFactors:
    """Return skip-gram vectors of gensim: a history is a sentence, in which order says nothing."""
    from gensim.models import Word2Vec

    part = panel[category]
    ids = part.items.ids
    rows = np.split(part.matrix.indices, part.matrix.indptr[1:-1])
    sentences = [[str(one) for one in ids[row]] for row in rows if len(row) > 1]
    settings = {"vector_size": 64, "window": 50, "sg": 1, "negative": 10, "epochs": 15, "min_count": 1}
    return from_gensim(Word2Vec(sentences, **settings, seed=0, workers=1))


def variants(task: Task) -> Iterator[tuple[str, Any]]:
    """Yield the recommenders to compare; the first is the one others are compared with."""
    panel, target = task.valid_panel, task.target

    def sources(trained: Callable[[Panel, str], PretrainedFactors]) -> dict[str, PretrainedFactors]:
        return {name: trained(panel, name) for name in panel.categories if name != target}

    given, space = sources(als), als(panel, target)
    yield "the mapper's own", InterestMapper(target)
    yield "source model given: ALS", InterestMapper(target, source_models=given)
    yield "target model given", InterestMapper(target, target_model=space)
    yield "both given: ALS", InterestMapper(target, source_models=given, target_model=space)
    yield "no source: popularity", Popularity(target)
    if find_spec("gensim") is None:
        print("gensim is not installed: no row of word2vec")
    else:
        yield "source model given: word2vec", InterestMapper(target, source_models=sources(word2vec))


if __name__ == "__main__":
    run(__doc__, _TASKS, variants, "pretrained")
