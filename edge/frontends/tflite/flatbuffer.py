"""Reads a flatbuffer that may be hostile: every access is checked against the file's length.

Offsets may make many tables point at the same bytes, so a small file can describe an enormous
object. `Source` therefore counts what was read: a sane file is read about once, a file that asks
for many times its own size is refused. Layout: flatbuffers.dev/internals.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

import numpy as np
import numpy.typing as npt

from edge.errors import EdgeError, fail

BOOL, INT8, UINT8 = Struct("<?"), Struct("<b"), Struct("<B")
UINT16, INT32, UINT32, UINT64 = Struct("<H"), Struct("<i"), Struct("<I"), Struct("<Q")
FLOAT32 = Struct("<f")

_READS_OF_WHOLE_FILE = 16
_ALLOWANCE = 1 << 20
# What Python objects cost beyond the bytes they are made from, roughly.
_TABLE_COST, _NUMBER_COST = 256, 32
_MOST_TABLES = 1 << 14
_LONGEST_TEXT = 256


def damaged(what: str) -> EdgeError:
    """The error for a file whose bytes contradict the format."""
    return fail(
        "E0021",
        f"the .tflite file is damaged: {what}",
        help=("copy or convert the model again",),
    )


class Source:
    """The bytes of a file and how many of them may still be decoded."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._budget = _READS_OF_WHOLE_FILE * len(data) + _ALLOWANCE

    def spend(self, nbytes: int) -> None:
        """Account for `nbytes` that are about to be decoded or allocated."""
        self._budget -= nbytes
        if self._budget < 0:
            raise damaged("its parts overlap so that it describes many times its own size")

    def scalar(self, form: Struct, position: int) -> int | float | bool:
        self.span(position, form.size)
        value: int | float | bool = form.unpack_from(self.data, position)[0]
        return value

    def integer(self, form: Struct, position: int) -> int:
        return int(self.scalar(form, position))

    def span(self, position: int, nbytes: int) -> int:
        """`position`, once `nbytes` from there on are known to lie inside the file."""
        self.spend(min(nbytes, 8))
        if position < 0 or position + nbytes > len(self.data):
            raise damaged(
                f"{nbytes} bytes at offset {position} are not inside its {len(self.data)} bytes"
            )
        return position

    def root(self) -> Table:
        return Table.at(self, self.integer(UINT32, 0))


@dataclass(frozen=True)
class Table:
    """A table: fields by number, absent ones read as their default."""

    source: Source
    position: int
    vtable: int
    vtable_bytes: int
    table_bytes: int

    @staticmethod
    def at(source: Source, position: int) -> Table:
        vtable = position - source.integer(INT32, position)
        vtable_bytes = source.integer(UINT16, vtable)
        table_bytes = source.integer(UINT16, vtable + 2)
        if vtable_bytes < 4 or vtable_bytes % 2 or table_bytes < 4:
            raise damaged(f"the table at offset {position} has no valid field list")
        source.span(vtable, vtable_bytes)
        source.span(position, table_bytes)
        source.spend(_TABLE_COST)
        return Table(source, position, vtable, vtable_bytes, table_bytes)

    def has(self, field: int) -> bool:
        return self._offset(field) != 0

    def integer(self, field: int, form: Struct, default: int = 0) -> int:
        return int(self.scalar(field, form, default))

    def scalar(self, field: int, form: Struct, default: int | float | bool) -> int | float | bool:
        offset = self._offset(field)
        if not offset:
            return default
        if offset + form.size > self.table_bytes:
            raise damaged(f"field {field} sticks out of the table at offset {self.position}")
        return self.source.scalar(form, self.position + offset)

    def table(self, field: int) -> Table | None:
        target = self._target(field)
        return None if target is None else Table.at(self.source, target)

    def tables(self, field: int) -> list[Table]:
        """The tables of a vector of tables; empty if it is absent."""
        target = self._target(field)
        if target is None:
            return []
        start, count = self._vector(target, 4)
        if count > _MOST_TABLES:
            raise damaged(f"it holds a list of {count} tables")
        offsets = range(start, start + 4 * count, 4)
        source = self.source
        return [Table.at(source, at + source.integer(UINT32, at)) for at in offsets]

    def array(self, field: int, dtype: str) -> npt.NDArray[np.generic] | None:
        """A vector of scalars as a read-only view of the file; None if it is absent.

        `dtype` is a little-endian numpy type such as "<f4".
        """
        target = self._target(field)
        if target is None:
            return None
        element = np.dtype(dtype)
        start, count = self._vector(target, element.itemsize)
        return np.frombuffer(self.source.data, element, count, start)

    def integers(self, field: int) -> tuple[int, ...]:
        """A vector of int32; empty if it is absent."""
        vector = self.array(field, "<i4")
        if vector is None:
            return ()
        self.source.spend(_NUMBER_COST * vector.size)
        return tuple(vector.tolist())

    def text(self, field: int) -> str:
        """A string, cut and made valid UTF-8 if need be, since names only serve people."""
        vector = self.array(field, "<u1")
        if vector is None:
            return ""
        return vector[:_LONGEST_TEXT].tobytes().decode("utf-8", "replace")

    def _offset(self, field: int) -> int:
        entry = 4 + 2 * field
        return self.source.integer(UINT16, self.vtable + entry) if entry < self.vtable_bytes else 0

    def _target(self, field: int) -> int | None:
        offset = self.integer(field, UINT32)
        if not self.has(field):
            return None
        return self.position + self._offset(field) + offset

    def _vector(self, position: int, itemsize: int) -> tuple[int, int]:
        """Start and element count of the vector at `position`."""
        count = self.source.integer(UINT32, position)
        start = self.source.span(position + 4, count * itemsize)
        self.source.spend(count * itemsize)
        return start, count
