"""Tactics a second from a language model: our decode loop against every public way.

    python benchmarks/policy_batching.py              CPU, minutes, a tiny model
    python benchmarks/policy_batching.py --gpu        GPU, unattended, under 8 minutes
    python benchmarks/policy_batching.py --model DIR --searches 8 --rounds 1 --siblings 8
    python benchmarks/policy_batching.py --tiny       seconds: whether everything runs

Ways (decoding_ways.py), in turns in one run: one `generate` of transformers per state; `generate`
over several states; its `generate_batch`; vLLM, where it is installed (GPU only); and ours,
cross-search batches in which siblings share their prompt. Weights are random unless --model is
given, and no completion ends early, so all do the same work: every sibling is --tokens long. The
run tests that ours draws from the same distribution as `generate` (chi-square over runs of four
tokens, two samples). The JSON holds the rule: our loop stays if it beats the best public way by
WORTH.

--gpu builds a 7B model of Qwen2.5's shape on the GPU in bfloat16, reads states of 512 tokens with
32 siblings of 64, and also tells GPU utilisation and the shares of the memory and arithmetic
roofs, both measured in the run. It starts nothing new after --limit seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import platform
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import NormalDist, mean
from typing import Any
from zlib import crc32

import record  # type: ignore[import-not-found]
import torch
import transformers
from decoding_ways import (  # type: ignore[import-not-found]
    OURS,
    SLOW,
    Load,
    vllm_way,
    ways,
)  # fmt: skip
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, Qwen2Config

RESULTS = Path(__file__).parent / "results"
TURNS = 2
"""Times that both ways are measured, one after the other."""

WORTH = 1.2
"""Our loop is kept if it is so many times as fast as the best public way."""

PACKAGES = ("torch", "transformers", "flash_attn", "kernels", "vllm")

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


def agreement(model: Any, load: Load, samples: int) -> dict[str, Any]:
    """Whether ours draws as `generate` does: chi-square of two samples over BUCKETS."""
    load = Load(4, 1, samples, min(load.state_tokens, 32), 4)
    asked = states(load, 4, model.config.vocab_size, seed=99)
    found = ways(model, load)
    torch.manual_seed(7)
    theirs, ours = found["per_state_generate"](asked)(), found[OURS](asked)()
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
    told = {"chi_square": round(distance, 1), "freedom": freedom, "p": round(p, 4)}
    return {**told, "samples": samples * 4, "agree": p > 0.001}


def timed(device: str, work: Callable[[], Any]) -> tuple[float, Watch]:
    """Wall time of some work, and the GPU meanwhile."""
    settle(device)
    watch, started = Watch(), time.perf_counter()
    with watch.on(device):
        work()
        settle(device)
        return time.perf_counter() - started, watch


def measure(model: Any, load: Load, few: int, roofs: Roofs) -> dict[str, Any]:
    """All ways on states of the same kind, in turns, after one to warm up. few: for SLOW ones."""
    device, words = model.device.type, model.config.vocab_size
    tried = ways(model, load)
    walls: dict[str, list[float]] = {name: [] for name in tried}
    busy: dict[str, list[float]] = {name: [] for name in tried}
    failed: dict[str, str] = {}
    counts = {name: few if name in SLOW else load.searches * load.rounds for name in tried}
    for turn in range(TURNS + 1):
        for name in [name for name in tried if name not in failed]:
            asked = states(load, counts[name], words, seed=2 * turn + (name not in SLOW))
            try:
                wall_s, watch = timed(device, tried[name](asked if turn else asked[:1]))
            except Exception as error:  # of another package: the others are still measured
                failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            if turn:
                walls[name].append(wall_s)
                busy[name] += watch.busy
    rows: dict[str, Any] = {"load": asdict(load)}
    for name, spent in walls.items():
        if name in failed:
            rows[name] = {"failed": failed[name]}
            continue
        alone = name == "per_state_generate"
        shape = replace(load, searches=1 if alone else min(load.searches, counts[name]))
        rows[name] = figures(model, shape, TURNS * counts[name], sum(spent), roofs)
        rows[name]["turns_s"] = [round(wall_s, 3) for wall_s in spent]
        rows[name]["gpu_busy"] = round(mean(busy[name]), 3) if busy[name] else None
    return rows


def with_vllm(model: Any, load: Load, roofs: Roofs) -> dict[str, Any]:
    """The same for vLLM, where it is installed."""
    try:
        way = vllm_way(model, load)
        if way is None:
            return {"failed": "not installed"}
        count, spent = load.searches * load.rounds, 0.0
        for turn in range(TURNS + 1):
            asked = states(load, count, model.config.vocab_size, seed=2 * turn + 1)
            wall_s, _ = timed(model.device.type, way(asked))
            spent += wall_s if turn else 0.0
    except Exception as error:  # of another package: what was measured is kept
        return {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}
    return figures(model, load, TURNS * count, spent, roofs)


def ruled(rows: dict[str, Any]) -> dict[str, Any]:
    """Whether our loop is worth keeping: at least WORTH times as fast as the best public way."""
    speeds = {k: row["tokens_a_s"] for k, row in rows.items() if "tokens_a_s" in row}
    ours = speeds.pop(OURS, 0.0)
    times = {name: round(ours / speed, 2) for name, speed in speeds.items()}
    best = min(times, key=lambda name: times[name], default="")
    keep = bool(best) and times[best] >= WORTH
    return {"ours_to": times, "best_public": best, "needed": WORTH, "keep_our_loop": keep}


def built(options: argparse.Namespace) -> Any:
    """The model where it will run: random weights, or those of a folder; nothing ends a text."""
    torch.manual_seed(0)
    if options.model:
        model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
        model.config.eos_token_id = None
        model.generation_config = GenerationConfig(pad_token_id=0)
        return model
    if not options.gpu:
        return AutoModelForCausalLM.from_config(TINY, dtype=torch.float32).eval()
    with torch.device("cuda"):
        return AutoModelForCausalLM.from_config(SEVEN, dtype=torch.bfloat16).eval()


def loads(options: argparse.Namespace) -> list[Load]:
    """What is asked, one after the other, smallest first."""
    kind = "gpu" if options.gpu else "tiny" if options.tiny else "cpu"
    searches, rounds, siblings, state, tokens = {
        "gpu": ([8, 32, 64], 2, 32, 512, 64),
        "cpu": ([16], 3, 16, 128, 32),
        "tiny": ([2], 1, 2, 12, 4),
    }[kind]
    rest = (
        options.rounds or rounds,
        options.siblings or siblings,
        options.state_tokens or state,
        options.tokens or tokens,
    )
    return [Load(each, *rest) for each in options.searches or searches]


def asked_for() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="a model of 7B on the GPU")
    parser.add_argument("--tiny", action="store_true", help="seconds: whether everything runs")
    parser.add_argument("--model", type=Path, help="the folder of a model, run on the CPU")
    parser.add_argument("--searches", type=int, nargs="+", help="default: 16; GPU: 8 32 64")
    parser.add_argument("--rounds", type=int, help="states of each; default: 3; GPU: 2")
    parser.add_argument("--siblings", type=int, help="default: 16; GPU: 32")
    parser.add_argument("--state-tokens", type=int, help="default: 128; GPU: 512")
    parser.add_argument("--tokens", type=int, help="default: 32; GPU: 64")
    parser.add_argument("--few", type=int, help="states of the slow ways; default: 8; GPU: 3")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, for all ways")
    parser.add_argument("--limit", type=float, default=360.0, help="seconds")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.gpu and not torch.cuda.is_available():
        sys.exit("--gpu: torch sees no GPU here")
    return options


def main() -> None:
    options = asked_for()
    gpu = options.gpu
    transformers.utils.logging.set_verbosity_error()
    logging.getLogger("ContinuousBatchingLogger").setLevel(logging.ERROR)
    torch.set_num_threads(options.threads)
    started = time.perf_counter()
    model = built(options)
    roofs = Roofs.of(model.device.type, model.dtype)
    found: dict[str, Any] = {
        "command": record.command(),
        "commit": record.commit(),
        "device": torch.cuda.get_device_name() if gpu else f"CPU, threads: {options.threads}",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in PACKAGES if find_spec(name)},
        "model": {
            "parameters": sum(p.numel() for p in model.parameters()),
            "dtype": str(model.dtype).removeprefix("torch."),
            "built_s": round(time.perf_counter() - started, 1),
        },
        "roofs": {"gb_a_s": roofs.bytes_a_s / 1e9, "tflops": roofs.flops / 1e12},
        "seeds": "states: 0 to 5; model: 0; draws: as each way has them",
        "runs": [],
    }
    out = options.out or RESULTS / ("policy_batching_gpu.json" if gpu else "policy_batching.json")
    few = options.few or (3 if gpu else 1 if options.tiny else 8)
    asked = loads(options)
    for load in asked:
        if time.perf_counter() - started > options.limit:
            found["cut"] = f"nothing new after {options.limit:.0f} s"
            break
        rows = measure(model, load, few, roofs)
        last = load is asked[-1] and time.perf_counter() - started < options.limit
        if gpu and last:
            rows["vllm"] = with_vllm(model, load, roofs)
        found["runs"].append({**rows, "rule": ruled(rows)})
        print(json.dumps(found["runs"][-1]), flush=True)
        record.write(out, found)
    samples = 500 if gpu else 50 if options.tiny or options.model else 2000
    found["agreement"] = agreement(model, asked[0], samples)
    found["wall_s"] = round(time.perf_counter() - started, 1)
    print(json.dumps(found["agreement"]))
    record.write(out, found)


if __name__ == "__main__":
    main()
