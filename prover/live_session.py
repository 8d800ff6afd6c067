"""`lakatos.Session`: one Lean, its files, states and proofs, from Python.

Every method that asks Lean comes twice: `apply` blocks, `await ….aapply` does not; both run the
same coroutine in the session's own thread. A session may be used from any thread and any loop.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ..data.errors import UsageError
from ..data.records import Attempt, Premise
from ..data.source import read_source
from ..lean_env.toolchains.find import find_toolchain
from ..lean_env.worker_command import Toolchain
from .config import SearchConfig
from .lean_parts import LeanParts, open_lean
from .live_state import KeptState, SessionFile, SessionState, SessionTheorem
from .loop_thread import LoopThread, awaitable, blocking
from .policy.base import Policy, Query
from .retrieval.base import Lexical
from .session import RunConfig, run_of, run_on, searched
from .theorem_names import broken_theorems, select


class Session:
    """One Lean with its worker processes and its judge. Use it in `with` or `async with`.

    Args:
        lean: `auto`, `embedded` or `native`; the embedded Lean is set up at its first use.
        project: a folder of a Lake project, for its imports.
        workers: Lean processes; None: as many as cores and memory allow.
        allow_axioms: axioms a proof may use beyond propext, Quot.sound and Classical.choice.
        toolchain: the Lean itself, in place of `lean` and `project`.
    """

    def __init__(
        self,
        *,
        lean: str = "auto",
        project: str | Path | None = None,
        workers: int | None = None,
        allow_axioms: Sequence[str] = (),
        toolchain: Toolchain | None = None,
    ) -> None:
        self._choice = lean, Path(project) if project is not None else None
        self._config = RunConfig(workers=workers, allow_axioms=tuple(allow_axioms))
        self._toolchain = toolchain
        self._stack = AsyncExitStack()
        self._loop: LoopThread | None = LoopThread(self._stack.aclose)
        self._starting = asyncio.Lock()
        self._lean: LeanParts | None = None
        self._lexical: Lexical | None = None
        self._numbers = itertools.count(1)

    @property
    def loop(self) -> LoopThread:
        """Where the session's coroutines run. Raises UsageError when it is closed."""
        if self._loop is None:
            raise UsageError("the session is closed")
        return self._loop

    async def _open(self, path: str | Path) -> SessionFile:
        """Elaborate a Lean file. Raises UsageError where it cannot be read."""
        file = read_source(str(path))
        parts = await self.parts()
        return SessionFile(self, await parts.pool.open(file.path, file.text))

    async def _read(self, source: str) -> SessionFile:
        """Elaborate a text as a file. Raises UsageError where its header cannot be read."""
        parts = await self.parts()
        return SessionFile(self, await parts.pool.open(f"text{next(self._numbers)}.lean", source))

    async def _theorem(self, source: str) -> SessionTheorem:
        """Elaborate a text with one `sorry`.

        Raises UsageError where it has none, or several, or an error before it.
        """
        file = await self._read(source)
        errors = [m.text for m in file.messages if m.severity == "error"]
        if len(file.theorems) != 1:
            found = f"the text has {len(file.theorems)} holes (`sorry`), not one"
            raise UsageError(": ".join([found, *errors[:1]]))
        if broken_theorems([file.opened]):
            raise UsageError(f"Lean finds an error before the sorry: {errors[0]}")
        return file.theorems[0]

    async def _prove(
        self,
        target: SessionFile | SessionTheorem | str | Path,
        *,
        theorems: Sequence[str] = (),
        policy: Policy | str | None = None,
        config: RunConfig | None = None,
    ) -> list[Attempt]:
        """Search proofs, and have the judge check each.

        Args:
            target: a theorem, an opened file, or the path of one.
            theorems: names of those of the file to be proved; none: all.
            policy: in the words of `--policy`, or an object with a name and `propose`.
            config: budgets and everything else. Its workers and axioms are the session's.

        Returns one attempt for each theorem. Raises UsageError, EnvironmentFault.
        """
        parts = await self.parts()
        if isinstance(target, str | Path):
            target = await self._open(target)
        file = target.file if isinstance(target, SessionTheorem) else target
        found = [target.record] if isinstance(target, SessionTheorem) else []
        found = found or select([file.opened], theorems)
        config = config or RunConfig()
        if isinstance(policy, str):
            config = replace(config, policy=policy)
            if config.prover.search == SearchConfig():
                config = searched(config, None)
        elif policy is not None:
            return await run_of(parts, config, (None, policy)).prove([file.opened], found)
        async with run_on(parts, config) as run:
            return await run.prove([file.opened], found)

    async def _premises(self, state: SessionState, k: int = 20) -> list[Premise]:
        """The k declarations that a proof of the state may use and that suit it best (BM25)."""
        premises = (await self.parts()).premises
        self._lexical = self._lexical or Lexical(premises)
        query = Query(state.theorem.record, state.record)
        found = await self._lexical.retrieve(query, k)
        texts = await premises.texts(query.theorem, found)
        return [replace(each, text=text) for each, text in zip(found, texts, strict=True)]

    async def _loads(self, text: str) -> SessionState:
        """The state that `dumps` wrote, here or elsewhere; its tactics are taken again.

        Raises UsageError for another text, and where Lean does not take a step again.
        """
        kept = KeptState.of(text)
        parts = await self.parts()
        return await kept.reach(SessionFile(self, await parts.pool.open(kept.path, kept.source)))

    open = blocking(_open)
    aopen = awaitable(_open)
    read = blocking(_read)
    aread = awaitable(_read)
    theorem = blocking(_theorem)
    atheorem = awaitable(_theorem)
    prove = blocking(_prove)
    aprove = awaitable(_prove)
    premises = blocking(_premises)
    apremises = awaitable(_premises)
    loads = blocking(_loads)
    aloads = awaitable(_loads)

    async def parts(self) -> LeanParts:
        """Its processes, started when first needed. Only in its own loop."""
        async with self._starting:
            if self._lean is None:
                lean, project = self._choice
                toolchain = self._toolchain
                if toolchain is None:
                    toolchain = await asyncio.to_thread(find_toolchain, lean, project=project)
                opening = open_lean(toolchain, self._config)
                self._lean = await self._stack.enter_async_context(opening)
            return self._lean

    def close(self) -> None:
        """End its processes. Once more does nothing."""
        if self._loop is not None:
            loop, self._loop = self._loop, None
            loop.wait(self._stack.aclose())  # what fails there is told
            loop.close()

    async def aclose(self) -> None:
        """As `close`, awaited."""
        if self._loop is not None:
            loop, self._loop = self._loop, None
            await loop.awaited(self._stack.aclose())
            loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
