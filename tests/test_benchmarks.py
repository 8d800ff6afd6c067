"""Benchmarks that wait for another machine run here in their smallest size."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="needs the extra llm")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.slow
def test_the_ways_to_run_a_model_are_measured_and_ours_is_judged(tmp_path):
    command = [sys.executable, BENCHMARKS / "policy_batching.py", "--tiny", "--out", "found.json"]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    (run,) = found["runs"]
    for way in ("per_state_generate", "batched_generate", "cross_search"):
        assert run[way]["tokens_a_s"] > 0
        assert run[way]["memory_roof_share"] > 0
    assert {"tokens_a_s", "failed"} & run["generate_batch"].keys()
    rule = run["rule"]
    least = min(rule["ours_to"].values())
    assert rule["ours_to"][rule["best_public"]] == least
    assert rule["keep_our_loop"] == (least >= rule["needed"] == 1.2)
    assert found["agreement"]["samples"] == 200
