"""What a freshly compiled worker must get right before it is used, asked once and kept beside it.

A worker that compiles with a version of Lean may still answer wrongly there, for what Lean's own
functions do differs from version to version (docs/lean_versions.md). Covered: opening, tactics, a
second set of imports, verdicts on good and forged proofs, refused syntax, broken texts, tracing.
Not covered: anything of a library other than Lean's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ..data.errors import EnvironmentFault, ProtocolError, WorkerDied
from . import versions
from .cache import keep_answer, kept_answer
from .protocol import Failure, Json, Result
from .worker import Answer, LeanWorker
from .worker_command import Progress, Toolchain, silent

KEPT_FILE = "self_test.json.gz"
MEMORY_MB = 2048
WALL_S = 120.0
MOST_TOLD = 300  # characters
HOLE = "theorem t : 1 = 1 := by\n  sorry\n"
SYNTAX_KINDS = ("sorry", "forbidden", "parse")
FORBIDDEN = (
    "sorry",
    "admit",
    "exact sorry",
    "exact sorryAx _",
    "stop rfl",
    "grind => sorry",
    "native_decide",
    "decide +native",
    "bv_decide",
    "run_tac pure ()",
    "exact by_elab return .const ``rfl []",
    "exact unsafe rfl",
    "set_option debug.skipKernelTC true in rfl",
    "exact set_option debug.skipKernelTC true in rfl",
    "simp (config := { maxSteps := 1 + 1 })",
    "let rec @[implemented_by unsafeCast] f : Nat := 7\nrfl",
    'exact include_str "A.lean"',
)
# the names t, False, True, True.intro; the terms False and True.intro; theorem t : False
FORGED: list[list[Any]] = [
    [0, 0, "t"],
    [0, 0, "False"],
    [0, 0, "True"],
    [0, 3, "intro"],
    [9, 2, []],
    [9, 4, []],
    [22, 1, [], 0, 1],
]


class SelfTestCall(Protocol):
    """What serves requests: a worker."""

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """Answer one request; raises WorkerDied."""


Ask = Callable[..., Awaitable[Json]]
Step = Callable[[Ask], Awaitable[str]]


def require(toolchain: Toolchain, folder: Path, progress: Progress = silent) -> None:
    """Have the worker tested, unless the result is kept in `folder`; keep what came of it.

    Works within a running event loop, too: the test has a thread of its own.
    Raises ToolchainError when it failed, now or before. Of a worker that dies nothing is kept, for
    that may be the machine's fault; one that is too slow raises EnvironmentFault.
    """
    fault = kept_fault(folder)
    if fault is None:
        progress("self-test", 0, 1)
        try:
            with ThreadPoolExecutor(1) as thread:
                fault = thread.submit(lambda: asyncio.run(_test(toolchain))).result()
        except (WorkerDied, ProtocolError) as error:
            why = " ".join(str(error).split())[:MOST_TOLD]
            raise versions.not_passed(toolchain.lean, toolchain.name, why) from error
        keep_answer(folder / KEPT_FILE, {"lean": toolchain.lean, "fault": fault})
        progress("self-test", 1, 1)
    if fault:
        raise versions.not_passed(toolchain.lean, toolchain.name, fault)


def has_passed(folder: Path) -> bool:
    """Whether the worker compiled in `folder` has passed its test."""
    return kept_fault(folder) == ""


def kept_fault(folder: Path) -> str | None:
    """What the worker in `folder` got wrong, empty for nothing; None where no result is kept."""
    with suppress(OSError, EOFError, ValueError, KeyError, TypeError):
        return str(kept_answer(folder / KEPT_FILE)["fault"])
    return None


async def first_fault(worker: SelfTestCall) -> str:
    """What a worker gets wrong first, in a few words; empty when it is all right."""

    async def ask(op: str, **fields: Any) -> Json:
        answer = await worker.request(op, wall_s=WALL_S, **fields)
        if isinstance(answer, Result):
            return answer.value
        if isinstance(answer, Failure):
            return {"failure": answer.kind, "text": answer.text}
        raise EnvironmentFault(f"the worker's self-test: {op} took longer than {WALL_S:g} s")

    for what, step in STEPS:
        try:
            fault = await step(ask)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            fault = f"an answer of no known shape, {type(error).__name__} {error}"
        if fault:
            return f"{what}: {fault}"
    return ""


async def _test(toolchain: Toolchain) -> str:
    command = toolchain.worker_command(memory_mb=MEMORY_MB)
    worker = await LeanWorker.start(command, start_wall_s=WALL_S)
    try:
        return await first_fault(worker)
    finally:
        await worker.close()


def _wrong(answer: Json) -> str:
    return f"answered {str(answer)[:MOST_TOLD]}"


async def _ping(ask: Ask) -> str:
    answer = await ask("ping")
    return "" if answer == {} else _wrong(answer)


async def _hole(ask: Ask) -> Json:
    opened = await ask("open", name="t.lean", source=HOLE)
    state: Json = opened["holes"][0]["states"][0]
    return state


async def _open(ask: Ask) -> str:
    opened = await ask("open", name="t.lean", source=HOLE)
    goal = opened["holes"][0]["states"][0]["goals"][0]["target"]
    severities = [message["severity"] for message in opened["messages"]]
    is_good = (goal, opened["imports"], severities) == ("1 = 1", ["Init"], ["warning"])
    return "" if is_good else _wrong({k: opened[k] for k in ("imports", "messages")})


async def _tactics(ask: Ask) -> str:
    state = (await _hole(ask))["state"]
    proved = await ask("apply", state=state, tactic="rfl")
    if proved.get("states") != []:
        return f"`rfl` {_wrong(proved)}"
    refused = await ask("apply", state=state, tactic="exact nothing_known")
    return "" if refused["rejected"]["kind"] == "elaboration" else _wrong(refused)


async def _second_imports(ask: Ask) -> str:
    source = f"import Init.Data.List.Lemmas\n{HOLE}"
    opened = await ask("open", name="u.lean", source=source)
    if "failure" in opened or len(opened["holes"]) != 1:
        return _wrong(opened)
    missing = await ask("open", name="v.lean", source="import Nowhere\n")
    return "" if missing.get("failure") == "import_failed" else _wrong(missing)


async def _verdict(ask: Ask, original: str, constants: Sequence[Any]) -> tuple[list[str], Json]:
    """The kinds of the reasons against `t`, and the answer."""
    fields = {"imports": ["Init"], "targets": ["t"], "allow": ["propext", "Classical.choice"]}
    answer = await ask("judge", original=original, constants=constants, **fields)
    return [reason["kind"] for reason in answer["results"][0]["reasons"]], answer


async def _good_proof(ask: Ask) -> str:
    exported = await ask("export", name="t.lean", source="theorem t : 1 = 1 := by\n  rfl\n")
    reasons, answer = await _verdict(ask, HOLE, exported["constants"])
    return "" if reasons == [] and answer["replayed"] == 1 else _wrong(answer)


async def _forged_proofs(ask: Ask) -> str:
    original = "theorem t : False := by\n  sorry\n"
    exports = {"kernel": FORGED}
    for kind, source in (
        ("sorry", original),
        ("axiom", "axiom a : False\ntheorem t : False := a\n"),
        ("statement_changed", "theorem t : True := trivial\n"),
    ):
        exports[kind] = (await ask("export", name="t.lean", source=source))["constants"]
    for kind, constants in exports.items():
        reasons, answer = await _verdict(ask, original, constants)
        if kind not in reasons:
            return f"a proof to be refused ({kind}) {_wrong(answer)}"
    return ""


async def _forbidden_syntax(ask: Ask) -> str:
    state = (await _hole(ask))["state"]
    for tactic in FORBIDDEN:
        answer = await ask("apply", state=state, tactic=tactic)
        if answer.get("rejected", {}).get("kind") not in SYNTAX_KINDS:
            return f"`{' '.join(tactic.split())}` {_wrong(answer)}"
    return ""


async def _broken_text(ask: Ask) -> str:
    source = "theorem t : 1 = 1 := by\n  skip\n  exact nothing_known\n"
    broken = await ask("cut", source=source)
    if not broken["commands"][0]["errors"][0]["cuts"]:
        return _wrong(broken)
    texts = ["theorem u : 1 = 1 := by simp,", "theorem u : 1 = 1 := rfl"]
    first, second = (await ask("parse", before="", texts=texts))["results"]
    is_good = first["place"] is not None and second["place"] is None
    return "" if is_good else _wrong({"results": [first, second]})


async def _trace(ask: Ask) -> str:
    source = "theorem t (p : Prop) (h : p) : p := by\n  exact h\n"
    traced = await ask("trace", name="t.lean", source=source)
    return "" if len(traced["commands"][0]["steps"]) == 1 else _wrong(traced)


STEPS: tuple[tuple[str, Step], ...] = (
    ("ping", _ping),
    ("a file with a sorry", _open),
    ("tactics", _tactics),
    ("a second set of imports", _second_imports),
    ("a good proof", _good_proof),
    ("forged proofs", _forged_proofs),
    ("forbidden syntax", _forbidden_syntax),
    ("a broken text", _broken_text),
    ("a traced file", _trace),
)
