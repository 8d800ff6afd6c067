"""The rewritten binary and glue, on a package small enough to know by heart; run by Node.js."""

import io
import json
import re
import struct
import subprocess
import zlib

import pytest
from lakatos.data.errors import ToolchainError
from lakatos.lean_env.toolchains import js_glue as glue
from lakatos.lean_env.toolchains import wasm
from lakatos.lean_env.toolchains.distribution import NodeJs
from lakatos.lean_env.toolchains.trampolines import trampoline_module
from lakatos.tests import tiny_package

RUN = r"""
const fs = require('fs');
const [lean, invoke, facts] = process.argv.slice(2);
const { symbols, size, sp: top } = JSON.parse(facts);
const table = new WebAssembly.Table({ initial: size, element: 'anyfunc' });
const sp = new WebAssembly.Global({ value: 'i32', mutable: true }, top);
let thrown = false;
const caught = () => { const was = thrown; thrown = false; return was ? 1 : 0; };
const compile = (file) => new WebAssembly.Module(fs.readFileSync(file));
const load = (file, env) => new WebAssembly.Instance(compile(file), { env });
const { exports: trampolines } = load(invoke, { table, sp, caught });
const { exports: own } = load(lean, {
  __indirect_function_table: table, __stack_pointer: sp, base: 0,
  throws: () => { throw new RangeError(); },
  memory: new WebAssembly.Memory({ initial: 1, maximum: 2 }), ...trampolines,
});
const at = (name) => table.get(symbols[name]);
at('ENQUEUE')(0, 0, 41);
at('ENQUEUE')(0, 0, 1);
const answers = {
  exports: Object.keys(own), total: own.$g4.value,
  heartbeats: Number(at('GET')()), invoked: trampolines.invoke_ii(symbols.successor, 4),
};
sp.value = 8;
thrown = true;
answers.swallowed = trampolines.invoke_ii(symbols.throws, 4);
answers.restored = sp.value;
try { trampolines.invoke_ii(symbols.throws, 4); }
catch (error) { answers.passed = error.constructor.name; }
console.log(JSON.stringify(answers));
"""


@pytest.fixture(scope="module")
def slimmed():
    out = io.BytesIO()
    linkage = wasm.slim(tiny_package.program(), {"successor"}, out)
    return out.getvalue(), linkage


def test_every_former_export_has_a_slot_or_an_address(slimmed):
    _, linkage = slimmed
    assert linkage.symbols[b"successor"] == 1
    functions = [wasm.GET_HEARTBEATS, wasm.SET_HEARTBEATS, wasm.RUN, wasm.ENQUEUE]
    assert [linkage.symbols[label] for label in functions] == [2, 3, 4, 5]
    assert linkage.symbols[b"data"] == tiny_package.DATA
    assert linkage.table_size == 7
    assert linkage.stack_pointer == tiny_package.STACK_POINTER
    assert linkage.trampolines == ("invoke_ii",)


def test_node_runs_the_rewritten_program(slimmed, tmp_path):
    program, linkage = slimmed
    (tmp_path / "lean.wasm").write_bytes(program)
    trampolines = trampoline_module(linkage.trampolines, linkage.table_size)
    (tmp_path / "invoke.wasm").write_bytes(trampolines)
    (tmp_path / "run.js").write_text(RUN)
    short = {
        wasm.ENQUEUE: "ENQUEUE",
        wasm.GET_HEARTBEATS: "GET",
        b"successor": "successor",
        b"throws": "throws",
    }
    symbols = {label: linkage.symbols[symbol] for symbol, label in short.items()}
    facts = {"symbols": symbols, "size": linkage.table_size, "sp": linkage.stack_pointer}
    files = [tmp_path / "run.js", tmp_path / "lean.wasm", tmp_path / "invoke.wasm"]
    argv = [NodeJs.find().program, *files, json.dumps(facts)]
    answers = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    assert set(answers["exports"]) == {"successor", "thread_local", "$g1", "$g3", "$g4"}
    assert answers["total"] == 42, "a task runs at once"
    assert answers["heartbeats"] == 7, "what a task burns is not the caller's"
    assert answers["invoked"] == 5
    assert (answers["swallowed"], answers["restored"]) == (0, 8), "a C++ exception is caught"
    assert answers["passed"] == "RangeError", "anything else is thrown on"


@pytest.mark.parametrize("section", [0, 4, 6, 7, 9])
def test_another_layout_is_refused(section):
    program = tiny_package.program()
    spans = {kind: start for kind, start, _ in wasm._sections(program)}
    damaged = bytearray(program)
    damaged[spans[section] + 2] ^= 0x55
    with pytest.raises(ToolchainError, match="another layout than expected"):
        wasm.slim(bytes(damaged), set(), io.BytesIO())


@pytest.mark.parametrize("value", [0, 1, 63, 64, 127, 128, 300, 2**31, 2**35])
def test_numbers_survive_their_encoding(value):
    assert wasm.WasmReader(wasm.unsigned(value)).unsigned() == value
    assert wasm.WasmReader(wasm.signed(value)).signed() == value
    assert wasm.WasmReader(wasm.signed(-value)).signed() == -value


def test_symbols_are_found_by_two_hashes():
    symbols = {b"lean_box": 7, b"lean_unbox": 8}
    words = struct.unpack(f"<{3 * wasm.SYMBOL_SLOTS}I", wasm.symbol_table(symbols))
    slot = zlib.crc32(b"lean_box") % wasm.SYMBOL_SLOTS
    assert words[3 * slot] == zlib.crc32(b"lean_box")
    assert words[3 * slot + 2] == 7
    assert sum(1 for word in words[2::3] if word) == 2


def test_the_glue_keeps_what_it_uses():
    small = glue.slim(tiny_package.script())
    assert "used" in small.exports
    assert not {"main", "unused"} & small.exports
    assert re.search(r'_used=Module\["_used"\]=wasmExports\["used"\]', small.text)
    assert "_unused" not in small.text
    assert "scan(symbol)" not in small.text
    assert small.text.startswith("module.exports=function(Module){")


@pytest.mark.parametrize("old", [old for old, _ in glue.REPLACEMENTS] + ["throw exceptionLast"])
def test_a_glue_without_an_expected_text_is_refused(old):
    script = tiny_package.script().replace(old, "", 1)
    with pytest.raises(ToolchainError, match="another layout than expected"):
        glue.slim(script)
