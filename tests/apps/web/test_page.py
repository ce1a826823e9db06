"""The page in headless Chromium, used as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from apps.web.drawing.raster import raster
from apps.web.drawing.shapes import KNOWN
from tests.apps.web.person import Person, drawings
from tests.browser.devtools import Browser, browser
from tests.browser.serving import served
from tests.packages.npm.tools import MODULES, needs_chromium, needs_tools

pytestmark = needs_chromium
EACH = 25  # drawings of each known shape
LEARNED = "document.getElementById('status').textContent.startsWith('Learned')"


def _known(person: Person) -> int:
    found = person.kept({name: drawings(name, EACH, seed=1) for name in KNOWN})
    return sum(found.values())


def test_the_page_rasters_as_the_training_did(person: Person) -> None:
    strokes = drawings("umbrella", 1, 0)[0]
    text = json.dumps([stroke.tolist() for stroke in strokes])
    made = person.page.evaluate(f"import('/raster.js').then((m) => [...m.raster({text})])")
    np.testing.assert_allclose(np.array(made).reshape(28, 28), raster(strokes), atol=1e-6)


def test_a_new_class_is_learned_from_eight_drawings_and_kept_over_a_reload(
    person: Person,
) -> None:
    before = _known(person)
    assert before >= 0.97 * EACH * len(KNOWN)
    assert person.right("spiral", 3, seed=2) == 0
    for drawing in drawings("spiral", 8, seed=3):
        person.teach("spiral", drawing)
    assert person.right("spiral", 20, seed=4) >= 18
    assert _known(person) >= before - 0.02 * EACH * len(KNOWN)

    person.reload()
    assert "still known" in person.status
    assert person.right("spiral", 5, seed=4) >= 4
    assert person.page.complaints() == []


def test_both_networks_answer_and_their_times_are_shown(person: Person) -> None:
    person.draw(drawings("star", 1, 5)[0])
    times = person.page.evaluate(
        "['dense', 'sparse'].map((n) => document.getElementById('time-' + n).textContent)"
    )
    assert all(float(time.removesuffix(" ms")) > 0 for time in times)
    cells = person.page.evaluate(
        "[...document.querySelectorAll('tr.best b')].map(b => b.innerText)"
    )
    assert [int(cell.removesuffix(" %")) > 50 for cell in cells] == [True, True]


def test_the_keyboard_is_enough(person: Person) -> None:
    person.tab_to("sample")
    person.page.type("hourglass")  # select lists jump to what is typed
    for letter in "hourglass":
        person.press(letter, ord(letter.upper()), letter)
    assert person.page.evaluate("document.getElementById('sample').value") == "hourglass"
    for _ in range(5):
        person.tab_to("take")
        person.press("Enter", 13, "\r")
        person.page.evaluate("document.getElementById('name').value = ''")
        person.tab_to("name")
        person.page.type("hourglass")
        person.press("Enter", 13, "\r")
        person.page.until(LEARNED)
    assert "hourglass from 5 examples" in person.status
    person.tab_to("take")
    person.press("Enter", 13, "\r")
    assert person.status.endswith("hourglass")
    person.tab_to("forget")
    person.press("Enter", 13, "\r")
    person.page.until("document.getElementById('status').textContent.startsWith('Forgot')")
    assert "hourglass" not in person.page.evaluate("document.getElementById('classes').innerText")


def test_what_cannot_be_taught_is_said(person: Person) -> None:
    person.page.evaluate("document.getElementById('name').value = 'thing'")
    person.page.click("#teach button")
    assert person.status == "Draw the shape first."
    for name in ("one", "two", "three", "four"):
        person.teach(name, drawings("flag", 1, 6)[0])
    person.draw(drawings("flag", 1, 7)[0])
    person.page.evaluate("document.getElementById('name').value = 'five'")
    person.page.click("#teach button")
    assert "room for 4" in person.status


@needs_tools
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(person: Person, scheme: str) -> None:
    person.page.prefer(scheme)
    person.teach("fish", drawings("fish", 1, 8)[0])
    person.draw(drawings("fish", 1, 9)[0])
    person.page.evaluate((MODULES / "axe-core/axe.min.js").read_text())
    found = person.page.evaluate(
        "axe.run().then((r) => r.violations.map((v) => v.id + ' ' + v.nodes.map((n) => n.target)))"
    )
    assert found == []


def test_a_small_screen_needs_no_sideways_scroll(person: Person) -> None:
    person.teach("a name of twenty let", drawings("fish", 1, 8)[0])
    person.page.resize(320, 640)
    widest = person.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widest[0] <= widest[1] <= 320


def test_it_works_without_a_network_after_the_first_visit(site: Path) -> None:
    with browser() as opened:
        page = opened.page()
        with served(site) as address:
            person = Person(page, address)
            person.open()
            page.until("navigator.serviceWorker.ready.then(() => true)")
        person.reload()
        assert person.right("star", 2, seed=10) == 2


def test_a_damaged_state_is_learned_again_from_the_drawings(person: Person) -> None:
    for drawing in drawings("umbrella", 6, seed=11):
        person.teach("umbrella", drawing)
    flipped = "old.map((byte, index) => (index === 60 ? byte ^ 8 : byte))"
    person.store("edge-sparse", "state", flipped)
    person.reload()
    assert "damaged" in person.status
    assert person.right("umbrella", 4, seed=12) >= 3
    person.store("edge-dense", "notebook", "'rubbish'")
    person.reload()
    assert person.status == "Draw something."
    assert person.right("star", 2, seed=13) == 2
    assert person.page.complaints() == []


def test_an_engine_without_simd_is_told_so_and_the_pad_still_draws(
    chromium: Browser, address: str
) -> None:
    page = chromium.page()
    page.before_load("WebAssembly.validate = () => false")
    person = Person(page, address)
    person.open()
    assert "no WebAssembly SIMD" in person.status
    person.draw(drawings("star", 1, 14)[0])
    seen = "document.getElementById('seen').getContext('2d').getImageData(0, 0, 28, 28).data"
    assert page.evaluate(f"{seen}.filter((v) => v > 0).length") > 28 * 28 + 100
    assert page.complaints() == []


def test_a_drawing_held_to_the_camera_is_recognized(site: Path, tmp_path: Path) -> None:
    with served(site) as address, browser(_video(tmp_path / "star.y4m")) as opened:
        person = Person(opened.page(), address)
        person.open()
        person.page.click("#camera")
        person.page.until("document.getElementById('status').textContent === 'star'")
        person.page.click("#camera")
        person.page.until("!document.getElementById('view').srcObject")
        assert person.page.complaints() == []


def _video(file: Path) -> Path:
    """A star on grey paper under uneven light: YUV 4:2:0 frames in mjpegtools' yuv4mpeg format."""
    size = 160
    ink = np.kron(raster(drawings("star", 1, 15)[0]), np.ones((4, 4)))
    paper = np.linspace(120, 210, size)[:, None] * np.ones(size)
    paper[24:136, 24:136] *= 1 - 0.75 * ink
    frame = paper.astype(np.uint8).tobytes() + bytes([128]) * (size * size // 2)
    file.write_bytes(f"YUV4MPEG2 W{size} H{size} F10:1 Ip A1:1 C420\n".encode() + b"".join(
        b"FRAME\n" + frame for _ in range(10)))  # fmt: skip
    return file
