"""Recall of premise retrieval: of the lemmas that a proof uses, how many are among the first k?

    python benchmarks/retrieval_recall.py [--library 600] [--proved DIR] [--problems F.jsonl]
                                          [--extracted DATASET --sources DIR]

The questions are theorems of which we have a proof: sampled ones of Init, each proved by `simp`
or `grind` without itself, those of the examples, and miniF2F-core's. What a proof uses:
the theorems named in its term, without what simp's congruences and arithmetic put there (GLUE).
With --extracted, a dataset that
`lakatos extract DIR` wrote: what the tactics of a proof cite, as written. The theorem itself is
no candidate. Told twice: of all premises used, and of the particular ones,
which at most one proof in twenty uses: what automation puts into every term needs no retrieval,
and is what the most frequent ones are. Baselines in the same run: a random order, and the order of
how often the other proofs use a premise. A theorem's recall@k: the share of its used premises
among the first k; the figure is the mean (as in ReProver, arXiv:2306.15626).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.records import Premise, Theorem
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.queries.premises import Premises
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.prover.policy.base import Query
from lakatos.prover.retrieval.base import Lexical, Retriever
from minif2f_core import core_file

CUTS = (1, 10, 32)
DEPTH = max(CUTS) + 1  # the theorem itself may be among them
EXAMPLES = Path(__file__).parents[1] / "examples"
RESULTS = Path(__file__).parent / "results" / "retrieval_recall.json"
UNIVERSES = "universe u v w x u_1 u_2 u_3 u_4 u_5 u_6\n"
BY = "by intros; first | simp [-{0}] | grind [-{0}] | simp | grind | omega"
GLUE = frozenset(
    """
    rfl id congr congrArg congrFun congrFun' funext propext of_eq_true of_eq_false eq_self eq_true
    eq_false eq_false' forall_congr implies_congr implies_congr_ctx implies_dep_congr_ctx
    forall_prop_congr_dom forall_prop_domain_congr ite_congr dite_congr iff_self iff_of_eq
    eq_of_heq heq_of_eq true_and and_true and_self implies_true ge_iff_le gt_iff_lt ne_eq
    not_false_eq_true not_true_eq_false Decidable.byContradiction
    """.split()  # noqa: SIM905
)
GLUE_OF = ("Eq.", "HEq.", "Lean.", "Classical.", "Int.Linear.", "Nat.Linear.", "eq_", "noConf")


@dataclass(frozen=True)
class Question:
    """A theorem to retrieve for. target: its name in the library, "" for one of a file."""

    theorem: Theorem
    used: frozenset[str]
    target: str = ""


def used_in(rows: list[list[Any]]) -> dict[str, set[str]]:
    """Name to the constants that its proof uses, of all theorems among exported rows.

    The rows are those of Constants.lean. Lemmas that Lean split off a proof are followed.
    """
    names, exprs, found = [""], [], {}
    for tag, *rest in rows:
        if tag in (0, 1):
            names.append(f"{names[rest[0]]}.{rest[1]}".lstrip("."))
        elif tag == 9:
            exprs.append((names[rest[0]], ()))
        elif 7 <= tag <= 16:
            parts = {10: rest, 11: rest[1:], 12: rest[1:], 13: rest[1:4], 14: rest[2:]}
            exprs.append((None, tuple(parts.get(tag, ()))))
        elif tag == 22:
            name, used = names[rest[0]], constants(exprs, rest[3])
            found[name] = used.union(*(found.get(part, ()) for part in used if "._" in part))
    return found


def constants(exprs: Sequence[tuple[str | None, tuple[int, ...]]], top: int) -> set[str]:
    """The constants of one expression."""
    waiting, seen, names = [top], set(), set()
    while waiting:
        if (number := waiting.pop()) not in seen:
            seen.add(number)
            name, parts = exprs[number]
            names |= {name} if name else set()
            waiting += parts
    return names


def cited(used: set[str], theorems: frozenset[str]) -> frozenset[str]:
    """The premises among the constants of a proof."""
    return frozenset(n for n in used & theorems if n not in GLUE and not n.startswith(GLUE_OF))


def theorem_names(premises: Sequence[Premise]) -> frozenset[str]:
    return frozenset(p.name for p in premises if p.kind == "theorem")


async def exported(pool: LeanPool, source: str) -> dict[str, set[str]]:
    answer = await pool.request("export", wall_s=900.0, source=source)
    return used_in(answer.value["constants"])


async def from_library(pool: LeanPool, premises: Premises, count: int, seed: int) -> list[Question]:
    """Sampled theorems of Init that are proved without themselves."""
    anchor = (await pool.open("init.lean", "example : True := by sorry\n")).theorems[0]
    library = await premises.library(anchor)
    theorems = theorem_names(library)
    chosen = random.Random(seed).sample([p for p in library if p.kind == "theorem"], count)
    texts = await premises.texts(anchor, chosen)
    proofs, questions = [], []
    for i, (p, text) in enumerate(zip(chosen, texts, strict=True)):
        proofs.append(f"theorem q{i} {text} := {BY.format(p.name)}")
        questions.append(f"example {text} := by sorry")
    uses = await exported(pool, UNIVERSES + "\n".join(proofs) + "\n")
    kept = [
        i
        for i, p in enumerate(chosen)
        if "sorryAx" not in (found := uses.get(f"q{i}", {"sorryAx"})) and p.name not in found
    ]
    source = UNIVERSES + "\n".join(questions[i] for i in kept) + "\n"
    asked = {t.line: t for t in (await pool.open("q.lean", source)).theorems}
    return [
        Question(asked[line], used, chosen[i].name)
        for line, i in enumerate(kept, 2)
        if line in asked and (used := cited(uses[f"q{i}"], theorems))
    ]


async def from_file(
    pool: LeanPool, premises: Premises, original: str, proved: str
) -> list[Question]:
    """The theorems of a proved file, each asked for at its own place."""
    uses = await exported(pool, proved)
    found = []
    for theorem in (await pool.open("original.lean", original)).theorems:
        both = [*await premises.library(theorem), *await premises.own(theorem)]
        if used := cited(uses.get(theorem.declaration or "", set()), theorem_names(both)):
            found.append(Question(theorem, used))
    return found


def proved_files(options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Name, original and proved text: the examples, and miniF2F-core with its stored proofs."""
    if options.proved:
        for path in sorted(options.proved.glob("*.lean")):
            yield "examples", (EXAMPLES / path.name).read_text("utf-8"), path.read_text("utf-8")
    if options.problems:
        stored = json.loads((RESULTS.parent / "minif2f_core.json").read_text("utf-8"))
        proofs = {row["name"]: row["proof"] for row in stored["theorems"] if row["proof"]}
        original, _ = core_file(options.problems, list(proofs))
        parts = original.split("sorry")
        names = re.findall(r"^theorem (\w+)", original, re.MULTILINE)
        assert len(parts) == len(names) + 1
        filled = [part + proofs[name] for part, name in zip(parts[:-1], names, strict=True)]
        yield "miniF2F-core", original, "".join(filled) + parts[-1]


