"""Static planning: kernel choice, order, stages, arena offsets, and whether a model fits."""

from edge.planning.check_plan import PlanError, check_plan
from edge.planning.fit import check_fit
from edge.planning.occupancy import Resident, occupancy
from edge.planning.plan import Plan, Stage, Step
from edge.planning.planner import plan

__all__ = [
    "Plan",
    "PlanError",
    "Resident",
    "Stage",
    "Step",
    "check_fit",
    "check_plan",
    "occupancy",
    "plan",
]
