"""Conversations with a model about a theorem, as the store keeps them, for training on them.

What Lean's answer made us say is marked as feedback, and what the model wrote is marked right or
wrong; a model is trained on its own turns, never on the feedback.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

PROMPT, COMPLETION = "prompt", "completion"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. conversation: which of the attempt's, from 0; its turns follow in order.

    role: system | user | assistant; of a model that was asked for tactics prompt | completion, the
    completions of one prompt side by side. is_feedback: of a user's turn, made from Lean's answer.
    is_right: of an assistant's, whether the verifier accepted it as it stands; None: not judged.
    tokens: that the model wrote.
    """

    conversation: int
    role: str
    text: str
    is_feedback: bool = False
    is_right: bool | None = None
    tokens: int = 0


def load_turns(connection: Connection, attempt_id: int) -> list[Turn]:
    """All turns of an attempt, by conversation, in order."""
    from sqlalchemy import select

    from .store.schema import Text, TurnRow

    query = (
        select(TurnRow.conversation, TurnRow.role, Text.body)
        .add_columns(TurnRow.is_feedback, TurnRow.is_right, TurnRow.tokens)
        .join(Text, Text.id == TurnRow.text_id)
        .where(TurnRow.attempt_id == attempt_id)
        .order_by(TurnRow.conversation, TurnRow.number)
    )
    return [Turn(*row) for row in connection.execute(query)]
