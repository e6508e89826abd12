"""Addresses with credentials: what is shown of them, and what is opened."""

from pathlib import Path

import pytest

from tastebridge._foundation.addresses import as_address, conceal, concealed_in, is_marked, reveal
from tastebridge.data.files.uris import _expression

SECRETS = ("AKIA17", "s3cr3t")


@pytest.mark.parametrize(
    ("given", "shown", "opened"),
    [
        ("s3://AKIA17:s3cr3t@shop/e.csv", "s3://…@shop/e.csv", "s3://AKIA17:s3cr3t@shop/e.csv"),
        # keys of Amazon hold slashes and plus signs
        ("s3://AKIA17:s3cr3t/a+b@shop/e.csv", "s3://…@shop/e.csv", "s3://AKIA17:s3cr3t%2Fa%2Bb@shop/e.csv"),
        ("s3://AKIA17:s3cr3t%2Fa@shop/e.csv", "s3://…@shop/e.csv", "s3://AKIA17:s3cr3t%2Fa@shop/e.csv"),
        # no end of the secret
        ("s3://AKIA17:s3cr3t/e.csv", "s3://…@/e.csv", "s3://AKIA17:s3cr3t@/e.csv"),
        ("s3://shop/a@b:c.csv", "s3://shop/a@b:c.csv", "s3://shop/a@b%3Ac.csv"),
        (
            "s3://AKIA17:s3cr3t@shop/e.csv?region=eu&token=s3cr3t",
            "s3://…@shop/e.csv?region=eu&token=…",
            "s3://AKIA17:s3cr3t@shop/e.csv?region=eu&token=s3cr3t",
        ),
        ("abfs://box:s3cr3t@AKIA/e.csv", "abfs://box:…@AKIA/e.csv", "abfs://box:s3cr3t@AKIA/e.csv"),
        ("gs://anonymous@shop/e.csv", "gs://anonymous@shop/e.csv", "gs://anonymous@shop/e.csv"),
        ("hdfs://node:9000/e.csv", "hdfs://node:9000/e.csv", "hdfs://node:9000/e.csv"),
    ],
)
def test_secrets_are_shown_nowhere_and_put_back_when_opened(given, shown, opened):
    for path in (given, Path(given)):
        hidden = conceal(path)
        assert type(hidden) is type(path)
        assert as_address(hidden) == shown
        assert reveal(as_address(hidden)).replace(":c", "%3Ac") == opened
        assert conceal(hidden) == hidden
    assert not any(secret in shown for secret in SECRETS)
    assert not is_marked(reveal(shown))


def test_an_address_copied_from_a_message_has_no_credentials():
    assert is_marked(reveal("s3://…@never/e.csv"))
    assert is_marked(reveal("s3://never/e.csv?token=…"))
    assert not is_marked(reveal("s3://never/a…b.csv"))


def test_words_of_a_command_line_lose_their_secrets():
    for before in ("", "--items=", "films=", "theirs="):
        assert (
            concealed_in(f"{before}s3://AKIA17:s3cr3t@shop/e.csv:plot") == f"{before}s3://…@shop/e.csv:plot"
        )
    assert concealed_in("--event-weight=a:b=5") == "--event-weight=a:b=5"


@pytest.mark.parametrize("path", ["e.csv", "C:/e.csv", "a@b/c:d.csv", "-", 7, None, Path("x/y")])
def test_other_paths_stay(path):
    assert conceal(path) == path
    assert as_address(path) is None


def test_a_path_keeps_the_address_of_a_server():
    given = "s3://shop/e.csv?endpoint_override=http://127.0.0.1:9000&region=eu"
    assert as_address(Path(given)) == given


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("*.csv", ["a.csv"], ["a.csvx", "b/a.csv", "acsv"]),
        ("part*", ["part-1.csv", "part-1/a.csv"], ["a/part-1.csv"]),
        ("**/*.csv", ["a.csv", "b/c/a.csv"], ["a.txt"]),
        ("[ab]?.csv", ["a?.csv"], ["ax.csv", "c?.csv"]),
        ("[!a].csv", ["b.csv"], ["a.csv"]),
    ],
)
def test_patterns_of_names(pattern, fits, not_fits):
    import re

    expression = re.compile(_expression(pattern))
    assert [name for name in fits if not expression.fullmatch(name)] == []
    assert [name for name in not_fits if expression.fullmatch(name)] == []
