"""Packages in Chromium: bundled by Vite, as a script tag, in a worker, with IndexedDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.devtools import Page, browser
from tests.browser.serving import served
from tests.packages.npm.tools import consumer, needs_chromium, needs_node, needs_tools, tool

Package = Callable[[str], Path]
pytestmark = [needs_chromium, needs_node]

HEAD = '<!doctype html><html lang="en"><title>t</title><link rel="icon" href="data:,">'
MAIN = """
import { load, inputs } from 'learner';
import { loadInWorker } from 'learner/worker';
import * as storage from 'learner/storage';
Object.assign(window, { load, inputs, loadInWorker, storage });
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened.page()


@pytest.fixture(scope="module")
def bundled(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page that Vite has built from an installed package, without any setting."""
    folder = consumer(
        package("training"), tmp_path_factory.mktemp("vite"),
        {"index.html": f'{HEAD}<script type="module" src="/main.js"></script>', "main.js": MAIN},
    )  # fmt: skip
    tool("vite", "build", "--logLevel", "warn", folder=folder)
    return folder / "dist"


@needs_tools
def test_a_page_built_by_vite_trains_in_a_worker_and_keeps_it_over_a_reload(
    page: Page, bundled: Path
) -> None:
    with served(bundled) as address:
        page.open(address)
        trained = page.evaluate("""(async () => {
            const model = await loadInWorker();
            const x = new Int8Array(inputs[0].length).fill(9);
            for (let i = 0; i < 3; i++) await model.trainStep(x, 1);
            await storage.save(model);
            return (await model.run(x))[0].join();
        })()""")
        page.reload()
        again = page.evaluate("""(async () => {
            const model = await load(), x = new Int8Array(inputs[0].length).fill(9);
            const untrained = model.run(x)[0].join();
            return [await storage.load(model), model.run(x)[0].join(), untrained];
        })()""")
        assert again[:2] == [True, trained]
        assert again[2] != trained
        assert page.complaints() == []


@needs_tools
def test_a_damaged_state_in_the_database_is_an_error_with_a_code(page: Page, bundled: Path) -> None:
    with served(bundled) as address:
        page.open(address)
        made = page.evaluate("""(async () => {
            const worker = await loadInWorker();
            await storage.remove();
            const none = await storage.load(worker);
            const bytes = (await load()).save();
            bytes[50] ^= 1;
            await storage.save({ save: () => bytes });
            const codes = [];
            for (const model of [worker, await load()]) {
                await storage.load(model).catch((error) => codes.push(error.name + error.code));
            }
            worker.dispose();
            await worker.save().catch((error) => codes.push(error.code));
            return [none, ...codes];
        })()""")
        assert made == [False, "ModelErrorCORRUPT_STATE", "ModelErrorCORRUPT_STATE", "DISPOSED"]


def test_a_plain_script_tag_is_enough(page: Page, package: Package, tmp_path: Path) -> None:
    folder = package("int8")
    for name in ("script.js", "digits_net.wasm"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "index.html").write_text(f'{HEAD}<script src="script.js"></script>')
    with served(tmp_path) as address:
        page.open(address)
        made = page.evaluate("""(async () => {
            const { load, inputs } = digits_net, x = new Int8Array(inputs[0].length);
            const missing = await load({ wasm: 'none.wasm' }).catch((error) => error.code);
            const html = await load({ wasm: 'index.html' }).catch((error) => error.code);
            return [(await load()).run(x)[0].length > 0, missing, html];
        })()""")
        assert made == [True, "NOT_FOUND", "NOT_WASM"]


def test_relaxed_simd_is_chosen_by_the_engine_and_gives_the_same_bits(
    page: Page, package: Package, tmp_path: Path
) -> None:
    folder = package("seven")
    assert (folder / "seven.relaxed.wasm").read_bytes() != (folder / "seven.wasm").read_bytes()
    (tmp_path / "index.html").write_text(HEAD)
    for name in ("index.js", "model.js", "seven.wasm", "seven.relaxed.wasm"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with served(tmp_path) as address:
        page.open(address)
        made = page.evaluate("""(async () => {
            const { load, inputs, quantize } = await import('/index.js');
            const models = [await load(), await load({ relaxed: false })];
            const x = quantize(Float32Array.from(inputs[0], (_, i) => i % 7 / 7));
            const texts = models.map((model) => model.run(x)[0].join());
            const fetched = performance.getEntriesByType('resource').map((e) => e.name);
            return [texts[0] === texts[1], fetched.filter((name) => name.endsWith('.wasm')).length];
        })()""")
        assert made == [True, 2]


def test_a_module_without_any_bundler(page: Page, package: Package, tmp_path: Path) -> None:
    folder = package("stream")
    (tmp_path / "index.html").write_text(HEAD)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with served(tmp_path) as address:
        page.open(address)
        made = page.evaluate("""(async () => {
            const { loadInWorker } = await import('/worker.js');
            const { load, inputs } = await import('/index.js');
            const [near, far] = [await load(), await loadInWorker()];
            const row = new Int8Array(inputs[0].length).fill(20);
            const same = [];
            for (let i = 0; i < 4; i++) {
                const [[one], [other]] = [near.run(row), await far.run(row)];
                same.push(one.join() === other.join());
            }
            return same.every(Boolean);
        })()""")
        assert made is True
