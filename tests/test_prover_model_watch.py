"""A night in small: a model server that dies and talks nonsense, and what a run makes of it."""

import asyncio
from dataclasses import replace

import pytest
from lakatos.data.errors import ModelUnavailable
from lakatos.data.evaluation import ResultClass
from lakatos.data.model_usage import ModelUsage
from lakatos.data.records import StopReason
from lakatos.data.store.store import Store
from lakatos.prover.agent.budget import Budget
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.evaluation.runner import RunnerContext
from lakatos.prover.models.base import Completion, Generated, Prompt, Sampling
from lakatos.prover.models.openai_client import OpenAIServer, ServerOptions
from lakatos.prover.models.server_watch import (
    LONG_S,
    SAID_EVERY_S,
    SearchWatch,
    ServerMonitor,
    Servers,
    WatchGroup,
)
from lakatos.prover.policy.base import SeededPolicy
from lakatos.prover.policy.language import LanguagePolicy

from .fake_openai import Server, answer, break_off, garbage, refuse, send
from .test_prover_language_policy import FORM, ToyModel
from .toy_problems import Session, counted, problem

SAMPLES = 8
NAMES = ["identity", "lem", "and_comm", "peirce", "or_comm", "curry", "distrib", "loop"]
PROBLEMS = [problem(f"{NAMES[n % 8]}_{n}") for n in range(200)]


class Hours:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def completions(*texts):
    return Generated(tuple(Completion(text) for text in texts))


# ---------------------------------------------------------------- one search


def test_a_clock_stands_still_while_the_server_fails():
    clock = Hours()
    watch = SearchWatch(clock)
    budget = Budget(ProverConfig(wall_s=60.0), watch.time)
    with budget.running():
        clock.now += 10
        watch.failing(4.0, "HTTP 500")  # those 4 s, too
        clock.now += 1000
        assert budget.left_s == 54
        watch.failing(0.0, "HTTP 500")
        watch.over()
        clock.now += 1000
        watch.over()
        assert budget.left_s == 54
        clock.now += 5
        assert budget.left_s == 49
    clock.now += 1000
    assert budget.spent_s == 11


def test_who_comes_late_waits_for_a_failing_server_as_well():
    clock = Hours()
    first, late, group = SearchWatch(clock), SearchWatch(clock), WatchGroup()
    group.join(first)
    group.sent()
    group.failing(0.0, "HTTP 500")
    clock.now += 7
    group.join(late)
    clock.now += 5
    group.leave(first)
    clock.now += 3
    group.over()
    assert (first.time(), late.time()) == (103.0, 107.0)
    assert late.failure(StopReason.DEAD_END)


@pytest.mark.parametrize(
    ("heard", "stop", "says"),
    [
        ([], StopReason.DEAD_END, "the model gave no answer"),
        ([completions("", " ")], StopReason.DEAD_END, "2 of 2 answers of the model were empty"),
        ([completions("")], StopReason.WALL_TIME, "1 of 1 answers of the model were empty"),
        ([Generated((), refused="too long")], StopReason.DEAD_END, "too long"),
        ([completions("", "simp")], StopReason.DEAD_END, ""),
        ([], StopReason.INTERRUPTED, ""),
    ],
)
def test_a_model_that_says_nothing_has_failed(heard, stop, says):
    watch = SearchWatch(Hours())
    assert watch.failure(stop) == ""  # nobody was asked
    watch.sent()
    for each in heard:
        watch.answered(each)
    assert watch.failure(stop) == says


def test_a_slow_server_is_not_a_silent_one():
    watch = SearchWatch(Hours())
    watch.sent()
    assert "no answer in the time" in watch.failure(StopReason.WALL_TIME)
    watch.server_answered()  # to another theorem
    assert watch.failure(StopReason.WALL_TIME) == ""


def test_what_lean_rejects_is_shown():
    watch = SearchWatch(Hours())
    watch.answered(completions("Sure!\nHere is the proof.", "simp"))
    told = watch.all_rejected(2)
    assert told.startswith("2 answers of the model, all 2 tactics were rejected by Lean; the first")
    assert told.endswith(": Sure! Here is the proof.")
    assert "none holds a tactic" in watch.all_rejected(0)


