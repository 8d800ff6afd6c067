"""Where files come from: their git repository and its licences; and which commit this is."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

from ...data.dataset.dataset import DatasetOrigin

LICENSES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")


def origin_of(root: Path) -> DatasetOrigin:
    """Where a folder comes from: its git remote and commit, and the licences at its top."""
    folder = root if root.is_dir() else root.parent
    top = _git(folder, "rev-parse", "--show-toplevel")
    base = Path(top) if top else folder.resolve()
    licenses = {
        place.name: place.read_text(encoding="utf-8", errors="replace")
        for place in sorted(base.iterdir())
        if place.is_file() and place.name.upper().startswith(LICENSES)
    }
    url = _git(folder, "config", "--get", "remote.origin.url").removesuffix(".git") if top else ""
    commit = _git(folder, "rev-parse", "HEAD") if top else ""
    return DatasetOrigin(base.name, url, commit, licenses)


def revision() -> str:
    """The commit of this program, with `+` when files differ from it; else its version."""
    place = Path(__file__).parents[2]
    commit = _git(place, "rev-parse", "HEAD") if (place / ".git").exists() else ""
    if not commit:
        return version("lakatos")
    return commit + "+" * bool(_git(place, "status", "--porcelain", "--untracked-files=no"))


def _git(folder: Path, *words: str) -> str:
    """What git says; nothing where there is no git or no repository."""
    try:
        said = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, encoding="utf-8", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()
