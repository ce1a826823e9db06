"""What joined and streamed plans save and cost on an emulated board.

    python -m tests.bench.fusing MODEL... [--target cortex-m7] [--toolchain zig] [--json]

MODEL is a .tflite file, or package.module:function as `edge export` takes it. For each, the plan
layer by layer and the smallest one, with the input in the arena and given row by row: bytes of RAM
as linked and painted, instructions of one inference (not cycles), and their ratio to those of the
plan layer by layer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import edge
from edge.cli.tables import print_table
from edge.errors import EdgeError

FORMS = (("arena", None), ("arena", "min"), ("rows", "min"))


def measure(model: str, target: str, toolchain: str | None) -> list[dict[str, Any]]:
    """One row a form of plan; forms that the model does not have are left out."""
    rows: list[dict[str, Any]] = []
    for form, sram in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "model"
            try:
                made = edge.export(model, target, out, input=form, sram=sram, progress=False)
            except EdgeError as error:
                print(error)
                continue
            mismatches = edge.verify(out, toolchain=toolchain, samples=2).mismatches
            found = edge.bench(out, toolchain=toolchain)
        count = found.instructions or 0
        rows.append(
            {
                "model": Path(model).stem,
                "input": form,
                "joins": sum(len(stage.steps) - 1 for stage in made.plan.stages) - (form == "rows"),
                "ram": dict(found.ram),
                "instructions": count,
                "ratio": round(count / rows[0]["instructions"], 4) if rows else 1.0,
                "mismatches": mismatches,
                "toolchain": found.toolchain,
            }
        )
    return rows


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--target", default="cortex-m7")
    parser.add_argument("--toolchain")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [
        row
        for model in arguments.models
        for row in measure(model, arguments.target, arguments.toolchain)
    ]
    if arguments.json:
        print(json.dumps({"target": arguments.target, "rows": rows}))
        return
    columns = ("model", "input", "joins", "arena", "static", "stack", "total", "instructions",
               "ratio", "mismatches")  # fmt: skip
    print_table(
        columns,
        [
            (r["model"], r["input"], r["joins"], r["ram"]["arena"], r["ram"]["static"],
             r["ram"]["stack"], r["ram"]["total"], r["instructions"], f"{r['ratio']:.4f}x",
             r["mismatches"])
            for r in rows
        ],
    )  # fmt: skip
    print(f"{arguments.target}, {rows[0]['toolchain']}")


if __name__ == "__main__":
    main()
