"""Scripted drawings and the network that reads them. Everything is made here: no data set."""
