"""Does LeanDojo read what `lakatos extract PATH --format leandojo --out DIR` wrote?

    GITHUB_ACCESS_TOKEN= python benchmarks/leandojo_loader.py DIR/leandojo

Its own loaders, of lean-dojo-v2, read the folder as its training does: the corpus, the examples of
the retriever (batches of them too, in the tokens of ByT5), those of the tactic generator. The
baseline is what stands in the files: each tactic must come back, and each marked premise be found.
They need `pip install deepspeed lean-dojo-v2`, and a variable for GitHub, which may be empty.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from transformers import ByT5Tokenizer

PARTS = ("train", "val", "test")
STRATEGIES = ("random", "novel_premises")
RESULT = Path(__file__).parent / "results" / "leandojo_loader.json"
TOKENS = 512
BATCH = 8


def read(folder: Path, strategy: str, corpus: Any) -> Counter[str]:
    """What the loaders make of one split, beside what is in it."""
    found: Counter[str] = Counter()
    retrieval = importlib.import_module("lean_dojo_v2.lean_agent.retrieval.datamodule")
    generator = importlib.import_module("lean_dojo_v2.lean_agent.generator.datamodule")
    Pos = importlib.import_module("lean_dojo_v2.lean_dojo").Pos  # noqa: N806
    tokenizer = ByT5Tokenizer()
    for part in PARTS:
        place = folder / strategy / f"{part}.json"
        steps = [s for t in json.loads(place.read_text("utf-8")) for s in t["traced_tactics"]]
        found["tactics"] += len(steps)
        for marked in (each for step in steps for each in step["annotated_tactic"][1]):
            found["premises_marked"] += 1
            premise = corpus.locate_premise(marked["def_path"], Pos(*marked["def_pos"]))
            found["premises_found"] += premise is not None
        examples = generator.GeneratorDataset(
            str(place), corpus, False, None, TOKENS, TOKENS, 0.0, True, tokenizer, part == "train"
        )
        found["generator_examples"] += len(examples)
        for is_train in (False, True):
            with tempfile.TemporaryDirectory() as cache:
                pairs = retrieval.RetrievalDataset(
                    [str(place)], corpus, 1, 1, TOKENS, tokenizer, is_train, cache
                )
            if not is_train:
                found["retriever_states"] += len(pairs)
                continue
            found["retriever_pairs"] += len(pairs)
            for data in (examples, pairs):
                batches = [range(i, i + BATCH) for i in range(0, len(data) - BATCH, BATCH)]
                for batch in batches:
                    data.collate([data[i] for i in batch])
                found["batches"] += len(batches)
    return found


def main() -> None:
    """Read, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    common = importlib.import_module("lean_dojo_v2.lean_agent.common")
    corpus = common.Corpus(str(folder / "corpus.jsonl"))
    found = {"command": record.command(), "commit": record.commit()}
    found |= {"files": corpus.num_files, "premises": len(corpus)}
    for strategy in STRATEGIES:
        found[strategy] = read(folder, strategy, corpus)
    record.write(RESULT, found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
