"""Packages as the tools of the ecosystem see them: npm, TypeScript, publint, Vite, esbuild."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packages.npm.tools import consumer, needs_node, needs_tools, run, tool

Package = Callable[[str], Path]
pytestmark = [needs_node, needs_tools]

# Each package with its own types: arguments, results, what does not exist.
USES = {
    "int8": """
import { load, quantize, dequantize, ModelError, type Model } from 'digits-net';
const model: Model = await load({ wasm: new Uint8Array(8) });
const [scores]: [Int8Array] = model.run(quantize([1, 2]));
const real: Float32Array = dequantize(scores);
console.log(real, new ModelError instanceof Error);
// @ts-expect-error: nothing is trained
model.trainStep(scores, 1);
// @ts-expect-error: numbers as a list are no stored values
model.run([1, 2]);
""",
    "floats": """
import { load } from 'two';
const model = await load();
const [a, b]: [Float32Array, Float32Array] = model.run(new Float32Array(6), new Float32Array(4));
console.log(a, b);
""",
    "stream": """
import { loadInWorker } from 'wake/worker';
const model = await loadInWorker({ wasm: '/wake.wasm' });
await model.reset();
const [scores]: [Int8Array] = await model.run(new Int8Array(40));
console.log(scores);
""",
    "training": """
import { load } from 'learner';
import { loadInWorker } from 'learner/worker';
import * as storage from 'learner/storage';
const model = await load();
const [scores]: [Int8Array] = model.trainStep(new Int8Array(9), 1);
model.load(model.save());
const kept: boolean = await storage.load(model, 'key');
await storage.save(await loadInWorker());
console.log(scores, kept);
""",
}
STRICT = {
    "compilerOptions": {
        "strict": True, "noEmit": True, "target": "es2022", "module": "esnext", "types": [],
        "moduleResolution": "bundler", "lib": ["es2022", "dom"], "skipLibCheck": False,
    },
    "include": ["*.ts"],
}  # fmt: skip


@pytest.mark.parametrize("kind", USES)
def test_the_types_hold_under_strict(package: Package, tmp_path: Path, kind: str) -> None:
    files = {"use.ts": USES[kind], "tsconfig.json": json.dumps(STRICT)}
    folder = consumer(package(kind), tmp_path, files)
    tool("tsc", "-p", ".", folder=folder)


@pytest.mark.parametrize("kind", ["int8", "training"])
def test_publint_finds_nothing(package: Package, kind: str) -> None:
    assert "All good" in tool("publint", "--strict", folder=package(kind))


def test_an_installed_package_runs_in_node_and_holds_no_tests(
    package: Package, tmp_path: Path
) -> None:
    use = "import { load, inputs } from 'digits-net';\n"
    use += "console.log((await load()).run(new Int8Array(inputs[0].length))[0].length);\n"
    folder = consumer(package("int8"), tmp_path, {"use.mjs": use})
    assert int(run(["node", "use.mjs"], folder)) > 0
    assert not (folder / "node_modules/digits-net/selftest.json").exists()


def test_esbuild_bundles_it(package: Package, tmp_path: Path) -> None:
    use = {"use.js": "import { load } from 'learner'; load({ wasm: '/learner.wasm' });"}
    folder = consumer(package("training"), tmp_path, use)
    tool("esbuild", "use.js", "--bundle", "--format=esm", "--outfile=out.js", folder=folder)
    text = (folder / "out.js").read_text()
    assert "node:fs" not in text
    assert "learner_invoke" in text
