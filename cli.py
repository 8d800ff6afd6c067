"""The command line: words in, words out, exit code.

0 all proved; 1 something is not; 2 usage; 3 the machine; 4 soundness alarm; 130 interrupted;
141 nobody reads the output any more.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing's own would be imported where nothing catches a Ctrl-C yet
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from .prover.commands.resources import Environment


def main(
    arguments: Sequence[str] | None = None, make: Callable[..., Environment] | None = None
) -> int:
    """Run one command; its exit code. Every failure becomes one line on standard error.

    make: another class of `Environment`, for one that finds its Lean elsewhere.
    """
    try:
        return _run(sys.argv[1:] if arguments is None else arguments, make)
    except KeyboardInterrupt:  # before there was anything to keep: modules were being imported
        return 130


def _run(words: Sequence[str], make: Callable[..., Environment] | None) -> int:
    import gc
    import warnings

    from .prover.commands import streams
    from .prover.commands.app import app

    gc.set_threshold(5_000, 20, 1_000)  # what a search makes lives as long as the search
    streams.set_up()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            environment = _environment(words, make)
            code = app(args=words, prog_name="lakatos", standalone_mode=False, obj=environment)
        sys.stdout.flush()
        return streams.interrupted_code() if code == streams.INTERRUPTED else int(code or 0)
    except streams.Interrupted:
        if not streams.is_reader_gone():
            _print_error("interrupted; what was proved is kept (lakatos show)")
        return streams.interrupted_code()
    except BrokenPipeError:
        streams.drop(sys.stdout)
        return streams.interrupted_code()
    except Exception as error:
        if os.environ.get("LAKATOS_DEBUG"):
            import traceback

            traceback.print_exc()
        from .prover.commands.console import explain

        streams.drop_unwritable()
        return explain(error)


def _environment(words: Sequence[str], make: Callable[..., Environment] | None) -> Environment:
    from pathlib import Path

    from platformdirs import user_config_path

    from .prover.commands.resources import Environment

    found = os.environ
    return (make or Environment)(
        words=tuple(words),
        database=found.get("LAKATOS_DB") or None,
        server_key=found.get("LAKATOS_SERVER_KEY") or None,
        api_key=found.get("LAKATOS_API_KEY") or found.get("OPENAI_API_KEY"),
        cache=Path(cache).expanduser() if (cache := found.get("LAKATOS_CACHE")) else None,
        settings=user_config_path("lakatos", appauthor=False),
    )


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of this package as one line; leave out those of other packages."""
    if filename.startswith(os.path.dirname(__file__)):  # noqa: PTH120
        _print_error(str(message))


def _print_error(text: str) -> None:
    from .prover.commands.console import print_error

    print_error(text)
