// V8's own machine code of the binary, kept between processes: without it each worker spends
// seconds compiling what the last one had compiled. V8 refuses a file of another V8, of other flags
// or of another binary; then the binary is compiled again, and all is well but slower.
'use strict';
const fs = require('fs');
const v8 = require('v8');

// set in every process, before the first compilation: V8 compares the flags
v8.setFlagsFromString('--expose-gc');
v8.setFlagsFromString('--allow-natives-syntax');

// The file as a buffer of exactly its size, made once: V8 keeps the memory of one that was copied.
function contents(file) {
  const bytes = new Uint8Array(fs.statSync(file).size);
  const fd = fs.openSync(file, 'r');
  try {
    for (let done = 0; done < bytes.length;) {
      const count = fs.readSync(fd, bytes, done, bytes.length - done, null);
      if (count === 0) throw new Error(`${file} is cut short`);
      done += count;
    }
  } finally {
    fs.closeSync(fd);
  }
  return bytes.buffer;
}

// The module of `bytes` with the code in `file`, or null.
function load(file, bytes) {
  if (!file || !fs.existsSync(file)) return null;
  const native = new Function('code', 'bytes', 'return %DeserializeWasmModule(code, bytes)');
  const code = contents(file);
  const module = native(code, bytes);
  code.transfer(0); // free at once what V8 has copied
  return module instanceof WebAssembly.Module ? module : null;
}

// The code that V8 has optimised in `module` so far. What it has compiled only in haste is left out:
// V8 would compile all of that again in each process that takes the code, long before most is needed.
function optimised(module) {
  new Function('return %FlushLiftoffCode()')();
  const native = new Function('module', 'return %SerializeWasmModule(module)');
  return Buffer.from(native(module));
}

// Give each function its whole `budget` back: how much work V8 sees in it before it optimises it. The
// code of a module ends with what is left of them, 32 bits each, and who takes that code begins with
// these. Does nothing if it ends otherwise: none can be above `highest`, with which they began.
function refill(code, functions, highest, budget) {
  const start = code.length - 4 * functions;
  for (let at = start; at < code.length; at += 4) if (code.readUInt32LE(at) > highest) return;
  for (let at = start; at < code.length; at += 4) code.writeUInt32LE(budget, at);
}

// How many functions the WebAssembly binary `bytes` defines: its section 3 begins with their number.
function definedFunctions(bytes) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const size = number();
    if (section === 3) return number();
    at += size;
  }
  return 0;
}

module.exports = { load, optimised, refill, definedFunctions };
