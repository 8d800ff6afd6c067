"""The self-test of a worker, on the transcript in golden/: what passes, and what each fault is."""

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
from lakatos.data.errors import EnvironmentFault, ToolchainError
from lakatos.data.records import TimedOut
from lakatos.lean_env import self_test
from lakatos.lean_env.protocol import Failure, Result
from lakatos.lean_env.worker_command import WorkerCommand

HERE = Path(__file__).parent
TRANSCRIPT = HERE / "golden" / "self_test.jsonl"
LINES = [json.loads(line) for line in TRANSCRIPT.read_text(encoding="utf-8").splitlines()]
REQUESTS, REPLIES = LINES[0::2], LINES[1::2]


class Recorded:
    """Answers as the transcript does; replaced: other answers, by the request's number."""

    def __init__(self, replaced=None):
        self.replaced = replaced or {}
        self.asked = []

    async def request(self, op, *, wall_s, **fields):
        number = len(self.asked)
        self.asked.append({"op": op, **fields})
        if number in self.replaced:
            return self.replaced[number]
        reply = REPLIES[number]
        if "result" in reply:
            return Result(number, reply["result"], 1, 1)
        return Failure(number, reply["error"]["kind"], reply["error"]["text"])


def fault(replaced=None):
    return asyncio.run(self_test.first_fault(Recorded(replaced)))


def numbers(op, **fields):
    """Which requests of the transcript are of this kind."""
    wanted = {"op": op, **fields}.items()
    return [number for number, request in enumerate(REQUESTS) if wanted <= request.items()]


def test_the_transcript_is_what_is_asked_and_passes():
    worker = Recorded()
    assert asyncio.run(self_test.first_fault(worker)) == ""
    asked = [{k: v for k, v in request.items() if k not in ("v", "id")} for request in REQUESTS]
    assert worker.asked == asked


def answer(value):
    return Result(0, value, 1, 1)


REJECTED = {"rejected": {"kind": "elaboration", "text": "it ran"}}
TAKEN = {"states": []}
ACCEPTED = {"replayed": 1, "results": [{"name": "t", "reasons": [], "axioms": []}], "judged": 1}


@pytest.mark.parametrize(
    ("number", "instead", "said"),
    [
        (0, answer({"pong": 1}), "ping: answered {'pong': 1}"),
        (0, Failure(0, "internal", "boom"), "ping: .*boom"),
        (1, answer({"holes": []}), "a file with a sorry: an answer of no known shape, IndexError"),
        (numbers("apply", tactic="rfl")[0], answer(REJECTED), "tactics: `rfl` .*it ran"),
        (
            numbers("open", name="u.lean")[0],
            Failure(0, "import_failed", "`enableInitializersExecution` must be run"),
            "a second set of imports: .*enableInitializersExecution",
        ),
        (numbers("judge")[0], Failure(0, "internal", "x"), "a good proof: .*KeyError"),
        (numbers("judge")[1], answer(ACCEPTED), r"forged proofs: a proof to be refused \(kernel\)"),
        (numbers("judge")[2], answer(ACCEPTED), r"forged proofs: .*\(sorry\)"),
        (numbers("judge")[3], answer(ACCEPTED), r"forged proofs: .*\(axiom\)"),
        (numbers("judge")[4], answer(ACCEPTED), r"forged proofs: .*\(statement_changed\)"),
        (numbers("cut")[0], answer({"commands": []}), "a broken text: .*IndexError"),
        (numbers("trace")[0], answer({"commands": [{"steps": []}]}), "a traced file: answered"),
    ],
)
def test_a_wrong_answer_is_named_with_its_step(number, instead, said):
    assert re.match(said, fault({number: instead}))


@pytest.mark.parametrize("tactic", self_test.FORBIDDEN)
@pytest.mark.parametrize("instead", [REJECTED, TAKEN])
def test_forbidden_syntax_that_is_run_or_taken_is_a_fault(tactic, instead):
    (number,) = numbers("apply", tactic=tactic)
    assert fault({number: answer(instead)}).startswith(f"forbidden syntax: `{tactic.split()[0]}")


def test_syntax_is_refused_unread_by_the_embedded_lean():
    for tactic in self_test.FORBIDDEN:
        (number,) = numbers("apply", tactic=tactic)
        assert REPLIES[number]["result"]["rejected"]["kind"] in ("sorry", "forbidden")


def test_what_takes_too_long_is_no_fault_of_the_version():
    with pytest.raises(EnvironmentFault, match="ping took longer than 120 s"):
        fault({0: TimedOut(1.0)})


# ------------------------------------------------------------------------------ what is kept


class Native:
    """A toolchain whose worker replays the transcript; log: a line for each start."""

    name = "native"
    lean = "4.31.0"

    def __init__(self, folder, *other):
        self.log = folder / "log"
        self.other = other

    def worker_command(self, *, memory_mb):
        script = f'echo started >> {self.log}; exec "$@"'
        replay = [sys.executable, str(HERE / "replay_worker.py"), str(TRANSCRIPT), *self.other]
        return WorkerCommand(("/bin/sh", "-c", script, "sh", *replay), {}, None)

    @property
    def starts(self):
        return self.log.read_text().count("started")


def test_a_worker_that_passed_is_not_tested_again(tmp_path):
    lean, told = Native(tmp_path), []
    self_test.require(lean, tmp_path / "made", lambda *stage: told.append(stage))
    self_test.require(lean, tmp_path / "made")
    assert self_test.has_passed(tmp_path / "made")
    assert lean.starts == 1
    assert told == [("self-test", 0, 1), ("self-test", 1, 1)]


def test_a_worker_that_failed_is_refused_again_without_a_test(tmp_path):
    lean = Native(tmp_path, "0", '{"result": {"pong": 1}}')
    for _ in range(2):
        with pytest.raises(ToolchainError, match=r"self-test with Lean 4\.31\.0 \(ping: answered"):
            self_test.require(lean, tmp_path / "made")
    assert not self_test.has_passed(tmp_path / "made")
    assert lean.starts == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ('{"dead": {"cause": "panic", "text": "x"}}', r"self-test with Lean 4\.31\.0 \(.*panic"),
        ('"Worker.lean:9:1: error"', r"self-test with Lean 4\.31\.0 \("),
    ],
)
def test_of_a_worker_that_dies_nothing_is_kept(tmp_path, reply, said):
    lean = Native(tmp_path, "0", reply)
    with pytest.raises(ToolchainError, match=said) as caught:
        self_test.require(lean, tmp_path / "made")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_it_works_where_an_event_loop_runs(tmp_path):
    async def inside():
        self_test.require(Native(tmp_path), tmp_path / "made")

    asyncio.run(inside())
    assert self_test.has_passed(tmp_path / "made")


def test_a_damaged_result_is_none(tmp_path):
    (tmp_path / self_test.KEPT_FILE).write_bytes(b"no gzip")
    assert not self_test.has_passed(tmp_path)


@pytest.mark.lean
def test_the_embedded_worker_has_passed(own_toolchain):
    assert self_test.has_passed(own_toolchain.layer)
