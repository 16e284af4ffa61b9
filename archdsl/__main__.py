"""`python -m archdsl` is `archdsl`."""

from archdsl.cli.main import main

main()
