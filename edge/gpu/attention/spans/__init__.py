"""Spans of attention fitted to a model: a head each (MoA), a layer each (MASFormer)."""
