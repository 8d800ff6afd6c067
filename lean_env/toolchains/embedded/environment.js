// Lean environments: start Lean, import modules, elaborate source text.
'use strict';
const fs = require('fs');
const path = require('path');
const { LeanError } = require('./objects.js');

const PRIVATE = 2; // OLeanLevel.private: everything, in one file
const STACK_BYTES = 256 << 20; // larger than V8's stack, so that V8 notices an overflow first

// Initialise Lean in a fresh instance. Its C stack is only 64 KiB as packaged, which Lean
// overruns silently, so a larger one is set before anything of Lean runs.
function initialize(lean, searchPath) {
  const { runtime } = lean;
  const low = runtime.malloc(STACK_BYTES);
  runtime.setStackLimits(low + STACK_BYTES, low);
  runtime.stackRestore(low + STACK_BYTES);
  runtime.ENV.LEAN_PATH = searchPath.join(':');
  lean.fn('lean_initialize')();
  lean.io(lean.fn('lean_init_search_path')());
  lean.fn('lean_io_mark_end_initialization')();
  lean.fn('lean_init_task_manager_using')(1);
}

// Let a restored instance look for modules in `folders`; its image knows those it was made with.
function setSearchPath(lean, folders) {
  const path_ = folders.reduceRight(
    (rest, folder) => lean.constructorObject(1, [lean.string(folder), rest]), lean.box(0),
  );
  lean.io(lean.fn('l_Lean_initSearchPath')(lean.string('/'), path_, lean.box(0)));
}

// The modules that no folder of `searchPath` holds.
function missingModules(modules, searchPath) {
  const found = (folder, module) => fs.existsSync(path.join(folder, ...module.split('.')) + '.olean');
  return modules.filter((module) => !searchPath.some((folder) => found(folder, module)));
}

// Import `modules` (names) as a file's header would.
function importModules(lean, modules) {
  const imports = modules.map((module) => {
    const object = lean.constructorObject(0, [lean.name(module)], 3); // importAll, isExported, isMeta
    lean.runtime.bytes[lean.scalars(object) + 1] = 1;
    return object;
  });
  const none = lean.box(0);
  const imported = lean.io(lean.fn('l_Lean_importModules')(
    lean.array(imports), none, 0, lean.array([]), 0, 0, 0, lean.box(1),
  ));
  completeEnvironment(lean, imported);
  return loadExtensions(lean, imported);
}

// What importModules does last, on the mended environment: extensions run code of the modules, and
// that must find its helpers. Later constants are made from what is kept here, so that is replaced.
function loadExtensions(lean, imported) {
  const modules = lean.retain(modulesOf(lean, lean.field(lean.field(imported, 0), 0)));
  const finalize = lean.fn('l___private_Lean_Environment_0__Lean_finalizePersistentExtensions');
  setImporting(lean, true);
  let loaded;
  try {
    loaded = lean.io(finalize(imported, modules, lean.box(0)));
  } finally {
    setImporting(lean, false);
  }
  const index = realizations(lean, loaded);
  const kept = lean.copy(lean.field(lean.field(loaded, index), 0));
  lean.setField(kept, 0, lean.retain(loaded));
  const result = lean.copy(loaded);
  lean.setField(result, index, lean.constructorObject(1, [kept]));
  return result;
}

// While modules are imported, they may register what they add to Lean, and their `initialize` is run.
function setImporting(lean, value) {
  for (const flag of ['importingRef', 'runInitializersRef']) {
    const reference = lean.constant(`l___private_Lean_ImportingFlag_0__Lean_${flag}`);
    lean.words[(reference >> 2) + 2] = lean.box(value ? 1 : 0);
  }
}

// Which field of an environment is its `realizedImportedConsts?`, `some` of the environment itself,
// options and a reference.
function realizations(lean, environment) {
  for (let index = 0; index < lean.fieldCount(environment); index++) {
    const field = lean.field(environment, index);
    if (field & 1 || lean.tag(field) !== 1 || lean.fieldCount(field) !== 1) continue;
    const context = lean.field(field, 0);
    if (context & 1 || lean.tag(context) !== 0 || lean.fieldCount(context) !== 3) continue;
    const inner = lean.field(context, 0);
    if (!(inner & 1) && lean.tag(inner) === 0 && lean.fieldCount(inner) === lean.fieldCount(environment)) {
      return index;
    }
  }
  throw new Error('Environment has another layout');
}

