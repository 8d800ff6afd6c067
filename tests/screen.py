"""A command in a pseudo-terminal with an emulator behind it: what a person has seen of it."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

import pyte

# Each command in turn, `$` and its words above it, `=` and its exit code below. The leader of a
# session that opens a terminal is whom the Ctrl-C of that terminal reaches.
_MAIN = """
import json, os, sys
from lakatos.cli import main
if os.isatty(0):
    os.close(os.open(os.ttyname(0), os.O_RDWR))
for command in json.loads(sys.argv[1]):
    print("$", *command, flush=True)
    sys.argv[1:] = command
    print("=", main(command), flush=True)
"""
CTRL_C = b"\x03"


class Emulator(pyte.HistoryScreen):
    """A screen with its scroll-back, which knows the lines that it had to break."""

    def __init__(self, columns, rows):
        self._is_drawing = False
        self._broken = []
        super().__init__(columns, rows, history=100_000)

    def draw(self, data):
        self._is_drawing = True
        super().draw(data)
        self._is_drawing = False

    def linefeed(self):
        if self._is_drawing:
            self._broken.append(self.buffer[self.cursor.y])
        super().linefeed()

    def erase_in_line(self, how=0, private=False):
        line = self.buffer[self.cursor.y]
        self._broken = [each for each in self._broken if each is not line]
        super().erase_in_line(how, private)

    @property
    def seen(self):
        """All lines from the first on, those that were broken put together."""
        broken = {id(line) for line in self._broken}
        text = ""
        for line in [*self.history.top, *(self.buffer[y] for y in range(self.lines))]:
            row = "".join(line[x].data for x in range(max(line, default=-1) + 1))
            text += row if id(line) in broken else row.rstrip() + "\n"
        return text.rstrip().split("\n")


def python(commands):
    """The words that start one Python which does all these commands of lakatos."""
    words = [[str(word) for word in command] for command in commands]
    return [sys.executable, "-c", _MAIN, json.dumps(words)]


def environment(**more):
    """Ours, without what changes the look of a terminal. more: variables on top; None: not set."""
    variables = {**os.environ, "NO_COLOR": None, "COLUMNS": None, "LINES": None, **more}
    return {name: str(value) for name, value in variables.items() if value is not None}


class Terminal:
    """Commands at work in a terminal; `wait` until they end. size: columns, rows."""

    def __init__(self, commands, folder, size=(80, 40), **environ):
        self.screen = Emulator(*size)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        self.resize(*size)
        self._process = subprocess.Popen(
            python(commands),
            cwd=folder,
            env=environment(**{"TERM": "xterm-256color", **environ}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def resize(self, columns, rows):
        """Give it another size, as a person does who drags its corner."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        """Type something."""
        os.write(self._ours, keys)

    def read_until(self, text):
        """Read on until the screen has shown this."""
        while not any(text in line for line in self.screen.seen):
            assert self._read(), f"ended without {text!r}:\n" + "\n".join(self.screen.seen)

    def wait(self):
        """Read to the end; all lines that were seen."""
        while self._read():
            pass
        os.close(self._ours)
        assert self._process.wait() == 0
        return self.screen.seen

    def _read(self):
        try:
            read = os.read(self._ours, 65536)
        except OSError:  # nobody has it open any more
            return False
        self.raw += read
        self._stream.feed(read)
        return bool(read)
