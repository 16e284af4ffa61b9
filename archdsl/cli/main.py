"""The entry point of the command line: it imports the module of a command when that is called.

Exit codes: 0 success, 1 the net has errors, 2 wrong usage, 3 a file cannot be read or written, 70 a bug of archdsl,
130 interrupted, 128 + N ended by signal N.
"""

import gc
import os
import sys
from collections.abc import Callable
from importlib import import_module

import click

from archdsl import __version__
from archdsl.base.frames import with_room
from archdsl.base.printable import printable, shortened
from archdsl.cli import streams
from archdsl.cli.terminal import INTERRUPTED, NET_HAS_ERRORS, NO_FILE, OUR_BUG, print_error

# A command `name` is the function of this name in the module `archdsl.cli.name`.
COMMANDS = (
    "build", "check", "compare", "diff", "draw", "explain", "fmt", "gallery", "ops", "place", "sizes", "summary",
)  # fmt: skip
# The help shows these options after those of the command.
_LAST = ("placement", "max_operations", "max_nesting", "as_json")


class Commands(click.Group):
    """The commands, each imported on its first use, so that no command waits for the imports of another."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command. What the user wrote is escaped in the message of an error."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            vars(error)["message"] = shortened(printable(error.message), 2_000)
            raise
        except BrokenPipeError:
            # The reader of the output has seen enough.
            streams.discard(sys.stdout)
            return None

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
    """Run the command line; an unexpected exception, a signal or a full stream ends it with one sentence."""
    # A run is short and creates few reference cycles; large nets check in half the time without the collector.
    gc.disable()
    streams.prepare()
    code = _ended(_run)
    flushed = _ended(sys.stdout.flush)
    # Python collects once more as it ends, also without the collector: a sixth of the time for a large net.
    gc.freeze()
    sys.exit(code or flushed)


@with_room
def _run() -> object:
    return cli(standalone_mode=False)


def _ended(call: Callable[[], object]) -> int:
    """Return the exit code of a call; report the exception that ends it."""
    try:
        call()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _reported(INTERRUPTED, "interrupted")
    except streams.Terminated as error:
        return _reported(128 + int(error.args[0]), "terminated by a signal")
    except BrokenPipeError:
        streams.discard(sys.stdout)
    except RecursionError:
        return _reported(NET_HAS_ERRORS, "the net is nested too deeply to be processed")
    except MemoryError:
        return _reported(NET_HAS_ERRORS, "there is not enough memory for this net")
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:
            streams.discard(sys.stdout)
            return _reported(NO_FILE, f"cannot write the output: {(error.strerror or str(error)).lower()}")
        if "ARCHDSL_TRACEBACK" in os.environ:
            raise
        help = "please report it with the .arch file; set ARCHDSL_TRACEBACK=1 to see the traceback"
        words = shortened(f"{type(error).__name__}: {error}", 600)
        return _reported(OUR_BUG, f"archdsl has a bug: {words}", help)
    return 0


def _reported(code: int, message: str, help: str | None = None) -> int:
    try:
        print_error(message, help)
    except OSError:
        streams.discard(sys.stderr)
    return code


if __name__ == "__main__":
    main()
