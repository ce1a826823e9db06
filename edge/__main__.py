"""`python -m edge` is the same as the `edge` script."""

from edge.cli import main

main()
