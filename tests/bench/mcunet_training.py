"""MCUNet-5FPS trains on a board: RAM, flash and instructions of a published update scheme.

    python tests/bench/mcunet_training.py --scheme 49kb --target cortex-m7 [--json] [--digits]

RAM is .data + .bss + painted stack, flash the whole image, instructions are counted under QEMU.
TinyEngine's figures for "49kb" on Cortex-M7: 252,592 B, 664,252 B, 65.0 M and 106.4 M instructions.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edge.runners import Result
from edge.target import load_target
from edge.toolchains import sizes
from edge.training.autodiff import differentiate
from edge.training.emit import emit_step
from edge.training.plan_file import static_ram
from edge.training.planning import plan_step
from edge.training.tape import Settings
from edge.workflow.project import open_project, write_project
from edge.workflow.train import TrainingBench

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.training.mcunet10 import mcunet10, published_scheme

_NO_STEP = -1  # a label that makes an inference of a step
_STACK = 640
"""What the prediction allows for the stack; it is measured below."""


def measure(kib: int, target: str, folder: Path, weights: str = "q8.8") -> dict[str, Any]:
    """The figures of one scheme."""
    graph = mcunet10()
    step = differentiate(graph, published_scheme(graph, kib), Settings(weights=weights))
    planned = plan_step(step, load_target(target))
    write_project(folder, emit_step(planned, target))
    bench = TrainingBench(open_project(folder))
    program = bench.program()
    runs = {
        name: _run(bench, program, label)
        for name, label in (("inference", _NO_STEP), ("train_step", 3))
    }
    image = sizes(program)
    stack = max(run.stack or 0 for run in runs.values())
    return {
        "target": target,
        "scheme": f"{kib}kb",
        "ram": {
            "static": image.static_ram - planned.arena,
            "arena": planned.arena,
            "stack": stack,
            "total": image.static_ram + stack,
        },
        "flash": {
            "code": image.code, "constants": image.flash - image.code, "total": image.flash
        },
        "instructions": {name: run.instructions for name, run in runs.items()},
        "predicted_ram_total": static_ram(planned) + _STACK,
        "predicted_static": static_ram(planned),
        "arena_watermark": max(run.arena_watermark or 0 for run in runs.values()),
    }  # fmt: skip


def _run(bench: TrainingBench, program: Any, label: int) -> Result:
    image = np.random.default_rng(0).integers(-128, 128, (1, 1, 128, 128, 3)).astype(np.int8)
    return bench.run(program, [image, np.array([[label]], np.int32)], count=True)


def digits_accuracy(kib: int, orders: int) -> dict[str, Any]:
    """Accuracy on digits after one epoch, beside the float32-master simulation."""
    from tests.bench.mcunet_digits import measure as learn

    found = learn(("q8.8", "master"), orders, 3e-3, kib)
    means = {rule: float(np.mean(values)) for rule, values in found.items()}
    return {"orders": found, "mean": means, "behind_master": means["master"] - means["q8.8"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scheme", default="49kb", help="49kb, 74kb, 99kb, 124kb or 148kb")
    parser.add_argument("--target", default="cortex-m7")
    parser.add_argument("--weights", default="q8.8", choices=["q8.8", "stochastic"])
    parser.add_argument("--digits", action="store_true", help="add the accuracy run")
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    kib = int(args.scheme.removesuffix("kb"))
    with tempfile.TemporaryDirectory() as folder:
        found = measure(kib, args.target, Path(folder) / "mcunet", args.weights)
    if args.digits:
        found["digits"] = digits_accuracy(kib, args.orders)
    print(json.dumps(found, indent=1) if args.json else _table(found))


def _table(found: dict[str, Any]) -> str:
    ram, flash, counts = found["ram"], found["flash"], found["instructions"]
    lines = [
        f"{found['scheme']} on {found['target']}",
        f"RAM {ram['total']:,} B: arena {ram['arena']:,}, stack {ram['stack']:,}",
        f"flash {flash['total']:,} B, code {flash['code']:,}",
        f"instructions: inference {counts['inference']:,}, train step {counts['train_step']:,}",
    ]
    if "digits" in found:
        lines.append(f"digits: {found['digits']['mean']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