# ---------------------------------------------------------------- one run


def test_trouble_is_said_once_and_so_is_its_end():
    clock, lines = Hours(), []
    monitor = ServerMonitor(lines.append, clock)
    with monitor.request() as request:
        for number in range(2, 7):
            request.send()
            request.failed("HTTP 500", f"trying again ({number} of 6)")
            clock.now += LONG_S
        request.send()
    monitor.answered(completions("simp", ""))
    clock.now += SAID_EVERY_S
    assert lines == [
        "server: HTTP 500, trying again (2 of 6)",
        f"server: answers again, after {5 * LONG_S:.0f} s",
    ]
    assert monitor.usage == ModelUsage(
        requests=6, errors=5, completions=2, empty=1, busy_s=5 * LONG_S, down_s=5 * LONG_S
    )
    assert monitor.usage.text == (
        "6 requests, 5 errors, 1 of 2 completions empty, 0 tokens/s, 25 s without an answer"
    )
    assert ModelUsage.read(monitor.usage.as_dict()) == monitor.usage


def generated(server, *, pauses=None, monitor=None, **options):
    async def pause(seconds):
        if pauses is not None:
            pauses.append(seconds)

    async def run():
        reach = Servers(None, monitor or ServerMonitor())
        client = OpenAIServer("m", server.url, reach, ServerOptions(**options), sleep=pause)
        try:
            first = await client.generate([Prompt("x")], Sampling(n=1))
            return first + await client.generate([Prompt("y")], Sampling(n=1))
        finally:
            await client.close()

    return asyncio.run(run())


def test_a_server_that_answered_before_is_waited_for():
    pauses = []
    with Server(answer("a"), *[refuse(503)] * 9, answer("b")) as server:
        found = generated(server, pauses=pauses)
    assert [each.completions[0].text for each in found] == ["a", "b"]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    with (
        Server(answer("a"), default=refuse(503, "gone")) as server,
        pytest.raises(ModelUnavailable, match=r"HTTP 503: gone \(tries: 8\)"),
    ):
        generated(server, patience_s=63)
    with (
        Server(default=refuse(503)) as server,
        pytest.raises(ModelUnavailable, match=r"\(tries: 6\)"),
    ):
        generated(server)


def test_empty_answers_are_asked_for_again_and_given_up_as_they_are():
    empty = answer("")
    with Server(empty, answer("a"), *[empty] * 6) as server:
        monitor = ServerMonitor()
        found = generated(server, monitor=monitor)
    assert [each.completions[0].text for each in found] == ["a", ""]
    assert (monitor.usage.requests, monitor.usage.errors, monitor.usage.empty) == (8, 6, 1)


def test_a_prompt_that_is_too_long_is_told_with_what_to_do():
    lines = []
    reply = refuse(400, "This model's maximum context length is 2048 tokens")
    with Server(default=reply) as server:
        found = generated(server, monitor=ServerMonitor(lines.append))
    (line,) = lines
    assert line == f"server: {found[0].refused}"
    assert "maximum context length is 2048 tokens" in line
    assert "--premises" in line
    assert "max_tokens" in line


# ---------------------------------------------------------------- a night


async def toy(body, reader, writer):
    """Continues the prompt as the toy model does."""
    sampling = Sampling(n=body["n"], seed=body["seed"])
    drawn = ToyModel(log_probs=False)._continue(Prompt(body["prompt"]), sampling).completions
    await answer(*(each.text for each in drawn))(body, reader, writer)


async def null(body, reader, writer):
    choices = [{"index": 0, "finish_reason": "stop", "text": None}]
    await send(writer, "200 OK", {"choices": choices})


async def no_choices(body, reader, writer):
    await send(writer, "200 OK", {"choices": []})


