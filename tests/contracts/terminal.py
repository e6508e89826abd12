"""A command in a pseudo-terminal of a given width: keys that are pressed, and the text shown."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios

CTRL_C, CTRL_D = "\x03", "\x04"
_START = "from tastebridge.cli.front import main; main()"
_PATIENCE = 120
"""Seconds to wait for a text; a command that shows nothing for so long hangs."""


class Terminal:
    """One run of ``tastebridge`` in a terminal."""

    def __init__(self, *words, columns=80, stdout=None, **variables):
        self._screen, keyboard = pty.openpty()
        fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        # Rich takes a dumb terminal for one of 80 columns
        unset = ("COLUMNS", "LINES", "FORCE_COLOR")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, *map(str, words)],
            stdin=keyboard,
            stdout=keyboard if stdout is None else stdout,
            stderr=keyboard,
            env=environment | {"TERM": "xterm", "NO_COLOR": "1", "PYTHONUTF8": "1"} | variables,
            start_new_session=True,
            # Ctrl-C reaches the process only if this is the terminal that controls it
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(keyboard)
        self.text, self._seen = "", 0

    def answer(self, question, keys):
        """Wait until a text is shown, and press keys."""
        while question not in self.text[self._seen :]:
            assert self._read(), f"ended before {question!r}: {self.text}"
        self._seen = self.text.index(question, self._seen) + len(question)
        os.write(self._screen, keys if isinstance(keys, bytes) else keys.encode())

    def end(self):
        """Return the exit code and all that was shown."""
        while self._read():
            pass
        os.close(self._screen)
        return self._process.wait(_PATIENCE), self.text

    def _read(self):
        """Read what is shown next; False at the end."""
        ready, _, _ = select.select([self._screen], [], [], _PATIENCE)
        if not ready:
            self._process.kill()
            raise TimeoutError(f"nothing more after {_PATIENCE} s: {self.text}")
        try:
            shown = os.read(self._screen, 1 << 16)
        except OSError:  # of Linux, where other systems return nothing
            return False
        self.text += shown.decode(errors="replace").replace("\r\n", "\n")
        return bool(shown)


def pressed(steps, *words, **settings):
    """Return the exit code and the text of a command whose questions are answered one by one."""
    terminal = Terminal(*words, **settings)
    for question, keys in steps:
        terminal.answer(question, keys)
    return terminal.end()
