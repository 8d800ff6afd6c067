"""External checkers: found, tried, asked; whatever they do instead of answering is a fault."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from lakatos.data.errors import EnvironmentFault, UsageError
from lakatos.lean_env.verification import kernels
from lakatos.lean_env.verification.kernels import Kernel, check, find_kernel, found_kernels, try_out

READER = Path(__file__).with_name("export_reader.py")
CHECK = f'"{sys.executable}" "{READER}"'
NANODA = f"""
import json, subprocess, sys
config = json.load(open(sys.argv[1]))
known = {{"export_file_path", "permitted_axioms", "unpermitted_axiom_hard_error",
          "nat_extension", "string_extension"}}
if set(config) - known or not config["unpermitted_axiom_hard_error"]:
    sys.exit("unrecognized configuration options")
path = config["export_file_path"]
done = subprocess.run([sys.executable, {str(READER)!r}, path], capture_output=True, text=True)
if done.returncode:
    print("thread 'main' panicked at src/tc.rs:1:1:", done.stdout.strip(), file=sys.stderr)
    print("note: run with `RUST_BACKTRACE=1` to display a backtrace", file=sys.stderr)
    sys.exit(101)
print("Checked 1 declarations with no errors")
"""
LEANCHECKER = f"""
test "$1" = --from-export || exit 7
if {CHECK} "$2"; then echo "Lean default kernel accepts the solution"; exit 0
else echo "Lean default kernel rejects the solution: no"; exit 1; fi
"""
OLD_LEANCHECKER = 'echo "uncaught exception: Could not find any oleans for: $2" >&2; exit 1'
BLOCKS = "tail -f /dev/null"


@pytest.fixture
def program(tmp_path):
    """Makes a program of a shell script, or of Python after `python:`."""

    def make(script, name="checker"):
        place = tmp_path / "bin" / name
        place.parent.mkdir(exist_ok=True)
        first = f"#!{sys.executable}" if script.startswith("\nimport") else "#!/bin/sh"
        place.write_text(f"{first}\n{script}\n")
        place.chmod(0o755)
        return str(place)

    return make


@pytest.fixture
def export(tmp_path):
    place = tmp_path / "wrong.ndjson"
    place.write_text(kernels.WRONG)
    return place


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("checker", f'exec {CHECK} "$1"'),
        ("nanoda_bin", NANODA),
        ("leanchecker", LEANCHECKER),
    ],
)
def test_each_kind_is_asked_in_its_way(program, export, name, script):
    kernel = find_kernel(program(script, name))
    asyncio.run(try_out(kernel))
    said = asyncio.run(check(kernel, export, ["propext"], 60.0))
    assert said
    assert "\n" not in said
    assert "RUST_BACKTRACE" not in said


@pytest.mark.parametrize(
    ("name", "script", "why"),
    [
        ("checker", "exit 0", "accepts a wrong proof"),
        ("checker", "echo no; exit 1", "refuses a right proof: no"),
        ("checker", "echo too hard; exit 2", "declines .*too hard"),
        ("checker", "exit 3", r"no answer .*exit status 3\): no word"),
        ("checker", "kill -SEGV $$", "no answer .*SIGSEGV"),
        ("nanoda", "echo invalid digit; exit 1", "does not check exports .*invalid digit"),
        ("leanchecker", OLD_LEANCHECKER, "no answer .*Could not find any oleans"),
        ("leanchecker", "exit 0", "no answer"),
    ],
)
def test_what_is_no_checker_is_a_fault_of_the_machine(program, name, script, why):
    with pytest.raises(EnvironmentFault, match=why) as fault:
        asyncio.run(try_out(find_kernel(program(script, name))))
    assert fault.value.exit_code == 3
    assert "\n" not in str(fault.value)


def test_a_program_that_is_none_cannot_be_started(tmp_path):
    place = tmp_path / "checker"
    place.write_bytes(b"\0\1\2")
    place.chmod(0o755)
    with pytest.raises(EnvironmentFault, match="cannot be started"):
        asyncio.run(try_out(find_kernel(str(place))))


def test_a_limit_ends_the_whole_group(program, export, tmp_path):
    pids = tmp_path / "pids"
    script = f'{BLOCKS} & echo $! > "{pids}"; echo $$ >> "{pids}"; {BLOCKS}'
    kernel = find_kernel(program(script))
    with pytest.raises(EnvironmentFault, match="no answer within 1 s"):
        asyncio.run(check(kernel, export, (), 1.0))
    for pid in map(int, pids.read_text().split()):
        assert not is_alive(pid)


def is_alive(pid):
    """A zombie that nobody has waited for yet is dead."""
    try:
        os.kill(pid, 0)
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_of_much_output_the_last_is_told(program, export):
    script = "yes 0123456789 | head -c 20000000 >&2; echo; echo the end; exit 1"
    said = asyncio.run(check(find_kernel(program(script)), export, (), 60.0))
    assert said.endswith("the end")
    assert len(said) < 2000


def test_names_are_found_on_the_path_and_else_told(program, tmp_path):
    bare = str(tmp_path / "bin")
    with pytest.raises(EnvironmentFault, match="no nanoda_bin or nanoda on PATH"):
        find_kernel("nanoda", bare)
    assert found_kernels(bare) == []
    nanoda, leanchecker = program("exit 0", "nanoda"), program("exit 0", "leanchecker")
    other = program("exit 0", "lkc")
    found = Kernel("nanoda", nanoda, "nanoda"), Kernel("leanchecker", leanchecker, "leanchecker")
    assert find_kernel("nanoda", bare) == found[0]
    assert tuple(found_kernels(bare)) == found
    assert find_kernel("lkc", bare) == Kernel("lkc", other, "program")
    program("exit 0", "nanoda_bin")
    assert find_kernel("nanoda", bare).program.endswith("nanoda_bin")


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("nanado", "no kernel 'nanado'.*did you mean nanoda"),
        ("xyz", "no kernel 'xyz'"),
        ("./nowhere/nanoda", "no such program"),
        (str(Path(__file__).parent), "no such program"),
        (str(READER), "cannot be run"),
    ],
)
def test_a_wrong_word_is_wrong_use(word, why):
    with pytest.raises(UsageError, match=why):
        find_kernel(word, "")
