"""The table of kinds that the command line shows is the table of what can be made."""

from edge.packages.assemble import BUILDERS
from edge.packages.kinds import KINDS


def test_every_kind_has_a_builder():
    assert set(KINDS) == set(BUILDERS)
