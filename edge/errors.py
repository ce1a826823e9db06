"""Errors that a user sees: a diagnostic says what is wrong, where, and what would work.

The code's range gives the exit status of the command line:
E00xx usage or unreadable input (2), E01xx not supported (3), E02xx quantization (3),
E03xx does not fit (1), E04xx tool missing or build failed (4), E05xx verification (1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_EXIT_STATUS = {"E00": 2, "E01": 3, "E02": 3, "E03": 1, "E04": 4, "E05": 1, "E06": 1}


@dataclass(frozen=True)
class Diagnostic:
    """One finding, shown as text or put into JSON unchanged."""

    code: str
    title: str
    where: str = ""
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    severity: str = "error"

    def __str__(self) -> str:
        lines = [f"{self.severity}[{self.code}]: {self.title}"]
        lines += [f"  --> {self.where}"] if self.where else []
        lines += [f"   = note: {note}" for note in self.notes]
        lines += [f"   = help: {text}" for text in self.help]
        return "\n".join(lines)


class EdgeError(Exception):
    """An error for the user, made of one or more diagnostics of the same kind."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = diagnostics

    @property
    def exit_status(self) -> int:
        return _EXIT_STATUS[self.diagnostics[0].code[:3]]


def fail(
    code: str, title: str, where: str = "", *, notes: Sequence[str] = (), help: Sequence[str] = ()
) -> EdgeError:
    """An EdgeError of a single diagnostic: `raise fail("E0001", "...")`."""
    return EdgeError(Diagnostic(code, title, where, tuple(notes), tuple(help)))
