"""A plan: the policy of every head of every layer, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.errors import fail
from edge.gpu.attention.policies.policy import Policy
from edge.gpu.attention.policies.table import POLICIES

PLAN = "E0072"


@dataclass(frozen=True)
class AttentionPlan:
    """heads[layer][head] is the policy of a query head; all of a plan have one block size."""

    heads: tuple[tuple[Policy, ...], ...]

    @classmethod
    def uniform(cls, policy: Policy, layers: int, heads: int) -> AttentionPlan:
        """The same policy everywhere."""
        return cls(((policy,) * heads,) * layers)

    @property
    def block(self) -> int:
        """Tokens of a block."""
        return self.heads[0][0].block

    def to_json(self) -> str:
        """What `from_json` reads: every layer a list of {"policy": name, settings}."""
        names = {policy: name for name, policy in POLICIES.items()}
        layers = [
            [{"policy": names[type(p)], **asdict(p)} for p in layer]  # type: ignore[call-overload]
            for layer in self.heads
        ]
        return json.dumps({"schema": 1, "heads": layers}, indent=1)

    @classmethod
    def from_json(cls, text: str, where: str = "", folder: Path | None = None) -> AttentionPlan:
        """Of text in which files are named from `folder`. Raises EdgeError E0072 for no plan."""
        try:
            layers = json.loads(text)["heads"]
            heads = tuple(
                tuple(_policy(row, folder or Path()) for row in layer) for layer in layers
            )
        except (ValueError, KeyError, TypeError) as error:
            raise fail(PLAN, f"not an attention plan: {error}", where,
                       help=[f"policies are {', '.join(POLICIES)}"]) from error  # fmt: skip
        if not heads or len({policy.block for layer in heads for policy in layer}) != 1:
            raise fail(PLAN, "the policies of a plan must share one block size", where,
                       help=["give every head the same block"])  # fmt: skip
        return cls(heads)

    @classmethod
    def load(cls, path: Path) -> AttentionPlan:
        """Read a file; files that it names are looked for beside it. Raises EdgeError E0072."""
        return cls.from_json(path.read_text(), str(path), path.parent)

    def require(self, layers: int, heads: int) -> None:
        """Raise EdgeError E0072 unless the plan is for so many layers and heads."""
        sizes: Sequence[int] = [len(layer) for layer in self.heads]
        if len(sizes) != layers or set(sizes) != {heads}:
            raise fail(
                PLAN, f"the plan is for {len(sizes)} layers of {sizes[0]} heads",
                help=[f"the model has {layers} layers of {heads} heads; search a plan for it"],
            )  # fmt: skip


def _policy(row: dict[str, Any], folder: Path) -> Policy:
    settings = dict(row)
    if "weights" in settings:
        settings["weights"] = str(folder / settings["weights"])
    return POLICIES[settings.pop("policy")](**settings)
