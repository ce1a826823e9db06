"""int8 or fp32 MobileNet-v1 and -v2 in headless Chromium beside LiteRT.js and onnxruntime-web.

    python -m tests.bench.browser_mobilenet [--peers FOLDER] [--rounds 60]
                                            [--runtimes edge,edge-relaxed,litert,ort]
                                            [--rounding tflite|single]
                                            [--precision int8|fp32] [--json]

One page runs all runtimes by turns, single-threaded, on the same weights (mobilenet_files.py); a
picture of floats goes in, float scores come out. The figures are medians over the rounds. npm
brings the peers into FOLDER (a cache by default); onnxruntime-web needs `pip install onnx` too and
is left out without. The scores of the peers must agree with ours within quantization error.

"edge-relaxed" is the same network with 7-bit activations (what convolutions and linear layers read
lies in 0..127), on relaxed SIMD: another quantization, which no other runtime here computes. In
fp32 it is fused arithmetic (--precision fp32-fused), as that of LiteRT.js where the CPU has FMA.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import edge
from edge.cli.tables import print_table
from edge.ir import Graph
from edge.runners.browser import chromium, visit
from edge.target import load_target
from edge.toolchains import build, find_toolchain

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.mobilenet_files import CLASSES, MODELS, image, int8_graph, onnx, tflite
from tests.bench.mobilenet_floats import float_graph, float_onnx, float_tflite

PACKAGES = {"litert": "@litertjs/core@2.5", "ort": "onnxruntime-web@1.30"}
CACHE = Path(tempfile.gettempdir()) / "edge-bench-peers"
PAGE = Path(__file__).with_suffix(".html")
RELAXED = "edge-relaxed"
WARM = 60  # rounds until all engines have compiled their hot functions well
TIMEOUT_S = 900
CLOSE = 0.05  # of the range of the scores: mean difference between two roundings of one network


def install(peers: Path, runtimes: Sequence[str]) -> None:
    """Bring the npm packages of the peers into the folder, unless they are there."""
    wanted = [PACKAGES[name] for name in PACKAGES if any(r.startswith(name) for r in runtimes)]
    missing = [p for p in wanted if not (peers / "node_modules" / p.rpartition("@")[0]).is_dir()]
    if not missing:
        return
    if not shutil.which("npm"):
        sys.exit("needs npm: apt-get install npm")
    peers.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-save", "--silent", "--prefix", str(peers), *wanted]
    subprocess.run(command, check=True, timeout=600)


def prepare(
    folder: Path, name: str, runtimes: Sequence[str], **settings: str | None
) -> dict[str, Any]:
    """Write the files of one model into the served folder; what the page must know of it."""
    floats = settings["precision"] == "fp32"
    graph = float_graph(name) if floats else int8_graph(name)
    source = folder / f"{name}.tflite"
    source.write_bytes(float_tflite(graph) if floats else tflite(graph))
    image(7).tofile(folder / f"{name}.f32")
    if "ort" in runtimes:
        (folder / f"{name}.onnx").write_bytes(float_onnx(graph) if floats else onnx(graph))
    model = exported(folder, source, name, **settings)
    if RELAXED in runtimes and floats:
        model["kinds"] = {"-relaxed": fused(folder, source, name)}
    elif RELAXED in runtimes:
        seven = int8_graph(name, activation_bits=7)
        rounding = settings["rounding"] or "tflite"  # as the .tflite file's
        kind = exported(folder, seven, name, "-relaxed", "wasm32-relaxed", rounding=rounding)
        model["kinds"] = {"-relaxed": kind}
    return model


def fused(folder: Path, source: Path, name: str) -> dict[str, Any]:
    """`exported` in fused arithmetic on relaxed SIMD."""
    return exported(folder, source, name, "-relaxed", "wasm32-relaxed", precision="fp32-fused")


def exported(
    folder: Path,
    source: Path | Graph,
    name: str,
    kind: str = "",
    wanted: str = "wasm32",
    **settings: str | None,
) -> dict[str, Any]:
    """Export and build a model for a target as <name><kind>.wasm; what the page must know of it."""
    out, target = folder / f"export-{name}{kind}", load_target(wanted)
    edge.export(source, target, out, name=name, progress=False, **settings)
    program = build(out, target, find_toolchain("zig", target))
    shutil.copy(program.path, folder / f"{name}{kind}.wasm")
    plan = json.loads((out / "plan.json").read_text())
    sides = {side: plan[f"{side}s"][0] for side in ("input", "output")}
    return {
        "name": name,
        "symbol": plan["name"],
        "classes": CLASSES,
        "shape": sides["input"]["shape"],
        **{k: {"scale": v["scale"], "zero": v["zero_point"]} for k, v in sides.items()},
        "mismatches": edge.verify(out, samples=1).mismatches,
        "module": program.path.stat().st_size,
        "weights": sum(layer["weight_bytes"] for layer in plan["layers"]),
    }


def measure(arguments: argparse.Namespace, runtimes: list[str]) -> dict[str, Any]:
    """Run the page; its report and the models' descriptions."""
    install(arguments.peers, runtimes)
    settings = {"rounding": arguments.rounding, "precision": arguments.precision}
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        models = [prepare(folder, m, runtimes, **settings) for m in arguments.models]
        return run_page(folder, arguments, models, runtimes)


