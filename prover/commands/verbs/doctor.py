"""`lakatos doctor`: its options, its help, and how it starts its work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from typer import Context

from ..config_file import find_files
from ..event_loop import run_async
from ..help_page import VerbHelp
from ..options import Db, LeanOptions
from ..verb_options import DoctorOptions

if TYPE_CHECKING:
    from ....lean_env.doctor import Finding
    from ..resources import Environment


HELP = VerbHelp(
    details="Every line that begins with a cross says how to put it right. With --policy it "
    "checks a model or its server instead.",
    examples=(
        ("Check Python, memory, the database and Lean", "lakatos doctor"),
        (
            "Check a model server with one request",
            "lakatos doctor --policy openai:qwen3@http://localhost:8000/v1",
        ),
    ),
    exit_codes={0: "all is well", 3: "something has to be put right; its line says how"},
)


@dataclass(frozen=True)
class DoctorVerbOptions:
    """The options of `lakatos doctor`."""

    lean: LeanOptions
    models: DoctorOptions
    db: Db = None


def run(context: Context, options: DoctorVerbOptions) -> int:
    """Print what is found, one line each; the exit code."""
    from ....data.errors import EnvironmentFault
    from .. import console
    from ..tables import finding_text

    if options.models.policy:
        findings = _check_models(context.obj, options.models)
    else:
        findings = _check_machine(context.obj, options)
    is_good = True
    for finding in findings:
        is_good &= finding.is_good
        line = finding_text(finding.subject, finding.text, finding.cure)
        console.standard_output().print(line, soft_wrap=True)
    return 0 if is_good else EnvironmentFault.exit_code


def _check_models(environment: Environment, models: DoctorOptions) -> Iterator[Finding]:
    from ..policy_check import check_policy

    assert models.policy
    words = models.model_option or ()
    yield from run_async(check_policy(models.policy, words, environment.api_key))


def _check_machine(environment: Environment, options: DoctorVerbOptions) -> Iterator[Finding]:
    """What is found of this machine; Lean is started only where all else is good."""
    from importlib.metadata import version

    from ....lean_env.doctor import Finding, inspect_machine, try_worker
    from ..database_check import check_database

    yield Finding("lakatos", version("lakatos"))
    found = [check_database(options.db or environment.database)]
    yield found[0]
    for file in find_files(Path.cwd(), environment.settings):
        yield Finding("defaults", f"{file.path} sets {', '.join(file.keys) or 'nothing'}")
    for finding in inspect_machine(options.lean.lean, environment.cache):
        found.append(finding)
        yield finding
    if all(finding.is_good for finding in found):
        yield from run_async(try_worker(environment.find_toolchain(options.lean)))
