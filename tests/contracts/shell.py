"""The command line as a user meets it: exit code, output and errors."""

from typer.testing import CliRunner

from tastebridge.cli import app


def run(*words):
    """Run the command line and return its exit code, output and errors."""
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr
