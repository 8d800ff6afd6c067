"""A run over a problem set in the result formats of other provers, key for key.

No format has a word for every class of ours; what is not solved stays in, as not solved.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import StoreError, UsageError, unwritable
from ..evaluation import AttemptResult, Evaluation, Problem, ProblemResult, ResultClass
from ..files import write_whole
from ..proof_graph import Graph, Node, children, states
from .attempt import graph_of

if TYPE_CHECKING:
    from ..store.attempts import StoredAttempt

Load: TypeAlias = "Callable[[Iterable[int]], Iterator[StoredAttempt]]"
Files = Iterator[tuple[str, str]]
_FAULTS = (ResultClass.CRASH, ResultClass.MODEL_FAILED)
"""Names of files and what stands in them."""


@dataclass(frozen=True, slots=True)
class TriedFile:
    """An attempt with what it tried, or a problem without attempts: then only `problem` is set.

    steps: of its proof, each a tactic with the state it was tried at, depth first.
    """

    problem: Problem
    outcome: ResultClass
    detail: str
    summary: AttemptResult | None = None
    stored: StoredAttempt | None = field(default=None, repr=False)
    graph: Graph | None = field(default=None, repr=False)

    @property
    def is_solved(self) -> bool:
        """Whether the verifier accepted its proof."""
        return self.outcome is ResultClass.SOLVED

    @property
    def code(self) -> str:
        """The Lean file, with the proof in it if there is one."""
        proof = self.summary.proof if self.summary else None
        if proof is None or self.stored is None:
            return self.problem.lean
        theorem = self.stored.theorem
        raw = theorem.source.encode()
        return (raw[: theorem.start] + proof.encode() + raw[theorem.stop :]).decode()

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Of its proof: the attributes of each tactic, and `before`, those of its state."""
        if not self.is_solved or self.graph is None:
            return []
        found, work = [], [self.graph.graph["root"]]
        below = children(self.graph)
        while work:
            state = work.pop()
            tactic = proof_tactic(self.graph, below, state)
            if tactic is not None:
                before = {"before": self.graph.nodes[state]}
                found.append(self.graph.nodes[tactic] | before)
                work += reversed(below[tactic])
        return found


def proof_tactic(graph: Graph, below: dict[Node, list[Node]], state: Node) -> Node | None:
    """The tactic of the smallest proof at a state of it."""
    return next((tactic for tactic in below[state] if graph.nodes[tactic]["in_proof"]), None)


