"""Git repositories traced by LeanDojo, which fetches and builds them with the user's elan.

What it gives is in the shape of its benchmark: states are texts, there are no keys.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...data.errors import ToolchainError, UsageError

Json = dict[str, Any]


@dataclass(frozen=True)
class Repository:
    """A traced repository. traced: LeanDojo's TracedRepo."""

    traced: Any

    def theorems(self) -> Iterator[Json]:
        """Its own theorems, not its dependencies', each as an entry of the benchmark."""
        for theorem in self.traced.get_traced_theorems():
            if theorem.repo == self.traced.repo:
                yield {
                    "url": theorem.repo.url,
                    "commit": theorem.repo.commit,
                    "file_path": str(theorem.theorem.file_path),
                    "full_name": theorem.theorem.full_name,
                    "start": list(theorem.start),
                    "end": list(theorem.end),
                    "traced_tactics": [_tactic(each) for each in theorem.get_traced_tactics()],
                }

    def corpus(self) -> Iterator[Json]:
        """Its files, each as a line of corpus.jsonl, those of its dependencies too."""
        for file in self.traced.traced_files:
            yield {"path": str(file.path), "premises": file.get_premise_definitions()}


def trace(url: str, commit: str = "", library: Any = None) -> Repository:
    """Have LeanDojo trace a repository, at its newest commit if none is named: minutes to hours.

    library: LeanDojo itself. Raises UsageError when it is not installed, ToolchainError when it
    cannot fetch, build or trace.
    """
    dojo = library or _library()
    try:
        repository = dojo.LeanGitRepo(url, commit or dojo.get_latest_commit(url))
        return Repository(dojo.trace(repository))
    except _failures() as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise ToolchainError(f"LeanDojo cannot trace {url}: {said}") from error


def _failures() -> tuple[type[Exception], ...]:
    """What LeanDojo raises, and what GitHub's and git's libraries do where it has loaded them."""
    own = (AssertionError, OSError, RuntimeError, ValueError, subprocess.SubprocessError)
    named = (("github", "GithubException"), ("git", "GitError"), ("gitdb.exc", "ODBError"))
    others = (getattr(sys.modules[module], it) for module, it in named if module in sys.modules)
    return (*own, *others)


def _library() -> Any:
    try:
        return importlib.import_module("lean_dojo")
    except ImportError:
        raise UsageError(
            "git repositories are traced by LeanDojo: pip install 'lakatos[dojo]', "
            "or clone it and name the folder"
        ) from None


def _tactic(tactic: Any) -> Json:
    text, premises = tactic.get_annotated_tactic()
    return {
        "tactic": tactic.tactic,
        "annotated_tactic": [text, [_plain(each) for each in premises]],
        "state_before": tactic.state_before,
        "state_after": tactic.state_after,
    }


def _plain(premise: Json) -> Json:
    """A premise with its places as lists and its path as text."""
    places = {key: list(premise[key]) for key in ("def_pos", "def_end_pos")}
    return {**premise, **places, "def_path": str(premise["def_path"])}
