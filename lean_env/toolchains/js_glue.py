"""Cut the package's 89 MB of JavaScript glue down to the 0.7 MB that do something.

The rest binds 201,110 exports to as many variables, of which the glue uses 49. What is cut or
replaced is found by its text, and a text that is not there exactly as often as expected is
refused. The result is a function of `Module`, through which embedded/runtime.js links it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .wasm import expect

WORD = re.compile(r"[A-Za-z_$][\w$]*")
ALWAYS_KEPT = {"__wasm_call_ctors", "_emscripten_tls_init", "__main_argc_argv"}
ASSIGN = "function assignWasmExports(wasmExports){"

LOOK_UP = """var __dlsym_js=(handle,symbol,symbolIndex)=>{
growMemViews();var v=Module.symbols.at(HEAPU8,symbol);
if(!v){dlSetError("unknown symbol")}return v};"""

# what the package's glue says -> what ours says, and why
REPLACEMENTS = (
    # a scan of the whole table for every function: the symbol file knows the slots
    (
        "functionsInTableMap=new WeakMap;updateTableMap(0,wasmTable.length)",
        "functionsInTableMap=new WeakMap",
    ),
    ("newValue=addFunction(value)", "newValue=Module.symbols.named(symName)||addFunction(value)"),
    # tasks run on the caller: no thread is ever started, and we are nobody's thread
    ("var pthreadPoolSize=4;", "var pthreadPoolSize=0;"),
    (
        'ENVIRONMENT_IS_PTHREAD=ENVIRONMENT_IS_WORKER&&worker_threads["workerData"]=="em-pthread"',
        "ENVIRONMENT_IS_PTHREAD=false",
    ),
    # `Module` is the argument
    ('var Module=typeof Module!="undefined"?Module:{};', ""),
    ('if(typeof module!="undefined"){module["exports"]=Module}', ""),
    # C++ exceptions announce themselves: the trampolines must tell them from others
    ("throw Infinity", "throw(Module.thrown=true,Infinity)"),
    (
        "var imports={env:wasmImports,",
        "Module.link(wasmImports,()=>_setThrew(1,0));var imports={env:wasmImports,",
    ),
)

RUNTIME = """;Module.runtime={
get bytes(){return growMemViews(),HEAPU8},get words(){return growMemViews(),HEAP32},
get memory(){return wasmMemory},get exports(){return wasmExports},get table(){return wasmTable},
FS,NODEFS,ENV,malloc:n=>_malloc(n),free:p=>_free(p),stackRestore:p=>stackRestore(p),
setStackLimits:(high,low)=>_emscripten_stack_set_limits(high,low),
exceptionText:p=>getExceptionMessage(p).join(": ")};
"""
START = "if(!ENVIRONMENT_IS_PTHREAD){createWasm();run()}"


@dataclass(frozen=True)
class Glue:
    """The small glue, and the exports of the binary that it uses by name."""

    text: str
    exports: frozenset[str]


def slim(text: str) -> Glue:
    """Rewrite lean.js into a module whose one export is `function(Module)`.

    Raises ToolchainError when it is not the lean.js this was written for.
    """
    before, names, body, after = _split(text)
    words = set(WORD.findall(before)) | set(WORD.findall(after))
    used = sorted(words.intersection(names))
    statements = [_assignment(body, each) for each in used]
    exports = set(ALWAYS_KEPT)
    for each in statements:
        exports.update(re.findall(r'wasmExports\["([^"]+)"\]', each)[:1])
    declared = f"var {','.join(used)};{ASSIGN}{';'.join(statements)}}}"
    glue = _mend(before + declared + after)
    return Glue(f"module.exports=function(Module){{{glue}\nreturn Module}};\n", frozenset(exports))


def _split(text: str) -> tuple[str, list[str], str, str]:
    """Text before the variables, their names, the assigning function's body, text after it."""
    start = _find(text, "var _main,_lean_main")
    end = _find(text, ";", start)
    body = _find(text, ASSIGN, end)
    expect(body == end + 1, "assignWasmExports")
    body += len(ASSIGN)
    body_end = _find(text, "}var wasmImports;", body)
    names = text[start + len("var ") : end].split(",")
    return text[:start], names, text[body:body_end], text[body_end + 1 :]


def _find(text: str, what: str, start: int = 0) -> int:
    at = text.find(what, start)
    expect(at >= 0, what)
    return at


def _assignment(body: str, variable: str) -> str:
    """The statement of `body` that gives `variable` its export: `a=[b=...]wasmExports["x"]`."""
    found = max(body.find(f"{before}{variable}=") for before in (";", "="))
    if found < 0:
        expect(body.startswith(f"{variable}="), variable)
        found = 0
    start = body.rfind(";", 0, found + 1) + 1
    end = body.find(";", found + 1)
    return body[start : end if end >= 0 else len(body)]


def _mend(text: str) -> str:
    """Apply every replacement."""
    text = text.replace('console.log("[DEBUG', '(()=>{})("[DEBUG')
    start = _find(text, "var __dlsym_js=(")
    text = text[:start] + LOOK_UP + text[_find(text, "__dlsym_js.sig=", start) :]
    for old, new in REPLACEMENTS:
        expect(text.count(old) == 1, old)
        text = text.replace(old, new)
    old = "throw exceptionLast"
    expect(text.count(old) == 3, old)
    text = text.replace(old, "throw(Module.thrown=true,exceptionLast)")
    at = text.rfind(START)
    expect(at >= 0, START)
    return text[:at] + RUNTIME + text[at:]
