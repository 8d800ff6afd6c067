"""The tools of the MCP server that search: prove, refute, repair, and what the database has of it.

The docstrings are what agents read. What searches is imported by the first call: a server should
be there before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ...data.errors import UsageError
from .lean_start import LeanStart
from .mcp_calls import AnyContext, PathArgument, TextArgument, read_lean
from .mcp_results import AttemptAnswer, AttemptsAnswer, ProveAnswer, RepairAnswer, StoredTry

if TYPE_CHECKING:
    from ...data.store.store import Store
    from ..session import RunConfig
    from .mcp_searches import Searches

REFUTE_SHARE = 0.9
"""Of the time for a theorem, what its negation gets when it is to be refuted."""

TREE_LINES = 60
"""Of an attempt's tree that are shown."""

TheoremNames = Annotated[
    list[str], Field(description="Names of some of its theorems; none: all.", max_length=1_000)
]
TimeLimit = Annotated[float, Field(gt=0, description="Seconds for each theorem.")]


@dataclass(frozen=True)
class AttemptRecords:
    """Where searches are recorded. store: the database, opened when it is first asked for; begin:
    writes that a run begins; its number.
    """

    store: Callable[[], Store]
    begin: Callable[[RunConfig], int]


class ProvingTools:
    """The tools.

    Args:
        start: the Lean.
        config: gives how it proves; its time for a theorem is the most that a client may ask for.
        records: where searches are recorded; None: nowhere.
    """

    def __init__(
        self,
        start: LeanStart,
        config: Callable[[], RunConfig],
        records: AttemptRecords | None = None,
    ) -> None:
        self._start = start
        self._config = config
        self._records = records

    async def prove(
        self,
        context: AnyContext,
        path: PathArgument = None,
        text: TextArgument = None,
        theorems: TheoremNames = [],  # noqa: B006 (pydantic copies it)
        time_s: TimeLimit = 60,
    ) -> ProveAnswer:
        """Search proofs of the holes (`sorry`) of a Lean file or text; each is judged.

        The file is not changed: put each `proof` in the place of its `sorry`.
        """
        searches = await self._searches(context, time_s)
        return await searches.prove(read_lean(path, text), theorems)

    async def refute(
        self,
        context: AnyContext,
        path: PathArgument = None,
        text: TextArgument = None,
        theorems: TheoremNames = [],  # noqa: B006 (pydantic copies it)
        time_s: TimeLimit = 60,
    ) -> ProveAnswer:
        """Look for disproofs of theorems with holes: counterexamples and proofs of the negation."""
        searches = await self._searches(context, time_s, refute=REFUTE_SHARE)
        return await searches.prove(read_lean(path, text), theorems)

    async def repair(
        self,
        context: AnyContext,
        path: PathArgument = None,
        text: TextArgument = None,
        theorems: TheoremNames = [],  # noqa: B006 (pydantic copies it)
        time_s: TimeLimit = 60,
    ) -> RepairAnswer:
        """Repair broken proofs: the steps that work stay, the others are searched anew.

        Statements are never changed, nor is the file: the answer has the repaired text.
        """
        searches = await self._searches(context, time_s)
        return await searches.repair(read_lean(path, text), theorems)

    async def list_attempts(
        self,
        theorem: Annotated[
            str | None, Field(description="a name, or a pattern such as `Nat.*`")
        ] = None,
        only_failed: bool = False,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
    ) -> AttemptsAnswer:
        """List stored attempts at theorems, newest first, those of earlier runs included."""
        store = self._store()
        from ...data.report.words import stop_word

        found = store.attempts(None, limit, theorem=theorem, only_failed=only_failed)
        return AttemptsAnswer(
            attempts=[
                StoredTry(
                    attempt=each.id,
                    theorem=each.theorem,
                    place=f"{each.path}:{each.line}",
                    result=stop_word(each.stop, each.has_proof),
                    started=f"{each.started_at:%Y-%m-%d %H:%M:%S} UTC",
                    wall_s=round(each.wall_s, 3),
                )
                for each in found
            ],
            next=["show_attempt: what was tried"] if found else [],
        )

    async def show_attempt(
        self, attempt: Annotated[int, Field(ge=1, description="its number")]
    ) -> AttemptAnswer:
        """Show one stored attempt: its numbers, its proof, and the tree of what was tried."""
        stored = self._store().load_attempt(attempt)
        from ...data.report.attempt import attempt_facts, graph_of, statistics, tree

        graph = graph_of(stored)
        lines = [line.text for line in tree(stored, graph)]
        tried = lines[:TREE_LINES]
        if len(lines) > len(tried):
            tried.append(f"… ({len(lines) - len(tried):,} more lines)")
        return AttemptAnswer(
            attempt=attempt,
            facts=dict([*attempt_facts(stored), *statistics(stored, graph).rows]),
            proof=stored.proof,
            tried=tried,
        )

    def _store(self) -> Store:
        if self._records is None:
            raise UsageError("this server keeps no database")
        return self._records.store()

    async def _searches(
        self, context: AnyContext, time_s: float, refute: float | None = None
    ) -> Searches:
        from .mcp_searches import Searches

        config = self._config()
        wall_s = min(time_s, config.prover.wall_s)
        prover = replace(config.prover, wall_s=wall_s)
        if refute is not None:
            prover = replace(prover, refute=refute)
        lean = await self._start.lean()
        return Searches(lean, context, replace(config, prover=prover), self._records)
