"""How every program ends: well, or with one line and an exit code."""

import os
import sys
import traceback

from absl import app

from yt8m_distill import quiet_start
from yt8m_distill.errors import InputError


def run(function):
    """Parses the flags and calls a program's function.

    Bad input ends the program with one line and exit code 1; other exceptions
    keep their traceback.

    Args:
        function: called without arguments once the flags are parsed. It starts
            TensorFlow itself, so that bad flags are answered at once.
    """

    def main(arguments):
        try:
            refuse_stray(arguments)
            function()
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            _leave(1)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            _leave(130)
        except Exception:
            traceback.print_exc()
            _leave(1)

    app.run(main)


def run_tool(define_flags, function):
    """Starts a script that needs TensorFlow.

    Args:
        define_flags: function that defines the flags.
        function: called without arguments once the flags are parsed.
    """

    def start():
        quiet_start.import_tensorflow()
        function()

    define_flags()
    run(start)


def refuse_stray(arguments):
    """Raises InputError for arguments that are no flags.

    Args:
        arguments: list of str, the program's name first.
    """
    if arguments[1:]:
        raise InputError(
            f"stray argument {arguments[1]!r}; every argument starts with -- "
            "(put patterns in quotes)"
        )


def _leave(exit_code):
    """Ends the program at once.

    A reading thread that still waits for Python can keep an interpreter that
    shuts down from ever ending; files are closed and whole by now.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
