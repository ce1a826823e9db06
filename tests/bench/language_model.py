"""stories260K token by token on devices, dense and N:M: instructions a token, RAM, flash, NLL.

    python tests/bench/language_model.py [--patterns 2:4x4 1:4x4] [--targets cortex-m7 wasm32 host]
                                         [--tokens 200] [--window 128] [--models FOLDER] [--json]

Each pattern is retrained by AST with the dense model as the teacher, tests/bench/lm_retraining.py;
--models keeps the retrained checkpoints and takes those that it has. Instructions are means over
the tokens that are written, retired under QEMU, fuel under wasmtime, microseconds of the first
step on the host. NLL is that of the int8 graph on real text, by the numpy reference; float NLL is
that of the checkpoint with unlimited attention. `unequal` counts tokens that differ from the
reference.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from edge.cli.tables import print_table
from edge.ir import Graph
from edge.quantization.llama.float_steps import mean_nll as nll_of
from edge.reference import run_batch
from edge.workflow.bench import bench
from edge.workflow.export import export
from edge.workflow.generate import OWN, generate
from tests.bench.lm_retraining import retrained
from tests.models.stories260k import FOLDER, load_stories, mean_nll, real_texts

DENSE = "dense"


def checkpoint(pattern: str, epochs: int, models: Path) -> Path:
    """The folder of the dense model or of one that was retrained to a pattern."""
    folder = models / pattern.replace(":", "_")
    if not folder.exists():
        dense = load_stories()
        model = dense if pattern == DENSE else retrained(dense, pattern, epochs)
        model.save_pretrained(folder)
    return folder


def float_nll(folder: Path) -> float:
    """Of a checkpoint, with unlimited attention."""
    from transformers import LlamaForCausalLM

    return mean_nll(LlamaForCausalLM.from_pretrained(folder).eval(), real_texts())


def int8_nll(graph: Graph) -> float:
    """Of the int8 graph: each text is a sequence from a reset."""
    quantization = graph.type("logits").quantization
    assert quantization is not None
    total, count = 0.0, 0
    for text in (ids.numpy() for ids in real_texts()):
        _, logits = run_batch(graph, [text[:-1].astype(np.int32)])
        floats = logits.reshape(len(text) - 1, -1).astype(np.float32) * quantization.scale[0]
        total += nll_of(floats, text[1:]) * (len(text) - 1)
        count += len(text) - 1
    return total / count


def reference_ids(graph: Graph, tokens: int) -> list[int]:
    """What the numpy reference writes."""
    ids: list[int] = run_batch(graph, [np.full(tokens, OWN, np.int32)])[0].reshape(-1).tolist()
    return ids


def measured(
    folder: Path, target: str, settings: argparse.Namespace
) -> tuple[Graph, dict[str, Any]]:
    """The exported graph, and what its program takes on a target."""
    with tempfile.TemporaryDirectory(prefix="edge-language-") as name:
        out = Path(name) / "out"
        tokenizer = FOLDER / "tok512.bin"
        made = export(
            folder, target, out, window=settings.window, tokenizer=tokenizer, name="stories"
        )
        text = generate(out, "", settings.tokens)
        sizes = bench(out)
    counts = text.to_json()["instructions"] or {}
    expected = reference_ids(made.graph, settings.tokens)
    row = {
        "target": target,
        "instructions": counts.get("mean"),
        "most": counts.get("most"),
        "time_us": text.time_us,
        "ram": sizes.ram.get("total"),
        "rings": sum(s.initial.nbytes for s in made.graph.states if s.initial.ndim == 3),
        "flash": sizes.flash.get("total"),
        "unequal": sum(a != b for a, b in zip(text.ids, expected, strict=True)),
        "text": text.text[:60],
    }
    return made.graph, row


def rows(settings: argparse.Namespace, models: Path) -> Iterator[dict[str, Any]]:
    """One a pattern and target; `times` is the dense model's instructions over these."""
    dense: dict[str, int | None] = {}
    for pattern in (DENSE, *settings.patterns):
        folder = checkpoint(pattern, settings.epochs, models)
        nll: dict[str, float] = {}
        for target in settings.targets:
            graph, row = measured(folder, target, settings)
            nll = nll or {"float_nll": float_nll(folder), "nll": int8_nll(graph)}
            base = dense.setdefault(target, row["instructions"])
            times = base / row["instructions"] if base and row["instructions"] else None
            yield {"pattern": pattern, **row, **nll, "times": times}


def show(table: Sequence[dict[str, Any]]) -> None:
    """Print the rows."""
    columns = ("pattern", "target", "instructions", "times", "most", "time_us", "ram", "rings",
               "flash", "float_nll", "nll", "unequal")  # fmt: skip

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.3f}"
        return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

    print_table(columns, [tuple(cell(row[c]) for c in columns) for row in table])


def main() -> None:
    """Print the table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--patterns", nargs="*", default=["2:4x4", "1:4x4"])
    parser.add_argument("--targets", nargs="+", default=["cortex-m7", "wasm32", "host"])
    parser.add_argument("--epochs", type=int, default=19)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--window", type=int, default=128)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="edge-models-") as name:
        table = list(rows(settings, settings.models or Path(name)))
    if settings.json:
        print(json.dumps(table))
    else:
        show(table)


if __name__ == "__main__":
    main()
