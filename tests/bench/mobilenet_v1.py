"""MobileNet-v1 1.0/224 (Howard et al. 2017, table 1) in int8 with random weights: instructions.

    python -m tests.bench.mobilenet_v1 [--target aarch64-dotprod] [--toolchain zig] [--json]
                                       [--rounding single|tflite] [--size 224]

The outputs are compared with the numpy reference, then every layer is counted exactly. Instructions
are not cycles.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import edge
from edge.cli.tables import print_table
from edge.ir import Graph, Rounding
from edge.ir.graph import Attr

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.int8_nets import Net
from tests.models.stages import MOBILENET_V1

_CLASSES = 1001


def mobilenet_v1(size: int = 224, rounding: Rounding = Rounding.SINGLE) -> Graph:
    """Input int8[1, size, size, 3], output int8[1, 1001] scores."""
    net = Net(1, size, size, 3, rounding=rounding)
    _convolve(net, "conv2d", (32, 3, 3, 3), 2)
    for channels, stride in MOBILENET_V1:
        depth = net.values[net.last].type.shape[3]
        _convolve(net, "depthwise_conv2d", (1, 3, 3, depth), stride)
        _convolve(net, "conv2d", (channels, 1, 1, depth), 1)
    pooled = net.values[net.last].type
    kept = pooled.quantization
    assert kept is not None
    scale, zero = kept.scale[0], kept.zero_point[0]
    window = pooled.shape[1:3]
    net.add("avg_pool2d", attrs={"kernel": window, "stride": window}, scale=scale, zero=zero)
    net.add("reshape", attrs={"shape": (1, pooled.shape[3])}, scale=scale, zero=zero)
    _weighted(net, "linear", (_CLASSES, pooled.shape[3]), {})
    return net.graph("mobilenet_v1")


def _convolve(net: Net, op: str, weight: tuple[int, ...], stride: int) -> None:
    """A convolution with fused ReLU and the padding that keeps sizes."""
    same = (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1)
    padding = same if weight[1] == 3 else (0, 0, 0, 0)
    attrs: dict[str, Attr] = {"stride": (stride, stride), "padding": padding}
    _weighted(net, op, weight, {**attrs, "activation": "relu"})


def _weighted(net: Net, op: str, weight: tuple[int, ...], attrs: Mapping[str, Attr]) -> None:
    """A layer with an output scale at which its outputs fill the int8 range."""
    index, x = len(net.nodes), net.last
    axis = 3 if op == "depthwise_conv2d" else 0
    taps = int(np.prod(weight)) // weight[axis]
    names = net.weight(f"w{index}", weight, axis), net.bias(f"b{index}", weight[axis])
    read = net.values[x].type.quantization
    assert read is not None
    deviation = read.scale[0] * 0.006 * 73 * 60 * np.sqrt(taps)
    net.add(op, x, *names, scale=float(deviation * 3 / 255), zero=-128, attrs=attrs)


def measure(
    target: str, toolchain: str | None, rounding: str = "single", size: int = 224
) -> dict[str, Any]:
    """Instructions a MAC by kind of layer and in all, a row a layer, and the mismatches."""
    graph = mobilenet_v1(size, Rounding(rounding))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "mobilenet_v1"
        edge.export(graph, target, out, progress=False)
        verified = edge.verify(out, toolchain=toolchain, samples=1)
        found = edge.bench(out, toolchain=toolchain)
    rows = [dict(layer) for layer in found.layers]
    pointwise = [row for row in rows if row["op"] == "conv2d"][1:]
    return {
        "target": target,
        "toolchain": found.toolchain,
        "rounding": rounding,
        "mismatches": verified.mismatches,
        "instructions": found.instructions,
        "macs": sum(row["macs"] for row in rows),
        "per_mac": {"whole": _per_mac(rows), "pointwise": _per_mac(pointwise)},
        "flash": dict(found.flash),
        "ram": dict(found.ram),
        "layers": rows,
    }


def _per_mac(rows: Sequence[Mapping[str, Any]]) -> float:
    return round(sum(row["instructions"] for row in rows) / sum(row["macs"] for row in rows), 4)


def main() -> None:
    """Print a row for each layer and the ratios, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default="aarch64-dotprod")
    parser.add_argument("--toolchain")
    parser.add_argument("--rounding", default="single", choices=["single", "tflite"])
    parser.add_argument("--size", default=224, type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.target, arguments.toolchain, arguments.rounding, arguments.size)
    if arguments.json:
        print(json.dumps(found))
        return
    print_table(
        ("layer", "kernel", "MACs", "instructions", "per MAC"),
        [
            (row["name"], row["kernel"], row["macs"], row["instructions"],
             f"{row['instructions'] / row['macs']:.3f}" if row["macs"] else "")
            for row in found["layers"]
        ],
    )  # fmt: skip
    ratios = found["per_mac"]
    print(f"{found['target']}, {found['toolchain']}, {found['rounding']}: whole network "
          f"{ratios['whole']}, pointwise {ratios['pointwise']} instructions per MAC, "
          f"{found['mismatches']} mismatches")  # fmt: skip


if __name__ == "__main__":
    main()
