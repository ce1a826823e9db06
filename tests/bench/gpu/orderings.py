"""Orderings of tuning methods against LoRA and plain methods, on small real models."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.gpu.row import Row, Setting, mean


def orderings(setting: Setting) -> Iterator[Row]:
    """Three seeds; better means a lower mean over them. Tiny: one method and seed."""
    from tests.bench.tuning_orderings import rows

    for found in rows(setting.pick(3, 1), setting.pick("", "mosa, way down dense")):
        yield Row(
            f"{found.method} against {found.other}", mean(found.values), mean(found.against),
            found.measured, met=found.holds,
            note=f"better for {found.seeds_won} of {len(found.values)} seeds; "
                 f"{found.trainable:,} and {found.trainable_other:,} numbers learn",
        )  # fmt: skip
