"""Every error code has a page, that page provokes it, and `edge explain` prints it."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from edge.cli import cli
from edge.cli.outcome import run
from edge.explain import codes, explain
from tests.docs.pages import ROOT, Page

_CODE = re.compile(r"\bE\d{4}\b")


def codes_of_the_source() -> set[str]:
    texts = (path.read_text() for path in (ROOT / "edge").rglob("*.py"))
    return set(chain.from_iterable(map(_CODE.findall, texts)))


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(codes()) == codes_of_the_source()


@pytest.mark.parametrize("code", codes())
def test_a_page_has_an_example_that_provokes_its_code(code: str) -> None:
    page = Page(f"errors/{code}")
    provoked = [
        fence.flags.get("fails") or fence.flags.get("shows")
        for fence, output in page.steps()
        if output is not None
    ]
    assert provoked == [code]
    parts = re.findall(r"^##? (.+)$", page.text, re.MULTILINE)
    assert [part for part in parts if part in ("Example", "What to do")] == [
        "Example",
        "What to do",
    ]
    assert parts[0].startswith(f"{code}: ")


def test_explain_prints_the_page_without_what_only_tests_read() -> None:
    page = explain("e0301")
    assert page.startswith("# E0301: too little RAM\n")
    assert "fails=" not in page
    assert "needs:" not in page


def test_explain_of_an_unknown_code_names_those_near_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(cli, ["explain", "E0399"]) == 2
    assert "E0301" in capsys.readouterr().err


def test_an_error_names_the_command_that_explains_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["verify", "nowhere"]) == 2
    assert "edge explain E0003" in capsys.readouterr().err
