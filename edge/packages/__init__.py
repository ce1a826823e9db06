"""Packages: an exported model in the form that an ecosystem expects.

A kind is a module here with `package(subject) -> Files`, a line in `kinds.KINDS` and in
`assemble.BUILDERS`, and templates in codegen/packages/KIND.
"""
