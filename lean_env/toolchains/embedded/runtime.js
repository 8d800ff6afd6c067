// Starts the WebAssembly instance: memory, table, stack pointer, exception trampolines, output.
// Knows emscripten's glue (lean_rt.js, written by lean_env/toolchains/js_glue.py), not Lean.
'use strict';
const fs = require('fs');
const path = require('path');
const { load } = require('./code.js');
const { Symbols } = require('./symbols.js');

const PAGE = 65536;
const START_PAGES = 12288; // 768 MB of addresses, of which only what is touched becomes memory
const NOISE = /^(\[DEBUG|  - \/|  mainModule\?)/; // the packager's own tracing

// Lean's own output must never reach the protocol: both streams go to stderr.
// A line that tells of a panic is also given to `onPanic`.
function printer(onPanic) {
  return (line) => {
    if (NOISE.test(line)) return;
    if (/^(INTERNAL )?PANIC/.test(line)) onPanic(line);
    fs.writeSync(2, line + '\n');
  };
}

// Compile the two modules of the folder `dist`, the large one with the machine code in the file
// `code` if V8 takes it; the result can be posted to another thread.
function compile(dist, code = null) {
  const read = (file) => fs.readFileSync(path.join(dist, file));
  const bytes = read('lean.wasm');
  const lean = load(code, bytes) || new WebAssembly.Module(bytes);
  bytes.buffer.transfer(0); // free at once what V8 has copied: 116 MB
  return { lean, trampolines: new WebAssembly.Module(read('invoke.wasm')) };
}

// Give emscripten's imports a table, a stack pointer and trampolines (wasm.py made them imports).
function link(imports, setThrew, Module, trampolines, layout) {
  const table = new WebAssembly.Table({ initial: layout.table_size, element: 'anyfunc' });
  const sp = new WebAssembly.Global({ value: 'i32', mutable: true }, layout.stack_pointer);
  const caught = () => {
    if (!Module.thrown) return 0;
    Module.thrown = false;
    setThrew();
    return 1;
  };
  imports.__indirect_function_table = table;
  imports.__stack_pointer = sp;
  const instance = new WebAssembly.Instance(trampolines, { env: { table, sp, caught } });
  Object.assign(imports, instance.exports);
}

// An instance of the modules `compiled`, whose heap ends at `memoryMb`.
// Calls `onStarted(runtime)`, at once, with the object made in glue.py and `symbols`.
function start({ dist, compiled, memoryMb = 2048, onPanic, onStarted }) {
  const layout = JSON.parse(fs.readFileSync(path.join(dist, 'layout.json')));
  const maximum = Math.min(memoryMb * 16, 32768);
  const print = printer(onPanic);
  const Module = {
    noInitialRun: true,
    thrown: false,
    symbols: new Symbols(path.join(dist, 'syms.bin')),
    wasmMemory: new WebAssembly.Memory({
      initial: Math.min(START_PAGES, maximum), maximum, shared: true,
    }),
    print,
    printErr: print,
    link: (imports, setThrew) => link(imports, setThrew, Module, compiled.trampolines, layout),
    instantiateWasm(imports, ready) {
      const instance = new WebAssembly.Instance(compiled.lean, imports);
      ready(instance, compiled.lean);
      return instance.exports;
    },
    onRuntimeInitialized() {
      const clearThrown = () => { Module.thrown = false; };
      onStarted(Object.assign(Module.runtime, { symbols: Module.symbols, clearThrown }));
    },
  };
  require(path.join(dist, 'lean_rt.js'))(Module);
}

// Show the instance the folders `folders` of this machine, and nothing else; it can write in the
// folder `writable` alone, for a build that has to write its result, while `runtime.isReadOnly` is
// not set, and make no link there.
function mount(runtime, folders, writable = null) {
  const { FS, NODEFS } = runtime;
  for (const folder of folders) {
    let made = '';
    for (const part of folder.split('/').filter(Boolean)) {
      made += '/' + part;
      if (!FS.analyzePath(made).exists) FS.mkdir(made);
    }
    FS.mount(NODEFS, { root: folder }, folder);
  }
  const READ_ONLY = 69; // EROFS
  const refuse = () => { throw new FS.ErrnoError(READ_ONLY); };
  const guarded = (operation) => (at, ...rest) => {
    const { mount: { mountpoint } } = at.node || at; // of a stream, or of a node itself
    return mountpoint === writable && !runtime.isReadOnly ? operation(at, ...rest) : refuse();
  };
  const { node_ops: onNodes, stream_ops: onStreams } = NODEFS;
  for (const name of ['mknod', 'rename', 'unlink', 'rmdir', 'setattr']) onNodes[name] = guarded(onNodes[name]);
  onNodes.symlink = refuse;
  onStreams.write = guarded(onStreams.write);
}

module.exports = { PAGE, compile, start, mount };
