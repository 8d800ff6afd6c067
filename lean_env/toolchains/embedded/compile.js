// Compiles the modules of a project to .olean files, one after the other, imported ones first.
//   node FLAGS compile.js JOB.json     {"dist":DIR,"lib":DIR,"code":FILE,"memoryMb":N,
//     "modules":[{"module","file","imports":[NAME...],"source","options":{},"out":FILE}...]}
// `lib` holds the modules compiled so far, and gets these. A module can write nowhere while it is
// elaborated: else it could change one that is trusted more. Prints a line for each: {"module":NAME} when it is
// written, with "errors" when Lean refuses it; {"broken":TEXT} when the compiler fails itself.
// Ends early, with status 0, when much of its memory is used: what is imported is never freed.
'use strict';
const fs = require('fs');
const { Worker, isMainThread, workerData } = require('worker_threads');
const runtime = require('./runtime.js');
const { LeanError, Objects } = require('./objects.js');
const { elaborate, importModules, initialize, writeModule } = require('./environment.js');
const { send } = require('./channel.js');
const { death } = require('./death.js');
const { THREAD_LIMITS } = require('./limits.js');

let panic = ''; // Lean's line about one: the instance then runs on with a made-up value

const FULL = 0.6; // of the memory; the imports of one more module fit into the rest

function compile(lean, { module, imports, out, ...text }) {
  try {
    const environment = elaborate(lean, importModules(lean, imports), { module, ...text });
    if (panic) return { module, errors: panic };
    lean.runtime.isReadOnly = false;
    writeModule(lean, environment, module, out); // and with it the environment is gone
    return { module };
  } catch (error) {
    if (!(error instanceof LeanError)) throw error;
    return { module, errors: error.message };
  } finally {
    lean.runtime.isReadOnly = true;
  }
}

function work(instance, { dist, lib, modules, memoryMb }) {
  const lean = new Objects(instance);
  const folders = [`${dist}/lib`, lib];
  let at = null;
  try {
    runtime.mount(instance, folders, lib);
    instance.isReadOnly = true;
    initialize(lean, folders);
    for (const each of modules) {
      at = each.module;
      const told = compile(lean, each);
      send(JSON.stringify(told));
      if (told.errors || lean.fn('sbrk')(0) >>> 0 > FULL * memoryMb * 2 ** 20) break;
    }
  } catch (error) {
    send(JSON.stringify({ broken: death(error, lean, panic).text, module: at }));
  }
  process.exit(0);
}

if (isMainThread) {
  const job = JSON.parse(fs.readFileSync(process.argv[2]));
  const compiled = runtime.compile(job.dist, job.code);
  new Worker(__filename, { workerData: { job, compiled }, resourceLimits: THREAD_LIMITS })
    .on('error', (error) => {
      send(JSON.stringify({ broken: String(error) }));
      process.exit(0);
    })
    .on('exit', (status) => process.exit(status));
} else {
  const { compiled, job } = workerData;
  const onPanic = (line) => { panic = line; };
  runtime.start({ ...job, compiled, onPanic, onStarted: (instance) => work(instance, job) });
}
