"""`python -m bloctel` is the command line."""

from bloctel.cli import main

main()