async def from_dataset(
    pool: LeanPool, premises: Premises, dataset: Path, sources: Path
) -> list[Question]:
    """The theorems of an extracted dataset, with the premises that their tactics cite."""
    lines = (dataset / "jsonl" / "theorems.jsonl").read_text("utf-8").splitlines()
    rows = [r for line in lines if (r := json.loads(line))["premises"] and r["proof"]]
    found = []
    for name in sorted({row["file_path"] for row in rows}):
        text = (sources / name).read_text("utf-8")
        starts = [0, *(m.end() for m in re.finditer("\n", text))]
        used: dict[str, frozenset[str]] = {}
        for row in sorted((r for r in rows if r["file_path"] == name), key=lambda r: r["end"])[
            ::-1
        ]:
            end = starts[row["end"][0] - 1] + row["end"][1] - 1
            assert text[:end].endswith(row["proof"]), row["full_name"]
            text = text[: end - len(row["proof"])] + ":= by sorry" + text[end:]
            used[row["full_name"]] = frozenset(row["premises"])
        for theorem in (await pool.open(name, text)).theorems:
            both = [*await premises.library(theorem), *await premises.own(theorem)]
            wanted = used.get(theorem.declaration or "", frozenset()) & {p.name for p in both}
            if wanted:
                found.append(Question(theorem, frozenset(wanted)))
    return found


