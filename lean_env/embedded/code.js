// V8's own machine code of the binary, kept between processes: without it each worker spends
// seconds compiling what the last one had compiled. V8 refuses a file of another V8, of other flags
// or of another binary; then the binary is compiled again, and all is well but slower.
'use strict';
const fs = require('fs');
const v8 = require('v8');

// set in every process, before the first compilation: V8 compares the flags
v8.setFlagsFromString('--expose-gc');
v8.setFlagsFromString('--allow-natives-syntax');

// The module of `bytes` with the code in `file`, or null.
function load(file, bytes) {
  if (!file || !fs.existsSync(file)) return null;
  const code = new Uint8Array(fs.readFileSync(file)).buffer; // a buffer of exactly its size
  const native = new Function('code', 'bytes', 'return %DeserializeWasmModule(code, bytes)');
  const module = native(code, bytes);
  return module instanceof WebAssembly.Module ? module : null;
}

// The code that V8 has optimised in `module` so far.
function optimised(module) {
  const native = new Function('module', 'return %SerializeWasmModule(module)');
  return Buffer.from(native(module));
}

module.exports = { load, optimised };
