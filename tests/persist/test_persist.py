import json
import random
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ModelFileError,
    ModelFormatError,
    TastebridgeWarning,
)
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.maps import CCAMap
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.manifest import CARD, MANIFEST, describe_file, parse, render
from tastebridge.routes import (
    ContentRoute,
    LikenessRoute,
    NeighbourRoute,
    PopularityRoute,
    TargetRoute,
    TransferRoute,
)

TARGET = "films/new"
ROUTES = [
    PopularityRoute(),
    TransferRoute(SVDFactors(9), SVDFactors(8), CCAMap(3)),
    NeighbourRoute(n_links=50),
    TargetRoute(ALSFactors(4)),
]
OVER_FEATURES = [
    TransferRoute(SVDFactors(4), SVDFactors(4)),
    ContentRoute("tags"),
    ContentRoute(profile=SVDFactors(5)),
    LikenessRoute("tags"),
]
MODELS = {
    "default": tb.InterestMapper(TARGET, n_lists=200, n_negatives=20),
    "routes": tb.InterestMapper(
        TARGET,
        ["games"],
        ROUTES,
        weighting=tb.Weighting("log", half_life=100.0),
        blend=tb.StackingBlend("logistic"),
        n_lists=200,
    ),
    "popularity": tb.Popularity(TARGET, prior=1.0),
    "target": tb.TargetOnly(TARGET),
    "joint": tb.JointALS(TARGET, weighting=tb.Weighting("bm25")),
    "neighbours": tb.ItemNeighbours(TARGET, n_neighbours=9),
    "ratings": tb.RatingMapper(TARGET, n_components=2, item_shrinkage=2.0),
}


@pytest.fixture(scope="module")
def panel():
    made, _ = make_panel(200, 60, ("books", "games", TARGET), timestamps=True, events_per_user=8)
    frame = made.to_frame()
    frame["user_id"] = "person-" + frame["user_id"].astype(str).str.zfill(5)
    frame["weight"] = 1.0 + np.arange(len(frame)) % 3
    items = frame["item_id"].drop_duplicates()
    names = pd.DataFrame({"item_id": items, "name": ("the " + items).where(items.str[-1] != "7")})
    return tb.Panel.from_frame(frame, item_names=names)


@pytest.fixture(scope="module")
def described(panel):
    rng = np.random.default_rng(0)
    for category in ("books", TARGET):
        ids = panel[category].items.ids
        tags = sparse.random(len(ids), 9, 0.3, "csr", random_state=0)
        panel = panel.with_item_features(category, tags, item_ids=ids, name="tags")
    fresh = np.append(panel[TARGET].items.ids, ["new 1", "new 2"])
    frame = pd.DataFrame(rng.random((len(fresh), 3)), columns=list("abc")).assign(item_id=fresh)
    return panel.with_item_features(TARGET, frame, name="size")


