"""A run on a Ray cluster comes to the results of one machine, also when a node is killed."""

import asyncio
import json
import subprocess
import sys
import warnings
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec

import pytest
from lakatos.data.errors import EnvironmentFault, ModelUnavailable, UsageError
from lakatos.data.evaluation import ResultClass, hash_of
from lakatos.data.report.progress import EvaluationProgress
from lakatos.data.store.evaluations import EvaluationTerms
from lakatos.data.store.store import Store
from lakatos.prover.config import ProverConfig
from lakatos.prover.evaluation.backend import RayBackend
from lakatos.prover.evaluation.ray_cluster import Cluster, joined
from lakatos.prover.evaluation.runner import AttemptPlan, EvaluationRunner, Listeners, Task

from . import toy, toy_problems, toy_prover
from .toy_problems import OpenPool, Session, counted, problem, toy_parts
from .toy_prover import Judge, ToyPolicy

if find_spec("ray") is None:  # its import takes seconds, also where no test of these is run
    pytest.skip("Ray is not installed (pip install 'lakatos[ray]')", allow_module_level=True)
pytestmark = pytest.mark.slow
NAMES = ["identity", "lem", "and_comm", "curry", "or_comm", "two_ways"]
PLAN = AttemptPlan(ProverConfig(seed=3, expansions=40, wall_s=1e9), attempts=2)


class Gate(ToyPolicy):
    """Proposes nothing on the node `doomed`; elsewhere waits until that node is at work."""

    def __init__(self, doomed, sign):
        self.doomed, self.sign = doomed, sign

    async def propose(self, queries):
        import ray

        if ray.get_runtime_context().get_node_id() == self.doomed:
            self.sign.touch()
            await asyncio.get_running_loop().create_future()
        while self.doomed and not self.sign.exists():  # noqa: ASYNC110
            await asyncio.sleep(0)
        return await super().propose(queries)


class ToySetup:
    """The toy logic on a node. fault: what comes instead. log: a file with a line for each call."""

    def __init__(self, sign=None, doomed=None, fault=None, log=None):
        self.sign, self.doomed, self.fault, self.log = sign, doomed, fault, log

    @asynccontextmanager
    async def __call__(self):
        if self.log:
            with self.log.open("a") as file:
                file.write("set up\n")
        if self.fault:
            raise self.fault
        yield toy_parts(OpenPool(), Judge(), Gate(self.doomed, self.sign))


def started(make, tries=3):
    """A cluster with a head. Ray gives a start 30 s, which a busy machine may need."""
    try:
        return make(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 2})
    except Exception as error:
        if tries == 1 or "timed out during startup" not in str(error):
            raise
        return started(make, tries - 1)


