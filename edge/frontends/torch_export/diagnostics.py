"""Everything of a program that cannot be imported, gathered and reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.errors import Diagnostic, EdgeError, fail

OPERATOR, ARGUMENT, DTYPE, DYNAMIC, BATCH, EXPORT = (f"E010{i}" for i in range(1, 7))

_SHOWN = 5
_HELP = {
    "cond": "control flow must not depend on data: export one branch, or compute both",
    "while_loop": "loops must have a fixed length, so that torch.export unrolls them",
    "log_softmax": "end the model at the logits or at softmax: the order of classes is the same",
    "choose_qparams": "use static quantization: is_dynamic=False, and calibration data",
    "sort": "move it behind the model's output",
    "topk": "move it behind the model's output",
    "argmax": "end the model at the scores and take the largest in the application",
    "batch_norm": "export module.eval(): in training mode the statistics change with each batch",
    "instance_norm": "batch_norm has fixed statistics and folds into the convolution",
}
_MASKING = {"where", "eq", "gt", "le", "lt", "ge", "ne", "logical_not", "logical_and", "any"}
_DEFAULT_HELP = "`edge ops` lists what is supported; move the rest before or behind the model"


def unsupported(reason: str, *help: str) -> EdgeError:
    """An argument of a supported operator that the graph cannot express."""
    return fail(ARGUMENT, reason, help=help)


def operator_help(operator: str) -> str:
    """Advice for an operator such as "aten.topk.default"."""
    name = operator.split(".")[1].strip("_") if "." in operator else operator
    if name in _MASKING:
        return "if this is mask arithmetic of attention, export without run_decompositions()"
    return _HELP.get(name, _DEFAULT_HELP)


@dataclass
class Findings:
    """Findings by code and title with every place where each occurs, in program order."""

    places: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    help: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def add(self, code: str, title: str, where: str, *help: str) -> None:
        self.places.setdefault((code, title), []).append(where)
        self.help.setdefault((code, title), help)

    def add_error(self, operator: str, error: EdgeError, where: str) -> None:
        for found in error.diagnostics:
            self.add(found.code, f"{operator}: {found.title}", where, *found.help)

    def raise_all(self, problems: Sequence[Diagnostic]) -> None:
        """Raises EdgeError if there are problems without a place in the program."""
        if problems:
            raise EdgeError(*problems)

    def raise_if_any(self) -> None:
        """Raises EdgeError with one diagnostic for each code and title."""
        if self.places:
            raise EdgeError(*(self._diagnostic(key) for key in self.places))

    def _diagnostic(self, key: tuple[str, str]) -> Diagnostic:
        code, title = key
        first, *others = self.places[key]
        shown = [f"also at {place}" for place in others[: _SHOWN - 1]]
        hidden = len(others) - len(shown)
        if hidden:
            shown.append(f"and {hidden} more")
        count = f" ({len(others) + 1} uses)" if others else ""
        return Diagnostic(code, title + count, first, tuple(shown), self.help[key])
