"""Tasks of a contributor, and of CI. `nox -l` lists them; `--no-venv` takes the environment in use.

Without `--no-venv` each task has an environment of its own, made at its first use.
"""

import re
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
DEV = ("-e", ".[dev]", "-c", "constraints.txt")
MODEL_TESTS = ("huggingface", "generation", "public_model", "pretrained", "openai_server")

nox.options.sessions = ["lint", "types", "fast"]
nox.options.reuse_existing_virtualenvs = True


def install(session: nox.Session, *what: str) -> None:
    """Install into the task's own environment; the one in use is left as it is."""
    if session.virtualenv.is_sandboxed:
        session.install(*what)


@nox.session
def lint(session: nox.Session) -> None:
    """Rules of ruff, and the format."""
    install(session, *(line for line in constraints() if line.startswith("ruff==")))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy: the package strictly, the tests as far as they have types."""
    install(session, *DEV)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "lakatos").symlink_to(ROOT)  # mypy knows a package by its folder's name
        with session.chdir(folder):
            config = str(ROOT / "pyproject.toml")
            session.run("mypy", "-p", "lakatos", "--config-file", config)


@nox.session
def fast(session: nox.Session) -> None:
    """The tests that need neither Lean nor a model."""
    install(session, *DEV)
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, with coverage, as the README's second command."""
    install(session, *DEV)
    flags = ("--require-lean", "-n", "2", "--dist", "worksteal")
    session.run("pytest", *flags, "--cov", "--cov-report", "term", *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """The tests of language models with the newest versions that pyproject.toml allows.

    torch stays: its newest builds bring gigabytes of CUDA.
    """
    torch = next(line for line in constraints() if line.startswith("torch=="))
    session.install("-e", ".[peft]", torch, "pytest", "hypothesis")
    listed = session.run("pip", "list", silent=True) or ""
    shown = r"(?im)^(?:torch|transformers|tokenizers|peft|huggingface|gguf|openai)\b.*"
    session.log("\n".join(re.findall(shown, listed)))
    files = [f"tests/test_prover_{name}.py" for name in MODEL_TESTS]
    session.run("pytest", "--require-lean", "-W", "default", *files)


def constraints() -> list[str]:
    """The lines of constraints.txt."""
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