def run_page(
    folder: Path,
    arguments: argparse.Namespace,
    models: list[dict[str, Any]],
    runtimes: Sequence[str],
) -> dict[str, Any]:
    """Serve the folder with the models' files to the page; its report and the job."""
    shutil.copy(PAGE, folder / "index.html")
    if not all(name.startswith("edge") for name in runtimes):
        modules = arguments.peers / "node_modules"
        shutil.copytree(modules, folder / "node_modules", copy_function=_link)
    job = {"models": models, "runtimes": runtimes, "rounds": arguments.rounds, "warm": WARM}
    (folder / "job.json").write_text(json.dumps(job))
    visit(chromium(), folder, TIMEOUT_S)
    report = json.loads((folder / "report.json").read_text())
    if "error" in report:
        sys.exit(report["error"])
    return {**report, "job": job}


def _link(source: str, to: str) -> None:
    try:
        Path(to).hardlink_to(source)
    except OSError:
        shutil.copy(source, to)


def rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a model and runtime."""
    made = []
    for model in report["job"]["models"]:
        found = report["models"][model["name"]]
        ours = np.array(found[0]["scores"])
        for runtime in found:
            scores = np.array(runtime["scores"])
            built = model.get("kinds", {}).get(runtime["name"].removeprefix("edge"), model)
            made.append(
                {
                    "model": model["name"],
                    "runtime": runtime["name"],
                    "median_ms": statistics.median(runtime["times"]),
                    "minimum_ms": min(runtime["times"]),
                    "difference": float(np.abs(scores - ours).mean() / np.ptp(ours)),
                    "same_class": bool(scores.argmax() == ours.argmax()),
                    "mismatches": built["mismatches"],
                    "code_bytes": built["module"] - built["weights"],
                }
            )
    return made


def show(report: dict[str, Any], table: list[dict[str, Any]]) -> None:
    print(report["agent"], "isolated" if report["isolated"] else "not isolated")
    columns = ("model", "runtime", "median ms", "minimum ms", "of ours", "mean difference", "class")
    ours = {row["model"]: row["median_ms"] for row in table if row["runtime"] == "edge"}
    print_table(
        columns,
        [
            (r["model"], r["runtime"], f"{r['median_ms']:.2f}", f"{r['minimum_ms']:.2f}",
             f"{r['median_ms'] / ours[r['model']]:.2f}x", f"{r['difference']:.4f}",
             "same" if r["same_class"] else "other")
            for r in table
        ],
    )  # fmt: skip
    for row in table:
        if row["runtime"].startswith("edge"):
            size, wrong = f"{row['code_bytes']:,} B", row["mismatches"]
            print(f"{row['model']} {row['runtime']}: module without weights {size}, "
                  f"{wrong} mismatches against numpy")  # fmt: skip


def main() -> None:
    """Print the table, or one JSON object; exit status 1 if scores do not agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=Path, default=CACHE)
    parser.add_argument("--runtimes", default=f"edge,{RELAXED},litert,ort")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--precision", choices=["int8", "fp32"], default="int8")
    parser.add_argument("--rounding", choices=["tflite", "tflm", "single"])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    arguments.models = arguments.models.split(",")
    runtimes = arguments.runtimes.split(",")
    if "ort" in runtimes and importlib.util.find_spec("onnx") is None:
        print("onnxruntime-web is left out: pip install onnx", file=sys.stderr)
        runtimes.remove("ort")
    report = measure(arguments, runtimes)
    table = rows(report)
    if arguments.json:
        print(json.dumps({"agent": report["agent"], "rows": table}))
    else:
        show(report, table)
    if any(row["difference"] > CLOSE or row["mismatches"] for row in table):
        sys.exit("scores do not agree")


if __name__ == "__main__":
    main()
