"""The delegate through ExecuTorch's own runtime: equal bits, other operators left alone."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("executorch.exir", reason="needs pip install 'edge-nn[executorch]'")

import executorch
from executorch.exir import to_edge_transform_and_lower
from executorch.extension.pybindings import portable_lib

from edge.errors import EdgeError
from edge.executorch import EdgePartitioner
from edge.executorch.blob import MAGIC
from edge.quantization.affine import dequantize, quantize_activation
from edge.reference import run_batch
from edge.workflow.project import Project, open_project
from edge.workflow.verify import verify
from tests.executorch.network import quantized

WHEEL = Path(executorch.__path__[0])
INCLUDE = WHEEL / "include"


@dataclass(frozen=True, eq=False)
class Lowered:
    """A lowered program, the folder beside it, and the names of the operators that are left."""

    folder: Path
    pte: bytes
    left: list[str]
    example: torch.Tensor

    def part(self, index: int) -> Project:
        return open_project(self.folder / f"edge_{index}")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def lowered(tmp_path_factory: pytest.TempPathFactory) -> Lowered:
    folder = tmp_path_factory.mktemp("delegate")
    program, example = quantized()
    manager = to_edge_transform_and_lower(program, partitioner=[EdgePartitioner("host", folder)])
    calls = (n for n in manager.exported_program().graph.nodes if n.op == "call_function")
    return Lowered(folder, manager.to_executorch().buffer, [str(n.target) for n in calls], example)


@pytest.fixture(scope="module")
def library(lowered: Lowered) -> Path:
    for tool in ("cmake", "g++"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}: apt-get install {tool}")
    build = lowered.folder / "build"
    runtime = f"-DEXECUTORCH_LIBRARY={WHEEL / 'lib/libexecutorch.so'}"
    configure = ["cmake", "-S", lowered.folder, "-B", build, f"-DEXECUTORCH_INCLUDE={INCLUDE}"]
    _run([*configure, runtime, "-DBUILD_SHARED_LIBS=ON", "-DCMAKE_BUILD_TYPE=Release"])
    _run(["cmake", "--build", build])
    made = build / "libedge_delegate.so"
    ctypes.CDLL(str(made), mode=ctypes.RTLD_GLOBAL)
    return made


def _run(command: list[Any]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_edge_compiles_is_delegated_and_the_rest_stays(lowered: Lowered) -> None:
    assert sum("executorch_call_delegate" in name for name in lowered.left) == 2
    others = [n for n in lowered.left if "delegate" not in n and "getitem" not in n]
    assert len(others) == 1
    assert "aten.flip" in others[0]


def test_each_part_is_a_project_that_verifies(lowered: Lowered) -> None:
    assert [verify(lowered.folder / f"edge_{i}").mismatches for i in range(2)] == [0, 0]


@pytest.mark.usefixtures("library")
def test_the_runtime_computes_the_bits_of_the_reference(lowered: Lowered) -> None:
    module = portable_lib._load_for_executorch_from_buffer(lowered.pte)
    for seed in range(5):
        x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
        (first,) = _computed(lowered.part(0), x)
        (scores,) = _computed(lowered.part(1), torch.flip(first, [3]))
        got = module.forward([x])
        assert torch.equal(got[0], scores)
        assert torch.equal(got[1], first)
        assert scores.unique().numel() > 2


def _computed(part: Project, x: torch.Tensor) -> list[torch.Tensor]:
    """A part in numpy, from and to torch's float32 tensors."""
    graph = part.graph
    read, made = (graph.type(names[0]) for names in (graph.inputs, graph.outputs))
    assert read.quantization
    stored = quantize_activation(np.moveaxis(x.numpy(), 1, -1), read.quantization)
    outputs = run_batch(graph, [stored])
    assert made.quantization
    values = [dequantize(output, made.quantization).astype(np.float32) for output in outputs]
    last_to_second = [np.moveaxis(v, -1, 1) if v.ndim == 4 else v for v in values]
    return [torch.from_numpy(np.ascontiguousarray(value)) for value in last_to_second]


@pytest.mark.usefixtures("library")
def test_a_program_for_other_models_is_refused(lowered: Lowered) -> None:
    at = lowered.pte.index(MAGIC + (1).to_bytes(4, "little")) + 20
    other = lowered.pte[:at] + bytes([lowered.pte[at] ^ 1]) + lowered.pte[at + 1 :]
    with pytest.raises(RuntimeError):
        portable_lib._load_for_executorch_from_buffer(other).forward([lowered.example])


@pytest.mark.parametrize(
    ("compiler", "flags", "package"),
    [
        (
            "arm-none-eabi-g++",
            ["-mcpu=cortex-m55", "-mthumb", "-fno-exceptions", "-fno-rtti"],
            "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib",
        ),
        ("aarch64-linux-gnu-g++", [], "g++-aarch64-linux-gnu"),
    ],
)
def test_the_backend_compiles_for_devices(
    lowered: Lowered, compiler: str, flags: list[str], package: str
) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"needs {compiler}: apt-get install {package}")
    c10 = INCLUDE / "executorch/runtime/core/portable_type/c10"
    defines = ["-DC10_USING_CUSTOM_GENERATED_MACROS", "-DET_EVENT_TRACER_ENABLED"]
    includes = [f"-I{lowered.folder}", f"-isystem{INCLUDE}", f"-isystem{c10}"]
    strict = ["-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]
    _run([compiler, *strict, *flags, *defines, *includes, lowered.folder / "edge_backend.cpp"])


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="E0010"):
        EdgePartitioner("cortex-m77", tmp_path)
