"""Edge's delegate against XNNPACK's in ExecuTorch's own runtime on this machine, and .pte sizes.

    python tests/bench/executorch_peer.py --json

The same PT2E program is lowered twice; inferences of both alternate in one process with one
thread, and the ratio is the median over rounds. Needs cmake, g++ and executorch.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import executorch
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.exir import to_edge_transform_and_lower
from executorch.extension.pybindings import portable_lib
from torch import nn
from torch.export import ExportedProgram
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from edge.executorch import EdgePartitioner
from tests.models import dscnn, mobilenet_v2, resnet8

NETWORKS: dict[str, Callable[[], tuple[nn.Module, tuple[torch.Tensor, ...]]]] = {
    "DS-CNN 49x10": dscnn.make,
    "ResNet-8": resnet8.make,
    "MobileNet-v2 0.35/96": mobilenet_v2.make,
}
WHEEL = Path(executorch.__path__[0])


def quantized(module: nn.Module, example: tuple[torch.Tensor, ...]) -> ExportedProgram:
    """The program with the scales of XNNPACK's own quantizer."""
    quantizer = XNNPACKQuantizer()
    quantizer.set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(torch.export.export(module.eval(), example).module(), quantizer)
    for _ in range(4):
        prepared(*(torch.randn_like(x) for x in example))
    return torch.export.export(convert_pt2e(prepared), example)


def build(folder: Path) -> None:
    """Link the delegate of the folder and load it: it registers itself with the runtime."""
    options = [
        f"-DEXECUTORCH_INCLUDE={WHEEL / 'include'}", "-DBUILD_SHARED_LIBS=ON",
        f"-DEXECUTORCH_LIBRARY={WHEEL / 'lib/libexecutorch.so'}", "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_C_FLAGS=-O2",
    ]  # fmt: skip
    configure = ["cmake", "-S", folder, "-B", folder / "build", *options]
    for command in (configure, ["cmake", "--build", folder / "build"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    ctypes.CDLL(str(folder / "build/libedge_delegate.so"), mode=ctypes.RTLD_GLOBAL)


def measured(name: str, rounds: int, target: str) -> dict[str, Any]:
    """One network: milliseconds, ratio, delegated parts and sizes of both."""
    module, example = NETWORKS[name]()
    program = quantized(module, example)
    folder = Path(tempfile.mkdtemp())
    ours = to_edge_transform_and_lower(program, partitioner=[EdgePartitioner(target, folder)])
    theirs = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    buffers = [manager.to_executorch().buffer for manager in (ours, theirs)]
    build(folder)
    models = [portable_lib._load_for_executorch_from_buffer(buffer) for buffer in buffers]
    rows = [[_seconds(model, example) for model in models] for _ in range(rounds)]
    edge, xnnpack = (statistics.median(column) * 1e3 for column in zip(*rows, strict=True))
    return {
        "network": name,
        "parts": len(list(folder.glob("*/plan.json"))),
        "edge_ms": edge,
        "xnnpack_ms": xnnpack,
        "edge_over_xnnpack": statistics.median(a / b for a, b in rows),
        "edge_pte_bytes": len(buffers[0]),
        "xnnpack_pte_bytes": len(buffers[1]),
        "edge_constants_bytes": sum(map(_constants, folder.glob("*/report.json"))),
    }


def _constants(report: Path) -> int:
    return int(json.loads(report.read_text())["memory"]["weights"])


def _seconds(model: Any, example: tuple[torch.Tensor, ...]) -> float:
    started = time.perf_counter()
    model.forward(list(example))
    return time.perf_counter() - started


def main() -> None:
    """Print a row for the network; each runs in a process of its own, as a backend is unique."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--target", default="host")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.network is None:
        rows = [_apart(name, arguments.rounds, arguments.target) for name in NETWORKS]
    else:
        rows = [measured(arguments.network, arguments.rounds, arguments.target)]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(", ".join(f"{key} {_text(value)}" for key, value in row.items()))


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _apart(name: str, rounds: int, target: str) -> dict[str, Any]:
    settings = ["--network", name, "--rounds", str(rounds), "--target", target, "--json"]
    command = [sys.executable, __file__, *settings]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    (row,) = json.loads(done.stdout[done.stdout.index("[") :])
    return dict(row)


if __name__ == "__main__":
    main()