def write(run: Evaluation, name: str, load: Load, folder: Path) -> list[Path]:
    """Write the run in the format of that name; the files. Raises UsageError, StoreError."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}; there is: {', '.join(FORMATS)}")
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in FORMATS[name](run, load):
            write_whole(folder / file, text.encode("utf-8", "replace"))
            written.append(folder / file)
    except OSError as error:
        raise unwritable(folder, error) from error
    return written


def tried(run: Evaluation, load: Load) -> Iterator[tuple[ProblemResult, list[TriedFile]]]:
    """Each problem with its attempts, in order; one entry where there is no attempt."""
    from ..store.texts import in_chunks

    for results in in_chunks(run.results):
        ids = [attempt.attempt_id for result in results for attempt in result.attempts]
        stored = {each.summary.id: each for each in load(ids)}
        for result in results:
            attempts = [_tried(result, attempt, stored) for attempt in result.attempts]
            yield result, attempts or [TriedFile(result.problem, result.outcome, result.detail)]


def _tried(
    result: ProblemResult, attempt: AttemptResult, stored: dict[int, StoredAttempt]
) -> TriedFile:
    if attempt.attempt_id not in stored:
        raise StoreError(f"attempt {attempt.attempt_id} of {result.problem.name} is missing")
    whole = stored[attempt.attempt_id]
    outcome, detail = attempt.outcome, attempt.detail
    return TriedFile(result.problem, outcome, detail, attempt, whole, graph_of(whole))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


# ------------------------------------------------------------------ llmstep, InternLM
_LLMSTEP_REASONS = {
    ResultClass.SOLVED: "",
    ResultClass.NOT_ELABORATED: "DojoInitError",
    ResultClass.CRASH: "DojoCrashError",
    ResultClass.MODEL_FAILED: "ModelError",
}


def llmstep(run: Evaluation, load: Load) -> Files:
    """`results__MODEL__SHARD.json` of llmstep's and InternLM's proof search."""
    temperature = run.config.get("model", {}).get("temperature")
    results = []
    for result, attempts in tried(run, load):
        problem = result.problem
        results.append(
            {
                "attempt_results": [_llmstep_attempt(each, temperature) for each in attempts],
                "success": result.is_solved,
                "example": {
                    "full_name": problem.name,
                    "statement": problem.statement,
                    "url": "",
                    "commit": run.commit,
                    "file_path": problem.path,
                    "split": problem.split,
                },
            }
        )
    model = str(run.config.get("policy", "")).replace("/", "_")
    yield f"results__{model}__0.json", _json({"results": results, "args": run.config})


def _llmstep_attempt(each: TriedFile, temperature: float | None) -> dict[str, Any]:
    steps = each.steps
    return {
        "theorem": each.problem.name,
        "proof": [step["tactic"] for step in steps],
        "score": sum(math.log(step["prior"]) for step in steps if step["prior"] > 0),
        "success": each.is_solved,
        "failure_reason": _LLMSTEP_REASONS.get(each.outcome, "SearchEnded"),
        "trace": [{"tactic": s["tactic"], "state_before": s["before"]["pretty"]} for s in steps],
        "temperature": temperature,
        "elapsed": each.summary.wall_s if each.summary else 0.0,
        "iteration": each.summary.expansions if each.summary else 0,
    }


# ------------------------------------------------------------------ Goedel-Prover
def goedel(run: Evaluation, load: Load) -> Files:
    """Goedel-Prover's codes, their compilation, and the summary as JSON and as a table."""
    records: list[dict[str, Any]] = []
    solved: dict[str, int] = {}
    for result, attempts in tried(run, load):
        name = result.problem.name
        solved[name] = solved.get(name, 0) + sum(each.is_solved for each in attempts)
        for each in attempts:
            compiled = _compilation(each)
            records.append({"name": name, "code": each.code, "compilation_result": compiled})
    correct = sum(count > 0 for count in solved.values())
    share = f"{100 * correct / len(solved):.2f}" if solved else "0.00"
    codes = [{"name": record["name"], "code": record["code"]} for record in records]
    yield "to_inference_codes.json", _json(codes)
    yield "code_compilation.json", _json(records)
    summary = {"total": len(solved), "correct": correct, "accuracy": share, "field": "complete"}
    yield "compilation_summarize.json", _json(summary)
    table = io.StringIO()
    writer = csv.writer(table, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("name", "correct"), *sorted(solved.items())])
    yield "compilation_summarize.csv", table.getvalue()


def _compilation(each: TriedFile) -> dict[str, Any]:
    """What compiling the code says: a `sorry` where no proof is; our reasons as errors."""
    is_bad = each.outcome in (ResultClass.NOT_ELABORATED, ResultClass.REFUSED)
    has_hole = not each.is_solved and not is_bad
    sorries = []
    if has_hole and each.stored:
        theorem = each.stored.theorem
        place = {"line": theorem.line, "column": theorem.column}
        end = place | {"column": theorem.column + len("sorry")}
        sorries = [{"pos": place, "endPos": end, "goal": theorem.state.pretty}]
    message = {"severity": "error", "pos": {"line": 1, "column": 0}, "endPos": None}
    return {
        "sorries": sorries,
        "tactics": [],
        "errors": [message | {"data": each.detail}] if is_bad else [],
        "warnings": [],
        "infos": [],
        "system_messages": "",
        "system_errors": each.detail if each.outcome in _FAULTS else None,
        "ast": {},
        "verified_code": each.code,
        "pass": not is_bad,
        "complete": each.is_solved,
        "verify_time": each.summary.wall_s if each.summary else 0.0,
    }


# ------------------------------------------------------------------ ReProver
def reprover(run: Evaluation, load: Load) -> Files:
    """A list of ReProver's SearchResult, one for each attempt."""
    found = [_search_result(each) for _, attempts in tried(run, load) for each in attempts]
    yield "results.json", _json(found)


