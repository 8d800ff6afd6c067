"""The command line: words in, words out, exit code.

0 all proved; 1 something is not; 2 usage; 3 the machine; 4 soundness alarm; 130 interrupted;
141 nobody reads the output any more.
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
from dataclasses import astuple
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .data import source
from .data.dataset.tables import check_writable
from .data.errors import EnvironmentFault
from .data.report import evaluation_page
from .data.report import export as result_formats
from .data.source import SourceFile
from .lean_env import doctor as doctor_
from .lean_env.doctor import Finding
from .lean_env.toolchains import embedded
from .lean_env.toolchains.find import Toolchain, find_toolchain
from .lean_env.verification.judge import CheckLimits
from .lean_env.verification.kernels import find_kernel
from .lean_env.verification.second_opinion import SecondOpinion, origin_of
from .prover.commands import console, streams
from .prover.commands import report_tables as terminal_report
from .prover.commands import show as terminal_attempts
from .prover.commands import tables as terminal
from .prover.commands.console import FileJob
from .prover.commands.database_check import check_database
from .prover.commands.evaluation_terms import InRun
from .prover.commands.options import (
    AttemptOptions,
    Axioms,
    BudgetOptions,
    CheckTimeOption,
    Db,
    Depth,
    DoctorOptions,
    DraftOptions,
    InputOptions,
    Json,
    LeanOptions,
    Markdown,
    PolicyOptions,
    ProblemOptions,
    RuntimeOptions,
    SearchOptions,
    Seconds,
    grouped,
    left_out,
)
from .prover.commands.verb_options import ExtractOptions, SecondOpinionOptions, ShowOptions
from .prover.commands.verify import verified

if TYPE_CHECKING:
    from .data.store.store import Store
    from .prover.commands.prove import FileCommand
    from .prover.session import RunConfig

    Do = Callable[[FileCommand], Coroutine[Any, Any, None]]
Option = typer.Option
app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
@grouped
def prove(
    target: InputOptions,
    budget: BudgetOptions,
    work: RuntimeOptions,
    lean: LeanOptions,
    thinking: PolicyOptions,
    search: SearchOptions,
    drafts: DraftOptions,
    refute: Annotated[float, Option(help="Share of the budget to search for disproofs.")] = 0.0,
    resume: Annotated[bool, Option("--resume", help="Go on from what is stored.")] = False,
) -> int:
    """Prove every sorry of the files; print the proofs, or write them with --write."""
    from .prover.commands.run_options import run_config

    config = run_config(work, thinking, budget, search, refute, drafts)
    return _job(target, work, lean, config, lambda errand: errand.prove(resume))


def _job(
    target: InputOptions, work: RuntimeOptions, lean: LeanOptions, config: RunConfig, do: Do
) -> int:
    """Read the files, do it, and keep it; the exit code."""
    from .prover.commands.prove import FileCommand

    names = source.lean_files(target.files)
    source.check_targets(names, target.write, target.out)
    read = [_read(name) for name in names]
    job = FileJob(read, target.theorem or [], target.write, target.out, target.as_json)
    toolchain = _toolchain(lean, read[0].path)
    with _store(work.db) as store:
        command = shlex.join(sys.argv[1:])
        asyncio.run(do(FileCommand(job, command, config, toolchain, store, _key(), _cache())))
    return job.exit_code


def _toolchain(lean: LeanOptions, file: str | None) -> Toolchain:
    path = None if file in (None, "-") else Path(str(file))
    with closing(terminal.SetupBars(console.err)) as bars:
        return find_toolchain(
            lean.lean, file=path, project=lean.project, progress=bars.show, cache=_cache()
        )


@app.command()
@grouped
def repair(
    target: InputOptions,
    work: RuntimeOptions,
    lean: LeanOptions,
    thinking: PolicyOptions,
    seconds: Seconds = 60.0,
    repair_depth: Depth = 3,
) -> int:
    """Mend the broken proofs of the files; print them, or write them with --write."""
    from .prover.commands.run_options import run_config
    from .prover.repair.repair_task import RepairConfig

    how = RepairConfig(seconds, repair_depth)
    return _job(target, work, lean, run_config(work, thinking), lambda errand: errand.repair(how))


@app.command("eval")
@grouped
def eval_(
    context: typer.Context,
    problems: ProblemOptions,
    tries: AttemptOptions,
    budget: BudgetOptions,
    work: RuntimeOptions,
    lean: LeanOptions,
    thinking: PolicyOptions,
    search: SearchOptions,
    drafts: DraftOptions,
    refute: Annotated[float, Option(help="Share of the budget to search for disproofs.")] = 0.0,
) -> int:
    """Try the theorems of a problem set, and keep what came of each."""
    from .prover.commands import preflight
    from .prover.commands.evaluate import RunRecord, evaluated, exam
    from .prover.commands.run_options import run_config

    def lean_for(data: Path | None) -> tuple[Toolchain, dict[str, str | None]]:
        return _toolchain(lean, str(data) if data else None), lean.words

    with _store(work.db) as store:
        if tries.run is not None:
            left = left_out(context)
            stored = InRun(store.load_evaluation(tries.run).config, left)
            problems, tries, budget = stored(problems), stored(tries), stored(budget)
            work, lean, thinking = stored(work), stored(lean), stored(thinking)
            search, drafts = stored(search), stored(drafts)
            refute = stored.config["prover"]["refute"] if "refute" in left else refute
        config = run_config(work, thinking, budget, search, refute, drafts)
        kept = RunRecord(store, shlex.join(sys.argv[1:]), work.hint)
        asked = exam(problems, tries, config, lean_for, kept)
        do = preflight.checked if tries.check else evaluated
        return asyncio.run(do(asked, kept, _key(), _cache()))


@app.command()
@grouped
def extract(asked: ExtractOptions, lean: LeanOptions, db: Db = None) -> int:
    """Turn Lean files or stored attempts into training data, or Lean's library into problems."""
    from .prover.commands import extract as gather

    job = gather.job(asked, lambda: _stored(db))
    if asked.out:
        check_writable(asked.out)
    return asyncio.run(job(lambda: _toolchain(lean, asked.path), _cache()))


