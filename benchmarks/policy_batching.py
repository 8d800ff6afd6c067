"""Tactics a second from a language model: cross-search batches with shared prefill.

Baseline, in the same run: one `model.generate` of transformers per state, which draws all of a
state's siblings in one call. Weights are random and no completion ends early, so both do the
same work: every sibling is --tokens long. Both draw from the model's own distribution; the
run tests that they do (chi-square over runs of four tokens, two samples).

CPU, a minute:    python benchmarks/policy_batching.py
GPU, unattended:  python benchmarks/policy_batching.py --gpu
The second builds a 7B model of Qwen2.5's shape on the GPU in bfloat16, reads states of 512
tokens with 32 siblings of 64, and also tells GPU utilisation and the shares of the memory and
arithmetic roofs, both measured in the run. It starts nothing new after --limit seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import platform
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import NormalDist, mean
from typing import Any
from zlib import crc32

import record  # type: ignore[import-not-found]
import torch
import transformers
from lakatos.prover.batching import Batcher
from lakatos.prover.forward import Causal
from lakatos.prover.generation import Loop
from lakatos.prover.huggingface import Limits, Transformer
from lakatos.prover.model import Prompt, Sampling
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

RESULTS = Path(__file__).parent / "results"
TURNS = 2
"""Times that both ways are measured, one after the other."""

BUCKETS = 64
"""Runs of four tokens are compared in so many classes."""

TINY = LlamaConfig(
    vocab_size=512, hidden_size=128, intermediate_size=384, num_hidden_layers=4,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048,
    bos_token_id=0, eos_token_id=None, pad_token_id=0,
)  # fmt: skip
SEVEN = Qwen2Config(
    vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_hidden_layers=28,
    num_attention_heads=28, num_key_value_heads=4, max_position_embeddings=4096,
    bos_token_id=0, eos_token_id=None, pad_token_id=0, tie_word_embeddings=False,
)  # fmt: skip


@dataclass(frozen=True)
class Load:
    """What is asked: each of `searches` asks for `rounds` states, one after the other."""

    searches: int
    rounds: int
    siblings: int
    state_tokens: int
    tokens: int


class Numbers:
    """A tokenizer whose texts are token numbers."""

    eos_token_id = None
    chat_template = None

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [int(word) for word in text.split()]}

    def decode(self, tokens: Sequence[int], **_: Any) -> str:
        return " ".join(map(str, tokens))


def states(load: Load, count: int, vocabulary: int, seed: int) -> list[str]:
    """Random states of three quarters of the length up to all of it."""
    dice = random.Random(seed)
    lengths = [dice.randint(load.state_tokens * 3 // 4, load.state_tokens) for _ in range(count)]
    return [" ".join(str(dice.randrange(1, vocabulary)) for _ in range(n)) for n in lengths]


class Watch:
    """GPU utilisation while something runs, from nvidia-smi five times a second."""

    def __init__(self) -> None:
        self.busy: list[float] = []

    @contextmanager
    def on(self, device: str) -> Iterator[None]:
        if device == "cpu":
            yield
            return
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        process = subprocess.Popen([*command, "-lms", "200"], stdout=subprocess.PIPE, text=True)
        try:
            yield
        finally:
            process.terminate()
            lines = process.communicate()[0].splitlines()
            self.busy = [float(line) / 100 for line in lines if line.strip().isdigit()]


@dataclass(frozen=True)
class Roofs:
    """What the device can do, measured: bytes and arithmetic operations a second."""

    bytes_a_s: float
    flops: float

    @staticmethod
    def of(device: str, dtype: torch.dtype) -> Roofs:
        size, side = (1 << 30, 8192) if device != "cpu" else (1 << 26, 1024)
        source = torch.ones(size, dtype=torch.uint8, device=device)
        target = torch.empty_like(source)
        square = torch.randn(side, side, device=device, dtype=dtype)
        copied = seconds(lambda: target.copy_(source), device)
        multiplied = seconds(lambda: square @ square, device)
        return Roofs(2 * size / copied, 2 * side**3 / multiplied)


def seconds(work: Callable[[], Any], device: str, repeats: int = 10) -> float:
    """Mean wall time of one call, after three to warm up."""
    for _ in range(3):
        work()
    settle(device)
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    settle(device)
    return (time.perf_counter() - started) / repeats


def settle(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def figures(model: Any, load: Load, count: int, wall_s: float, roofs: Roofs) -> dict[str, Any]:
    """Rates, and the shares of the roofs.

    Memory: the least that must be read is the weights and, for each state, its cache once a
    step, and each sibling's own. Arithmetic: two operations a weight and token.
    """
    config, weights = model.config, sum(p.numel() for p in model.parameters())
    head = config.hidden_size // config.num_attention_heads
    place = 2 * config.num_hidden_layers * config.num_key_value_heads * head * model.dtype.itemsize
    batches = math.ceil(count / load.searches)
    cached = load.state_tokens * 7 / 8 + load.siblings * load.tokens / 2
    read = batches * load.tokens * weights * model.dtype.itemsize
    read += count * load.tokens * cached * place
    new = count * load.siblings * load.tokens
    done = 2 * weights * (new + count * load.state_tokens * 7 / 8)
    return {
        "states": count,
        "wall_s": round(wall_s, 3),
        "tactics_a_s": round(count * load.siblings / wall_s, 2),
        "tokens_a_s": round(new / wall_s, 1),
        "memory_roof_share": round(read / roofs.bytes_a_s / wall_s, 3),
        "arithmetic_roof_share": round(done / roofs.flops / wall_s, 3),
    }


def by_state(model: Any, load: Load, asked: Sequence[str]) -> list[list[list[int]]]:
    """The baseline: one call of `generate` for each state."""
    answers = []
    for text in asked:
        tokens = torch.tensor([Numbers()(text)["input_ids"]], device=model.device)
        out = model.generate(
            tokens, attention_mask=torch.ones_like(tokens), do_sample=True, temperature=1.0,
            top_k=0, top_p=1.0, num_return_sequences=load.siblings, max_new_tokens=load.tokens,
        )  # fmt: skip
        answers.append(out[:, tokens.shape[1] :].tolist())
    return answers


async def by_batcher(batcher: Batcher, load: Load, asked: Sequence[str]) -> list[list[list[int]]]:
    """All searches at once, each waiting for its answer before it asks again."""
    sampling = Sampling(n=load.siblings, max_tokens=load.tokens)
    answers: dict[str, list[list[int]]] = {}

    async def search(mine: Sequence[str]) -> None:
        for text in mine:
            (got,) = await batcher.generate([Prompt(text)], sampling)
            answers[text] = [Numbers()(c.text)["input_ids"] for c in got.completions]

    await asyncio.gather(*(search(asked[i :: load.searches]) for i in range(load.searches)))
    return [answers[text] for text in asked]


def batcher_over(model: Any) -> Batcher:
    forward = Causal(model)
    limits = Limits(prompt=4096, context=0, ends=frozenset())
    return Batcher(
        Transformer("bench", Loop(forward), Numbers(), limits), budget=1 << 40, remember=0
    )


def agreement(model: Any, load: Load, samples: int) -> dict[str, Any]:
    """Whether both ways draw the same sequences: chi-square of two samples over BUCKETS."""
    load = Load(4, 1, samples, min(load.state_tokens, 32), 4)
    asked = states(load, 4, model.config.vocab_size, seed=99)
    torch.manual_seed(7)
    theirs = by_state(model, load, asked)
    ours = asyncio.run(by_batcher(batcher_over(model), load, asked))
    distance, freedom = 0.0, 0
    for a, b in zip(theirs, ours, strict=True):
        first, second = (
            Counter(crc32(bytes(str(s), "ascii")) % BUCKETS for s in x) for x in (a, b)
        )
        cells = [k for k in range(BUCKETS) if first[k] + second[k]]
        distance += sum((first[k] - second[k]) ** 2 / (first[k] + second[k]) for k in cells)
        freedom += len(cells) - 1
    third = 2 / (9 * freedom)  # Wilson and Hilferty: the cube root of chi-square is nearly normal
    z = ((distance / freedom) ** (1 / 3) - (1 - third)) / math.sqrt(third)
    p = 1 - NormalDist().cdf(z)
    found = {"chi_square": round(distance, 1), "freedom": freedom, "p": round(p, 4)}
    return {**found, "samples": samples * 4, "agree": p > 0.001}


def timed(device: str, work: Callable[[], Any]) -> tuple[float, Watch]:
    """Wall time of some work, and the GPU meanwhile."""
    settle(device)
    watch, started = Watch(), time.perf_counter()
    with watch.on(device):
        work()
        settle(device)
        return time.perf_counter() - started, watch


def measure(model: Any, load: Load, baseline_states: int, roofs: Roofs) -> dict[str, Any]:
    """Both ways on states of the same kind, in turns, after one warm-up each."""
    device, words = model.device.type, model.config.vocab_size
    walls: dict[str, list[float]] = {"per_state_generate": [], "cross_search": []}
    busy: dict[str, list[float]] = {name: [] for name in walls}
    for turn in range(TURNS + 1):
        few = states(load, baseline_states if turn else 1, words, seed=2 * turn)
        many = states(load, load.searches * load.rounds, words, seed=2 * turn + 1)
        model.set_attn_implementation("sdpa")
        works: dict[str, Callable[[], Any]] = {
            "per_state_generate": partial(by_state, model, load, few)
        }
        for name in walls:
            if name == "cross_search":
                batcher = batcher_over(model)
                works[name] = lambda b=batcher, m=many: asyncio.run(by_batcher(b, load, m))
            wall_s, watch = timed(device, works[name])
            if turn:
                walls[name].append(wall_s)
                busy[name] += watch.busy
    alone = replace(load, searches=1)
    counts = {"per_state_generate": baseline_states, "cross_search": len(many)}
    rows: dict[str, Any] = {"load": asdict(load)}
    for name, spent in walls.items():
        shape = alone if name == "per_state_generate" else load
        rows[name] = figures(model, shape, TURNS * counts[name], sum(spent), roofs)
        rows[name]["turns_s"] = [round(wall_s, 3) for wall_s in spent]
        rows[name]["gpu_busy"] = round(mean(busy[name]), 3) if busy[name] else None
    ours, theirs = (rows[k]["tactics_a_s"] for k in ("cross_search", "per_state_generate"))
    rows["times"] = round(ours / theirs, 2)
    return rows


def built(gpu: bool) -> Any:
    """The model, with random weights, where it will run."""
    torch.manual_seed(0)
    if not gpu:
        return AutoModelForCausalLM.from_config(TINY, dtype=torch.float32).eval()
    with torch.device("cuda"):
        return AutoModelForCausalLM.from_config(SEVEN, dtype=torch.bfloat16).eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--searches", type=int, nargs="+", help="default: 16; GPU: 8 32 64")
    parser.add_argument("--siblings", type=int, help="default: 16; GPU: 32")
    parser.add_argument("--state-tokens", type=int, help="default: 128; GPU: 512")
    parser.add_argument("--tokens", type=int, help="default: 32; GPU: 64")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, for both ways")
    parser.add_argument("--limit", type=float, default=360.0, help="seconds")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    gpu = options.gpu
    if gpu and not torch.cuda.is_available():
        sys.exit("--gpu: torch sees no GPU here")
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(options.threads)
    started = time.perf_counter()
    model = built(gpu)
    roofs = Roofs.of(model.device.type, model.dtype)
    found: dict[str, Any] = {
        "command": record.command(),
        "commit": record.commit(),
        "device": torch.cuda.get_device_name() if gpu else f"CPU, threads: {options.threads}",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "model": {
            "parameters": sum(p.numel() for p in model.parameters()),
            "dtype": str(model.dtype).removeprefix("torch."),
            "built_s": round(time.perf_counter() - started, 1),
        },
        "roofs": {"gb_a_s": roofs.bytes_a_s / 1e9, "tflops": roofs.flops / 1e12},
        "runs": [],
    }
    out = options.out or RESULTS / ("policy_batching_gpu.json" if gpu else "policy_batching.json")
    for searches in options.searches or ([8, 32, 64] if gpu else [16]):
        if time.perf_counter() - started > options.limit:
            found["cut"] = f"nothing new after {options.limit:.0f} s"
            break
        load = Load(
            searches, 2 if gpu else 3, options.siblings or (32 if gpu else 16),
            options.state_tokens or (512 if gpu else 128), options.tokens or (64 if gpu else 32),
        )  # fmt: skip
        found["runs"].append(measure(model, load, 3 if gpu else 8, roofs))
        print(json.dumps(found["runs"][-1]), flush=True)
        record.write(out, found)
    found["agreement"] = agreement(model, load, 500 if gpu else 2000)
    found["wall_s"] = round(time.perf_counter() - started, 1)
    print(json.dumps(found["agreement"]))
    record.write(out, found)


if __name__ == "__main__":
    main()