@pytest.fixture(scope="module")
def models(panel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        return {name: model.fit(panel) for name, model in MODELS.items()}


@pytest.fixture
def saved(models, tmp_path):
    models["default"].save(tmp_path / "model")
    return tmp_path / "model"


def _edit(folder, change):
    """Change the content of a manifest and sign it again."""
    content = parse((folder / MANIFEST).read_bytes(), folder)
    change(content)
    (folder / MANIFEST).write_text(render(content))


def _rewrite_arrays(folder, change):
    """Change the arrays of a model and sign them again."""
    content = parse((folder / MANIFEST).read_bytes(), folder)
    path = folder / content["files"]["arrays"]["file"]
    stored = load_file(path)
    change(stored)
    save_file(stored, path)
    _edit(folder, lambda content: content["files"].update(arrays=describe_file(path)))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("with_users", [False, True])
def test_loaded_model_gives_the_same_bits(models, panel, tmp_path, name, with_users):
    model = models[name]
    model.save(tmp_path / "model", with_users=with_users)
    loaded = tb.load(tmp_path / "model")
    assert type(loaded) is type(model)
    assert repr(loaded.get_params()) == repr(model.get_params())
    some = panel[10:60].select(model.items_)
    pd.testing.assert_frame_equal(loaded.recommend_from(some), model.recommend_from(some), check_exact=True)
    if with_users:
        pd.testing.assert_frame_equal(loaded.recommend(), model.recommend(), check_exact=True)
        pairs = pd.DataFrame({"user_id": panel.users.ids[:9], "item_id": panel[TARGET].items.ids[0]})
        np.testing.assert_array_equal(loaded.predict(pairs), model.predict(pairs))
        pd.testing.assert_frame_equal(loaded.panel_.to_frame(), model.panel_.to_frame())
        assert loaded.panel_.cleaning == model.panel_.cleaning


def test_a_loaded_model_knows_new_items_and_with_people_what_describes_them(described, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        mapper = tb.InterestMapper(TARGET, ["books"], OVER_FEATURES, n_lists=200, n_folds=1).fit(described)
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    some = described[10:60].select(mapper.items_)
    pd.testing.assert_frame_equal(loaded.recommend_from(some), mapper.recommend_from(some), check_exact=True)
    assert loaded.item_vectors().vectors[loaded.item_vectors().ids == "new 1"].any()
    assert [route.bridge for route in loaded.model_.routes] == [
        route.bridge for route in mapper.model_.routes
    ]
    mapper.save(tmp_path / "with people", with_users=True)
    mapper.forget(described.users.ids[:3])
    again = tb.load(tmp_path / "with people")
    again.forget(described.users.ids[:3])
    pd.testing.assert_frame_equal(again.recommend(), mapper.recommend(), check_exact=True)
    again = tb.load(tmp_path / "with people").panel_.item_features
    for category, kinds in described.item_features.items():
        for name, features in kinds.items():
            kept = again[category][name]
            assert kept.items == features.items
            assert kept.columns == features.columns
            np.testing.assert_array_equal(kept.described, features.described)
            np.testing.assert_array_equal(_dense(kept.matrix), _dense(features.matrix))


def test_load_refuses_features_that_do_not_fit_their_columns(described, tmp_path):
    tb.Popularity(TARGET).fit(described).save(tmp_path / "model", with_users=True)

    def widen(content):
        size = next(one for one in content["people"]["features"] if one["name"] == "size")
        size["columns"].append("d")

    _edit(tmp_path / "model", widen)
    with pytest.raises(ModelFileError, match="should be of size"):
        tb.load(tmp_path / "model")


def _dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else matrix


def test_loaded_mapper_keeps_its_tables_and_item_names(models, tmp_path):
    mapper = models["default"]
    mapper.save(tmp_path / "model")
    loaded = tb.load(str(tmp_path / "model"))
    pd.testing.assert_frame_equal(loaded.transfer_, mapper.transfer_)
    pd.testing.assert_frame_equal(loaded.routes_, mapper.routes_)
    history = mapper.panel_[:9].select(mapper.items_)
    pd.testing.assert_frame_equal(
        loaded.interests_from(history), mapper.interests_from(history), check_exact=True
    )
    for category, names in mapper.item_names_.items():
        pd.testing.assert_series_equal(loaded.item_names_[category], names)


def test_no_person_is_in_the_files_unless_asked_for(models, panel, tmp_path):
    for name, model in models.items():
        model.save(tmp_path / name)
        whole = b"".join(path.read_bytes() for path in (tmp_path / name).iterdir())
        assert not [user for user in panel.users.ids if user.encode() in whole]
        assert tb.load(tmp_path / name).panel_ is None
    models["default"].save(tmp_path / "open", with_users=True)
    assert any(path.name.startswith("people-") for path in (tmp_path / "open").iterdir())


def test_model_without_people_says_so(saved):
    loaded = tb.load(saved)
    with pytest.raises(InvalidDataError, match="recommend_from"):
        loaded.recommend(["person-00001"])
    with pytest.raises(InvalidDataError, match="loaded without users"):
        loaded.save(saved.with_name("other"), with_users=True)
    loaded.save(saved.with_name("other"))
    assert _texts(saved) == _texts(saved.with_name("other"))


def test_saving_twice_writes_the_same_bytes_and_leaves_nothing_beside(models, saved):
    before = _texts(saved)
    models["default"].save(saved)
    assert _texts(saved) == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_another_model_replaces_a_saved_one_whole(models, saved, panel):
    models["popularity"].save(saved)
    assert isinstance(tb.load(saved), tb.Popularity)
    content = json.loads((saved / MANIFEST).read_text())
    files = {record["file"] for record in content["files"].values()}
    assert {path.name for path in saved.iterdir()} == {MANIFEST, *files}


def test_a_failed_save_leaves_the_old_model(models, saved, monkeypatch):
    before = _texts(saved)
    monkeypatch.setattr("tastebridge.persist.writing.save_file", _full_disk)
    with pytest.raises(ModelFileError, match="cannot be written: No space left"):
        models["popularity"].save(saved)
    assert _texts(saved) == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def _full_disk(*arguments):
    raise OSError(28, "No space left on device")


def _texts(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_save_refuses_to_write_over_anything_but_a_model(models, tmp_path, saved):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "events.csv").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (saved / "notes.txt").write_text("mine")
    for name, message in [("data", "'events.csv'"), ("file", "is a file"), ("model", "'notes.txt'")]:
        with pytest.raises(ModelFileError, match=message):
            models["popularity"].save(tmp_path / name)
    with pytest.raises(ModelFileError, match="no folder can be made in"):
        models["popularity"].save(tmp_path / "file" / "model")
    (tmp_path / "empty").mkdir()
    models["popularity"].save(tmp_path / "empty")
    assert isinstance(tb.load(tmp_path / "empty"), tb.Popularity)


def test_save_refuses_parameters_a_file_cannot_hold(panel, tmp_path):
    class Own(SVDFactors):
        pass

    model = tb.TargetOnly(TARGET, factors=Own(4)).fit(panel)
    with pytest.raises(InvalidParameterError, match=r"factors=Own\(n_components=4\) cannot be saved"):
        model.save(tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_load_says_what_is_not_a_model(tmp_path, saved):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelFileError, match=r"there is no model .*Did you mean 'model'\?"):
        tb.load(tmp_path / "modle")
    with pytest.raises(ModelFileError, match="is a file; a saved model is a folder"):
        tb.load(tmp_path / "file")
    with pytest.raises(ModelFileError, match=r"no readable manifest\.json"):
        tb.load(tmp_path / "folder")
    for text, message in [("{", "not JSON"), ("[]", "not a model of tastebridge"), ("[" * 9999, "not JSON")]:
        (saved / MANIFEST).write_text(text)
        with pytest.raises(ModelFileError, match=message):
            tb.load(saved)


def test_load_asks_for_an_upgrade_on_a_newer_format(saved):
    _edit(saved, lambda content: content.update(format=99, news="unheard of"))
    with pytest.raises(ModelFormatError, match=r"format 99.*up to 1\. Upgrade: pip install --upgrade"):
        tb.load(saved)


@pytest.mark.parametrize("name", ["../events.csv", "/etc/passwd", "a/b", "..", "", 7, None, "C:\\x"])
def test_load_refuses_paths_out_of_the_folder(saved, name):
    _edit(saved, lambda content: content["files"]["arrays"].update(file=name))
    with pytest.raises(ModelFileError, match="cannot lie in a model folder"):
        tb.load(saved)


def test_load_refuses_missing_files(saved):
    for path in [path for path in saved.iterdir() if path.name != MANIFEST]:
        text = path.read_bytes()
        path.unlink()
        with pytest.raises(ModelFileError, match=f"lacks the file '{path.name}'"):
            tb.load(saved)
        path.write_bytes(text)
    tb.load(saved)


def test_load_refuses_any_flipped_byte_and_any_cut(models, tmp_path):
    rng = random.Random(0)
    models["default"].save(tmp_path / "model", with_users=True)
    for path in sorted((tmp_path / "model").iterdir()):
        text = path.read_bytes()
        for place in [0, len(text) - 1, *(rng.randrange(len(text)) for _ in range(12))]:
            flipped = bytes([text[place] ^ (1 << rng.randrange(8))])
            _refused(path, text[:place] + flipped + text[place + 1 :])
            _refused(path, text[:place])
        _refused(path, text + b"\n")
        path.write_bytes(text)
    tb.load(tmp_path / "model")


def _refused(path, text):
    path.write_bytes(text)
    with pytest.raises(ModelFileError) as caught:
        tb.load(path.parent)
    assert str(path.parent) in str(caught.value)
    assert "\n" not in str(caught.value)


def _nan(stored):
    stored["spaces/0"][0] = np.nan


def _short(stored):
    name = next(name for name in stored if name.endswith("/encoder_") or name.endswith("/encoder_:T"))
    stored[name] = stored[name][:-1, :-1].copy()


def _narrow(stored):
    stored["spaces/0"] = stored["spaces/0"][:, :0].copy()


def _lost(stored):
    del stored["segments/cold/scale_"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_nan, "'spaces/0' holds values that are not finite"),
        (_short, "should be of size"),
        (_narrow, "does not fit together"),
        (_lost, "'segments/cold/scale_' is missing"),
    ],
)
def test_load_refuses_arrays_that_do_not_fit(saved, change, message):
    _rewrite_arrays(saved, change)
    with pytest.raises(ModelFileError, match=message):
        tb.load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update({"class": "Popen"}), "'Popen', which is not a recommender"),
        (
            lambda content: content.update({"class": "ItemNeighbours", "parameters": {"target": "x"}}),
            "does not belong to the class",
        ),
        (lambda content: content["parameters"].update(target={"class": "os.system"}), "'os.system'"),
        (lambda content: content["parameters"].update(unheard=1), "unheard"),
        (lambda content: content["categories"].pop(), "cannot be loaded"),
        (lambda content: content["model"].update(target="none"), "its target 'none' has no items"),
        (lambda content: content["model"]["routes"][0].update(space="none"), "space that is missing"),
        (lambda content: content["model"]["routes"][0].update(encoder=["x"]), "cannot be loaded"),
        (lambda content: content["model"]["segments"].pop("cold"), "it has the segments"),
        (lambda content: content["model"]["encoders"][0]["model"].update({"class": "x"}), "encoder 'x'"),
        (lambda content: content.update(files=[]), "do not form a model"),
        (lambda content: content.pop("weighting"), "do not form a model"),
    ],
)
def test_load_refuses_a_manifest_that_makes_no_model(saved, change, message):
    _edit(saved, change)
    with pytest.raises(ModelFileError, match=message):
        tb.load(saved)


