"""What is packed: a finished export in memory, and the same model for other targets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edge.emit.project import Files
from edge.ir.types import Array
from edge.target import Target

Ports = Sequence[Array]


@dataclass(frozen=True, eq=False)
class Subject:
    """An export as the builders of packages see it.

    `files` is the whole export folder, path -> content. `vectors` are inputs and outputs of the
    numpy reference, one array [N, ...] a port; for a model with states they are a sequence from a
    reset. `retarget(name)` is the same model planned for another target.
    """

    files: Files
    target: Target
    vectors: tuple[Ports, Ports]
    retarget: Callable[[str], Subject]

    @cached_property
    def plan(self) -> Mapping[str, Any]:
        """The content of plan.json: ports, sources, states."""
        return self._json("plan.json")

    @cached_property
    def report(self) -> Mapping[str, Any]:
        """The content of report.json: memory and layers."""
        return self._json("report.json")

    @property
    def name(self) -> str:
        """The prefix of all C names."""
        return str(self.plan["name"])

    @property
    def ports(self) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """Inputs and outputs of an inference; the label and trainables of a step are none."""
        inputs, outputs = self.vectors
        return self.plan["inputs"][: len(inputs)], self.plan["outputs"][: len(outputs)]

    @property
    def trains(self) -> bool:
        """Whether the export has a training step."""
        return self.plan.get("kind") == "training"

    @property
    def code(self) -> Files:
        """What a compiler needs: the model, the kernels in use and all headers; no tests."""
        endings = (".c", ".h", ".S")
        return {
            path: content
            for path, content in self.files.items()
            if path.endswith(endings) and not path.startswith("test/")
        }

    def _json(self, path: str) -> Mapping[str, Any]:
        content: Mapping[str, Any] = json.loads(self.files[path])
        return content