@app.command()
@grouped
def verify(
    lean: LeanOptions,
    opinion: SecondOpinionOptions,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file with proofs.")],
    original: Annotated[
        str | None, Option("--original", metavar="FILE", help="The file with sorry.")
    ] = None,
    allow_axiom: Axioms = None,
    check_time: CheckTimeOption = None,
    as_json: Json = False,
) -> int:
    """Judge whether FILE proves the theorems of the original, and nothing weaker."""
    submission = _read(file)
    target = _read(original) if original else submission
    kernel = find_kernel(opinion.kernel) if opinion.kernel else None
    toolchain = _toolchain(lean, target.path)  # the project that is trusted is the original's
    files = [astuple(submission), astuple(target)][: 2 if original else 1]
    second = SecondOpinion(origin_of(toolchain, files), opinion.export, kernel, opinion.kernel_time)
    second.allow, limits = (*second.allow, *(allow_axiom or ())), CheckLimits(check_time)
    return asyncio.run(verified(submission, target, toolchain, limits, second, as_json))


@app.command()
@grouped
def show(asked: ShowOptions, db: Db = None) -> int:
    """List stored attempts; with a number, show one: its tree, proof and statistics."""
    with _stored(db) as store:
        terminal_attempts.show(asked, store, datetime.now(UTC))
    return 0


