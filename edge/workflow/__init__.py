"""What a user asks for, one module a request: export, check, verify, bench, run, quantize.

The functions are offered as edge.export, edge.verify, ...; they live in this package, apart from
the names of their modules, because a submodule edge.verify would hide the function edge.verify.
"""
