"""The functions `invoke_*`, which catch C++ exceptions, as a WebAssembly module of 3 KB.

The package has them in JavaScript; a small file's elaboration makes a million of these calls, and
inside WebAssembly each costs next to nothing. That made elaboration 1.5 to 1.9 times as fast.
"""

from __future__ import annotations

from collections.abc import Iterable

from .wasm import GLOBAL, I32, MAGIC, name, section, unsigned, vector

I64, F32, F64 = 0x7E, 0x7D, 0x7C


def trampoline_module(trampolines: Iterable[str], table_size: int) -> bytes:
    """A module that exports `trampolines`, for a function table of `table_size` slots.

    `invoke_SIGNATURE(f, arguments...)` calls table slot `f` and catches: it restores the stack
    pointer and asks the import `caught` whether C++ threw; anything else (a stack overflow, an
    exit) is thrown on.
    """
    value_types = {"i": I32, "j": I64, "f": F32, "d": F64, "p": I32}
    zero = {I32: b"\x41\0", I64: b"\x42\0", F32: b"\x43" + bytes(4), F64: b"\x44" + bytes(8)}
    types = {b"\x60\x00\x01\x7f": 0}  # `caught`: () -> i32

    def type_index(parameters: list[int], result: int | None) -> bytes:
        results = b"\x00" if result is None else bytes([1, result])
        encoded = b"\x60" + unsigned(len(parameters)) + bytes(parameters) + results
        return unsigned(types.setdefault(encoded, len(types)))

    names, signatures, bodies = list(trampolines), [], []
    for label in names:
        kinds = label.removeprefix("invoke_")
        result = None if kinds[0] == "v" else value_types[kinds[0]]
        parameters = [value_types[kind] for kind in kinds[1:]]
        inner = type_index(parameters, result)
        signatures.append(type_index([I32, *parameters], result))
        saved = unsigned(len(parameters) + 1)
        body = b"\x01\x01\x7f" + b"\x23\x00\x21" + saved  # saved = stack pointer
        body += b"\x06" + (b"\x40" if result is None else bytes([result]))  # try
        body += b"".join(b"\x20" + unsigned(k + 1) for k in range(len(parameters)))
        body += b"\x20\x00\x11" + inner + b"\x00"  # call_indirect f
        body += b"\x19\x20" + saved + b"\x24\x00"  # catch_all: stack pointer = saved
        body += b"\x10\x00\x45\x04\x40\x09\x01\x0b"  # if not caught: rethrow
        body += (b"" if result is None else zero[result]) + b"\x0b\x0b"
        bodies.append(unsigned(len(body)) + body)
    imports = [
        name("env") + name("caught") + b"\x00\x00",
        name("env") + name("table") + b"\x01\x70\x00" + unsigned(table_size),
        name("env") + name("sp") + bytes([GLOBAL, I32, 1]),
    ]
    exports = (name(label) + b"\x00" + unsigned(i + 1) for i, label in enumerate(names))
    parts = [(1, types), (2, imports), (3, signatures), (7, exports), (10, bodies)]
    return MAGIC + b"".join(section(kind, vector(items)) for kind, items in parts)
