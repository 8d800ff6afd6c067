// Lean's objects seen from JavaScript: make them, read them, call compiled Lean and C functions.
// The layout is that of lean.h for 32-bit words: reference count, size | fields << 16 | tag << 24.
'use strict';

const STRING_HEADER = 20;
const ARRAY_TAG = 246;
const CLOSURE_TAG = 245;

// (module (import "js" "f" (func (param i32) (result i32))) (export "f" (func 0))): makes of a
// JavaScript function one that can stand in the table of functions
const ADAPTER = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f,
  2, 8, 1, 2, 0x6a, 0x73, 1, 0x66, 0, 0, 7, 5, 1, 1, 0x66, 0, 0,
]);

class LeanError extends Error {} // an IO error: the instance is well

class Objects {
  constructor(runtime) {
    this.runtime = runtime;
    this.functions = new Map();
  }

  get words() { return this.runtime.words; }

  // C symbol -> its address, for data
  address(symbol) {
    const value = this.runtime.symbols.named(symbol);
    if (!value) throw new Error(`no symbol ${symbol}`);
    return value;
  }

  // C symbol -> function
  fn(symbol) {
    let found = this.functions.get(symbol);
    if (!found) {
      found = this.runtime.table.get(this.address(symbol));
      this.functions.set(symbol, found);
    }
    return found;
  }

  // the value of a Lean constant
  constant(symbol) { return this.words[this.address(symbol) >> 2]; }

  box(number) { return (number << 1) | 1; }

  retain(object) {
    if (object & 1) return object;
    const count = this.words[object >> 2];
    if (count > 0) this.words[object >> 2] = count + 1;
    else if (count < 0) Atomics.sub(this.words, object >> 2, 1); // shared between threads
    return object;
  }

  release(object) {
    if (object & 1) return;
    const count = this.words[object >> 2];
    if (count > 1) this.words[object >> 2] = count - 1;
    else if (count !== 0) this.fn('lean_dec_ref_cold')(object);
  }

  tag(object) { return this.runtime.bytes[object + 7]; }

  fieldCount(object) { return this.runtime.bytes[object + 6]; }

  field(object, index) { return this.words[(object >> 2) + 2 + index]; }

  // where the scalar fields of a constructor object begin
  scalars(object) { return object + 8 + 4 * this.fieldCount(object); }

  constructorObject(tag, fields, scalarBytes = 0) {
    const size = 8 + 4 * fields.length + scalarBytes;
    const object = this.fn('lean_alloc_object')(size);
    this.words[object >> 2] = 1;
    this.words[(object >> 2) + 1] = (((size + 7) & ~7) & 0xffff) | (fields.length << 16) | (tag << 24);
    this.words.set(fields, (object >> 2) + 2);
    this.runtime.bytes.fill(0, object + 8 + 4 * fields.length, object + size);
    return object;
  }

  // a constructor object like this one, with the same fields
  copy(object) {
    const fields = Array.from({ length: this.fieldCount(object) }, (_, k) => this.retain(this.field(object, k)));
    const size = this.words[(object >> 2) + 1] & 0xffff;
    const copied = this.constructorObject(this.tag(object), fields, size - 8 - 4 * fields.length);
    this.runtime.bytes.copyWithin(this.scalars(copied), this.scalars(object), object + size);
    return copied;
  }

  // put another object into a constructor object that nobody else has
  setField(object, index, value) {
    this.release(this.field(object, index));
    this.words[(object >> 2) + 2 + index] = value;
  }

  array(items) {
    const object = this.fn('lean_alloc_object')(16 + 4 * items.length);
    this.words.set([1, ARRAY_TAG << 24, items.length, items.length, ...items], object >> 2);
    return object;
  }

  arrayLength(object) { return this.words[(object >> 2) + 2]; }

  arrayItem(object, index) { return this.words[(object >> 2) + 4 + index]; }

  string(text) {
    const bytes = Buffer.from(text, 'utf8');
    const copy = this.runtime.malloc(bytes.length + 1);
    this.runtime.bytes.set(bytes, copy);
    const object = this.fn('lean_mk_string_from_bytes')(copy, bytes.length);
    this.runtime.free(copy);
    return object;
  }

  // the text of a string object, which stays the caller's
  text(object) {
    const size = this.words[(object >> 2) + 2] - 1;
    const start = object + STRING_HEADER;
    return Buffer.from(this.runtime.bytes.slice(start, start + size)).toString('utf8');
  }

  name(text) {
    let object = this.box(0);
    for (const part of text.split('.')) object = this.fn('lean_name_mk_string')(object, this.string(part));
    return object;
  }

  // a Lean function of one argument that calls `f`, which gives nothing of use
  closure(f) {
    const call = (argument) => {
      f();
      return argument;
    };
    const adapter = new WebAssembly.Instance(new WebAssembly.Module(ADAPTER), { js: { f: call } });
    const slot = this.runtime.table.grow(1, adapter.exports.f);
    const object = this.fn('lean_alloc_object')(16);
    this.words.set([1, 16 | (CLOSURE_TAG << 24), slot, 1], object >> 2); // arity 1, nothing fixed
    return object;
  }

  // the value of an `EIO` result; throws LeanError
  io(result) {
    const value = this.retain(this.field(result, 0));
    const failed = this.tag(result) !== 0;
    this.release(result);
    if (!failed) return value;
    const message = this.fn('lean_io_error_to_string')(value);
    throw new LeanError(this.text(message));
  }

  // run a Lean function of `environment` in the interpreter: boxed values in and out.
  // An IO function takes the world, `box(0)`, as its last argument.
  run(environment, name, args) {
    const run = this.fn('_ZN4lean2ir9run_boxedERKNS_16elab_environmentERKNS_7optionsERKNS_4nameEjPP11lean_object');
    const frame = this.runtime.malloc(12 + 4 * args.length);
    const lean = this.name(name);
    this.words.set([environment, this.box(0), lean, ...args], frame >> 2);
    const result = run(frame, frame + 4, frame + 8, args.length, frame + 12);
    this.runtime.free(frame);
    this.release(lean);
    return result;
  }

  // an exception that came out of the instance, as text
  describe(error) {
    if (typeof error === 'number') {
      try {
        return `C++ ${this.runtime.exceptionText(error)}`;
      } catch {
        return `C++ exception ${error}`;
      }
    }
    return error && error.message ? `${error.name}: ${error.message}` : String(error);
  }
}

module.exports = { LeanError, Objects };
