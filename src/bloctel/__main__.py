"""Entry point of `python -m bloctel`, which is the command line."""

from bloctel.cli import main

main()
