"""Store the help on each command of the shell, which ``tastebridge COMMAND --help`` shows at once.

Run it after a change of options: python docs/tools/help_pages.py
"""

from __future__ import annotations

from pathlib import Path

import tastebridge.cli
from tastebridge.cli.application import COMMANDS
from tastebridge.cli.help_texts import page


def main() -> None:
    """Write a text for each command, and remove others."""
    folder = Path(tastebridge.cli.__file__).parent / "help"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.txt"):
        if old.stem not in COMMANDS:
            old.unlink()
    for name, command in COMMANDS.items():
        (folder / f"{name}.txt").write_text(page(command, name), encoding="utf-8")


if __name__ == "__main__":
    main()
