"""The partitioner: marks what Edge takes, and tells the lowering what to leave whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from executorch.exir.backend.compile_spec_schema import CompileSpec
from executorch.exir.backend.partitioner import DelegationSpec, Partitioner, PartitionResult
from executorch.exir.backend.utils import tag_constant_data
from torch.export import ExportedProgram
from torch.fx import Node

from edge.executorch.backend import BACKEND, FOLDER, MODELS, NAME, TARGET
from edge.executorch.operators import computes
from edge.executorch.regions import Region, regions
from edge.executorch.subprogram import real_data
from edge.target import load_target


class EdgePartitioner(Partitioner):  # type: ignore[misc]  # executorch has no types
    """Takes the quantized parts of a program that Edge compiles for `target`, as large as can be.

    The C of each part goes to `folder`/`prefix`_0, _1, ..., beside the backend's source and a
    CMakeLists.txt that builds both as the library edge_delegate. Everything else stays in the
    program. Raises EdgeError E0010 for an unknown target.
    """

    def __init__(self, target: str, folder: str | Path, prefix: str = "edge") -> None:
        super().__init__()
        self.target, self.folder = load_target(target), Path(folder)
        self.prefix = re.sub(r"\W", "_", prefix)
        self._data: dict[str, torch.Tensor] = {}

    def ops_to_not_decompose(
        self, ep: ExportedProgram
    ) -> tuple[list[Any], Callable[[Node], bool] | None]:
        """Operators of the parts that Edge will take: its converters know them undecomposed.

        Parameters are kept in mind: `partition` sees their shapes alone.
        """
        self._data |= real_data(ep)
        taken = [node for region in regions(ep, self.target) for node in region if computes(node)]
        names = {node.name for node in taken}
        return list({node.target for node in taken}), lambda node: node.name in names

    def partition(self, exported_program: ExportedProgram) -> PartitionResult:
        """Tag the nodes of each part with the part's name."""
        found = regions(exported_program, self.target, self._data)
        names = [f"{self.prefix}_{index}" for index in range(len(found))]
        for name, region in zip(names, found, strict=True):
            _tag(region, name)
        tag_constant_data(exported_program)
        tags = {name: DelegationSpec(BACKEND, self._specs(name, names)) for name in names}
        return PartitionResult(exported_program, tags)

    def _specs(self, name: str, names: list[str]) -> list[CompileSpec]:
        said = {
            NAME: name, TARGET: self.target.name, FOLDER: str(self.folder), MODELS: " ".join(names)
        }  # fmt: skip
        return [CompileSpec(key, value.encode()) for key, value in said.items()]


def _tag(region: Region, name: str) -> None:
    for node in region:
        node.meta["delegation_tag"] = name
