"""Constants that hold the same numbers share an array in flash."""

from __future__ import annotations

from collections.abc import Mapping

from edge.ir.types import Array


def shared_arrays(constants: Mapping[str, Array]) -> dict[str, str]:
    """For each constant the one whose array begins with it: itself, or one of the same type."""
    content = {name: (data.dtype.str, data.tobytes()) for name, data in constants.items()}
    owners: dict[str, str] = {}
    for name in sorted(content, key=lambda each: -len(content[each][1])):
        kind, data = content[name]
        holds = (o for o in owners.values() if content[o][0] == kind and _starts(content[o], data))
        owners[name] = next(holds, name)
    return {name: owners[name] for name in constants}


def _starts(whole: tuple[str, bytes], part: bytes) -> bool:
    return whole[1].startswith(part)
