"""A fitted mapper that goes on living: fresh events come in, and people are forgotten, without a refit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from tastebridge._foundation.validation import check_category, check_choice
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import CleaningReport, ItemFeatures, Panel, Vocabulary
from tastebridge.data.changes import Change, Repeats, change_of, joined, left
from tastebridge.data.described import with_described
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.diagnostics.interests import State
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, TastebridgeWarning, UnknownIdError
from tastebridge.features import later_features
from tastebridge.online.drift import Array, drifted, told
from tastebridge.online.erasure import Receipt
from tastebridge.online.new_items import FeaturesByName, of_known_items, of_new_items
from tastebridge.online.statistics import ModelStatistics
from tastebridge.recommenders.diagnosing import TrustedRecommender


class LiveRecommender(TrustedRecommender):
    """Base of the mapper: what it learned across categories is sums, which people join and leave.

    Attributes
    ----------
    ledger_ : ModelStatistics
        The sums: see :mod:`tastebridge.online.statistics`. Not in a model that was loaded, unless it was
        saved with ``updatable=True`` or with its people.
    """

    ledger_: ModelStatistics
    interests_: State
    drift_: pd.DataFrame
    random_state: int

    def update(
        self,
        events: Any = None,
        *,
        features: Any = None,
        before: Any = None,
        repeats: Repeats = "sum",
        missing: str = "skip",
    ) -> Self:
        """Take fresh events in: of people of the fit and of new ones, of known items and of new ones.

        What the people of the events added to the sums of the model is taken out and what they add now is put
        in; then the maps, the links between items and the popularity are made anew. The result is that of
        sums over all people anew, with the same item factors, bit for bit. It takes a second for a thousand
        people in a million.

        **What stays as it was**: the factors of the items and with them the routes within the target and over
        all categories at once, for which a fresh history is folded in; the weights of the routes; the
        statistics of the weighting; what the mapper says of itself (``transfer_``, :meth:`interests`,
        :meth:`confidence`, the report). A new item gets factors by a fold-in of the item side, from those
        who took it now, and keeps them. :meth:`drift` says when a refit pays.

        **Features of new items** are read as those of the fit were, so that an item can be recommended that
        nobody has taken: its factors are those the regression of the fit predicts, and the routes over
        features reach it. When four people take it for the first time, all in one update, it goes over to
        the factors these give it, and what was predicted is dropped; with fewer, who say less, its features
        tell it until the next fit, and of its popularity the larger of what is counted and predicted. A model
        fitted without features takes none in, with a warning. The features of items the model knows stay as
        they are; a warning tells of how many others came.

        Parameters
        ----------
        events : Panel or frame, optional
            The fresh events, as for :meth:`tastebridge.Panel.from_frame`; of each person only what is new.
            None where nothing but new items came.
        features : mapping of category to mapping of name to ItemFeatures or frame, optional
            What describes new items, of the names and with the columns of the fit; a frame has a column
            item_id. Items may have no events, and some of the names only. Features that a panel of events
            carries are taken too.
        before : Panel or frame, optional
            For a model that was loaded without its people: all events so far, those the model learned from,
            of the people in ``events``. Whoever is not in it is new. Events of other people are passed over.
        repeats : {"sum", "max", "last"}, default="sum"
            The weight of a person and an item that met before, as in :class:`tastebridge.CleaningPolicy`.
        missing : {"skip", "error"}, default="skip"
            What to do with events in categories the model does not know: pass over, or refuse.

        Returns
        -------
        self
            Changed in whole, or, after an error, not at all.

        Raises
        ------
        InvalidDataError
            If the model has no ledger, ``before`` holds what the model cannot have learned from, times are
            missing that the model needs, or features are not of the names and columns of the fit.
        InvalidParameterError
            If ``before`` is given though the model knows its people, or there is nothing to take in.

        References
        ----------
        G. Takács et al., "Scalable collaborative filtering approaches for large recommender systems", JMLR 10
        (2009), for folding in. J. Vinagre et al., "Fast incremental matrix factorization for recommendation
        with positive-only feedback", UMAP (2014), for the setting.

        Examples
        --------
        >>> import pandas as pd
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> mapper = tb.InterestMapper("films").fit(panel)
        >>> rows = [(1000, "books:01", "books"), (1000, "a new film", "films")]
        >>> events = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
        >>> mapper = mapper.update(events)
        >>> 1000 in mapper.panel_.users, "a new film" in mapper.items_["films"]
        (True, True)

        Films that come with features, before anybody has taken them:

        >>> length = np.random.default_rng(0).normal(100, 20, len(panel["films"].items))
        >>> seen = pd.DataFrame({"item_id": panel["films"].items.ids, "minutes": length})
        >>> mapper = tb.InterestMapper("films").fit(panel.with_item_features("films", seen, name="length"))
        >>> more = pd.DataFrame({"item_id": ["a premiere"], "minutes": [95.0]})
        >>> mapper = mapper.update(features={"films": {"length": more}})
        >>> len(mapper.recommend(panel.users.ids[:5], n=1, allow=["a premiere"]))
        5
        """
        check_choice("repeats", repeats, ("sum", "max", "last"))
        check_choice("missing", missing, ("skip", "error"))
        ledger, fresh = self._ledger(), self._fresh(events, features, missing)
        had, timed = self._had(before, fresh)
        described = self._described(ledger, fresh)
        change = change_of(had, fresh, self.items_, timed, repeats)
        arriving = of_new_items(described, change.items, change.moves)
        statistics = {
            name: known.extended(change.after[name].matrix, change.moves[name], ledger.people[name])
            if name in change.moves
            else known
            for name, known in self.statistics_.items()
        }
        was, now = (
            {name: self._weigh(panel[name], statistics[name]) for name in self.items_}
            for panel in (change.before, change.after)
        )
        with one_blas_thread():
            ledger, model = ledger.updated(self.model_, was, now, change.moves, arriving)
        if self.panel_ is not None:
            self._move_people(joined(self.panel_, change, fresh.item_names, arriving))
        self._move_items(change)
        self._note_drift(change, statistics)
        self.ledger_, self.model_, self.statistics_ = ledger, model, statistics
        return self

    def read_features(
        self, tables: Mapping[str, Any], item_column: str | None = None
    ) -> dict[str, dict[str, ItemFeatures]]:
        """Return the features of tables of new items, in the spaces of the fit, for :meth:`update`.

        The words, tags and numbers of a table are read as those the fit's features were made of, by
        :func:`tastebridge.features.table_features` or the functions it calls: see
        :func:`tastebridge.features.later_features`.

        Parameters
        ----------
        tables : mapping of category to frame
            A row an item, columns called as the features of the fit.
        item_column : str, optional
            The column of ids.

        Raises
        ------
        InvalidDataError
            If the model was fitted without features, or a column is not one of theirs.
        """
        arrivals = self._ledger().arrivals
        if arrivals is None:
            raise InvalidDataError(
                "the model keeps nothing of features: it was fitted without any, or by an older version of "
                "tastebridge. Fit it again, on a panel with item features."
            )
        for category in tables:
            check_category("the category of a table of items", category, self.items_)
        return later_features(tables, arrivals.kinds, item_column)

    def forget(
        self, user_ids: Any, *, before: Any = None, refit_items: bool = False, missing: str = "error"
    ) -> Receipt:
        """Forget people: what they added to the model is taken out of it, and their histories are dropped.

        Afterwards no id and no row of theirs is in any stored array, and the sums, and the maps, links and
        popularity made from them, are those of a fit without them with the same item factors, bit for bit:
        all of them are sums of whole numbers (:mod:`tastebridge.routes.exact`). What is kept to give new
        items factors, ``user_gram_``, is that without them up to the rounding of float64.

        **What the model still owes to them**, as it does to each of the people of the fit, and which
        ``refit_items=True`` takes away: the factors of the items, the weights of the routes, the statistics
        of the weighting, the calibration of :meth:`interests` and :meth:`confidence`, and the tables of the
        report. The ids of the items they took stay known. Panels, files and copies elsewhere are the
        caller's.

        Parameters
        ----------
        user_ids : list or column of ids
            Whom to forget, each person once.
        before : Panel or frame, optional
            For a model that was loaded without its people: all events of these people that the model learned
            from. They must be just those: the model cannot know, and refuses only what is impossible.
        refit_items : bool, default=False
            Whether to fit again without them. It takes as long as the fit; the model must know its people.
        missing : {"error", "skip"}, default="error"
            What to do with people the model does not know.

        Returns
        -------
        Receipt
            What was removed, and what is still owed. It is not kept in the model.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a person is not known.
        InvalidDataError
            If nobody would be left, or ``before`` holds what the model cannot have learned from.

        Examples
        --------
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> mapper = tb.InterestMapper("films").fit(panel)
        >>> receipt = mapper.forget(panel.users.ids[:2])
        >>> len(receipt.user_ids), len(mapper.panel_)
        (2, 398)
        """
        check_choice("missing", missing, ("error", "skip"))
        check_choice("refit_items", refit_items, (True, False))
        ledger = self._ledger()
        gone = self._leaving(user_ids, before, missing)
        if refit_items:
            self._refit_without(gone)
        else:
            was = {name: self._weighted(gone, name) for name in self.items_}
            nothing = {name: sparse.csr_matrix(rows.shape, dtype=np.float32) for name, rows in was.items()}
            with one_blas_thread():
                ledger, model = ledger.updated(self.model_, was, nothing, {})
            if self.panel_ is not None:
                self._move_people(left(self.panel_, self.panel_.users.numbers(gone.users.ids)))
            self.ledger_, self.model_ = ledger, model
        return Receipt.of(gone, self.ledger_, refit_items)

    def drift(self) -> pd.DataFrame:
        """Say how far events have drifted from the factors of the items, and whether a refit pays.

        Factors stay those of the fit while events come in by :meth:`update`. Whether they still tell what
        people take is measured on each fresh event before it is learned from: see
        :mod:`tastebridge.online.drift`.

        Returns
        -------
        DataFrame
            A row a category: category, events (fresh since the fit), growth (their share of the pairs of the
            fit), new_items (the share of them on items the fit did not know), agreement_at_fit (out of
            sample; 0.5 is chance) and agreement (of the fresh events), lost (the share of what the factors
            told beyond chance that is lost) with its 95 % interval (lost_low, lost_high), and verdict: "a
            refit pays" where a quarter is surely being lost or a tenth of the events are of new items, "no
            need of a refit", or "too few events", below 100.

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> InterestMapper("films").fit(panel).drift()["verdict"].tolist()
        ['too few events', 'too few events']
        """
        check_is_fitted(self, "model_")
        if not hasattr(self, "drift_"):
            raise InvalidDataError(
                "this model was saved by a version of tastebridge that did not measure drift. Fit it again."
            )
        return told(self.drift_)

    def _popularity(self, statistics: Mapping[str, WeightingStatistics]) -> dict[str, Array]:
        """Return the share of people who took each item, as the weighting knows it."""
        return {name: np.exp(-known.idf) for name, known in statistics.items()}

    def _note_drift(self, change: Change, statistics: Mapping[str, WeightingStatistics]) -> None:
        """Test the item factors on the events that came."""
        if not hasattr(self, "drift_"):
            return
        popularity = self._popularity(statistics)
        for name in self.items_:
            came, had = change.came[name].matrix, change.before[name].matrix
            fresh = sparse.csr_matrix(came - came.multiply(had.astype(bool)))
            fresh.eliminate_zeros()
            after, encoder = change.after[name].matrix, self.interests_[name]["encoder"]
            self.drift_ = drifted(
                self.drift_, name, encoder, after, fresh, popularity[name], self.random_state
            )

    def _ledger(self) -> ModelStatistics:
        check_is_fitted(self, "model_")
        if not hasattr(self, "ledger_"):
            raise InvalidDataError(
                "this model was saved without its ledger, or compressed, so it cannot be updated and can "
                "forget nobody. Save it with save(path, updatable=True) or with_users=True, or take the "
                "model before it was compressed."
            )
        return self.ledger_

    def _known_categories(self, panel: Panel, missing: str) -> Panel:
        """Return the panel of the categories the model knows, and only of people with events there."""
        strangers = [name for name in panel.categories if name not in self.items_]
        if strangers and missing == "error":
            raise UnknownIdError(
                f"the model does not know the categories {strangers}. Leave their events out, or pass "
                "missing='skip'."
            )
        panel = panel.select([name for name in panel.categories if name in self.items_])
        active = sum(
            (np.diff(part.matrix.indptr) for part in panel.interactions.values()), np.zeros(len(panel))
        )
        return panel if active.all() else panel[active > 0]

    def _fresh(self, events: Any, features: Any, missing: str) -> Panel:
        """Return the panel of what comes: events and features, in categories the model knows."""
        if events is None and features is None:
            raise InvalidParameterError("there is nothing to take in. Pass events, features or both.")
        if events is None:
            ids = np.zeros(0, dtype=np.int64) if self.panel_ is None else self.panel_.users.ids[:0]
            fresh = Panel(Vocabulary(ids, "user_id"), {}, CleaningReport(0, 0, ()))
        else:
            fresh = self._known_categories(self._read(events), missing)
        return fresh if features is None else with_described(fresh, features, self.items_)

    def _described(self, ledger: ModelStatistics, fresh: Panel) -> FeaturesByName:
        """Return the features to take in of new items; warn of those that are passed over."""
        given, arrivals = fresh.item_features, ledger.arrivals
        if arrivals is not None:
            arrivals.check(given)
            encoders = {**ledger.encoders, **self.model_.encoders}
            _warn(arrivals.differing(*of_known_items(given, self.items_), encoders), _OTHER)
            if arrivals.predicts(self._target()):
                return given
            given = {name: kinds for name, kinds in given.items() if name == self._target()}
        counts = {}
        for name, kinds in given.items():
            new = self.items_[name].numbers(fresh[name].items.ids, missing="negative") < 0
            described = np.any([part.described for part in kinds.values()], axis=0)
            counts[name] = int(np.count_nonzero(described & new))
        _warn(counts, _UNUSED)
        return {} if arrivals is None else fresh.item_features

    def _had(self, before: Any, fresh: Panel) -> tuple[Panel, bool]:
        """Return the panel of what people had, and whether times are to be kept."""
        if self.panel_ is not None:
            self._refuse_before(before)
            return self.panel_, self.panel_.has_times
        timed = self.weighting_.half_life is not None
        if before is None:
            return Panel(fresh.users, {}, fresh.cleaning), timed
        return self._learned_from(before), timed

    def _refuse_before(self, before: Any) -> None:
        if before is not None:
            raise InvalidParameterError("the model knows its people, and what they had. Leave before=None.")

    def _learned_from(self, before: Any) -> Panel:
        """Return the events the model is said to have learned from."""
        panel = self._known_categories(self._read(before), "skip")
        for name, part in panel.interactions.items():
            unknown = int((self.items_[name].numbers(part.items.ids, missing="negative") < 0).sum())
            if unknown:
                raise InvalidDataError(
                    f"before has {unknown} items of {name!r} the model does not know, so it cannot have "
                    "learned from them. Give in before only what the model learned from."
                )
        return panel

    def _leaving(self, user_ids: Any, before: Any, missing: str) -> Panel:
        """Return the people to forget with all the model learned from."""
        if self.panel_ is None:
            if before is None:
                raise InvalidDataError(
                    "this model was loaded without people: give the events it learned from of those to "
                    "forget, before=…"
                )
            known = self._learned_from(before)
        else:
            self._refuse_before(before)
            known = self.panel_
        numbers = known.users.numbers(user_ids, missing="error" if missing == "error" else "skip")
        if len(np.unique(numbers)) == len(self.panel_ or ()):
            raise InvalidDataError("nobody would be left in the model. Forget fewer people.")
        return known[np.unique(numbers)]

    def _refit_without(self, gone: Panel) -> None:
        rest = left(self._known(), self._known().users.numbers(gone.users.ids))
        fitted = clone(self).fit(rest)
        for name in [name for name in vars(self) if name == "_cache" or name.endswith("_")]:
            delattr(self, name)
        for name, value in vars(fitted).items():
            setattr(self, name, value)

    def _move_people(self, panel: Panel) -> None:
        """Put another panel in place, and the people of the evidence at their new numbers."""
        old = self._known().users
        self.panel_, self.item_names_ = panel, panel.item_names
        self.__dict__.pop("_cache", None)
        if panel.users is old:
            return
        evidence = {}
        for name, found in getattr(self, "evidence_", {}).items():
            people = panel.users.numbers(old.ids_of(found.people), missing="negative")
            here = people >= 0
            values = {key: part[here] for key, part in found.values.items()}
            evidence[name] = found._replace(people=people[here], values=values)
        if evidence:  # a model that was loaded has none
            self.evidence_ = evidence

    def _move_items(self, change: Change) -> None:
        """Bring all that goes by the number of an item to where the items stand now."""
        self.items_ = dict(change.items)
        if not change.moves:
            return
        self.interests_ = {
            name: {**part, "encoder": change.moves[name].spread(part["encoder"])}
            if name in change.moves
            else part
            for name, part in self.interests_.items()
        }
        table = self.directions_.copy()
        for name, places in change.moves.items():
            rows = (table["category"] == name).to_numpy()
            table.loc[rows, "item"] = places.moved[table.loc[rows, "item"].to_numpy(dtype=np.int64)]
        self.directions_ = table


_OTHER = (
    "the features of items the model knows, {told}, are not those it learned from: they stay as they are "
    "before the next fit."
)
_UNUSED = (
    "the events bring features of items the model does not know, {told}: they are not looked at before the "
    "next fit, since it learned nothing of how features tell of takers. Until then new items are told by who "
    "takes them. Fit with features of ten items or more that have events, by this version of tastebridge."
)


def _warn(counts: Mapping[str, int], message: str) -> None:
    """Warn of items, if there are any, by category."""
    if told := ", ".join(f"{count} of {name!r}" for name, count in counts.items() if count):
        warnings.warn(message.format(told=told), TastebridgeWarning, stacklevel=4)
