"""The MLPerf Tiny models on Cortex-M7 and M4 beside TensorFlow Lite Micro + CMSIS-NN.

    python -m tests.bench.mlperf_tiny MODELS [--target cortex-m7] [--toolchain zig]
                                             [--sram min] [--input rows] [--json]

MODELS is the folder with the four .tflite files. --sram and --input are those of `edge export`:
"min" fuses layers until RAM is smallest, "rows" takes the input row by row. Instructions are
retired instructions of one inference under QEMU; they are not cycles. Bytes are measured: linked
sections and painted stack. Peer figures: tflite-micro 90b983c2 with CMSIS-NN 4ab83cc3,
gcc-arm-none-eabi 12.2 -O3, QEMU 7.2; its RAM is arena, 640 bytes of static data and stack, on
Cortex-M4.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge
from edge.cli.tables import print_table
from edge.errors import EdgeError


@dataclass(frozen=True)
class Peer:
    """A model file, and what TensorFlow Lite Micro with CMSIS-NN takes for it."""

    file: str
    instructions: Mapping[str, int]
    ram: int
    flash: int


def _counts(m4: int, m7: int, m55: int) -> dict[str, int]:
    return {"cortex-m4": m4, "cortex-m7": m7, "cortex-m55": m55}


PEERS = {
    "vww": Peer("vww_96_int8.tflite", _counts(24_720_341, 24_483_680, 6_433_952), 102_577, 392_973),
    "kws": Peer("kws_ref_model.tflite", _counts(7_845_240, 7_761_146, 1_785_905), 24_689, 113_621),
    "resnet": Peer(
        "pretrainedResnet_quant.tflite", _counts(29_874_859, 29_938_579, 4_812_148), 56_865, 155_643
    ),
    "ad": Peer("ad01_int8.tflite", _counts(582_332, 582_571, 285_474), 4_128, 309_321),
}


def measure(
    models: Path, target: str, toolchain: str | None, settings: dict[str, Any]
) -> list[dict[str, Any]]:
    """One row a model: instructions, ratio to the peer, RAM and flash in bytes, mismatches.

    `settings` go to edge.export; a model without rows of input is left out of input="rows".
    """
    rows = []
    for name, peer in PEERS.items():
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / name
            try:
                edge.export(models / peer.file, target, out, **settings)
            except EdgeError as error:
                print(f"{name}: {error}", file=sys.stderr)
                continue
            verified = edge.verify(out, toolchain=toolchain, reference="litert")
            found = edge.bench(out, toolchain=toolchain)
        theirs = peer.instructions.get(target)
        rows.append(
            {
                "model": name,
                "instructions": found.instructions,
                "peer_instructions": theirs,
                "ratio": round((found.instructions or 0) / theirs, 3) if theirs else None,
                "ram": dict(found.ram),
                "peer_ram": peer.ram,
                "flash": dict(found.flash),
                "peer_flash": peer.flash,
                "arena_watermark": found.arena_watermark,
                "mismatches": verified.mismatches,
                "toolchain": found.toolchain,
            }
        )
    return rows


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--target", default="cortex-m7", help="peer figures: M4, M7, M55")
    parser.add_argument("--toolchain")
    parser.add_argument("--sram")
    parser.add_argument("--input", choices=["arena", "rows"], default="arena")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = {"sram": arguments.sram, "input": arguments.input}
    rows = measure(arguments.models, arguments.target, arguments.toolchain, settings)
    if arguments.json:
        print(json.dumps({"target": arguments.target, "rows": rows}))
        return
    columns = ("model", "instructions", "of peer", "RAM", "peer RAM", "flash", "peer flash")
    print_table(
        columns,
        [
            (r["model"], r["instructions"], r["ratio"], r["ram"]["total"], r["peer_ram"],
             r["flash"]["total"], r["peer_flash"])
            for r in rows
        ],
    )  # fmt: skip
    print(f"{arguments.target}, {rows[0]['toolchain']}, {sum(r['mismatches'] for r in rows)} "
          "mismatches against LiteRT's reference kernels")  # fmt: skip


if __name__ == "__main__":
    main()
