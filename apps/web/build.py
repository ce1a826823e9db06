"""Builds the page that draws, recognizes and learns.

    python apps/web/build.py [--out out/web]

The networks are quantized and exported as npm packages that train their last layer; everything the
page needs, and nothing else, is in the folder: serve it with `python -m http.server -d out/web`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from drawing.hand import drawn
from drawing.network import SPARE, network
from drawing.pictures import drawings
from drawing.shapes import KNOWN, PRACTICE, UNSEEN, Shape
from torch import nn

import edge
from edge.workflow.train import export_training, train_plan

HERE = Path(__file__).parent
NETWORKS = ("dense", "sparse")
RATE = 0.02
VARIANTS = 24  # of each sample; the page rehearses the first half

Files = dict[str, bytes]


def main() -> None:
    """Build and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("out/web"))
    out = parser.parse_args().out
    torch.set_num_threads(1)
    files = {path.name: path.read_bytes() for path in sorted((HERE / "page").iterdir())}
    sizes = {}
    for name in NETWORKS:
        package = _package(name)
        sizes[name] = len(package[f"{name}.wasm"])
        files |= {f"models/{name}/{path}": content for path, content in package.items()}
    files["samples.json"] = _samples(sizes)
    files["service-worker.js"] = _service_worker(files)
    _write(out, files)
    print(
        f"wrote {out}: {sum(map(len, files.values())):,} B in {len(files)} files; networks {sizes}"
    )


def trained_network(name: str) -> nn.Module:
    """The dense or the sparse network with the weights of pretrain.py."""
    with np.load(HERE / "weights.npz") as file:
        state = {
            key.removeprefix(f"{name}."): torch.from_numpy(value)
            for key, value in file.items()
            if key.startswith(f"{name}.")
        }
    module = network(len(KNOWN) + SPARE)
    module.load_state_dict(state)
    return module.eval()


def _package(name: str) -> Files:
    """What a page needs of the npm package of a network that trains its head."""
    images, _ = drawings({**KNOWN, **PRACTICE}, 6, seed=3)
    int8 = edge.quantize((trained_network(name), (torch.from_numpy(images[:1]),)), images)
    plan = train_plan(int8, "wasm32", scheme="last-1", learning_rate=RATE)
    with tempfile.TemporaryDirectory(prefix="edge-web-") as folder:
        out = Path(folder) / "export"
        export_training(int8, "wasm32", out, train=plan, name=name, package=["npm"])
        served = ("model.js", "index.js", "storage.js", f"{name}.wasm", f"{name}.relaxed.wasm")
        found = (out / "npm" / file for file in served)
        return {path.name: path.read_bytes() for path in found if path.exists()}


def _samples(sizes: Mapping[str, int]) -> bytes:
    """Strokes to rehearse, to show, and to teach; sizes of the networks in bytes."""
    rng = np.random.default_rng(4)
    content = {"known": _strokes(KNOWN, rng), "others": _strokes(UNSEEN, rng), "sizes": sizes}
    return json.dumps(content, separators=(",", ":")).encode()


def _strokes(shapes: Mapping[str, Shape], rng: np.random.Generator) -> dict[str, list[object]]:
    return {name: [_variant(shape, rng) for _ in range(VARIANTS)] for name, shape in shapes.items()}


def _variant(shape: Shape, rng: np.random.Generator) -> object:
    """One drawing on the pad, a square from 0 to 1."""
    placed = [0.5 + 0.3 * stroke for stroke in drawn(shape, rng)]
    return [np.round(stroke, 3).tolist() for stroke in placed]


def _service_worker(files: Files) -> bytes:
    """The service worker with the list of files and a name that changes with any of them."""
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(path.encode() + content)
    names = ["./", *(f"./{path}" for path in sorted(files) if path != "service-worker.js")]
    text = files["service-worker.js"].decode()
    text = text.replace("{{ version }}", f"edge-web-{digest.hexdigest()[:16]}")
    return text.replace("{{ files }}", json.dumps(names)).encode()


def _write(out: Path, files: Files) -> None:
    """All files or none: into a new folder, which then takes the place of the old one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    staged.chmod(0o755)
    for name, content in files.items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    shutil.rmtree(out, ignore_errors=True)
    staged.rename(out)


if __name__ == "__main__":
    main()
