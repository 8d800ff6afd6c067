// A prover's session in one Lean instance: the entry points of lean_env/LeanEnv/, called by name.
'use strict';
const { LeanError } = require('./objects.js');
const { importModules, missingModules } = require('./environment.js');

const NEED = '{"need":';
const [FALSE, TRUE] = [1, 3]; // boxed

class Session {
  // roots: addresses of { environment, state, token }, as `open` made them
  constructor(lean, roots, libraries) {
    this.lean = lean;
    this.roots = roots;
    this.libraries = libraries;
  }

  // Start a session with the code in `environment`.
  static open(lean, environment, libraries) {
    const world = lean.box(0);
    const state = lean.io(lean.run(environment, 'LeanEnv.init', [world]));
    const token = lean.io(lean.run(environment, 'LeanEnv.cancelToken', [lean.retain(state), world]));
    return new Session(lean, { environment, state, token }, libraries);
  }

  call(name, args) {
    const { environment, state } = this.roots;
    const all = [this.lean.retain(state), ...args, this.lean.box(0)];
    return this.lean.io(this.lean.run(environment, name, all));
  }

  // Call `serve` from within Lean. While it runs Lean keeps its interpreter, with everything that
  // it has looked up; otherwise each request would begin with a new one.
  hold(serve) {
    this.lean.run(this.roots.environment, 'LeanEnv.hold', [this.lean.closure(serve)]);
  }

  // Import `modules` into the environment that Lean calls `key`.
  addEnvironment(key, modules) {
    const imported = importModules(this.lean, modules);
    this.lean.release(this.call('LeanEnv.addEnvironment', [this.lean.string(key), imported]));
  }

  step(line) {
    const reply = this.call('LeanEnv.step', [this.lean.string(line)]);
    const text = this.lean.text(reply);
    this.lean.release(reply);
    return text;
  }

  // One request line -> one reply line. Only the host can import, so Lean may first ask for
  // environments, one after the other, and is each time given the same request again.
  answer(line) {
    try {
      let reply = this.step(line);
      while (reply.startsWith(NEED)) {
        const { key, imports } = JSON.parse(reply).need;
        const missing = missingModules(imports, this.libraries);
        if (missing.length) return failure(line, 'import_failed', unknown(missing));
        try {
          this.addEnvironment(key, imports);
        } catch (error) {
          if (!(error instanceof LeanError)) throw error;
          return failure(line, 'import_failed', error.message);
        }
        reply = this.step(line);
      }
      return reply;
    } catch (error) {
      if (!(error instanceof LeanError)) throw error;
      return failure(line, 'internal', error.message);
    }
  }
}

function unknown(modules) {
  const names = modules.join(', ');
  return `unknown module${modules.length > 1 ? 's' : ''} ${names}: the embedded Lean has Init, Std ` +
    'and Lean; a project with other libraries needs its own toolchain (--lean native)';
}

function failure(line, kind, text) {
  return JSON.stringify({ v: 1, id: requestId(line), error: { kind, text } });
}

function requestId(line) {
  try {
    return JSON.parse(line).id ?? null;
  } catch {
    return null;
  }
}

// Sets or clears Lean's cancel token, from any thread that has the memory.
function tokenSetter(memory, token) {
  return (value) => {
    Atomics.store(new Int32Array(memory.buffer), (token >> 2) + 2, value ? TRUE : FALSE);
  };
}

module.exports = { Session, requestId, tokenSetter };
