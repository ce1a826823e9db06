"""The picture of a memory plan, drawn from the planner's output.

python docs/generate/memory_plan.py       # writes docs/pictures/memory-plan.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "pictures/memory-plan.svg"
TARGET = "cortex-m7"

_STYLE = """
<style>
svg { --scratch: #d7d7d7; font: 10px system-ui, sans-serif; background: #fff }
rect { stroke: #444; stroke-width: 0.7 }
line { stroke: #ddd }
text { fill: #222 }
</style>"""


def memory_plan() -> str:
    """MobileNet-v1 0.25 at 96 x 96 for Cortex-M7 as a standalone SVG."""
    import torch

    from edge.planning import occupancy
    from edge.report.arena import arena_svg
    from edge.workflow.export import compile_model
    from tests.models import mobilenet_v1

    torch.set_num_threads(1)
    module, example = mobilenet_v1.make()
    samples = [example[0].numpy()]
    compiled = compile_model((module, example), TARGET, samples, progress=False)
    plan = compiled.plan
    labels = [" + ".join(step.node for step in stage.steps) for stage in plan.stages]
    return _standalone(arena_svg(occupancy(compiled.graph, plan), labels, plan.arena))


def _standalone(svg: str) -> str:
    head, _, body = svg.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg">{_STYLE}{body}\n'


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(memory_plan())