class Night(Session):
    """A toy evaluation by the model of a server that dies; `rises` times it rises soon."""

    def __init__(self, path, server, rises=2):
        super().__init__(path, PROBLEMS, max_errors=6)
        one_by_one = replace(self.plan.prover, in_flight=1, expansions=4)
        self.plan = replace(self.plan, prover=one_by_one)  # so that no request is withdrawn
        self.server, self.rises, self.is_rising = server, rises, False
        self.monitor = ServerMonitor(clock=lambda: 0.0)
        self.pauses = 0

    async def pause(self, seconds):
        self.pauses += self.server.is_dead and not self.is_rising  # once for all that wait
        if self.pauses == 3 and self.rises:
            self.pauses, self.rises, self.is_rising = 0, self.rises - 1, True
            await asyncio.to_thread(self.server.rise)
            self.is_rising = False

    async def work(self, tasks):
        try:
            await super().work(tasks)
        finally:
            await self.model.close()

    def parts(self):
        servers = Servers(None, self.monitor)
        self.model = OpenAIServer("m", self.server.url, servers, sleep=self.pause)
        policy = LanguagePolicy(self.model, FORM, Sampling(n=SAMPLES))

        def make(keeper, config):
            own = SeededPolicy(policy, config.seed, SAMPLES)
            return Prover(self.pool, self.judge, own, config, keeper, clock=lambda: 0.0)

        return RunnerContext(self.pool, make)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with Server(default=toy) as server:
        told = Night(tmp_path_factory.mktemp("night") / "whole.db", server).run()
    assert told.classes[ResultClass.SOLVED] > 10
    assert told.tried == len(PROBLEMS)
    return counted(told)


NONSENSE = [garbage, null, no_choices, break_off, refuse(429, "slow"), refuse(500)]


@pytest.mark.slow
def test_a_night_in_small(tmp_path, undisturbed):
    """The server dies three times for a while, and twice answers with nonsense: nothing is lost."""
    with Server(default=toy) as server:
        part = [*[toy] * 30, server.die, *[toy] * 30, *NONSENSE]
        server.script = [*part, *part, *[toy] * 20, server.die]
        night = Night(tmp_path / "night.db", server, rises=3)
        told = night.run()
    assert counted(told) == undisturbed
    usage, failed = night.monitor.usage, 2 * (len(NONSENSE) + 1) + 1
    assert not server.script
    assert usage.requests - usage.errors == len(server.posts) - failed
    assert usage.completions == SAMPLES * (usage.requests - usage.errors)
    assert usage.errors > failed  # and the connections refused while nobody listened
    assert usage.empty == 0


@pytest.mark.slow
def test_what_a_dead_server_left_untried_is_tried_again_to_equal_results(tmp_path, undisturbed):
    path = tmp_path / "night.db"
    with Server(default=toy) as server:
        server.script = [*[toy] * 60, server.die]
        night = Night(path, server, rises=0)
        with pytest.raises(ModelUnavailable, match=r"failed 6 times in a row: .*is it started"):
            night.run()
        with Store.open(str(path)) as store:
            broken = store.load_evaluation(1)
            failed = broken.classes[ResultClass.MODEL_FAILED]
            assert failed >= 6
            assert broken.tried + failed + broken.classes[ResultClass.UNTRIED] == len(PROBLEMS)
            assert broken.tried > 5
            numbers = [
                n for n, r in enumerate(broken.results) if r.outcome is ResultClass.MODEL_FAILED
            ]
            store.ledger(1).reopen(numbers)
        server.rise()
        told = Night(path, server).run(1)
    assert counted(told) == undisturbed


def test_usage_of_all_sessions_is_kept_with_the_run(tmp_path):
    with Store.open(str(tmp_path / "a.db")) as store:
        run = Session(tmp_path / "a.db", PROBLEMS[:1]).run()
        assert run.usage == ModelUsage()
        ledger = store.ledger(run.run_id)
        ledger.end(1.0, ModelUsage(requests=2, errors=1, busy_s=0.5))
        ledger.end(2.0, ModelUsage(requests=3, tokens=7))
        told = store.load_evaluation(run.run_id)
    assert told.usage == ModelUsage(requests=5, errors=1, tokens=7, busy_s=0.5)
