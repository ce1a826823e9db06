"""torch front end: a torch.export.ExportedProgram becomes a graph.

Torch tensors of rank 4 are NCHW; in the graph they are NHWC, the model's inputs and outputs
included. Tensors of other ranks keep torch's order at the model's boundary. Import this package
only where torch is wanted: it imports torch.
"""

from edge.frontends.torch_export.importer import load_torch
from edge.frontends.torch_export.sources import export_module, load_callable, load_pt2, make_module

__all__ = ["export_module", "load_callable", "load_pt2", "load_torch", "make_module"]