// Mend, in place, two things that this build's importModules leaves undone:
// 1. `extraConstNames` of a module are not registered in `const2ModIdx`, so that the compiler does
//    not find private and derived declarations of the library;
// 2. everything is imported as if by a file that says `module`; ours do not.
function completeEnvironment(lean, environment) {
  const base = lean.field(environment, 0);
  const checked = lean.field(lean.field(environment, 1), 0);
  const kernels = new Set([lean.field(base, 0), lean.field(base, 1), checked]);
  const mended = new Map();
  for (const kernel of kernels) {
    const old = lean.field(kernel, 2);
    let map = mended.get(old);
    if (map === undefined) {
      map = withExtraConstants(lean, old, modulesOf(lean, kernel));
      mended.set(old, map);
    } else {
      lean.retain(map);
    }
    lean.words[(kernel >> 2) + 4] = map;
    const isModule = lean.scalars(headerOf(lean, kernel)) + 4;
    if (lean.runtime.bytes[isModule] > 1) throw new Error('EnvironmentHeader has another layout');
    lean.runtime.bytes[isModule] = 0;
  }
}

function headerOf(lean, kernel) { return lean.field(kernel, 5); }

function modulesOf(lean, kernel) {
  const header = headerOf(lean, kernel);
  return lean.field(header, lean.fieldCount(header) - 1);
}

function withExtraConstants(lean, map, modules) {
  const insert = lean.fn('l_Std_HashMap_insertIfNew___redArg');
  const equal = lean.constant('l_Lean_Name_instBEq');
  const hash = lean.constant('l_Lean_instHashableName');
  for (let index = 0; index < lean.arrayLength(modules); index++) {
    const names = lean.field(lean.arrayItem(modules, index), 3);
    for (let k = 0; k < lean.arrayLength(names); k++) {
      const name = lean.retain(lean.arrayItem(names, k));
      lean.retain(equal);
      lean.retain(hash);
      map = insert(equal, hash, map, name, lean.box(index));
    }
  }
  return map;
}

// Elaborate the commands of `source`, a file without its imports, as the module `module`, under
// `options` (name -> true, false, a number or a text).
// Consumes `environment`; returns the new one. Throws LeanError with Lean's messages.
function elaborate(lean, environment, { file, module, source, options = {} }) {
  const start = lean.fn('l_Lean_Environment_setMainModule')(environment, lean.name(module));
  const input = lean.fn('l_Lean_Parser_mkInputContext___redArg')(
    lean.string(source), lean.string(file), 1, lean.box(Buffer.byteLength(source)),
  );
  const blank = source.length - source.trimStart().length; // where the imports were
  const parser = lean.constructorObject(0, [lean.box(blank)], 1);
  const messages = lean.retain(lean.constant('l_Lean_MessageLog_empty'));
  const command = lean.fn('l_Lean_Elab_Command_mkState')(start, messages, optionList(lean, options));
  const scope = lean.field(lean.field(command, 2), 0);
  if (lean.words[scope >> 2] !== 1) throw new Error('the first scope is shared');
  // as Lean's own command line does for a file that is no `module`; else all is private
  lean.runtime.bytes[lean.scalars(scope) + 1] = 1;
  const state = lean.io(lean.fn('l_Lean_Elab_IO_processCommands')(input, parser, command));
  const after = lean.field(state, 0);
  const log = lean.fn('l_Lean_MessageLog_toArray')(lean.retain(lean.field(after, 1)));
  const errors = [];
  for (let k = 0; k < lean.arrayLength(log); k++) {
    const message = lean.retain(lean.arrayItem(log, k));
    const text = lean.text(lean.fn('l_Lean_Message_toString')(message, 0));
    if (/^[^:\n]*:\d+:\d+: error/.test(text)) errors.push(text.trim());
  }
  if (errors.length) throw new LeanError(errors.join('\n'));
  const result = lean.retain(lean.field(after, 0));
  lean.release(state);
  return result;
}

// Lean's `Options` of this build: a list of pairs of a name and a DataValue.
function optionList(lean, options) {
  const value = (given) => {
    if (typeof given === 'number') return lean.constructorObject(3, [lean.box(given)]);
    if (typeof given === 'string') return lean.constructorObject(0, [lean.string(given)]);
    const flag = lean.constructorObject(1, [], 1);
    lean.runtime.bytes[lean.scalars(flag)] = given ? 1 : 0;
    return flag;
  };
  return Object.entries(options).reduce((rest, [name, given]) => (
    lean.constructorObject(1, [lean.constructorObject(0, [lean.name(name), value(given)]), rest])
  ), lean.box(0));
}

// Write `environment`, elaborated as the module `module`, to the file `out`, whole or not at all.
function writeModule(lean, environment, module, out) {
  const data = lean.io(lean.fn('l_Lean_mkModuleData')(environment, PRIVATE));
  lean.runtime.bytes[lean.scalars(data)] = 1; // this build imports only files that say `module`
  const save = lean.fn('l_Lean_saveModuleData___boxed');
  lean.io(save(lean.string(out), lean.name(module), data, lean.box(0)));
}

module.exports = { initialize, setSearchPath, importModules, missingModules, elaborate, writeModule };
