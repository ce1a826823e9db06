"""Tuning of large models by few numbers, which are exported, added up and exchanged.

`attach` makes a model tunable by a method; `deltas` holds what a method exports.
"""
