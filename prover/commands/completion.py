"""What the shell completes for the values of options."""

from __future__ import annotations

from collections.abc import Callable

SEARCHES = (
    "best-first", "perspectives", "mcts", "htps", "alphaproof", "rmax", "whole-proof",
)  # fmt: skip
PROMPTS = (
    "bfs-prover", "reprover", "internlm-stepprover", "llmstep", "kimina-prover",
    "deepseek-prover-v2", "deepseek-prover", "goedel-prover", "state", "few-shot", "chat",
    "chat-proof", "chat-sketch",
)  # fmt: skip
POLICIES = "hammer", "knn", "hf:", "openai:", "scripted:", "sketch:"
MODES = "auto", "tactic", "whole-proof", "sketch"
LEANS = "auto", "embedded", "native"
EXPORTS = "llmstep", "goedel", "reprover", "nanoproof"
FORMATS = "jsonl", "parquet", "datasets", "leandojo"
SOURCES = "core", "store", "synthetic"
KERNELS = "nanoda", "leanchecker"


def one_of(*values: str) -> Callable[[str], list[str]]:
    """Complete to one of the values. They are spelled out, for a list costs no import."""

    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete
