"""Every error Lakatos raises, drawn once.

LakatosError
├── UsageError          exit 2   the caller can fix it: flag, config, problem file, theorem name
│   └── LeanTimeout              a file takes Lean longer than the limit
├── EnvironmentFault    exit 3   the machine must be fixed
│   ├── ToolchainError           Lean missing or of another version; setup failed
│   ├── WorkerDied               a Lean process ended; the pool restarts it and retries once
│   ├── ProtocolError            a reply that is not ours; a bug, never retried
│   ├── ModelUnavailable         connection, 5xx, rate limit; retried with backoff, then raised
│   └── StoreError               schema version, disk, integrity
└── SoundnessAlarm      exit 4   PROVED in the graph, refused by the verifier, unexplained

Expected outcomes (a rejected tactic, a refused proof, a spent budget) are values, not errors.
"""

from __future__ import annotations

import errno
from pathlib import Path


class LakatosError(Exception):
    """Any error of this package; its text is one line for the user."""

    exit_code = 1


class UsageError(LakatosError):
    """The caller can fix it: a bad flag, a bad config, a malformed file, no such theorem."""

    exit_code = 2


class LeanTimeout(UsageError):
    """Lean took longer than the limit over a file."""


class EnvironmentFault(LakatosError):
    """The machine must be fixed before the command can work."""

    exit_code = 3


class ToolchainError(EnvironmentFault):
    """Lean is missing, of another version, or could not be set up."""


class WorkerDied(EnvironmentFault):
    """A Lean process ended while something was expected of it.

    cause: one of `stack_overflow`, `out_of_memory`, `trap`, `panic`, `killed`, `exit`.
    exit_status: the process's exit status, negative for a signal, None if it still runs.
    stderr_tail: its last stderr lines, oldest first.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: str = "exit",
        exit_status: int | None = None,
        stderr_tail: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.exit_status = exit_status
        self.stderr_tail = stderr_tail


class ProtocolError(EnvironmentFault):
    """A reply whose version, id or shape is not ours: a bug, never retried."""


class ModelUnavailable(EnvironmentFault):
    """A model server cannot be reached or refuses; raised after the retries."""


class StoreError(EnvironmentFault):
    """The database is of another schema version, unwritable or damaged."""


class SoundnessAlarm(LakatosError):
    """The graph says PROVED and the verifier refuses for a reason nothing explains."""

    exit_code = 4


def unwritable(place: Path, error: OSError) -> LakatosError:
    """What to raise for a file or folder that cannot be written."""
    if is_of_the_disk(error):
        return EnvironmentFault(f"{place}: cannot be written ({error.strerror})")
    if not place.parent.is_dir():
        return UsageError(f"{place}: cannot be written (there is no folder {place.parent})")
    return UsageError(f"{place}: cannot be written ({error.strerror})")


def unreadable(place: object, error: OSError | ValueError) -> UsageError:
    """What to raise for a file that cannot be read: why, in words, without Python's own."""
    if isinstance(error, FileNotFoundError):
        return UsageError(f"{place}: no such file")
    if isinstance(error, OSError):
        return UsageError(f"{place}: cannot be read ({error.strerror})")
    if isinstance(error, UnicodeDecodeError):
        return UsageError(f"{place}: cannot be read (it is not UTF-8 text)")
    return UsageError(f"{place}: cannot be read ({error})")


def unreachable(error: BaseException) -> UsageError | None:
    """What to raise where the system does not follow a path that was named; None: for others."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    if error.errno not in (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP):
        return None
    return UsageError(f"{error.filename}: cannot be reached ({error.strerror})")


def is_of_the_disk(error: OSError) -> bool:
    """Whether the disk is full or broken: nothing that other words on the command line mend."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
