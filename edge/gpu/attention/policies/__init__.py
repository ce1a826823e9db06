"""Policies: each makes a block table from queries and keys, or from positions alone.

A policy is a frozen dataclass of plain numbers, so that a plan is JSON; `policies.table` names all.
"""
