"""What the policy `knn` is to remember: the steps of proofs, and what closed a state."""

from __future__ import annotations

from ...data.errors import UsageError
from ..learning.memory import MOST, StoredStep
from ..learning.outcomes import TacticOutcomes


def train_memory(tried: TacticOutcomes) -> list[StoredStep]:
    """The steps to remember, the latest last, each once. Raises UsageError where there is none."""
    _ = tried.lean  # of one version
    found = {
        StoredStep(each.goal, each.tactic, each.theorem): None
        for each in tried.rows
        if each.in_proof or each.closes
    }
    if not found:
        raise UsageError("nothing to remember: no tactic that was tried proved anything")
    return list(found)[-MOST:]
