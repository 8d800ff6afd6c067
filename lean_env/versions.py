"""Which versions of Lean the worker is written for, and what is said of the others.

`docs/lean_versions.md` has what was read of each version, and what differs.
"""

from __future__ import annotations

import re

from ..data.errors import ToolchainError

OLDEST = (4, 27)
NEWEST = (4, 36)
RANGE = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
BUILTIN = "or use --lean embedded"
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


def is_newer(lean: str) -> bool:
    """Whether a version is newer than all that were read; such a one is tried."""
    return _numbers(lean) > NEWEST


def remark(lean: str) -> str:
    """What a report says beside a version; empty where there is nothing to say."""
    return f"newer than this lakatos knows, {RANGE}" if is_newer(lean) else ""


def refuse_old(lean: str) -> None:
    """Raise ToolchainError, before anything is compiled, for a version that is not served.

    lean: as `lean --version` writes it, `4.28.0` or `4.29.0-rc1`.
    """
    if _numbers(lean) < OLDEST:
        raise ToolchainError(
            f"Lean {lean} is too old for our worker ({RANGE}): update lean-toolchain, {BUILTIN}"
        )


def not_compiled(lean: str, why: str) -> ToolchainError:
    """What to say when the worker does not compile. why: Lean's first line about it."""
    if is_newer(lean):
        return ToolchainError(
            f"Lean {lean} is newer than this lakatos knows ({RANGE}), and its worker does not "
            f"compile there ({why}): update lakatos, {BUILTIN}"
        )
    return ToolchainError(
        f"our worker does not compile with Lean {lean} ({why}): please report this line, {BUILTIN}"
    )


def not_passed(lean: str, toolchain: str, why: str) -> ToolchainError:
    """What to say when a worker fails its self-test. why: what failed, in a few words."""
    if toolchain == "embedded":
        return ToolchainError(
            f"the embedded Lean {lean} fails the worker's self-test ({why}): please report this "
            "line"
        )
    if is_newer(lean):
        return ToolchainError(
            f"Lean {lean} is newer than this lakatos knows ({RANGE}), and its worker fails the "
            f"self-test there ({why}): update lakatos, {BUILTIN}"
        )
    return ToolchainError(
        f"our worker fails its self-test with Lean {lean} ({why}): please report this line, "
        f"{BUILTIN}"
    )


def _numbers(lean: str) -> tuple[int, int]:
    found = _NUMBERS.match(lean)
    if found is None:
        raise ToolchainError(f"no version of Lean: {lean!r}")
    return int(found[1]), int(found[2])