@app.command("report")
def report_(
    run: Annotated[int | None, typer.Argument(help="Its number; none lists such runs.")] = None,
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="Write it as a page, with the graphs.")
    ] = None,
    export: Annotated[
        str | None,
        Option(metavar="NAME", help=f"Write it to --out as {', '.join(result_formats.FORMATS)}."),
    ] = None,
    out: Annotated[Path, Option(metavar="DIR", help="Where --export writes.")] = Path(),
    markdown: Markdown = False,
    as_json: Json = False,
    db: Db = None,
) -> int:
    """Report what came of a run over a problem set."""
    with _stored(db) as store:
        if run is None:
            terminal_report.print_runs(store.evaluations(), as_json)
            return 0
        if html:
            source.check_writable_file(html)
        told = store.load_evaluation(run)
        if html:
            page = evaluation_page.html_page(told, store.load_attempts)
            source.write_whole(html, page.encode("utf-8", "replace"))
        if export:
            for path in result_formats.write(told, export, store.load_attempts, out):
                console.err.print(f"written: {path}", **console.LONG)
    terminal_report.print_report(told, markdown, as_json)
    return 0


@app.command()
def compare(
    run: Annotated[int, typer.Argument(help="Number of a run over a problem set.")],
    other: Annotated[int, typer.Argument(help="Number of the other.")],
    markdown: Markdown = False,
    as_json: Json = False,
    db: Db = None,
) -> int:
    """Compare two runs on the problems that both have."""
    with _stored(db) as store:
        one, two = store.load_evaluation(run), store.load_evaluation(other)
    terminal_report.print_comparison(one, two, markdown, as_json)
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
@grouped
def doctor(lean: LeanOptions, models: DoctorOptions, db: Db = None) -> int:
    """Say what was found here; start a worker and check one theorem, or try a policy's models."""

    def findings() -> Iterator[Finding]:
        if models.policy:
            from .prover.commands.policy_check import check_policy

            yield from asyncio.run(check_policy(models.policy, models.model_option or (), _key()))
            return
        yield Finding("lakatos", version("lakatos"))
        yield check_database(db or os.environ.get("LAKATOS_DB"))
        yield from doctor_.look(lean.lean, _cache())
        if not bad:
            yield from asyncio.run(doctor_.try_out(_toolchain(lean, None)))

    bad: list[Finding] = []
    for finding in findings():
        bad += [] if finding.is_good else [finding]
        line = terminal.finding_text(finding.subject, finding.text, finding.cure)
        console.standard_output().print(line, soft_wrap=True)
    return EnvironmentFault.exit_code if bad else 0


def _store(db: str | None) -> Store:
    from .data.store.store import Store

    store = Store.open(db or os.environ.get("LAKATOS_DB"))
    try:
        store.check_writable()
    except BaseException:
        store.close()
        raise
    return store


def _stored(db: str | None) -> Store:
    """The database of the verbs that only read."""
    from .data.store.store import Store

    return Store.open(db or os.environ.get("LAKATOS_DB"), read_only=True)


def _read(name: str) -> SourceFile:
    return source.from_stdin(sys.stdin.buffer) if name == "-" else source.read_source(name)


def _key() -> str | None:
    return os.environ.get("LAKATOS_API_KEY") or os.environ.get("OPENAI_API_KEY")


def _cache() -> Path | None:
    return Path(place).expanduser() if (place := os.environ.get("LAKATOS_CACHE")) else None


@app.command("help")
def help_(
    verb: Annotated[str | None, typer.Argument(help="One of the verbs; none lists them.")] = None,
) -> int:
    """Print the help of a verb: lakatos help prove."""
    return main([verb, "--help"] if verb else ["--help"])


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    show_version: Annotated[bool, Option("--version", "-V", help="Print the version.")] = False,
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
    streams.set_up()
    try:
        with console.warnings_as_lines():
            code = int(app(args=arguments, prog_name="lakatos", standalone_mode=False) or 0)
        sys.stdout.flush()
        return code
    except (KeyboardInterrupt, asyncio.CancelledError):
        if not streams.is_reader_gone():
            console.err.print("lakatos: interrupted; what was proved is kept (lakatos show)")
        return streams.interrupted_code()
    except BrokenPipeError:
        streams.drop(sys.stdout)
        return streams.interrupted_code()
    except Exception as error:
        if os.environ.get("LAKATOS_DEBUG"):
            traceback.print_exc()
        return console.explain(error)