@pytest.fixture(scope="module")
def cluster():
    """Two nodes on this machine; `second` is the one that may be killed."""
    import ray
    from ray import cloudpickle
    from ray.cluster_utils import Cluster as Local

    for module in (toy, toy_problems, toy_prover, sys.modules[__name__]):
        cloudpickle.register_pickle_by_value(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        local = started(Local)
        ray.init(address=local.address, log_to_driver=False, logging_level="ERROR")
        local.second = local.add_node(num_cpus=1)
        yield local
        ray.shutdown()
        local.shutdown()


class Run:
    """An evaluation of toy problems on the cluster."""

    def __init__(self, path, problems, setup):
        import ray

        self.path, self.problems = path, problems
        self.said, self.results = [], []
        self.on_result = lambda: None
        self.cluster = Cluster(ray, setup, self.said.append)

    def heard(self, result):
        self.results.append(result)
        self.on_result()

    def run(self):
        return asyncio.run(self.work())

    async def work(self):
        with Store.open(str(self.path)) as store:
            run_id = store.start_run("eval", {}, "toy", 3)
            ledger = store.ledger(run_id)
            ledger.begin(EvaluationTerms("toy", hash_of(self.problems), "", 2), self.problems)
            board = EvaluationProgress(lambda: 0.0, self.heard)
            board.begin(len(self.problems), {})
            listeners = Listeners(ledger, lambda: store.recorder(run_id), board)
            self.runner = EvaluationRunner(PLAN, listeners)
            tasks = [Task(n, p) for n, p in enumerate(self.problems)]
            try:
                await RayBackend(self.cluster).work(self.runner, tasks)
            finally:
                await self.cluster.close()
            return store.load_evaluation(run_id)


def alone(path, problems):
    return Session(path, problems, attempts=2).run()


def stored(path, attempt):
    with Store.open(str(path)) as store:
        return store.load_attempt(attempt.attempt_id)


def test_two_nodes_come_to_the_results_of_one_machine(cluster, tmp_path):
    problems = [problem(name) for name in NAMES]
    problems += [replace(problem("bad"), header="bad\n"), replace(problem("x"), flaw="no JSON")]
    told = Run(tmp_path / "cluster.db", problems, ToySetup()).run()
    here = alone(tmp_path / "alone.db", problems)
    assert counted(told) == counted(here)
    for ours, theirs in zip(told.results, here.results, strict=True):
        for a, b in zip(ours.attempts, theirs.attempts, strict=True):
            found = stored(tmp_path / "cluster.db", a), stored(tmp_path / "alone.db", b)
            assert found[0].expansions == found[1].expansions
            assert replace(found[0].attempt, wall_s=0.0) == found[1].attempt


def test_a_fault_of_a_node_is_told(cluster, tmp_path):
    setup = ToySetup(fault=ModelUnavailable("no such model"))
    run = Run(tmp_path / "l.db", [problem("lem")], setup)
    with pytest.raises(EnvironmentFault, match="no node of the cluster can work: no such model"):
        run.run()
    assert set(run.said) == {"a node cannot work: no such model"}


def test_statements_are_elaborated_on_nodes_that_are_set_up_once(cluster, tmp_path):
    problems = [problem("lem"), replace(problem("bad"), header="bad\n"), problem("curry")]

    async def ask():
        import ray

        nodes = Cluster(ray, ToySetup(log=tmp_path / "log"), print)
        try:
            return [await RayBackend(nodes).all_unfit(problems) for _ in range(2)]
        finally:
            await nodes.close()

    found, again = asyncio.run(ask())
    assert again == found
    assert (tmp_path / "log").read_text() in ("set up\n", "set up\nset up\n")  # of two nodes
    assert [each is None for each in found] == [True, False, True]
    assert (found[1].detail, found[1].is_refused) == ("line 1: unknown constant", True)


def test_interrupted_it_keeps_what_is_over(cluster, tmp_path):
    problems = [problem(f"identity_{n}") for n in range(40)]
    run = Run(tmp_path / "l.db", problems, ToySetup())
    run.on_result = lambda: run.runner.stop()
    told = run.run()
    over = told.classes[ResultClass.SOLVED]
    assert 1 <= over < 40
    assert told.classes[ResultClass.UNTRIED] == 40 - over


def test_what_a_killed_node_was_at_is_tried_elsewhere(cluster, tmp_path):
    node = cluster.second
    problems = [problem(name) for name in NAMES]
    run = Run(tmp_path / "l.db", problems, ToySetup(tmp_path / "sign", node.node_id))

    def kill():
        if len(run.results) == 1:
            assert (tmp_path / "sign").exists()
            cluster.remove_node(node, allow_graceful=False)

    run.on_result = kill
    told = run.run()
    assert counted(told) == counted(alone(tmp_path / "alone.db", problems))
    assert run.said == ["a node was lost; what it was at is tried elsewhere"]
    assert len(run.results) == len(problems)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'lakatos\[ray\]'"), joined("local"):
        pass


def test_nobody_at_an_address_is_one_line():
    with pytest.raises(EnvironmentFault, match=r"at 127\.0\.0\.1:1: "):  # noqa: SIM117
        with joined("127.0.0.1:1"):
            pass


HARD = "(n : Nat) (h : 2 < n) : ∃ p q : Nat, n * n + 7 = p * q + 12 * n"


def evaluate(folder, claims, address, time_s=10):
    """Start `lakatos eval` on theorems of these names, in a process of its own."""
    lines = [
        {"name": name, "header": "", "statement": f"theorem {name} {claim} := by sorry"}
        for name, claim in claims.items()
    ]
    (folder / "set.jsonl").write_text("\n".join(map(json.dumps, lines)))
    asked = f"eval small --data set.jsonl --json --time {time_s} --workers 1".split()
    code = "import sys; from lakatos.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *asked, "--cluster", address, "--db", "l.db"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def kept(folder):
    with Store.open(str(folder / "l.db")) as store:
        return {r.problem.name: r.outcome.value for r in store.load_evaluation(1).results}


@pytest.mark.lean
def test_real_lean_works_on_a_cluster_of_one_machine(toolchain, tmp_path):
    claims = {"small": ": 2 + 2 = 4", "wrong": ": 2 + 2 = 5", "bad": ": 2 + = 4"}
    run = evaluate(tmp_path, claims, "local")
    out, said = run.communicate()
    assert run.returncode == 1, said
    assert kept(tmp_path) == {"small": "solved", "wrong": "dead end", "bad": "does not elaborate"}
    assert len([json.loads(line) for line in out.splitlines()]) == 4
    with Store.open(str(tmp_path / "l.db")) as store:
        assert store.load_attempt(1).attempt.theorem.source
        graphs = list(store.load_attempts([1, 2]))
    assert {each.attempt.is_proved for each in graphs} == {True, False}


@pytest.mark.lean
def test_real_lean_survives_the_loss_of_a_node(cluster, toolchain, tmp_path):
    node = cluster.add_node(num_cpus=1)
    claims = {"hard_1": HARD, "hard_2": HARD}
    claims |= {f"easy_{n}": f"(a b : Nat) : a + b + {n} = b + a + {n}" for n in range(6)}
    run = evaluate(tmp_path, claims, cluster.address, time_s=5)
    with run:
        lines = [run.stdout.readline()]
        cluster.remove_node(node, allow_graceful=False)
        lines += run.stdout
        assert [line[0] for line in lines] == ["{"] * (len(claims) + 1), lines
    told = kept(tmp_path)
    assert [told[f"easy_{n}"] for n in range(6)] == ["solved"] * 6
    assert sorted(told) == sorted(claims)
    assert "not tried yet" not in told.values()
