"""Entry point of `python -m archdsl.dev`."""

import sys

from archdsl.dev.pages import main

sys.exit(main(sys.argv[1:]))
