"""The arena over time as an SVG picture: one column a stage, one box a resident tensor."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from edge.planning import Resident

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 1080, 360, 70, 10, 24


@dataclass(frozen=True)
class _Span:
    """A tensor that stays at the same place over stages first..last."""

    resident: Resident
    first: int
    last: int


def arena_svg(stages: Sequence[Sequence[Resident]], labels: Sequence[str], arena: int) -> str:
    """An inline SVG; x is the stage, y the arena address, upwards from 0."""
    column = (_WIDTH - _LEFT) / max(len(stages), 1)
    scale = (_HEIGHT - _TOP - _BOTTOM) / max(arena, 1)
    boxes = [_box(span, column, scale) for span in _spans(stages)]
    view = f"0 0 {_WIDTH} {_HEIGHT}"
    parts = [_axis(arena, scale), *boxes, *_ticks(labels, column)]
    return f'<svg viewBox="{view}" role="img" aria-label="arena over time">{"".join(parts)}</svg>'


def _spans(stages: Sequence[Sequence[Resident]]) -> list[_Span]:
    """Merge a tensor's boxes of neighbouring stages into one."""
    open_: dict[Resident, int] = {}
    spans: list[_Span] = []
    for index, residents in enumerate([*stages, []]):
        gone = [resident for resident in open_ if resident not in residents]
        spans += [_Span(resident, open_.pop(resident), index - 1) for resident in gone]
        for resident in residents:
            open_.setdefault(resident, index)
    return spans


def _box(span: _Span, column: float, scale: float) -> str:
    resident = span.resident
    x, width = _LEFT + span.first * column, (span.last - span.first + 1) * column
    height = resident.size * scale
    y = _HEIGHT - _BOTTOM - resident.offset * scale - height
    name = escape(resident.name)
    last = resident.offset + resident.size
    title = f"{name}: {resident.size:,} B at {resident.offset:,}..{last:,}"
    fill = "var(--scratch)" if resident.name == "scratch" else _color(resident.name)
    rectangle = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}" '
        f'style="fill:{fill}"/>'
    )
    label = f'<text x="{x + 3:.1f}" y="{y + 11:.1f}">{name}</text>'
    shown = label if height > 13 and width > 6 * len(name) else ""
    return f"<g><title>{title}</title>{rectangle}{shown}</g>"


def _color(name: str) -> str:
    """A stable, light colour for a tensor."""
    return f"hsl({zlib.crc32(name.encode()) % 360} 55% 72%)"


def _axis(arena: int, scale: float) -> str:
    steps = [arena * i // 4 for i in range(5)]
    lines = [
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{step:,}</text>'
        for step in steps
        for y in [_HEIGHT - _BOTTOM - step * scale]
    ]
    return "".join(lines)


def _ticks(labels: Sequence[str], column: float) -> list[str]:
    every = max(1, -(-len(labels) // 30))
    return [
        f'<text x="{_LEFT + (i + 0.5) * column:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">'
        f"{i}<title>{escape(label)}</title></text>"
        for i, label in enumerate(labels)
        if i % every == 0
    ]
