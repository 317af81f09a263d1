"""What the person at the terminal sees: steps, and the lines of each process under its name."""

from __future__ import annotations

import os
import sys
from typing import TextIO

COLOURS = {"web": 36, "scheduler": 35, "worker": 32, "prepare": 34, "postgres": 33, "valkey": 33}


class Console:
    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self.is_closed = False
        """Nobody reads any more, as after `make run | head`."""

    def say(self, text: str) -> None:
        self._write(f"daybook    | {text}\n", bold=True)

    def pass_on(self, name: str, line: str) -> None:
        prefix = f"{name:<10} | "
        colour = COLOURS.get(name, 37)
        self._write((f"\033[{colour}m{prefix}\033[0m" if self._coloured else prefix) + line + "\n")

    def _write(self, text: str, *, bold: bool = False) -> None:
        try:
            self._stream.write(f"\033[1m{text[:-1]}\033[0m\n" if bold and self._coloured else text)
            self._stream.flush()
        except (BrokenPipeError, OSError):
            self.is_closed = True