def particular(questions: Sequence[Question]) -> list[Question]:
    """The questions with only those used premises that at most one proof in twenty uses."""
    counts = Counter(name for question in questions for name in question.used)
    rare = {name for name, count in counts.items() if count * 20 <= max(20, len(questions))}
    narrowed = [replace(question, used=question.used & rare) for question in questions]
    return [question for question in narrowed if question.used]


def recall(ranked: Sequence[str], question: Question) -> dict[int, float]:
    names = [name for name in ranked if name != question.target]
    return {k: len(question.used & set(names[:k])) / len(question.used) for k in CUTS}


def summary(rows: Sequence[dict[int, float]]) -> dict[str, float]:
    return {f"recall@{k}": round(mean(row[k] for row in rows), 4) for k in CUTS}


async def ranked(retriever: Retriever, questions: Sequence[Question]) -> dict[str, Any]:
    """Recall of a retriever, and the time of one question once it is warm."""
    await retriever.retrieve(Query(questions[0].theorem, questions[0].theorem.state), 1)
    began, rows = time.monotonic(), []
    for question in questions:
        query = Query(question.theorem, question.theorem.state)
        found = await retriever.retrieve(query, DEPTH)
        rows.append(recall([p.name for p in found], question))
    ms = (time.monotonic() - began) / len(questions) * 1e3
    return summary(rows) | {"ms_a_question": round(ms, 1)}


async def baselines(premises: Premises, questions: Sequence[Question], seed: int) -> dict[str, Any]:
    """A random order, and how often the other proofs use a premise."""
    draw, by_chance, by_count = random.Random(seed), [], []
    counts = Counter(name for question in questions for name in question.used)
    for question in questions:
        library = await premises.library(question.theorem)
        names = sorted({p.name for p in (*library, *await premises.own(question.theorem))})
        by_chance.append(recall(draw.sample(names, DEPTH), question))
        others = counts - Counter(question.used)
        reachable = set(names)
        often = [name for name, _ in others.most_common() if name in reachable]
        by_count.append(recall(often[:DEPTH], question))
    return {"random": summary(by_chance), "most frequent": summary(by_count)}


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every set of questions, each retriever and baseline on it."""
    toolchain = find_toolchain("embedded", cache=record.cache())
    async with LeanPool(toolchain, workers=1) as pool:
        premises = Premises(pool, options.cache)
        sets: dict[str, list[Question]] = {}
        if options.library:
            sets["Init"] = await from_library(pool, premises, options.library, options.seed)
        for name, original, proved in proved_files(options):
            sets.setdefault(name, []).extend(await from_file(pool, premises, original, proved))
        if options.extracted:
            sets["extracted"] = await from_dataset(
                pool, premises, options.extracted, options.sources
            )
        found: dict[str, Any] = {}
        pairs = list(sets.items())
        pairs += [(f"{n}, particular", particular(q)) for n, q in sets.items()]
        for name, questions in pairs:
            if not questions:
                continue
            row = {
                "questions": len(questions),
                "used_a_question": round(mean(len(q.used) for q in questions), 2),
                "accessible": len(await premises.library(questions[0].theorem)),
                "bm25": await ranked(Lexical(premises), questions),
            }
            found[name] = row | await baselines(premises, questions, options.seed)
            print(name, json.dumps(found[name], indent=1), flush=True)
        return {"sets": found, "toolchain": f"{toolchain.name} Lean {toolchain.lean}"}


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=int, default=600, help="theorems sampled from Init")
    parser.add_argument("--proved", type=Path, help="folder: examples proved by `--out`")
    parser.add_argument("--problems", type=Path, help="minif2f_valid.jsonl")
    parser.add_argument("--extracted", type=Path, help="dataset of `lakatos extract`, as jsonl")
    parser.add_argument("--sources", type=Path, help="the folder it was extracted from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, help="folder to keep the library's list in")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = asyncio.run(measure(options))
    found |= {"command": record.command(), "commit": record.commit(), "seed": options.seed}
    record.write(options.out, found)


if __name__ == "__main__":
    main()
