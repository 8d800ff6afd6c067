"""What a search of the worker finds for the theorems of a file, judged."""

from lakatos.data.records import Accepted, Advanced
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.deferred import replacement

HEARTBEATS = 10_000
"""In thousands: a quarter of what a tactic has at most; what finds nothing uses it up."""


async def searched(toolchain, source, tactic):
    """By theorem, the step that the search made; what closes a theorem the judge takes.

    As `lakatos prove` asks it: each proof in its place, and the file with all of them at the end.
    """
    found, proofs = {}, []
    async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
        opened = await pool.open("Searched.lean", source)
        for theorem in opened.theorems:
            (step,) = await pool.apply(theorem.state, tactic, heartbeats=HEARTBEATS, timeout_s=60)
            found[theorem.declaration] = step
            if step.outcome == Advanced(()):
                checked = await verifier.verify_in_place(theorem, step.tactic)
                assert isinstance(checked.verdict, Accepted)
                proofs.append((theorem, replacement(theorem, checked.source)))
        verdicts = await verifier.verify_together(*zip(*proofs, strict=True))
        assert [type(verdict) for verdict in verdicts] == [Accepted] * len(proofs)
    return found