def _search_result(each: TriedFile) -> dict[str, Any]:
    expansions = each.stored.expansions if each.stored else ()
    lean_s = sum(step.elapsed_ms for e in expansions for step in e.steps) / 1000
    total_s = each.summary.wall_s if each.summary else 0.0
    status = {ResultClass.SOLVED: "Proved", ResultClass.DEAD_END: "Failed"}.get(
        each.outcome, "Open"
    )
    return {
        "theorem": {"file_path": each.problem.path, "full_name": each.problem.name},
        "status": status,
        "proof": [step["tactic"] for step in each.steps] if each.is_solved else None,
        "actor_time": max(0.0, total_s - lean_s),
        "environment_time": lean_s,
        "total_time": total_s,
        "num_total_nodes": len(states(each.graph)) if each.graph else 0,
        "num_searched_nodes": len({e.state.key for e in expansions}),
    }


# ------------------------------------------------------------------ nanoproof
def nanoproof(run: Evaluation, load: Load) -> Files:
    """nanoproof's theorems.jsonl, summary.toml and args.json; one line for each attempt."""
    lines, solved, errors = [], 0, 0
    for result, attempts in tried(run, load):
        solved += result.is_solved
        errors += result.outcome in (ResultClass.NOT_ELABORATED, *_FAULTS)
        lines += [json.dumps(_nano_line(run, each), ensure_ascii=False) for each in attempts]
    yield "theorems.jsonl", "".join(line + "\n" for line in lines)
    total = len(run.results)
    rate = solved / total if total else 0.0
    numbers = {"total": total, "solved": solved, "errors": errors, "success_rate": rate}
    named = json.dumps(run.problem_set, ensure_ascii=False)
    table = "".join(f"{name} = {value}\n" for name, value in numbers.items())
    yield "summary.toml", f"dataset = {named}\n{table}"
    yield "args.json", _json(run.config)


def _nano_line(run: Evaluation, each: TriedFile) -> dict[str, Any]:
    tree = _nano_tree(each.graph) if each.graph and each.is_solved else None
    fault = each.outcome in (ResultClass.NOT_ELABORATED, *_FAULTS)
    return {
        "theorem": each.problem.statement,
        "header": each.problem.header,
        "dataset": run.problem_set,
        "id": each.problem.name,
        "proof": tree,
        "unsimplified_proof": tree,
        "linearized_proof": each.code if each.is_solved else None,
        "num_iterations": each.summary.expansions if each.summary else 0,
        "error": (each.detail or each.outcome.value) if fault else None,
    }


_OR, _AND = 1, 2


def _nano_tree(graph: Graph) -> dict[str, Any]:
    """The smallest proof as nanoproof's nodes: an AND node where a tactic leaves several states.

    Built without recursion; a state that is met again is written again.
    """
    below, made = children(graph), 0

    def node(action: Any, prior: float | None, keys: list[Node], kind: int) -> dict[str, Any]:
        nonlocal made
        made += 1
        data = [graph.nodes[key] for key in keys]
        return {
            "id": str(made),
            "parent_id": None,
            "action": action,
            "prior": prior,
            "state": [each["pretty"] for each in data],
            "reward": None if action is None else -1.0,
            "to_play": kind,
            "is_solved": True,
            "visit_count": sum(each["visits"] for each in data),
            "evaluations": sum(each["visits"] for each in data),
            "value_sum": 0.0,
            "value_target": None,
            "children": None,
        }

    def hang(parent: dict[str, Any], name: str, child: dict[str, Any]) -> None:
        child["parent_id"] = parent["id"]
        parent["children"] = (parent["children"] or {}) | {name: child}

    root = node(None, None, [graph.graph["root"]], _OR)
    work = [(root, graph.graph["root"])]
    while work:
        above, state = work.pop()
        tactic = proof_tactic(graph, below, state)
        assert tactic is not None
        data, keys = graph.nodes[tactic], below[tactic]
        after = node(data["tactic"], data["prior"], keys, _AND if len(keys) > 1 else _OR)
        hang(above, data["tactic"], after)
        if len(keys) == 1:
            work.append((after, keys[0]))
        for index, key in enumerate(keys if len(keys) > 1 else ()):
            child = node(index, None, [key], _OR)
            hang(after, str(index), child)
            work.append((child, key))
    return root


FORMATS: dict[str, Callable[[Evaluation, Load], Files]] = {
    "llmstep": llmstep,
    "goedel": goedel,
    "reprover": reprover,
    "nanoproof": nanoproof,
}
"""By the name of `lakatos report --export`."""
