"""The ahead-of-time half of the delegate: a part of a program becomes a C project and a blob."""

from __future__ import annotations

from pathlib import Path
from typing import final

from executorch.exir.backend.backend_details import BackendDetails, PreprocessResult
from executorch.exir.backend.compile_spec_schema import CompileSpec
from torch.export import ExportedProgram

from edge.executorch.blob import blob_of
from edge.executorch.folder import write_backend, write_model
from edge.executorch.subprogram import calls, integer_graph, subprogram

BACKEND = "EdgeBackend"
NAME, TARGET, FOLDER, MODELS = "name", "target", "folder", "models"
"""Keys of compile specs; MODELS lists all parts of the program, separated by spaces."""


@final
class EdgeBackend(BackendDetails):  # type: ignore[misc]  # executorch has no types
    """Called by ExecuTorch for each delegated part."""

    @staticmethod
    def preprocess(
        edge_program: ExportedProgram, compile_specs: list[CompileSpec]
    ) -> PreprocessResult:
        """Write the part's C project; the blob says which model it is and how to call it.

        Raises EdgeError if the part does not compile, which the partitioner has ruled out.
        """
        said = {spec.key: spec.value.decode() for spec in compile_specs}
        folder, name = Path(said[FOLDER]), said[NAME]
        part = subprogram(edge_program, list(calls(edge_program)))
        ranks = [_rank(part, port) for port in part.graph_signature.user_inputs]
        given = [_rank(part, port) for port in part.graph_signature.user_outputs]
        exported = write_model(folder / name, integer_graph(part, name), said[TARGET])
        write_backend(folder, said[MODELS].split())
        blob = blob_of(name, exported.digest, exported.graph, exported.arena, ranks, given)
        return PreprocessResult(processed_bytes=blob)


def _rank(program: ExportedProgram, name: str) -> int:
    """The rank of a tensor in torch: images of rank 4 are NCHW there and NHWC in Edge."""
    found = next(node for node in program.graph.nodes if node.name == name)
    return len(found.meta["val"].shape)
