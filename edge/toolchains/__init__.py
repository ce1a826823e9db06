"""Compilers: `find_toolchain` finds one, `build` makes an exported project a Program."""

from edge.toolchains.build import Program, build
from edge.toolchains.sizes import Sizes, sizes
from edge.toolchains.sources import ProjectSources, load_sources
from edge.toolchains.toolchain import Toolchain, find_toolchain

__all__ = [
    "Program",
    "ProjectSources",
    "Sizes",
    "Toolchain",
    "build",
    "find_toolchain",
    "load_sources",
    "sizes",
]
