"""The command line: words in, words out, exit code.

0 all proved; 1 something is not; 2 usage; 3 the machine; 4 soundness alarm; 130 interrupted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shlex
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from .data import report, source, terminal
from .data.errors import EnvironmentFault, LakatosError, SoundnessAlarm, UsageError
from .data.graph import to_dot
from .data.records import Accepted, Attempt, Verdict
from .data.source import SourceFile
from .data.store import Store
from .lean_env import doctor as doctor_
from .lean_env import embedded
from .lean_env.doctor import Finding
from .lean_env.pool import OpenedFile
from .lean_env.toolchain import Toolchain, find_toolchain
from .prover.agent import Recall, nothing
from .prover.config import HELP, ModelConfig, ProverConfig, SearchConfig, key_values
from .prover.policies import suited
from .prover.rejections import Memory, no_memory
from .prover.resume import begin, earlier
from .prover.run import Run, RunConfig, Tee, select, start_run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
err = Console(stderr=True, highlight=False)
INTERRUPTED = 130
FILE_COLUMNS = 160
_LONG: dict[str, Any] = {"soft_wrap": True, "markup": False}

Option = typer.Option
Lean = Annotated[str, Option("--lean", metavar="auto|embedded|native", help="Which Lean to use.")]
Project = Annotated[Path | None, Option(metavar="DIR", help="Lake project, for native Lean.")]
Db = Annotated[
    str | None, Option(metavar="PATH|URL", envvar="LAKATOS_DB", help="Where attempts are kept.")
]
Axioms = Annotated[list[str] | None, Option(metavar="NAME", help="An axiom allowed as well.")]


@dataclass(slots=True)
class Job:
    """What one `lakatos prove` was asked to do."""

    files: list[SourceFile]
    names: list[str]
    config: RunConfig
    write: bool
    out: str | None
    as_json: bool
    earlier: tuple[Recall, Memory] = (nothing, no_memory)
    interrupted: bool = False
    broken: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def human(self) -> Console:
        """Where words for a person go: away from JSON, and from a file on standard output."""
        return err if self.as_json or self.out == "-" else _standard_output()

    def report(self, attempt: Attempt) -> None:
        """Print an attempt that ended."""
        if self.as_json:
            line = json.dumps(terminal.to_json(attempt), ensure_ascii=False)
            _standard_output().out(line, highlight=False)
        if terminal.is_alarm(attempt):
            why = terminal.reason_line(attempt.verdict)
            _say(f"SOUNDNESS ALARM: {attempt.theorem.name}: {why}")
        self.human.print(terminal.attempt_text(attempt), soft_wrap=True)

    def interrupt(self) -> None:
        """Note the first Ctrl-C."""
        self.interrupted = True
        err.print("interrupted: checking what was found; press Ctrl-C again to quit at once")

    @property
    def exit_code(self) -> int:
        """The worst that happened."""
        if any(terminal.is_alarm(a) for a in self.attempts):
            return SoundnessAlarm.exit_code
        if self.interrupted:
            return INTERRUPTED
        if self.broken:
            return UsageError.exit_code
        return 0 if all(a.is_proved for a in self.attempts) else 1


@app.command()
def prove(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Lean files; - is stdin.")],
    theorem: Annotated[list[str] | None, Option(metavar="NAME", help="Only this one.")] = None,
    write: Annotated[bool, Option("--write", help="Put the proofs into the files.")] = False,
    out: Annotated[str | None, Option(metavar="FILE", help="Write the proved file there.")] = None,
    as_json: Annotated[bool, Option("--json", help="One JSON object a theorem.")] = False,
    seconds: Annotated[float, Option("--time", help="Seconds for one theorem.")] = 60.0,
    expansions: Annotated[int, Option(help="States expanded for one theorem.")] = 2000,
    steps: Annotated[int | None, Option(help="Tactics tried for one theorem.")] = None,
    lean_time: Annotated[float | None, Option(help="Seconds in Lean for one theorem.")] = None,
    workers: Annotated[int | None, Option(min=1, help="Lean processes; default: cores.")] = None,
    seed: Annotated[int, Option(help="Of every random draw.")] = 0,
    db: Db = None,
    lean: Lean = "auto",
    project: Project = None,
    policy: Annotated[str, Option(metavar="SPEC", help=HELP["policy"])] = "hammer",
    prompt: Annotated[str | None, Option(metavar="NAME|FILE", help=HELP["prompt"])] = None,
    samples: Annotated[int, Option(help="Completions of a model for one state.")] = 16,
    temperature: Annotated[float, Option(help="At which they are drawn.")] = 1.0,
    model_option: Annotated[list[str] | None, Option(metavar="K=V", help=HELP["model"])] = None,
    critic: Annotated[str, Option(metavar="SPEC", help=HELP["critic"])] = "own",
    retriever: Annotated[str, Option(metavar="SPEC", help=HELP["retriever"])] = "none",
    premises: Annotated[int, Option(help="Most premises of a prompt.")] = 16,
    tokens: Annotated[int | None, Option(help="Tokens a model may write for a theorem.")] = None,
    concurrency: Annotated[int | None, Option(help="Theorems at once; default: workers.")] = None,
    allow_axiom: Axioms = None,
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
    job = Job(read, theorem or [], config, write, out, as_json)
    toolchain = _toolchain(lean, project, read[0].path)
    with Store.open(db) as store:
        run = begin(store, shlex.join(sys.argv[1:]), config, toolchain)
        job.earlier = earlier(store, run, config, toolchain, resume)
        outcome = "broken off"
        try:
            asyncio.run(_prove(job, toolchain, store.recorder(run)))
            outcome = "finished"
        finally:
            store.finish_run(run, "interrupted" if job.interrupted else outcome)
    return job.exit_code


async def _prove(job: Job, toolchain: Toolchain, kept: Any) -> None:
    progress = terminal.Progress(job.report)
    recorder = Tee([kept, progress])
    key = os.environ.get("LAKATOS_API_KEY") or os.environ.get("OPENAI_API_KEY")
    async with start_run(toolchain, job.config, recorder, key=key, cache=_cache()) as run:
        opened = [file for each in job.files if (file := await _open(job, run, each))]
        theorems = select(opened, job.names) if opened else []
        for file in opened:
            if not file.theorems:
                job.human.print(f"{file.path}: nothing to prove, it has no sorry", markup=False)
        progress.theorems = len(theorems)
        with _display(progress, run):
            job.attempts = await run.prove(opened, theorems, job.interrupt, *job.earlier)
        if len(theorems) > 1:
            job.human.print()
            job.human.print(terminal.summary_table(job.attempts))
        await _deliver(job, run)
        if run.prover.fault:
            raise run.prover.fault


async def _open(job: Job, run: Run, file: SourceFile) -> OpenedFile | None:
    """Open a file; tell of its errors, which do not keep the rest from being tried."""
    try:
        with err.status(f"opening {file.path}") if err.is_terminal else nullcontext():
            opened = await run.pool.open(file.path, file.text)
    except UsageError as error:
        _say(str(error))
        job.broken = True
        return None
    errors = [terminal.message_line(file.path, m) for m in opened.messages if m.severity == "error"]
    job.broken |= bool(errors)
    for line in dict.fromkeys(errors):  # Lean says some twice
        err.print(line, style="red", **_LONG)
    return opened


async def _deliver(job: Job, run: Run) -> None:
    """Write the proofs where they were asked for."""
    if not (job.write or job.out):
        return
    async for file, content, proofs in run.files(job.files, job.attempts):
        if job.out == "-":
            sys.stdout.buffer.write(content)
        elif job.out:
            source.write_whole(Path(job.out), content)
        elif proofs:
            source.replace_source(file, content)
            job.human.print(f"{file.path}: proofs written: {proofs}", markup=False)


@contextmanager
def _display(progress: terminal.Progress, run: Run) -> Iterator[None]:
    """Show the run while it lasts, if a person is watching."""
    if not err.is_terminal:
        yield
        return

    def show() -> RenderableType:
        died = f", {run.pool.restarts} restarted" if run.pool.restarts else ""
        workers = f"{run.pool.busy} of {run.pool.workers} busy{died}"
        return terminal.live(progress, progress.per_second(time.monotonic()), workers)

    on_screen = sys.stdout.isatty()  # printed above the display; into a pipe as ever
    with Live(get_renderable=show, console=err, transient=True, redirect_stdout=on_screen):
        yield


@app.command()
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file with proofs.")],
    original: Annotated[
        str | None, Option("--original", metavar="FILE", help="The file with sorry.")
    ] = None,
    lean: Lean = "auto",
    project: Project = None,
    allow_axiom: Axioms = None,
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
        _standard_output().print(terminal.verdict_text(name, verdict), soft_wrap=True)
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
    out = _standard_output()
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
    with closing(terminal.SetupBars(err)) as bars:
        toolchain = embedded.prepare(bars.show, cache=_cache())
    size_mb = doctor_.size_mb(toolchain.dist) + doctor_.size_mb(toolchain.layer)
    took = f"{time.monotonic() - began:.1f} s"
    print(f"Lean {toolchain.lean} is ready: {size_mb:.0f} MB in {toolchain.dist.parent}, {took}")
    return 0


@app.command()
def doctor(lean: Lean = "auto", project: Project = None, db: Db = None) -> int:
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
        _standard_output().print(line, soft_wrap=True)
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


def _cache() -> Path | None:
    return Path(place).expanduser() if (place := os.environ.get("LAKATOS_CACHE")) else None


def _toolchain(lean: str, project: Path | None, file: str | None) -> Toolchain:
    path = None if file in (None, "-") else Path(str(file))
    with closing(terminal.SetupBars(err)) as bars:
        return find_toolchain(lean, file=path, project=project, progress=bars.show, cache=_cache())


def _standard_output() -> Console:
    return terminal.Output(highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)


def _say(text: str) -> None:
    err.print(f"lakatos: {text}", style="red", **_LONG)


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
        err.print("lakatos: interrupted; what was proved is kept (lakatos show)")
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("LAKATOS_DEBUG"):
            traceback.print_exc()
        return _explain(error)


def _explain(error: Exception) -> int:
    """Tell of an error in one line; the exit code."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, LakatosError):
        _say(str(error))
        return error.exit_code
    if hasattr(error, "format_message"):  # typer's own: a wrong flag, a missing argument
        _say(f"{error.format_message()} (lakatos --help)")
        return UsageError.exit_code
    _say(f"a bug: {type(error).__name__}: {error} (LAKATOS_DEBUG=1 shows where)")
    return EnvironmentFault.exit_code
