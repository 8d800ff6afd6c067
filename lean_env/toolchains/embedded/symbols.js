// The symbol file: C symbol -> slot in the function table, or address of its data.
// Open addressing, 3 words a slot (hash, hash, value); written by lean_env/toolchains/wasm.py.
'use strict';
const fs = require('fs');

const SECOND_SEED = 0x9e3779b9;
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

class Symbols {
  constructor(file) {
    const bytes = fs.readFileSync(file);
    this.table = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    this.slots = this.table.length / 3;
  }

  // the value of the zero-terminated name at `start` of `memory`; 0 when unknown
  at(memory, start) {
    let end = start;
    while (memory[end]) end++;
    let first = 0xffffffff;
    for (let i = start; i < end; i++) first = CRC[(first ^ memory[i]) & 255] ^ (first >>> 8);
    first = (first ^ 0xffffffff) >>> 0;
    let second = SECOND_SEED ^ 0xffffffff;
    for (let i = end - 1; i >= start; i--) second = CRC[(second ^ memory[i]) & 255] ^ (second >>> 8);
    second = (second ^ 0xffffffff) >>> 0;
    const table = this.table;
    for (let slot = first % this.slots; ; slot = (slot + 1) % this.slots) {
      const k = 3 * slot;
      if (!table[k] && !table[k + 1] && !table[k + 2]) return 0;
      if (table[k] === first && table[k + 1] === second) return table[k + 2] | 0;
    }
  }

  named(name) {
    return this.at(Buffer.from(name + '\0'), 0);
  }
}

module.exports = { Symbols };
