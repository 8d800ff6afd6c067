"""Conversations with a model about a theorem, as the store keeps them, for training on them.

What Lean's answer made us say is marked as feedback, and what the model wrote is marked right or
wrong; a model is trained on its own turns, never on the feedback.
"""

from __future__ import annotations

from dataclasses import dataclass

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
