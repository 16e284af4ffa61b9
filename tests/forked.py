"""Trains with the `train.py` of this folder: `python forked.py PORT` runs what `cases.json` there lists.

A case is how many processes there are, and what they are started with. They are forked, so that torch is imported and
the digits are read once.
"""

import json
import os
import sys
from pathlib import Path


def forked(port: str, world: int, arguments: list[str]) -> None:
    """Run the script in so many processes."""
    children = []
    for rank in range(world):
        child = os.fork()
        if child == 0:
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world), LOCAL_WORLD_SIZE=str(world))
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
            try:
                train.main(arguments)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * world, arguments


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    import train

    found = train.digits()
    train.digits = lambda: found
    for processes, given in json.loads(Path("cases.json").read_text()):
        forked(sys.argv[1], processes, given)
