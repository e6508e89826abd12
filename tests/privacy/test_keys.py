import os
import pickle
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastebridge.exceptions import InvalidParameterError, TastebridgeWarning
from tastebridge.privacy import Key, key_from_environment, new_key, read_key, write_key


def test_a_key_comes_back_from_its_text_and_its_file(tmp_path, monkeypatch):
    key = new_key()
    write_key(key, tmp_path / "key")
    monkeypatch.setenv("TASTEBRIDGE_KEY", key.text())
    assert Key.from_text(key.text()) == key == read_key(tmp_path / "key") == key_from_environment()
    monkeypatch.delenv("TASTEBRIDGE_KEY")
    assert key_from_environment() is None


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_key_file_is_for_its_owner_only(tmp_path):
    write_key(new_key(), tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    (tmp_path / "key").chmod(0o644)
    with pytest.warns(TastebridgeWarning, match="chmod 600"):
        read_key(tmp_path / "key")


def test_a_key_file_is_never_overwritten(tmp_path):
    write_key(new_key(), tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(InvalidParameterError, match="never overwritten"):
        write_key(new_key(), tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


def test_a_key_shows_its_secret_nowhere():
    key = new_key()
    shown = repr(key) + str(key) + f"{key}"
    assert key.text()[20:] not in shown
    assert shown == "<Key>" * 3
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)


def test_purposes_get_secrets_of_their_own():
    key = Key(bytes(range(32)))
    assert len({key.derive("a"), key.derive("b"), bytes(range(32))}) == 3


@pytest.mark.parametrize("secret", [b"", b"x" * 31, "x" * 32, None])
def test_a_key_of_another_size_or_type_is_refused(secret):
    with pytest.raises(InvalidParameterError, match="must be 32 bytes"):
        Key(secret)


@given(st.text(max_size=80))
def test_any_other_text_is_refused_and_not_repeated(text):
    for line in (text, "tastebridge-key-1:" + text):
        with pytest.raises(InvalidParameterError) as caught:
            Key.from_text(line)
        assert len(text) < 12 or text not in str(caught.value)


@given(st.integers(18, 65), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_mistyped_key_is_refused(place, letter):
    text = Key(bytes(range(32))).text()
    wrong = text[:place] + letter + text[place + 1 :]
    if wrong != text:
        with pytest.raises(InvalidParameterError, match=r"damaged|not a key"):
            Key.from_text(wrong)


@given(st.binary(max_size=200))
def test_any_file_that_is_no_key_is_refused(content):
    path = f"/dev/shm/key-{os.getpid()}" if os.path.isdir("/dev/shm") else f"key-{os.getpid()}"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        with pytest.raises(InvalidParameterError):
            read_key(path)
    finally:
        os.unlink(path)
