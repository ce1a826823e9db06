"""What Edge cannot import, collected over the whole model and reported at once.

The codes mean the same as in the torch front end, where it has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.errors import Diagnostic, EdgeError

OPERATOR, ATTRIBUTE, DTYPE = "E0101", "E0102", "E0103"
DYNAMIC, BATCH, STRUCTURE = "E0104", "E0105", "E0107"

_PLACES_SHOWN = 5

_RECURRENT = "unroll the recurrent layer before conversion, or replace it by convolutions"
_CONTROL = "Edge runs every operator once: convert the branch or loop body as a model of its own"
_POST_PROCESSING = "cut the model before it and do this step in the application"
_HELP = {
    **dict.fromkeys(("LSTM", "RNN", "SVDF"), _RECURRENT),
    **dict.fromkeys(("UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"), _RECURRENT),
    **dict.fromkeys(("BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN"), _RECURRENT),
    **dict.fromkeys(("IF", "WHILE", "CALL"), _CONTROL),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "TOPK_V2", "CAST"), _POST_PROCESSING),
    **dict.fromkeys(("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"), _POST_PROCESSING),
}


class Unsupported(Exception):
    """One thing that Edge cannot import; raised by converters, collected by the importer."""

    def __init__(self, code: str, title: str, help: str = "") -> None:
        super().__init__(title)
        self.code, self.title, self.help = code, title, help


@dataclass(frozen=True)
class Finding:
    """Something unsupported and the place where it was met."""

    problem: Unsupported
    where: str


def unsupported_operator(kind: str, is_custom: bool, supported: Iterable[str]) -> Unsupported:
    if is_custom:
        return Unsupported(
            OPERATOR, f"custom operator {kind[:64]!r} is not supported", _POST_PROCESSING
        )
    help = _HELP.get(kind) or f"Edge imports {', '.join(sorted(supported))}"
    return Unsupported(OPERATOR, f"operator {kind} is not supported", help)


def unsupported_attribute(title: str, help: str = "") -> Unsupported:
    return Unsupported(ATTRIBUTE, title, help)


def report(findings: Iterable[Finding]) -> EdgeError:
    """One error with one diagnostic for each kind of finding, in order of appearance.

    Help that several kinds share is given with the first.
    """
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.problem.code, finding.problem.title), []).append(finding)
    diagnostics: list[Diagnostic] = []
    given = {""}
    for alike in kinds.values():
        help = alike[0].problem.help
        diagnostics.append(_diagnostic(alike, () if help in given else (help,)))
        given.add(help)
    return EdgeError(*diagnostics)


def _diagnostic(findings: list[Finding], help: tuple[str, ...]) -> Diagnostic:
    first, count = findings[0], len(findings)
    others = [f"also at {f.where}" for f in findings[1:_PLACES_SHOWN]]
    if count > _PLACES_SHOWN:
        others.append(f"and {count - _PLACES_SHOWN} more")
    title = first.problem.title + (f" ({count} times)" if count > 1 else "")
    return Diagnostic(first.problem.code, title, first.where, tuple(others), help)
