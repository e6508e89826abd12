import pytest
from typer.testing import CliRunner

from tastebridge.cli import app
from tastebridge.datasets import make_panel
from tastebridge.privacy import new_key, read_key


def run(*words, **env):
    env = {"COLUMNS": "200", "NO_COLOR": "1", "TASTEBRIDGE_KEY": "", **env}
    done = CliRunner().invoke(app, [str(word) for word in words], env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with events, a key, and a model that the command line encrypted with it."""
    path = tmp_path_factory.mktemp("keys")
    panel, _ = make_panel(120, 30, events_per_user=8)
    panel.to_frame().to_csv(path / "events.csv", index=False)
    assert run("key", "-o", path / "key")[0] == 0
    code, text, _ = run(
        "fit", path / "events.csv", "-t", "films", "-o", path / "model", "--key-file", path / "key"
    )
    assert code == 0
    assert "no user in it, encrypted" in text
    assert f"--key-file {path / 'key'}" in text
    return path


def test_an_encrypted_model_is_read_with_the_key_of_a_file_or_the_environment(folder):
    words = ("recommend", folder / "model", folder / "events.csv", "-o")
    assert run(*words, folder / "one.csv", "--key-file", folder / "key")[0] == 0
    assert run(*words, folder / "two.csv", TASTEBRIDGE_KEY=read_key(folder / "key").text())[0] == 0
    assert (folder / "one.csv").read_bytes() == (folder / "two.csv").read_bytes()


def test_a_missing_wrong_or_broken_key_is_one_line(folder):
    words = ("recommend", folder / "model", folder / "events.csv", "-o", folder / "out.csv")
    other = new_key().text()
    for code, message, env in [
        (1, "is encrypted: pass the key", {}),
        (1, "saved with a different key", {"TASTEBRIDGE_KEY": other}),
        (2, "this key is damaged", {"TASTEBRIDGE_KEY": other[:-5]}),
    ]:
        found, _, error = run(*words, **env)
        assert (found, error.count("\n")) == (code, 1)
        assert message in error
        assert other[20:-5] not in error
    assert not (folder / "out.csv").exists()


def test_a_key_file_is_not_made_twice(folder):
    code, _, error = run("key", "-o", folder / "key")
    assert code == 2
    assert "never overwritten" in error
