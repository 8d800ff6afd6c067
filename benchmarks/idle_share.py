"""How busy the bottleneck is while sixteen searches run: the model, then Lean.

    python benchmarks/idle_share.py [--searches 16] [--theorems 48] [--json FILE]

Model as the bottleneck: a small random model on one CPU thread writes eight completions for every
state; what it writes is replaced by eight steps that Lean takes at once, so that the search
goes on. Lean as the bottleneck: the hammer, whose answers cost next to nothing. The theorems
cannot be proved, so every search spends its budget. Counted from the first expansion until
fewer than --searches theorems are left. Baseline: the same with one search at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
import torch
from lakatos.data.records import Attempt, Expansion, Theorem
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.models.base import Sampling
from lakatos.prover.models.decode_loop import Loop
from lakatos.prover.models.forward import Causal
from lakatos.prover.models.request_queue import RequestQueue
from lakatos.prover.models.transformers_model import PromptLimits, Transformer
from lakatos.prover.policy.base import Policy, PolicyOutput, Proposal, Query
from lakatos.prover.policy.language import LanguagePolicy
from lakatos.prover.policy.prompts import format_named
from transformers import AutoModelForCausalLM, LlamaConfig

SIBLINGS = 8
EXPANSIONS = {"model": 16, "Lean": 2}
"""Of each theorem; the hammer proposes some sixty tactics at once."""
TINY = LlamaConfig(
    vocab_size=256, hidden_size=128, intermediate_size=384, num_hidden_layers=4,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048,
    bos_token_id=0, eos_token_id=None, pad_token_id=0,
)  # fmt: skip


class Bytes:
    """A tokenizer with one token a byte."""

    eos_token_id = None
    chat_template = None

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": list(text.encode())}

    def decode(self, tokens: Sequence[int], **_: Any) -> str:
        return bytes(tokens).decode(errors="replace")


class Onward:
    """Asks another policy, waits, and proposes steps that go on instead of its own."""

    name = "onward"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        await self._policy.propose(queries)
        steps = [f"have h{k} : {k} = {k} := rfl" for k in range(SIBLINGS)]
        return [PolicyOutput(tuple(Proposal(step, 1.0) for step in steps)) for _ in queries]


@dataclass
class Window:
    """From the first expansion until fewer than `searches` of all theorems are left.

    busy_s: how long the bottleneck has worked until now, in seconds.
    """

    busy_s: Callable[[], float]
    ends_after: int
    expansions_seen: int = 0
    finished: int = 0
    begin: tuple[float, float] | None = None
    end: tuple[float, float] | None = None

    def start_attempt(self, theorem: Theorem) -> None:
        """Nothing to note."""

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        if self.end is None:
            self.begin = self.begin or (time.monotonic(), self.busy_s())
            self.expansions_seen += len(expansions)

    def finish_attempt(self, attempt: Attempt) -> None:
        self.finished += 1
        if self.finished == self.ends_after:
            self.end = time.monotonic(), self.busy_s()


@dataclass(frozen=True)
class Row:
    """One measurement. busy_share: of the wall time of all that do the bottleneck's work."""

    bottleneck: str
    searches: int
    busy_share: float
    expansions_per_s: float
    wall_s: float


def model() -> RequestQueue:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    causal = Causal(AutoModelForCausalLM.from_config(TINY).eval())
    limits = PromptLimits(prompt=1024, context=0, ends=frozenset())
    return RequestQueue(Transformer("random", Loop(causal), Bytes(), limits), budget=1 << 16)


async def measure(bottleneck: str, searches: int, theorems: int) -> Row:
    source = "".join(
        f"example (a b : Nat) : a + b * {i} = b + a * {i} + 1 := by sorry\n"
        for i in range(theorems)
    )
    toolchain = find_toolchain("embedded", cache=record.cache())
    batcher = model()
    asked = LanguagePolicy(batcher, format_named("bfs-prover"), Sampling(n=SIBLINGS, max_tokens=48))
    async with LeanPool(toolchain) as pool, Verifier(pool, toolchain) as verifier:
        opened = await pool.open("idle.lean", source)
        if bottleneck == "model":
            policy, units, busy_s = Onward(asked), 1, lambda: batcher.stats.busy_s
        else:
            policy, units, busy_s = Hammer(), pool.workers, lambda: pool.lean_us / 1e6
        window = Window(busy_s, theorems - searches + 1)
        config = ProverConfig(
            expansions=EXPANSIONS[bottleneck], wall_s=3600.0, concurrency=searches
        )
        await Prover(pool, verifier, policy, config, window).prove(opened.theorems)
    await batcher.close()
    assert window.begin
    assert window.end
    wall_s = window.end[0] - window.begin[0]
    share = (window.end[1] - window.begin[1]) / wall_s / units
    rate = window.expansions_seen / wall_s
    return Row(bottleneck, searches, round(share, 3), round(rate, 1), round(wall_s, 1))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=16)
    parser.add_argument("--theorems", type=int, default=48)
    parser.add_argument("--bottleneck", nargs="+", default=list(EXPANSIONS), choices=EXPANSIONS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for bottleneck in options.bottleneck:
        for searches in (options.searches, 1):
            theorems = options.theorems if searches > 1 else 8
            rows.append(asyncio.run(measure(bottleneck, searches, theorems)))
            print(
                f"{bottleneck:5} {searches:3} searches: busy {rows[-1].busy_share:.0%}, "
                f"{rows[-1].expansions_per_s} expansions a second",
                flush=True,
            )
    if options.json:
        found = {"command": record.command(), "commit": record.commit()}
        record.write(options.json, found | {"rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
