"""Somebody who uses the page: draws with the pointer, presses buttons, reads what it says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.web.drawing.hand import drawn
from apps.web.drawing.shapes import KNOWN, UNSEEN, Points
from tests.browser.devtools import Page

SHAPES = {**KNOWN, **UNSEEN}
Drawing = Sequence[Points]


def drawings(name: str, count: int, seed: int) -> list[Drawing]:
    """Scripted drawings of a shape on a pad from 0 to 1."""
    rng = np.random.default_rng([seed, *name.encode()])
    return [[0.5 + 0.3 * stroke[::2] for stroke in drawn(SHAPES[name], rng)] for _ in range(count)]


_KEPT = """async (shapes) => {
    const { Brain } = await import('/brain.js');
    const { raster } = await import('/raster.js');
    const { known } = await (await fetch('/samples.json')).json();
    const brain = await Brain.open(Object.keys(known), []);
    await brain.recall();
    const isRight = (name) => (strokes) => {
        const answer = brain.classify(raster(strokes));
        return [answer.dense, answer.sparse].every(({ best }) => brain.names[best] === name);
    };
    return Object.fromEntries(Object.entries(shapes).map(
        ([name, drawings]) => [name, drawings.filter(isRight(name)).length]));
}"""


class Person:
    """A page and what a person does there."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    def open(self) -> None:
        self.page.open(self.address + "/")
        self.wait()

    def reload(self) -> None:
        self.page.reload()
        self.wait()

    def wait(self) -> None:
        """Until the page is ready."""
        self.page.until("!document.getElementById('status').textContent.startsWith('Loading')")

    @property
    def status(self) -> str:
        return str(self.page.evaluate("document.getElementById('status').textContent"))

    def draw(self, strokes: Drawing) -> None:
        """A new drawing, with the pointer."""
        self.page.click("#clear")
        x, y, width, height = self.page.box("#pad")
        for stroke in strokes:
            self.page.drag([(x + px * width, y + py * height) for px, py in stroke])

    def answer(self, strokes: Drawing) -> str:
        """What the page says a drawing is."""
        self.draw(strokes)
        return self.status.removeprefix("Not sure: ").partition(",")[0]

    def right(self, name: str, count: int, seed: int) -> int:
        """How many of `count` drawings of a shape are recognized."""
        return sum(self.answer(drawing) == name for drawing in drawings(name, count, seed))

    def kept(self, given: dict[str, list[Drawing]]) -> dict[str, int]:
        """How many drawings of each shape both networks recognize with what the page has saved."""
        shapes = {n: [[s.tolist() for s in d] for d in of] for n, of in given.items()}
        found: dict[str, int] = self.page.evaluate(f"({_KEPT})({json.dumps(shapes)})")
        return found

    def teach(self, name: str, strokes: Drawing) -> None:
        self.draw(strokes)
        self.page.evaluate(f"document.getElementById('name').value = {json.dumps(name)}")
        self.page.click("#teach button")
        self.page.until("document.getElementById('status').textContent.startsWith('Learned')")

    def press(self, key: str, code: int, text: str = "", times: int = 1) -> None:
        for _ in range(times):
            self.page.key(key, code, text)

    def tab_to(self, identifier: str) -> None:
        """Move the focus by the Tab key alone."""
        for _ in range(30):
            if self.page.evaluate("document.activeElement.id") == identifier:
                return
            self.press("Tab", 9)
        raise AssertionError(f"the Tab key does not reach {identifier}")

    def store(self, database: str, key: str, value: str) -> Any:
        """Put a JavaScript value into a database of the page, in place of what it has saved."""
        return self.page.evaluate(f"""new Promise((resolve, reject) => {{
            const opened = indexedDB.open({json.dumps(database)}, 1);
            opened.onsuccess = () => {{
                const change = opened.result.transaction('states', 'readwrite');
                const store = change.objectStore('states');
                const asked = store.get({json.dumps(key)});
                asked.onsuccess = () => {{
                    const old = asked.result;
                    const put = store.put({value}, {json.dumps(key)});
                    put.onsuccess = () => {{ opened.result.close(); resolve(true); }};
                }};
            }};
            opened.onerror = reject;
        }})""")
