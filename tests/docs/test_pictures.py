"""The picture of a memory plan is what the planner plans today."""

from __future__ import annotations

import runpy

from tests.docs.pages import DOCS


def test_the_picture_is_drawn_from_the_present_plan() -> None:
    script = runpy.run_path(str(DOCS / "generate/memory_plan.py"))
    drawn = script["memory_plan"]()
    assert script["PICTURE"].read_text() == drawn, "python docs/generate/memory_plan.py"