def test_a_copied_model_loads(models, saved, panel, tmp_path):
    shutil.copytree(saved, tmp_path / "elsewhere" / "copy")
    loaded = tb.load(tmp_path / "elsewhere" / "copy")
    assert loaded.recommend_from(panel[:3]).equals(models["default"].recommend_from(panel[:3]))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_arrays_come_back_with_type_and_order(order, share):
    rng = np.random.default_rng(0)
    value = np.asarray(rng.normal(size=(7, 5)) * (rng.random((7, 5)) < share), order=order)
    arrays = Arrays()
    arrays.add("value", value)
    back = Arrays(arrays.stored).get("value", 7, None)
    np.testing.assert_array_equal(back, value)
    assert back.dtype == value.dtype
    if share == 1.0:
        assert back.flags.f_contiguous == value.flags.f_contiguous


def test_a_model_card_stands_beside_the_model_and_is_checked_with_it(models, saved, tmp_path):
    card = (saved / CARD).read_text(encoding="utf-8")
    for heading in ("Intended use", "Data", "Does it help?", "Measured accuracy", "Settings", "Limits"):
        assert f"\n## {heading}\n" in card
    mapper = models["default"]
    accuracy = mapper.findings_["accuracy"]
    for row in accuracy.itertuples():
        assert f"{row.mean:.4f} ({row.low:.4f} to {row.high:.4f})" in card
    for row in mapper.transfer_.itertuples():
        assert f"| {row.source} | {row.verdict} | {'yes' if row.kept else 'no'} | {row.linked:,} |" in card
    assert "and no user" in card
    (saved / CARD).write_text(card.replace("no user", "no one"), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"README\.md"):
        tb.load(saved)
    models["popularity"].save(saved)
    assert (saved / CARD).read_text(encoding="utf-8").startswith("# Popularity: recommends in films")
    models["default"].save(tmp_path / "open", with_users=True)
    assert "personal data" in (tmp_path / "open" / CARD).read_text(encoding="utf-8")
