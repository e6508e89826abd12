import random
import shutil
import sys
import warnings

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidParameterError,
    MissingDependencyError,
    ModelFileError,
    ModelFormatError,
    TastebridgeWarning,
)
from tastebridge.loading import is_encrypted
from tastebridge.persist.manifest import MANIFEST, parse, render
from tastebridge.privacy import encryption, new_key, pseudonyms_of

KEY, SALT = new_key(), bytes(range(32))


@pytest.fixture(scope="module")
def panel():
    made, _ = make_panel(150, 40, events_per_user=8)
    frame = made.to_frame()
    frame["user_id"] = "person-" + frame["user_id"].astype(str).str.zfill(5)
    return tb.Panel.from_frame(frame)


@pytest.fixture(scope="module")
def mapper(panel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        return tb.InterestMapper("films", n_lists=200, n_negatives=20, n_folds=1).fit(panel)


@pytest.fixture
def saved(mapper, tmp_path):
    mapper.save(tmp_path / "model", with_users=True, key=KEY)
    return tmp_path / "model"


@given(st.binary(max_size=70), st.integers(1, 20))
@settings(deadline=None)
def test_a_text_comes_back_whatever_its_length_and_segments(text, segment):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encryption, "SEGMENT", segment)
        sealed = encryption.seal(KEY, SALT, "a", text)
        assert encryption.open_sealed(KEY, SALT, "a", sealed) == text
        assert len(sealed) == len(text) + 16 * max(1, -(-len(text) // segment))


def test_segments_cannot_be_changed_moved_left_out_or_cut(monkeypatch):
    monkeypatch.setattr(encryption, "SEGMENT", 4)
    sealed = encryption.seal(KEY, SALT, "a", b"wellrestkept")
    one, two, three = (sealed[start : start + 20] for start in (0, 20, 40))
    for wrong in (two + one + three, one + three, one + two, one + two + two + three, one, b"", sealed[:-1]):
        with pytest.raises(ModelFileError, match=r"'a' is (cut off|not the one)"):
            encryption.open_sealed(KEY, SALT, "a", wrong)


@given(st.integers(0, 8 * 28 - 1))
def test_no_bit_can_be_flipped(bit):
    sealed = bytearray(encryption.seal(KEY, SALT, "a", b"twelve bytes"))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ModelFileError, match="changed"):
        encryption.open_sealed(KEY, SALT, "a", bytes(sealed))


@given(st.binary(max_size=80))
def test_no_made_up_bytes_open(text):
    with pytest.raises(ModelFileError):
        encryption.open_sealed(KEY, SALT, "a", text)


def test_a_message_opens_under_its_own_name_salt_and_surroundings_only():
    sealed = encryption.seal(KEY, SALT, "a", b"text", b"header")
    for key, salt, name, around in [
        (new_key(), SALT, "a", b"header"),
        (KEY, SALT[::-1], "a", b"header"),
        (KEY, SALT, "b", b"header"),
        (KEY, SALT, "a", b"other"),
    ]:
        with pytest.raises(ModelFileError):
            encryption.open_sealed(key, salt, name, sealed, around)


def test_an_encrypted_model_gives_the_same_bits(mapper, panel, saved):
    loaded = tb.load(saved, key=KEY)
    pd.testing.assert_frame_equal(loaded.recommend(), mapper.recommend(), check_exact=True)
    assert repr(loaded.get_params()) == repr(mapper.get_params())
    pd.testing.assert_frame_equal(loaded.transfer_, mapper.transfer_)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_what_is_made_of_an_encrypted_model_is_known_to_be(mapper, panel, saved, tmp_path):
    loaded = tb.load(saved, key=KEY)
    assert is_encrypted(loaded)
    assert is_encrypted(loaded.compress(8))
    assert not is_encrypted(mapper.compress(8))
    both = tb.InterestMapper(["films", "books"], n_components=4, n_folds=1).fit(panel)
    both.save(tmp_path / "both", key=KEY)
    assert all(is_encrypted(one) for one in tb.load(tmp_path / "both", key=KEY).mappers_.values())
    assert not is_encrypted(loaded.fit(panel))


def test_nothing_of_the_model_is_in_the_open(mapper, panel, saved):
    whole = b"".join(path.name.encode() + path.read_bytes() for path in saved.iterdir())
    words = [
        *panel.users.ids,
        *panel["films"].items.ids,
        "films",
        "books",
        "InterestMapper",
        "PAR1",
        "people",
    ]
    assert [word for word in words if str(word).encode() in whole and len(str(word)) > 3] == []
    assert mapper.model_.item_vectors()[0].tobytes()[:16] not in whole
    outer = parse((saved / MANIFEST).read_bytes(), saved)
    assert set(outer) == {"package", "format", "version", "encryption", "files"}


def test_a_wrong_or_missing_key_is_told(saved, mapper):
    with pytest.raises(ModelFileError, match="is encrypted: pass the key"):
        tb.load(saved)
    with pytest.raises(ModelFileError, match="saved with a different key"):
        tb.load(saved, key=new_key())
    with pytest.raises(InvalidParameterError, match="must be a Key"):
        tb.load(saved, key="secret")
    mapper.save(saved.with_name("open"))
    with pytest.raises(ModelFileError, match="is not encrypted, but a key was given"):
        tb.load(saved.with_name("open"), key=KEY)


def test_any_flipped_byte_and_any_cut_is_told(saved):
    rng = random.Random(0)
    for path in sorted(saved.iterdir()):
        text = path.read_bytes()
        for place in [0, len(text) - 1, *(rng.randrange(len(text)) for _ in range(8))]:
            flipped = bytes([text[place] ^ (1 << rng.randrange(8))])
            for wrong in (text[:place] + flipped + text[place + 1 :], text[:place]):
                path.write_bytes(wrong)
                with pytest.raises(ModelFileError) as caught:
                    tb.load(saved, key=KEY)
                assert str(saved) in str(caught.value)
        path.write_bytes(text)
    tb.load(saved, key=KEY)


def _sign(folder, change=lambda content: None):
    """Write the open manifest anew, as somebody without the key can: sizes and checksums set right."""
    content = parse((folder / MANIFEST).read_bytes(), folder)
    from tastebridge.persist.manifest import describe_file

    for record in content["files"].values():
        record.update(describe_file(folder / record["file"]))
    change(content)
    (folder / MANIFEST).write_text(render(content))


def test_files_changed_and_signed_again_are_refused(saved):
    names = [path.name for path in saved.iterdir() if path.name != MANIFEST]
    for name in names:
        text = (saved / name).read_bytes()
        (saved / name).write_bytes(text[:-1] + bytes([text[-1] ^ 1]))
        _sign(saved)
        with pytest.raises(ModelFileError, match="changed, cut off, or put in the place of another"):
            tb.load(saved, key=KEY)
        (saved / name).write_bytes(text)
    _sign(saved)
    tb.load(saved, key=KEY)


def test_files_cannot_stand_in_for_each_other_or_for_their_later_selves(saved, mapper):
    paths = [path for path in saved.iterdir() if path.name != MANIFEST]
    texts = {path: path.read_bytes() for path in paths}
    for one, two in zip(paths, [*paths[1:], paths[0]], strict=True):
        one.write_bytes(texts[two])
        _sign(saved)
        with pytest.raises(ModelFileError):
            tb.load(saved, key=KEY)
        one.write_bytes(texts[one])
    mapper.save(saved.with_name("later"), with_users=True, key=KEY)
    later = parse((saved.with_name("later") / MANIFEST).read_bytes(), saved)
    shutil.copytree(saved, saved.with_name("later"), dirs_exist_ok=True, ignore=lambda *_: [MANIFEST])
    earlier = parse((saved / MANIFEST).read_bytes(), saved)["encryption"]["manifest"]
    _sign(
        saved.with_name("later"),
        lambda content: (
            content["files"].update(extra={**content["files"]["0"], "file": earlier}),
            content["encryption"].update(manifest=earlier),
        ),
    )
    _sign(saved.with_name("later"))
    with pytest.raises(ModelFileError, match="put in the place of another"):
        tb.load(saved.with_name("later"), key=KEY)
    assert later["encryption"]["salt"] != parse((saved / MANIFEST).read_bytes(), saved)["encryption"]["salt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.pop("salt"), "damaged header"),
        (lambda header: header.update(salt=7), "damaged header"),
        (lambda header: header.update(salt="00"), "a different key"),
        (lambda header: header.update(commitment="zz"), "damaged header"),
        (lambda header: header.update(cipher="ROT13"), "is encrypted by 'ROT13'.*Upgrade"),
        (lambda header: header.update(manifest="../x"), "not in its list"),
        (lambda header: header.update(manifest=["x"]), "cannot be loaded"),
    ],
)
def test_a_broken_header_is_told(saved, change, message):
    _sign(saved, lambda content: change(content["encryption"]))
    with pytest.raises(ModelFileError, match=message) as caught:
        tb.load(saved, key=KEY)
    assert isinstance(caught.value, ModelFormatError) == ("ROT13" in message)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["encryption", "files", "salt", "cipher", "commitment", "manifest", "0", "file", "size"]
                ),
                x,
            )
        ),
        max_leaves=8,
    )
)
@settings(deadline=None, max_examples=60)
def test_a_made_up_manifest_is_told(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("made-up")
    made = {"package": "tastebridge", "format": 1, "encryption": content, "files": content}
    (folder / MANIFEST).write_text(render(made))
    with pytest.raises(ModelFileError):
        tb.load(folder, key=KEY)


def test_a_new_save_replaces_the_files_of_the_last_one(mapper, saved):
    before = {path.name for path in saved.iterdir()}
    mapper.save(saved, key=KEY)
    after = {path.name for path in saved.iterdir()}
    assert before & after == {MANIFEST}
    assert tb.load(saved, key=KEY).panel_ is None
    mapper.save(saved)
    assert tb.load(saved).panel_ is None


def test_people_can_be_saved_under_pseudonyms(mapper, panel, tmp_path):
    mapper.save(tmp_path / "model", with_users=True, pseudonyms=KEY)
    whole = b"".join(path.read_bytes() for path in (tmp_path / "model").iterdir())
    assert [user for user in panel.users.ids if user.encode() in whole] == []
    loaded, ids = tb.load(tmp_path / "model"), panel.users.ids[:9]
    found = loaded.recommend(pseudonyms_of(ids, KEY))
    pd.testing.assert_frame_equal(
        found.drop(columns="user_id"), mapper.recommend(ids).drop(columns="user_id"), check_exact=True
    )
    with pytest.raises(InvalidParameterError, match="without with_users=True none are"):
        mapper.save(tmp_path / "other", pseudonyms=KEY)


def test_without_cryptography_the_error_says_what_to_install(mapper, saved, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'tastebridge\[privacy\]'"):
        mapper.save(tmp_path / "other", key=KEY)
    with pytest.raises(MissingDependencyError, match="need the package cryptography"):
        tb.load(saved, key=KEY)
    assert not (tmp_path / "other").exists()
