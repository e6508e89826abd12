"""The first and the last sections of a report: the summary in figures, the data, and the cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tastebridge.diagnostics.transfer_table import of_single_sources
from tastebridge.diagnostics.twins import hits_in_ten
from tastebridge.model.evidence import MODEL, POPULARITY
from tastebridge.online.twin_figures import twin_sentences
from tastebridge.online.weighting_figures import weighting_sentence
from tastebridge.report.gists import cost_gist, data_gist
from tastebridge.report.html import gist, number, paragraph, section, table, text
from tastebridge.report.mapper import ReportedMapper
from tastebridge.report.reasons import state_of
from tastebridge.routes.twins import WITHOUT

_NAMED = 6
"""Sources named in one sentence, at most."""
_ENDS = {WITHOUT: " without twins", "": " with twins"}
_SEGMENTS = {
    "cold": "new to it",
    "warm": "with a history in it",
    "cold in time": "new to it, evaluated in time",
    "warm in time": "with a history in it, evaluated in time",
}


def intro(mapper: ReportedMapper) -> str:
    """Return the summary: a sentence, and figures."""
    single = of_single_sources(mapper.transfer_)
    helping = single.loc[single["verdict"].isin(["helps", "helps with others"]), "source"].tolist()
    # a source can be used without a verdict of "helps": its gain is then too uncertain for that word
    used = single.loc[single["kept"], "source"].tolist()
    together = len(single) < len(mapper.transfer_) and mapper.transfer_["verdict"].iloc[-1] == "helps"
    tiles = "".join(
        f"<li><b>{text(value)}</b><span>{text(label)}</span></li>" for value, label in _tiles(mapper)
    )
    said = "".join(f"<p>{text(line)}</p>" for line in twin_sentences(state_of(mapper))[:2])
    lead = text(_lead(mapper.target, helping, used, together))
    return f'<p class="lead">{lead}</p><ul class="tiles">{tiles}</ul>{said}'


def data_section(mapper: ReportedMapper) -> str:
    """Return the sizes of the categories and the steps of cleaning."""
    sizes, cleaned = mapper.findings_["overview"], mapper.findings_["cleaning"]
    rows = [
        (row["category"], *(f"{row[name]:,.0f}" for name in _SIZES), f"{100 * row['density']:.3g} %")
        for row in sizes.to_dict("records")
    ]
    columns = ["category", "users", "items", "pairs", "median of a user", "density"]
    steps = [(row["step"], f"{row['rows']:,}", row["reason"]) for row in cleaned.to_dict("records")]
    state = state_of(mapper)
    weights = weighting_sentence(state.encoder.weighting, state.tables)
    return section(
        "data",
        "The data",
        gist(data_gist(cleaned)),
        table(columns, rows, "Categories, with the pairs of a user and an item in each", range(1, 6)),
        table(["step", "rows", "why"], steps, "Rows of the table, by step of cleaning", (1,)),
        paragraph(weights) if weights else "",
    )


def cost_section(mapper: ReportedMapper, seconds: float) -> str:
    """Return the cost of the model: numbers, memory, time."""
    items = mapper.item_vectors().vectors
    rows = [
        ("target items", f"{len(items):,}"),
        ("numbers in a vector", f"{items.shape[1]:,}"),
        ("routes", f"{len(state_of(mapper).scorer.model.routes):,}"),
        ("item vectors in memory", f"{items.nbytes / 1e6:,.1f} MB"),
        (
            "time for ten recommendations",
            "–" if math.isnan(seconds) else f"{1000 * seconds:,.2f} ms per user",
        ),
    ]
    return section(
        "cost",
        "Cost",
        gist(cost_gist(items.nbytes, seconds)),
        table(["", ""], rows, "Size and speed, measured while this report was made", (1,)),
    )


_SIZES = ("people", "items", "interactions", "median")


def _lead(target: str, helping: list[str], used: list[str], together: bool) -> str:
    if helping or together:
        every = len(helping) == len(used) > 1
        result = "each of them helps" if every else f"{_listed(helping)} {'help' if helping[1:] else 'helps'}"
        if not helping or (together and not every):
            most = f", and {_listed(helping)} in particular" if helping else ""
            result = f"all sources together help{most}"
        return (
            f"For users who are new to {target}, this model uses their history in {_listed(used)}. "
            f"For users held out of the fit, {result}: recommendations are better than without."
        )
    if used:
        return (
            f"This model recommends in {target}. {_listed(used)} may help a little; no source significantly "
            "improves the first ten recommendations to new users."
        )
    return f"No source helps in {target}: new users get its most popular items."


def _listed(names: list[str]) -> str:
    if not names:
        return "several other categories"
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _tiles(mapper: ReportedMapper) -> list[tuple[str, str]]:
    sizes, accuracy = mapper.findings_["overview"], mapper.findings_["accuracy"]
    single = of_single_sources(mapper.transfer_)
    which = _ENDS if f"accuracy{WITHOUT}" in mapper.findings_ else {"": ""}
    tiles = [tile for end in which for tile in _found(mapper, end, which[end])]
    segments = list(dict.fromkeys(accuracy["segment"]))
    tiles += [tile for segment in segments for end in which for tile in _tile(mapper, segment, end, which)]
    return [
        *_once(tiles),
        (f"{int(single['kept'].sum())} of {len(single)}", "sources used"),
        (
            f"{sizes.loc[sizes['category'] == mapper.target, 'people'].iloc[0]:,}",
            f"users in {mapper.target}",
        ),
    ]


def _once(tiles: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the tiles; one replaces two if the figures with and without twins are equal."""
    out: list[tuple[str, str]] = []
    for value, label in tiles:
        if (value, label.replace(_ENDS[""], _ENDS[WITHOUT], 1)) in out[-1:]:
            out[-1] = value, label.replace(_ENDS[""], " with or without twins", 1)
        else:
            out.append((value, label))
    return out


def _found(mapper: ReportedMapper, end: str, which: str) -> Iterator[tuple[str, str]]:
    """Yield how many of a hundred new users find a held-out item in ten, and how many by best-sellers."""
    label = f"users new to {mapper.target} find a held-out item in their first ten{which}"
    rows = mapper.findings_[f"accuracy{end}"]
    rows = rows[rows["segment"] == "cold"].set_index("list")
    if "hits" in rows and MODEL in rows.index:
        others = f"; with best-sellers {_of_hundred(rows['hits'].get(POPULARITY, math.nan))}"
        yield f"{_of_hundred(rows.loc[MODEL, 'hits'])} of 100", label + others
        return
    # a model of an earlier version has the share of the model's lists only
    share = hits_in_ten(mapper.confidence_.get(f"cold{end}"))
    if not math.isnan(share):
        yield f"{_of_hundred(share)} of 100", label


def _of_hundred(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f}"


def _tile(
    mapper: ReportedMapper, segment: str, end: str, which: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the NDCG@10 of one kind of users, with or without twins."""
    found = mapper.findings_[f"accuracy{end}"]
    chosen = found[(found["list"] == MODEL) & (found["segment"] == segment)]
    for row in chosen.to_dict("records"):
        gain = number(row["difference"], 3, True)
        best = "the better popularity" if segment.endswith("in time") else "the best without a source"
        label = f"NDCG@10{which[end]}, users {_SEGMENTS[segment]} ({gain} over {best})"
        yield f"{row['mean']:.3f}", label
