"""The command line: words in, words out, exit code.

0 all proved; 1 something is not; 2 usage; 3 the machine; 4 soundness alarm; 130 interrupted.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from . import console
from .data import report, source, terminal
from .data.errors import EnvironmentFault, LakatosError, UsageError
from .data.graph import to_dot
from .data.records import Accepted, Theorem, Verdict
from .data.source import SourceFile
from .data.store import Store
from .lean_env import doctor as doctor_
from .lean_env import embedded
from .lean_env.doctor import Finding
from .lean_env.toolchain import Toolchain, find_toolchain
from .prover import mending
from .prover.config import HELP, ModelConfig, ProverConfig, SearchConfig, key_values
from .prover.mending import Mending, Ward, choose, shown
from .prover.policies import suited
from .prover.repair import Repair, RepairConfig
from .prover.resume import begin, earlier
from .prover.run import RunConfig, Tee, select, start_run

Work = Callable[[Store, int], Coroutine[Any, Any, None]]
Db = Annotated[
    str | None,
    typer.Option(metavar="PATH|URL", envvar="LAKATOS_DB", help="Where attempts are kept."),
]
Option = typer.Option
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def prove(
    files: console.Files,
    theorem: console.Names = None,
    write: console.Write = False,
    out: console.Out = None,
    as_json: console.AsJson = False,
    seconds: console.Seconds = 60.0,
    expansions: Annotated[int, Option(help="States expanded for one theorem.")] = 2000,
    steps: Annotated[int | None, Option(help="Tactics tried for one theorem.")] = None,
    lean_time: Annotated[float | None, Option(help="Seconds in Lean for one theorem.")] = None,
    workers: console.Workers = None,
    seed: console.Seed = 0,
    db: Db = None,
    lean: console.Lean = "auto",
    project: console.Project = None,
    policy: console.PolicySpec = "hammer",
    prompt: console.Prompt = None,
    samples: console.Samples = 16,
    temperature: console.Temperature = 1.0,
    model_option: console.ModelOption = None,
    critic: console.Critic = "own",
    retriever: console.Retriever = "none",
    premises: console.Premises = 16,
    tokens: Annotated[int | None, Option(help="Tokens a model may write for a theorem.")] = None,
    concurrency: Annotated[int | None, Option(help="Theorems at once; default: workers.")] = None,
    allow_axiom: console.Axioms = None,
    refute: Annotated[float, Option(help="Share of the budget to search for disproofs.")] = 0.0,
    resume: Annotated[bool, Option("--resume", help="Go on from what is stored.")] = False,
    search: Annotated[str | None, Option(metavar="NAME", help=HELP["name"])] = None,
    alpha: Annotated[float | None, Option(help=HELP["alpha"])] = None,
    exploration: Annotated[float | None, Option(help=HELP["exploration"])] = None,
    discount: Annotated[float | None, Option(help=HELP["discount"])] = None,
    flatten: Annotated[float | None, Option(help=HELP["flatten"])] = None,
    widening: Annotated[float | None, Option(help=HELP["widening"])] = None,
    sample_steps: Annotated[int, Option(help=HELP["sample_steps"])] = 32,
    granularity: Annotated[int | None, Option(help=HELP["granularity"])] = None,
) -> int:
    """Prove every sorry of the files; print the proofs, or write them with --write."""
    source.check_targets(files, write, out)
    asked = prompt, samples, temperature, critic, retriever, premises
    model = ModelConfig(*asked, key_values(model_option or ()))
    kind, in_flight = suited(policy, model)
    numbers = alpha, exploration, discount, flatten, widening, sample_steps, granularity
    how = SearchConfig(search or kind, *numbers)
    budget = expansions, seconds, steps, lean_time, tokens, concurrency
    spend = ProverConfig(*budget, in_flight=in_flight, refute=refute, search=how, seed=seed)
    config = RunConfig(spend, policy, model, workers, tuple(allow_axiom or ()))
    read = [_read(name) for name in dict.fromkeys(files)]
    job = console.Job(read, theorem or [], config, write, out, as_json)
    toolchain = _toolchain(lean, project, read[0].path)
    return _kept(job, toolchain, db, partial(_prove, job, toolchain, resume))


def _kept(job: console.Job, toolchain: Toolchain, db: str | None, work: Work) -> int:
    """Do the work as one run of the store; the exit code."""
    with Store.open(db) as store:
        run = begin(store, shlex.join(sys.argv[1:]), job.config, toolchain)
        outcome = "broken off"
        try:
            asyncio.run(work(store, run))
            outcome = "finished"
        finally:
            store.finish_run(run, "interrupted" if job.interrupted else outcome)
    return job.exit_code


async def _prove(
    job: console.Job, toolchain: Toolchain, resume: bool, store: Store, run_id: int
) -> None:
    past = earlier(store, run_id, job.config, toolchain, resume)
    progress = terminal.Progress(job.report)
    recorder = Tee([store.recorder(run_id), progress])
    async with start_run(toolchain, job.config, recorder, key=_key(), cache=_cache()) as run:
        pool = run.pool
        opened = [
            file
            for each in job.files
            if (file := await job.opened(each, pool.open(each.path, each.text)))
        ]
        theorems = select(opened, job.names) if opened else []
        for file in opened:
            job.tell_errors(file.path, file.messages)
            if not file.theorems:
                job.human.print(f"{file.path}: nothing to prove, it has no sorry", markup=False)
        progress.theorems = len(theorems)
        with console.display(progress, run):
            job.attempts = await run.prove(opened, theorems, job.interrupt, *past)
        if len(theorems) > 1:
            job.human.print()
            job.human.print(terminal.summary_table(job.attempts))
        if job.write or job.out:
            async for delivery in run.files(job.files, job.attempts):
                job.deliver(*delivery)
        if run.prover.fault:
            raise run.prover.fault


@app.command()
def repair(
    files: console.Files,
    theorem: console.Names = None,
    write: console.Write = False,
    out: console.Out = None,
    as_json: console.AsJson = False,
    seconds: console.Seconds = 60.0,
    repair_depth: Annotated[int, Option(help="Times that a cut moves up.")] = 3,
    workers: console.Workers = None,
    seed: console.Seed = 0,
    db: Db = None,
    lean: console.Lean = "auto",
    project: console.Project = None,
    policy: console.PolicySpec = "hammer",
    prompt: console.Prompt = None,
    samples: console.Samples = 16,
    temperature: console.Temperature = 1.0,
    model_option: console.ModelOption = None,
    critic: console.Critic = "own",
    retriever: console.Retriever = "none",
    premises: console.Premises = 16,
    allow_axiom: console.Axioms = None,
) -> int:
    """Mend the broken proofs of the files; print them, or write them with --write."""
    source.check_targets(files, write, out)
    judged = critic, retriever, premises, key_values(model_option or ())
    model = ModelConfig(prompt, samples, temperature, *judged)
    kind, in_flight = suited(policy, model)
    spend = ProverConfig(in_flight=in_flight, search=SearchConfig(kind), seed=seed)
    how = RepairConfig(seconds, repair_depth)
    config = RunConfig(spend, policy, model, workers, tuple(allow_axiom or ()))
    read = [_read(name) for name in dict.fromkeys(files)]
    job = console.Job(read, theorem or [], config, write, out, as_json)
    toolchain = _toolchain(lean, project, read[0].path)
    return _kept(job, toolchain, db, partial(_repair, job, how, toolchain))


async def _repair(
    job: console.Job, how: RepairConfig, toolchain: Toolchain, store: Store, run_id: int
) -> None:
    def known(theorem: Theorem) -> str | None:
        return found.proof if (found := store.proved(theorem)) else None

    def hear(ward: Ward, repair: Repair) -> None:
        job.attempts.append(shown(repair))
        job.report(job.attempts[-1], mending.to_json(repair))
        if job.write and repair.attempt.is_proved:
            ward.written = source.replace_source(ward.written, ward.content)

    async with start_run(
        toolchain, job.config, store.recorder(run_id), key=_key(), cache=_cache()
    ) as run:
        ill = Mending(run, how, job.config.prover, known)
        wards = [ward for file in job.files if (ward := await job.opened(file, ill.admit(file)))]
        for ward in wards:
            job.tell_errors(ward.file.path, ward.diagnosis.others)
            if not ward.is_broken:
                text = f"{ward.file.path}: nothing to repair, Lean finds no error in it"
                job.human.print(text, markup=False)
        choose(wards, job.names)
        await ill.mend(wards, hear, job.interrupt)
    if len(job.attempts) > 1:
        job.human.print()
        job.human.print(terminal.summary_table(job.attempts))
    for ward in wards if job.out else ():
        job.deliver(ward.file, ward.content, len(ward.mended))


@app.command()
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file with proofs.")],
    original: Annotated[
        str | None, Option("--original", metavar="FILE", help="The file with sorry.")
    ] = None,
    lean: console.Lean = "auto",
    project: console.Project = None,
    allow_axiom: console.Axioms = None,
) -> int:
    """Judge whether FILE proves the theorems of the original, and nothing weaker."""
    submission = _read(file)
    target = _read(original) if original else submission
    toolchain = _toolchain(lean, project, submission.path)
    config = RunConfig(workers=1, allow_axioms=tuple(allow_axiom or ()))

    async def judge() -> list[tuple[str, Verdict]]:
        async with start_run(toolchain, config) as run:
            return await run.verifier.compare(target.text, submission.text, name=file)

    verdicts = asyncio.run(judge())
    for name, verdict in verdicts:
        console.standard_output().print(terminal.verdict_text(name, verdict), soft_wrap=True)
    if not verdicts:
        raise UsageError(f"{target.path}: has no theorem to judge")
    return 0 if all(isinstance(verdict, Accepted) for _, verdict in verdicts) else 1


@app.command()
def show(
    attempt: Annotated[int | None, typer.Argument(help="Its number; none lists the last.")] = None,
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="Write the graph as a page.")
    ] = None,
    dot: Annotated[
        Path | None, Option("--dot", metavar="FILE", help="Write the graph for Graphviz.")
    ] = None,
    db: Db = None,
) -> int:
    """Show a stored attempt: its tree, proof and statistics."""
    out = console.standard_output()
    with Store.open(db) as store:
        if attempt is None:
            if html or dot:
                raise UsageError("--html and --dot need the number of an attempt")
            out.print(terminal.attempts_table(store.attempts(limit=30)))
            return 0
        stored = store.load_attempt(attempt)
    if html:
        source.write_whole(html, report.html_page(stored).encode())
    if dot:
        source.write_whole(dot, to_dot(report.graph_of(stored)).encode())
    if not (html or dot):
        out.print(terminal.stored_attempt(stored), soft_wrap=True)
    return 0


@app.command()
def setup() -> int:
    """Set up the embedded Lean now: once, about 120 MB to download."""
    began = time.monotonic()
    with closing(terminal.SetupBars(console.err)) as bars:
        toolchain = embedded.prepare(bars.show, cache=_cache())
    size_mb = doctor_.size_mb(toolchain.dist) + doctor_.size_mb(toolchain.layer)
    took = f"{time.monotonic() - began:.1f} s"
    print(f"Lean {toolchain.lean} is ready: {size_mb:.0f} MB in {toolchain.dist.parent}, {took}")
    return 0


@app.command()
def doctor(lean: console.Lean = "auto", project: console.Project = None, db: Db = None) -> int:
    """Say what was found here; start a worker and check one theorem."""

    def findings() -> Iterator[Finding]:
        yield Finding("lakatos", version("lakatos"))
        yield _database(db)
        yield from doctor_.look(lean, _cache())
        if not bad:
            yield from asyncio.run(doctor_.try_out(_toolchain(lean, project, None)))

    bad: list[Finding] = []
    for finding in findings():
        bad += [] if finding.is_good else [finding]
        line = terminal.finding_text(finding.subject, finding.text, finding.cure)
        console.standard_output().print(line, soft_wrap=True)
    return EnvironmentFault.exit_code if bad else 0


def _database(db: str | None) -> Finding:
    try:
        with Store.open(db) as store:
            last = store.attempts(limit=1)
            return Finding("database", f"{store.name}, {last[0].id if last else 0} attempts")
    except LakatosError as error:
        return Finding("database", str(error), "choose another file with --db or LAKATOS_DB")


def _read(name: str) -> SourceFile:
    return source.from_stdin(sys.stdin.buffer) if name == "-" else source.read_source(name)


def _key() -> str | None:
    return os.environ.get("LAKATOS_API_KEY") or os.environ.get("OPENAI_API_KEY")


def _cache() -> Path | None:
    return Path(place).expanduser() if (place := os.environ.get("LAKATOS_CACHE")) else None


def _toolchain(lean: str, project: Path | None, file: str | None) -> Toolchain:
    path = None if file in (None, "-") else Path(str(file))
    with closing(terminal.SetupBars(console.err)) as bars:
        return find_toolchain(lean, file=path, project=project, progress=bars.show, cache=_cache())


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    show_version: Annotated[bool, Option("--version", help="Print the version.")] = False,
) -> None:
    """Prove Lean 4 theorems; real Lean checks every step."""
    if show_version:
        print(f"lakatos {version('lakatos')}")
    elif context.invoked_subcommand is None:
        print(context.get_help())
    else:
        return
    raise typer.Exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Every failure becomes one line on standard error."""
    gc.set_threshold(5_000, 20, 1_000)  # what a search makes lives as long as the search
    try:
        return int(app(args=arguments, prog_name="lakatos", standalone_mode=False) or 0)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.err.print("lakatos: interrupted; what was proved is kept (lakatos show)")
        return console.INTERRUPTED
    except Exception as error:
        if os.environ.get("LAKATOS_DEBUG"):
            traceback.print_exc()
        return console.explain(error)
