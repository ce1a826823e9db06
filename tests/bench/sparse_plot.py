"""A drawing of the sparsity study: accuracy against instructions, as SVG.

python tests/bench/sparse_plot.py tests/bench/results/sparse_network.csv OUT.svg
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 16, 16, 48
COLOURS = ("#3867d6", "#d64545", "#20a779", "#b7791f")


@dataclass(frozen=True)
class Point:
    """One sparsity: instructions, and accuracy in per cent with its spread over the seeds."""

    sparsity: float
    instructions: float
    accuracy: float
    spread: float


def curves(path: Path) -> dict[str, list[Point]]:
    """The points of every pattern by its name, dense first."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    dense = [line for line in lines if float(line["sparsity"]) == 0]
    kinds = dict.fromkeys(_kind(line) for line in lines if float(line["sparsity"]) > 0)
    return {
        kind: _points([*dense, *(x for x in lines if _kind(x) == kind and x not in dense)])
        for kind in kinds
    }


def _kind(line: dict[str, str]) -> str:
    plain = "" if line["rearranged"] == "True" else ", not rearranged"
    uniform = ", equal in all layers" if line["uniform"] == "True" else ""
    return f"{line['pattern']} on {line['target']}{plain}{uniform}"


def _points(lines: Sequence[dict[str, str]]) -> list[Point]:
    points = []
    for sparsity in sorted({float(line["sparsity"]) for line in lines}):
        members = [line for line in lines if float(line["sparsity"]) == sparsity]
        counted = [int(m["instructions"]) for m in members if m["instructions"] not in ("", "None")]
        right = [100 * float(member["accuracy"]) for member in members]
        spread = float(np.std(right, ddof=1)) if len(right) > 1 else 0.0
        if counted:
            points.append(Point(sparsity, counted[0], float(np.mean(right)), spread))
    return points


def svg(found: dict[str, list[Point]]) -> str:
    """The drawing: a line for each pattern, a bar for the spread at each point."""
    points = [point for line in found.values() for point in line]
    most = max(p.instructions for p in points) * 1.05
    low = np.floor(min(p.accuracy - p.spread for p in points) - 0.2)
    high = np.ceil(max(p.accuracy + p.spread for p in points) + 0.2)

    def x(instructions: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * instructions / most

    def y(accuracy: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (accuracy - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for tick in np.arange(low, high + 0.01, 0.5):
        parts.append(f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#e3e8ef"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    parts += [
        f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
        f"{tick / 1e6:g}</text>"
        for tick in np.arange(0, most, 5e5)
    ]
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
                 "million instructions an inference</text>")  # fmt: skip
    parts.append(f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" '
                 f'transform="rotate(-90 14 {HEIGHT / 2})">int8 accuracy, %</text>')  # fmt: skip
    for index, (name, line) in enumerate(found.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " L".join(f"{x(p.instructions):.1f} {y(p.accuracy):.1f}" for p in line)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for p in line:
            at = f"{x(p.instructions):.1f}"
            parts.append(f'<path d="M{at} {y(p.accuracy - p.spread):.1f}V'
                         f'{y(p.accuracy + p.spread):.1f}" stroke="{colour}"/>')  # fmt: skip
            parts.append(f'<circle cx="{at}" cy="{y(p.accuracy):.1f}" r="4" fill="{colour}"/>')
            parts.append(f'<text x="{at}" y="{y(p.accuracy + p.spread) - 8:.1f}" '
                         f'text-anchor="middle">{p.sparsity:.0%}</text>')  # fmt: skip
        parts.append(f'<text x="{LEFT + 12}" y="{HEIGHT - BOTTOM - 14 - 18 * index}" '
                     f'fill="{colour}">{name}</text>')  # fmt: skip
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Draw a CSV file of sparse_network.py."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("csv", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.write_text(svg(curves(arguments.csv)))


if __name__ == "__main__":
    main()
