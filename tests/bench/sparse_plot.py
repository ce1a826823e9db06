"""A drawing of the sparsity study: accuracy against instructions and against time, as SVG.

    python tests/bench/sparse_plot.py tests/bench/results/sparse_network.csv OUT.svg
        [--browser tests/bench/results/sparse_browser.csv]

A panel for each network and each cost; a line for each pattern, with and without rearranged
channels; a bar for the spread of the accuracy over the seeds.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 480, 340, 64, 16, 28, 48
COLOURS = ("#3867d6", "#d64545", "#20a779", "#b7791f", "#8854d0", "#4b6584")

Line = Mapping[str, str]


@dataclass(frozen=True)
class Point:
    """One sparsity: what it costs, and accuracy in per cent with its spread over the seeds."""

    sparsity: float
    cost: float
    accuracy: float
    spread: float


@dataclass(frozen=True)
class Panel:
    """A title, the name of the cost, and the points of every pattern by its name."""

    title: str
    cost: str
    curves: dict[str, list[Point]]


def read(path: Path) -> list[Line]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def panels(measured: Sequence[Line], timed: Sequence[Line]) -> list[Panel]:
    """Those of a network side by side; without times, instructions alone."""
    clock = {_key(line): float(line["milliseconds"]) for line in timed}
    found = []
    for network in dict.fromkeys(line["network"] for line in measured):
        lines = [line for line in measured if line["network"] == network]
        counted = [line for line in lines if line["instructions"] not in ("", "None")]
        counts = {_key(line): int(line["instructions"]) / 1e6 for line in counted}
        found.append(Panel(network, "million instructions, Cortex-M7", _curves(lines, counts)))
        if any(_key(line) in clock for line in lines):
            found.append(Panel(network, "ms, Chromium", _curves(lines, clock)))
    return found


_Key = tuple[str, str, str, float]


def _key(line: Line) -> _Key:
    """Dense networks are the same one whatever pattern they are listed under."""
    sparsity = float(line["sparsity"])
    kind = (line["pattern"], line["rearranged"]) if sparsity else ("", "")
    return (line["network"], *kind, sparsity)


def _curves(lines: Sequence[Line], costs: Mapping[_Key, float]) -> dict[str, list[Point]]:
    dense = [line for line in lines if float(line["sparsity"]) == 0]
    kinds = dict.fromkeys(_kind(line) for line in lines if float(line["sparsity"]) > 0)
    return {
        kind: _points(
            [*dense, *(x for x in lines if _kind(x) == kind and x not in dense)],
            lambda line: costs.get(_key(line)),
        )
        for kind in kinds
    }


def _kind(line: Line) -> str:
    plain = "" if line["rearranged"] == "True" else ", not rearranged"
    uniform = ", equal in all layers" if line["uniform"] == "True" else ""
    return f"{line['pattern']}{plain}{uniform}"


def _points(lines: Sequence[Line], cost: Callable[[Line], float | None]) -> list[Point]:
    points = []
    for sparsity in sorted({float(line["sparsity"]) for line in lines}):
        members = {line["seed"]: line for line in lines if float(line["sparsity"]) == sparsity}
        found = [c for line in members.values() if (c := cost(line)) is not None]
        right = [100 * float(line["accuracy"]) for line in members.values()]
        spread = float(np.std(right, ddof=1)) if len(right) > 1 else 0.0
        if found:
            points.append(Point(sparsity, found[0], float(np.mean(right)), spread))
    return points


def svg(drawn: Sequence[Panel]) -> str:
    """The drawing: panels in two columns."""
    rows = -(-len(drawn) // 2)
    width, height = WIDTH * min(2, len(drawn)), HEIGHT * rows
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for index, panel in enumerate(drawn):
        place = f"{index % 2 * WIDTH} {index // 2 * HEIGHT}"
        parts += [f'<g transform="translate({place})">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Scale:
    """From costs and accuracies to places in a panel."""

    most: float
    low: float
    high: float

    def x(self, cost: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * cost / self.most

    def y(self, accuracy: float) -> float:
        share = (accuracy - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _panel(panel: Panel) -> list[str]:
    points = [point for line in panel.curves.values() for point in line]
    scale = _Scale(
        max(p.cost for p in points) * 1.05,
        float(np.floor(min(p.accuracy - p.spread for p in points) - 0.2)),
        float(np.ceil(max(p.accuracy + p.spread for p in points) + 0.2)),
    )
    parts = _axes(panel, scale)
    for index, (name, line) in enumerate(panel.curves.items()):
        colour, at = COLOURS[index % len(COLOURS)], HEIGHT - BOTTOM - 10 - 16 * index
        parts += _curve(scale, colour, line)
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{at}" text-anchor="end" '
                     f'fill="{colour}">{name}</text>')  # fmt: skip
    return parts


def _axes(panel: Panel, scale: _Scale) -> list[str]:
    middle = f'x="{WIDTH / 2}"'
    parts = [f'<text {middle} y="16" text-anchor="middle">{panel.title}</text>']
    for tick in np.arange(scale.low, scale.high + 0.01, _step(scale.high - scale.low)):
        at = scale.y(tick)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#e3e8ef"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts += [
        f'<text x="{scale.x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
        f"{tick:g}</text>"
        for tick in np.arange(0, scale.most, _step(scale.most))
    ]
    parts.append(f'<text {middle} y="{HEIGHT - 8}" text-anchor="middle">{panel.cost}</text>')
    parts.append(f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" '
                 f'transform="rotate(-90 14 {HEIGHT / 2})">int8 accuracy, %</text>')  # fmt: skip
    return parts


def _step(span: float) -> float:
    """A round number that divides a span into about six."""
    power = 10.0 ** np.floor(np.log10(span / 6))
    return float(next(power * n for n in (1, 2, 5, 10) if power * n >= span / 7))


def _curve(scale: _Scale, colour: str, line: Sequence[Point]) -> list[str]:
    path = " L".join(f"{scale.x(p.cost):.1f} {scale.y(p.accuracy):.1f}" for p in line)
    parts = [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for p in line:
        at, top = f"{scale.x(p.cost):.1f}", scale.y(p.accuracy + p.spread)
        parts.append(f'<path d="M{at} {scale.y(p.accuracy - p.spread):.1f}V{top:.1f}" '
                     f'stroke="{colour}"/>')  # fmt: skip
        parts.append(f'<circle cx="{at}" cy="{scale.y(p.accuracy):.1f}" r="3" fill="{colour}"/>')
        parts.append(f'<text x="{at}" y="{top - 6:.1f}" text-anchor="middle" font-size="10">'
                     f"{p.sparsity:.0%}</text>")  # fmt: skip
    return parts


def main() -> None:
    """Draw the CSV files of sparse_network.py and sparse_browser_study.py."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("csv", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--browser", type=Path, help="CSV of sparse_browser_study.py")
    arguments = parser.parse_args()
    timed = read(arguments.browser) if arguments.browser else []
    arguments.out.write_text(svg(panels(read(arguments.csv), timed)))


if __name__ == "__main__":
    main()
