"""What the verbs open: the database of results, a Lean, files; and what the environment says.

Imports what is heavy only when it is opened.
"""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config_file import Defaults

if TYPE_CHECKING:
    from ...data.source import SourceFile
    from ...data.store.store import Store
    from ...lean_env.toolchains.find import Toolchain
    from .options import LeanOptions
    from .tables import SetupBars


@dataclass(frozen=True)
class Environment:
    """Where a command runs: its words, and what the environment variables say.

    words: of the command. database: a file or a URL; api_key: of model servers; server_key: that
    clients of our own server must send; cache: the folder
    where Lean is set up; settings: the folder of the user's settings. defaults: what files set.
    """

    words: tuple[str, ...]
    database: str | None = None
    api_key: str | None = None
    server_key: str | None = None
    cache: Path | None = None
    settings: Path | None = None
    defaults: Defaults = field(default_factory=Defaults)

    @property
    def command(self) -> str:
        """The command as results store it; what files set stands in a comment behind it."""
        return "  # ".join([shlex.join(self.words), *self.defaults.lines()])

    @property
    def asks_for_help(self) -> bool:
        """Whether only help is wanted."""
        return not {"-h", "--help"}.isdisjoint(self.words)

    def find_toolchain(self, lean: LeanOptions, file: str | None = None) -> Toolchain:
        """The Lean that was chosen, set up on first use. file: whose project decides.

        Raises UsageError, ToolchainError.
        """
        from ...lean_env.toolchains.find import find_toolchain

        path = None if file in (None, "-") else Path(str(file))
        with ExitStack() as stack:

            @cache
            def bars() -> SetupBars:  # only where something is set up
                from . import console
                from .tables import SetupBars

                return stack.enter_context(closing(SetupBars(console.err)))

            def show(*news: Any) -> None:
                bars().show(*news)

            return find_toolchain(
                lean.lean, file=path, project=lean.project, progress=show, cache=self.cache
            )

    def open_store(self, database: str | None) -> Store:
        """The database, writable. database: as named on the command line. Raises StoreError."""
        from ...data.store.store import Store

        store = Store.open(database or self.database)
        try:
            store.check_writable()
        except BaseException:
            store.close()
            raise
        return store

    def open_store_to_read(self, database: str | None) -> Store:
        """The database, for a verb that only reads it. Raises StoreError."""
        from ...data.store.store import Store

        return Store.open(database or self.database, read_only=True)


def read_lean_file(name: str) -> SourceFile:
    """A Lean file; `-` is standard input. Raises UsageError."""
    from ...data import source

    return source.from_stdin(sys.stdin.buffer) if name == "-" else source.read_source(name)
