"""Packages in Node: the bits of the numpy reference, training, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.training.reference import Trainer
from edge.workflow.project import open_project
from edge.workflow.train import step_of, training_samples
from tests.packages.npm.exports import KINDS
from tests.packages.npm.tools import in_node, needs_node, run

Package = Callable[[str], Path]
pytestmark = needs_node


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_vectors_give_the_bits_of_the_reference(package: Package, kind: str) -> None:
    assert "vectors, 0 mismatches" in run(["node", "selftest.mjs"], package(kind))


def test_real_numbers_are_quantized_as_by_the_sdk(package: Package) -> None:
    folder = package("int8")
    project = open_project(folder.parent)
    port = project.plan["inputs"][0]
    count = int(np.prod(port["shape"]))
    halves = (np.arange(count) % 64 - 32) / 2 * np.float32(port["scale"])  # ties among them
    values = np.concatenate([halves[:-2], [1e9, -1e9]]).astype(np.float32)
    from edge.workflow.samples import quantize

    expected = quantize(values, port["scale"], port["zero_point"])
    made = in_node(folder, f"answer([...pkg.quantize({json.dumps(values.tolist())})])")
    assert made == expected.tolist()


def test_two_instances_share_nothing_and_reset_starts_a_sequence_again(package: Package) -> None:
    made = in_node(
        package("stream"),
        """
        const [one, other] = [await pkg.load(), await pkg.load()];
        const row = new Int8Array(pkg.inputs[0].length).fill(40);
        const text = (model) => model.run(row)[0].join();
        const first = text(one), second = text(one);
        one.reset();
        answer([first !== second, text(other) === first, text(one) === first]);
    """,
    )
    assert made == [True, True, True]


def test_trained_steps_and_saved_states_are_those_of_the_reference(package: Package) -> None:
    folder = package("training")
    step = step_of(open_project(folder.parent))
    x, labels = training_samples(step, 5)
    trainer = Trainer(step)
    expected = [trainer.step([x[i][None]], int(labels[i, 0])).ravel().tolist() for i in range(5)]
    samples = json.dumps([sample.ravel().tolist() for sample in x])
    made = in_node(
        folder,
        f"""
        const samples = {samples}.map((x) => Int8Array.from(x)), labels = {labels.ravel().tolist()};
        const model = await pkg.load();
        const untrained = [...model.run(samples[0])[0]];
        const steps = samples.map((x, i) => [...model.trainStep(x, labels[i])[0]]);
        const state = model.save(), trained = [...model.run(samples[0])[0]];
        model.reset();
        const forgotten = [...model.run(samples[0])[0]];
        const other = await pkg.load();
        other.load(state);
        answer({{ steps, untrained, trained, forgotten, loaded: [...other.run(samples[0])[0]],
                 same: Buffer.compare(other.save(), state) }});
    """,
    )
    assert made["steps"] == expected
    assert made["trained"] == made["loaded"] != made["untrained"]
    assert made["forgotten"] == made["untrained"]
    assert made["same"] == 0


def test_a_damaged_state_is_refused_and_nothing_changes(package: Package) -> None:
    made = in_node(
        package("training"),
        """
        const model = await pkg.load();
        const x = new Int8Array(pkg.inputs[0].length).fill(3);
        model.trainStep(x, 1);
        const state = model.save(), before = model.run(x)[0].join();
        const at = (index) => { const bytes = state.slice(); bytes[index] ^= 4; return bytes; };
        const codes = [];
        for (const bytes of [at(0), at(12), at(40), at(state.length - 1), state.slice(1),
                             [...state], new Uint8Array(state.length)])
          codes.push(await codeOf(() => model.load(bytes)));
        answer([codes, model.run(x)[0].join() === before, await codeOf(() => model.load(state))]);
    """,
    )
    codes, unchanged, good = made
    assert codes[:3] == ["CORRUPT_STATE"] * 3
    assert codes[4:] == ["CORRUPT_STATE", "WRONG_TYPE", "CORRUPT_STATE"]
    assert codes[3] in ("CORRUPT_STATE", None)  # bytes that only fill up the last line do not count
    assert unchanged
    assert good is None


def test_misuse_has_a_code(package: Package) -> None:
    made = in_node(
        package("training"),
        """
        const model = await pkg.load();
        const x = new Int8Array(pkg.inputs[0].length);
        const codes = [];
        for (const act of [
          () => model.run(x.slice(1)), () => model.run([...x]),
          () => model.run(new Uint8Array(x.length)),
          () => model.run(x, x), () => model.trainStep(x, 10000), () => model.trainStep(x, -1),
          () => model.trainStep(x, 0.5), () => model.trainStep(x.slice(1), 0), () => model.input(1),
          () => pkg.quantize([NaN]), () => { model.dispose(); model.run(x); }, () => model.run(),
          () => model.save(), () => model.reset(), () => pkg.load({ wasm: 7 }),
          () => pkg.load({ wasm: new TextEncoder().encode('<!doctype html>') }),
          () => pkg.load({ wasm: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0) }),
          () => pkg.load({ wasm: 'http://127.0.0.1:9/none.wasm' }),
        ]) codes.push(await codeOf(act));
        answer(codes);
    """,
    )
    assert made == [
        "WRONG_LENGTH", "WRONG_TYPE", "WRONG_TYPE", "WRONG_LENGTH", "NO_SUCH_CLASS",
        "NO_SUCH_CLASS", "WRONG_TYPE", "WRONG_LENGTH", "WRONG_LENGTH", "WRONG_TYPE", "DISPOSED",
        "DISPOSED", "DISPOSED", "DISPOSED", "WRONG_TYPE", "NOT_WASM", "NOT_WASM", "NOT_FOUND",
    ]  # fmt: skip


def test_the_module_may_come_as_bytes_module_or_response(package: Package) -> None:
    folder = package("int8")
    made = in_node(
        folder,
        f"""
        import {{ readFile }} from 'node:fs/promises';
        const bytes = await readFile({json.dumps(str(folder / "digits_net.wasm"))});
        const x = new Int8Array(pkg.inputs[0].length).fill(7);
        const given = [undefined, bytes, Uint8Array.from(bytes).buffer,
          new WebAssembly.Module(bytes), new Response(bytes), Promise.resolve(bytes)];
        const answered = async (wasm) => (await pkg.load({{ wasm }})).run(x).join();
        const texts = await Promise.all(given.map(answered));
        answer(new Set(texts).size);
    """,
    )
    assert made == 1


def test_an_engine_without_simd_is_told_so(package: Package) -> None:
    made = in_node(
        package("int8"),
        """
        WebAssembly.validate = () => false;
        const simd = await codeOf(() => pkg.load());
        globalThis.WebAssembly = undefined;
        answer([simd, await codeOf(() => pkg.load())]);
    """,
    )
    assert made == ["NO_SIMD", "NO_WASM"]
