"""The entry point of the command line: it imports the module of a command when that is called.

Exit codes: 0 success, 1 the net has errors, 2 wrong usage, 3 a file cannot be read or written, 70 a bug of archdsl.
"""

import gc
import os
import sys
from importlib import import_module

import click

from archdsl import __version__
from archdsl.cli.terminal import OUR_BUG, stop

# A command `name` is the function of this name in the module `archdsl.cli.name`.
COMMANDS = (
    "build", "check", "compare", "diff", "draw", "explain", "fmt", "gallery", "ops", "place", "sizes", "summary",
)  # fmt: skip
# The help shows these options after those of the command.
_LAST = ("placement", "max_operations", "max_nesting", "as_json")


class Commands(click.Group):
    """The commands, each imported on its first use, so that no command waits for the imports of another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"archdsl.cli.{cmd_name}"), cmd_name)
        command.params.sort(key=lambda param: _LAST.index(param.name) if param.name in _LAST else -1)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archdsl")
def cli() -> None:
    """Compile neural network architectures: check, draw and build .arch files.

    FILE is a path, - for standard input, or the name of a net of the gallery, such as lenet5.
    """


def main() -> None:
    """Run the command line; report an unexpected exception in one sentence instead of a traceback."""
    # A run is short and creates few reference cycles; large nets check in half the time without the collector.
    gc.disable()
    try:
        cli()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if "ARCHDSL_TRACEBACK" in os.environ:
            raise
        help = "please report it with the .arch file; set ARCHDSL_TRACEBACK=1 to see the traceback"
        stop(OUR_BUG, f"archdsl has a bug: {type(error).__name__}: {error}", help)


if __name__ == "__main__":
    main()
