// The memory image of a started worker: between two requests the stack is empty, so the heap and
// the mutable globals are the whole state. Only blocks that are not zero are stored.
'use strict';
const fs = require('fs');

const BLOCK = 65536;

function globals(runtime) {
  return Object.entries(runtime.exports).filter(([name]) => name.startsWith('$g'));
}

// Ranges [start, bytes] of `memory` below `size` that hold anything but zeros.
function usedRanges(memory, size) {
  const zeros = Buffer.alloc(BLOCK);
  const ranges = [];
  for (let start = 0; start < size; start += BLOCK) {
    const length = Math.min(BLOCK, size - start);
    if (Buffer.from(memory.buffer, start, length).equals(zeros.subarray(0, length))) continue;
    const last = ranges[ranges.length - 1];
    if (last && last[0] + last[1] === start) last[1] += length;
    else ranges.push([start, length]);
  }
  return ranges;
}

// Call `io(fd, bytes, offset, length, position)` until all of `ranges` went through.
function transfer(io, fd, bytes, ranges) {
  let position = 0;
  for (const [start, length] of ranges) {
    for (let done = 0; done < length;) {
      const count = io(fd, bytes, start + done, length - done, position + done);
      if (count <= 0) throw new Error('the memory image is cut short');
      done += count;
    }
    position += length;
  }
}

// Write the image of `lean` to `file`; returns what `restore` needs besides.
function save(lean, file) {
  const { runtime } = lean;
  const size = lean.fn('sbrk')(0) >>> 0;
  const ranges = usedRanges(runtime.memory, size);
  const fd = fs.openSync(file, 'w');
  transfer(fs.writeSync, fd, runtime.bytes, ranges);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  const values = Object.fromEntries(globals(runtime).map(([name, each]) => [name, each.value]));
  return { size, ranges, globals: values };
}

// Fill the fresh instance `runtime` with the image in `file`, described by `image`.
function restore(runtime, file, image) {
  const { memory } = runtime;
  const missing = image.size - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / BLOCK));
  const fd = fs.openSync(file, 'r');
  transfer(fs.readSync, fd, runtime.bytes, image.ranges);
  fs.closeSync(fd);
  for (const [name, each] of globals(runtime)) each.value = image.globals[name];
}

module.exports = { save, restore };
