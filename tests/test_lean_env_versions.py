"""Versions of Lean: which are served, what is said of the others, and what differs between them.

lean_signatures.json records what was read in the sources of versions that no test can run; the
forms of LeanEnv/Compat.lean are elaborated against it.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lakatos.data.errors import ToolchainError
from lakatos.lean_env import versions
from lakatos.lean_env.toolchains import native
from lakatos.lean_env.toolchains.sources import ROOT, worker_sources
from lakatos.lean_env.worker import LeanWorker

HERE = Path(__file__).parent
STANDIN = HERE / "native_standin"
RECORDED = json.loads((HERE / "lean_signatures.json").read_text(encoding="utf-8"))
COMPAT = (ROOT / "LeanEnv" / "Compat.lean").read_text(encoding="utf-8")
DEFINITION = re.compile(r"^def (\w+) (.*?) := by\n  first\n(.*?)\n\n", re.DOTALL | re.MULTILINE)
FORM = re.compile(r"^  \| exact (.*?)(?=\n  \| exact |\Z)", re.DOTALL | re.MULTILINE)
OLD_NAMES = re.compile(
    r"opts\.entries\b|\.setNat\b|``(?:Lean\.)?(?:reduceBool|reduceNat|ofReduceBool|ofReduceNat|trustCompiler)\b"
    r"|lintersRef|addDeclCore|import LeanEnv\.Pack"
)


@pytest.mark.parametrize(
    "lean", ["4.27.0", "4.27.0-rc1", "4.28.0", "4.36.1", "4.37.0-nightly", "5.0.0"]
)
def test_what_is_not_too_old_is_tried(lean):
    versions.refuse_old(lean)
    assert versions.is_newer(lean) == lean.startswith(("4.37", "5"))


@pytest.mark.parametrize("lean", ["4.22.0", "4.26.0", "4.9.0", "3.51.1", "4.26.0-rc2"])
def test_what_is_too_old_is_refused_in_one_line(lean):
    with pytest.raises(ToolchainError, match=rf"^Lean {lean} is too old .*4\.27 to 4\.36"):
        versions.refuse_old(lean)


def test_a_version_that_cannot_be_used_is_one_line_with_what_to_do():
    known = versions.not_compiled("4.31.0", "LeanEnv/State.lean:3: error: x")
    assert str(known) == (
        "our worker does not compile with Lean 4.31.0 (LeanEnv/State.lean:3: error: x): please "
        "report this line, or use --lean embedded"
    )
    newer = str(versions.not_compiled("4.40.0", "x"))
    assert "newer than this lakatos knows (4.27 to 4.36)" in newer
    assert "update lakatos" in newer
    assert "report this line" in str(versions.not_passed("4.31.0", "native", "ping"))
    assert "update lakatos" in str(versions.not_passed("4.40.0", "native", "ping"))
    assert "--lean" not in str(versions.not_passed("4.28.0", "embedded", "ping"))


def test_the_docs_say_which_versions_are_served():
    text = (HERE.parent / "docs" / "lean_versions.md").read_text(encoding="utf-8")
    for minor in range(versions.OLDEST[1], versions.NEWEST[1] + 1):
        assert f"4.{minor}" in text, minor
    assert versions.RANGE in text


# ------------------------------------------------------------------------------ what differs


def forms():
    return {name: (head, FORM.findall(body)) for name, head, body in DEFINITION.findall(COMPAT)}


def test_every_form_is_recorded():
    found = forms()
    assert len(found) == COMPAT.count("\ndef ")
    for name, (_, alternatives) in found.items():
        assert alternatives == [each["form"] for each in RECORDED[name]]
        assert all(each["versions"] and each["source"] for each in RECORDED[name])


def test_what_differs_is_used_in_compat_only():
    for source in worker_sources():
        if source.module != "LeanEnv.Compat":
            assert not OLD_NAMES.findall(source.text), source.module
    assert [source.module for source in worker_sources()].count("LeanEnv.Compat") == 1


def elaborated():
    """Files for each form: as it is, and on top of what was recorded; and what must come of it."""
    for name, (head, _) in forms().items():
        for each in RECORDED[name]:
            text = f"noncomputable def f {head} :=\n  {each['form']}\n"
            yield pytest.param(text, "declared" not in each, id=f"{name}, alone")
            if "declared" in each:
                for old, new in each["renamed"].items():
                    text = text.replace(old, new)
                yield pytest.param(f"{each['declared']}\n{text}", True, id=f"{name}, recorded")
    (options,) = RECORDED["Options"]
    printing = (ROOT / "LeanEnv" / "Printing.lean").read_text(encoding="utf-8")
    library = (ROOT / "LeanEnv" / options["file"]).read_text(encoding="utf-8")
    assert options["form"].replace("NewOptions", "Options") in library
    setting = re.search(r"def setsPrinting .*?return false\n", printing, re.DOTALL)[0]
    text = f"{setting.replace('Options', 'NewOptions')}\ndef f : NewOptions := {options['form']}\n"
    yield pytest.param(f"{options['declared']}\n{text}", True, id="Options, recorded")


@pytest.mark.lean
@pytest.mark.parametrize(("text", "is_good"), list(elaborated()))
def test_each_form_fits_the_version_it_is_for(toolchain, text, is_good):
    async def errors():
        worker = await LeanWorker.start(toolchain.worker_command(memory_mb=2048))
        try:
            source = f"import Lean\nopen Lean Elab Command\n{text}"
            opened = await worker.request("open", wall_s=60.0, name="f.lean", source=source)
        finally:
            await worker.close()
        return [m["text"] for m in opened.value["messages"] if m["severity"] == "error"]

    said = asyncio.run(errors())
    assert (said == []) is is_good, said


# ------------------------------------------------------------------- the stand-in's versions


def standin(lean, cache):
    path = os.pathsep.join([str(STANDIN), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "LAKATOS_CACHE": str(cache), "STANDIN_LEAN": lean}


@pytest.mark.slow
def test_an_old_lean_is_refused_before_anything_is_compiled(tmp_path):
    (tmp_path / "lakefile.toml").write_text('name = "p"\n')
    with pytest.raises(ToolchainError, match=r"^Lean 4\.22\.0 is too old") as caught:
        native.find(tmp_path, cache=tmp_path / "cache", environ=standin("4.22.0", tmp_path))
    assert "--lean embedded" in str(caught.value)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("lean", ["4.22.0", "4.28.0", "4.36.0"])
@pytest.mark.slow
def test_lake_and_lean_say_which_version_they_are(tmp_path, lean):
    environ = standin(lean, tmp_path)
    for program in ("lake", "lean"):
        argv = [shutil.which(program, path=environ["PATH"]), "--version"]
        said = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
        assert f"version {lean}" in said.stdout
        assert program == "lake" or native.VERSION.search(said.stdout)[1] == lean


@pytest.mark.lean
def test_the_newest_lean_refuses_what_is_gone_and_takes_our_sources(toolchain, tmp_path):
    environ = standin("4.36.0", toolchain.layer.parent)
    (tmp_path / "A.lean").write_text("import Lean\ndef f (opts : Lean.Options) := opts.entries\n")
    argv = [STANDIN / "lean", "-R", tmp_path, "-o", tmp_path / "A.olean", tmp_path / "A.lean"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert "A.lean:2:0: error(lean.invalidField)" in done.stderr
    found = native.find(tmp_path, cache=toolchain.layer.parent, environ=environ)
    assert found.lean == "4.36.0"
