"""Lakatos: proves, refutes and repairs Lean 4 theorems.

The public names, loaded when first used: `import lakatos` starts and imports nothing heavy.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would be imported where nothing catches a Ctrl-C yet
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from .data.errors import EnvironmentFault, LakatosError, SoundnessAlarm, UsageError
    from .data.records import Accepted, Attempt, ProofState, Refused, StopReason, Theorem, Verdict
    from .data.store.store import Store
    from .lean_env.pool import LeanPool, Limits
    from .lean_env.toolchains.find import find_toolchain
    from .lean_env.verification.verifier import Verifier
    from .prover.agent.prover import Prover
    from .prover.config import ProverConfig, SearchConfig
    from .prover.live_session import Session
    from .prover.live_state import SessionFile, SessionState, SessionTheorem, TacticResult
    from .prover.policy.base import Policy, Proposal, Query
    from .prover.session import RunConfig
    from .search.driver import alphaproof_search, best_first, htps, mcts, perspectives, rmax

__all__ = [
    "Accepted",
    "Attempt",
    "EnvironmentFault",
    "LakatosError",
    "LeanPool",
    "Limits",
    "ModelConfig",
    "Policy",
    "PolicyOutput",
    "ProofState",
    "Proposal",
    "Prover",
    "ProverConfig",
    "Query",
    "Refused",
    "RunConfig",
    "SearchConfig",
    "Session",
    "SessionFile",
    "SessionState",
    "SessionTheorem",
    "SoundnessAlarm",
    "StopReason",
    "Store",
    "TacticResult",
    "Theorem",
    "UsageError",
    "Verdict",
    "Verifier",
    "alphaproof_search",
    "best_first",
    "find_toolchain",
    "htps",
    "mcts",
    "perspectives",
    "prove",
    "rmax",
]

_HOMES = {
    "data.errors": ("EnvironmentFault", "LakatosError", "SoundnessAlarm", "UsageError"),
    "data.records": (
        "Accepted",
        "Attempt",
        "ProofState",
        "Refused",
        "StopReason",
        "Theorem",
        "Verdict",
    ),
    "data.store.store": ("Store",),
    "lean_env.pool": ("LeanPool", "Limits"),
    "lean_env.toolchains.find": ("find_toolchain",),
    "lean_env.verification.verifier": ("Verifier",),
    "prover.agent.prover": ("Prover",),
    "prover.config": ("ModelConfig", "ProverConfig", "SearchConfig"),
    "prover.policy.base": ("PolicyOutput", "Policy", "Proposal", "Query"),
    "prover.live_session": ("Session",),
    "prover.live_state": ("SessionFile", "SessionState", "SessionTheorem", "TacticResult"),
    "prover.session": ("RunConfig",),
    "search.driver": ("alphaproof_search", "best_first", "htps", "mcts", "perspectives", "rmax"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def prove(
    path: str | Path,
    *,
    theorems: Sequence[str] = (),
    lean: str = "auto",
    config: RunConfig | None = None,
) -> list[Attempt]:
    """Try to prove every `sorry` of a Lean file, or only of the named theorems; file order.

    Sets up the embedded Lean on first use. Changes no file and keeps no record, takes no signal,
    and works in any thread; where an event loop runs, as in a notebook, it blocks that loop. A
    model that fails on the way ends its theorem as FAULT. Raises UsageError and EnvironmentFault.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from .data.source import read_source
    from .lean_env.toolchains.find import find_toolchain
    from .prover.session import RunConfig, start_run
    from .prover.theorem_names import select

    file = read_source(str(path))
    toolchain = find_toolchain(lean, file=Path(path))

    async def attempts() -> list[Attempt]:
        async with start_run(toolchain, config or RunConfig()) as run:
            opened = await run.pool.open(file.path, file.text)
            return await run.prove([opened], select([opened], theorems))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(attempts())
    with ThreadPoolExecutor(1) as alone:  # where a loop of its own can run
        return alone.submit(lambda: asyncio.run(attempts())).result()
