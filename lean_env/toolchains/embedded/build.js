// Prepares a worker: elaborates its Lean sources into one self-contained module, loads that module
// into a fresh instance, and saves the instance's memory. About a minute.
//   node build.js JOB.json     {"dist":DIR,"layer":DIR,"sources":[{"file","module","source"}...]}
// Leaves LakatosWorker.olean, image.bin, image.json in the folder `layer`; prints {"lean":VERSION}
// or {"errors":TEXT} when Lean refuses a source, or {"broken":TEXT} when the build itself fails.
'use strict';
const fs = require('fs');
const path = require('path');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const runtime = require('./runtime.js');
const { LeanError, Objects } = require('./objects.js');
const { elaborate, importModules, initialize } = require('./environment.js');
const { Session } = require('./session.js');
const { save } = require('./image.js');
const { THREAD_LIMITS } = require('./limits.js');

const MODULE = 'LakatosWorker';

// Elaborate the sources one after the other on top of `import Lean`, and write the module.
function pack(lean, { layer, sources }) {
  let environment = importModules(lean, ['Lean']);
  for (const source of sources) environment = elaborate(lean, environment, source);
  environment = lean.fn('l_Lean_Environment_setMainModule')(environment, lean.name(MODULE));
  const file = lean.string(path.join(layer, MODULE + '.olean'));
  const args = [lean.retain(environment), file, lean.name(MODULE), lean.box(0)];
  lean.io(lean.run(environment, 'LeanEnv.pack', args));
  return {};
}

// What theorems of the library speak of, as lines of text.
function index(lean, { dist }) {
  const session = Session.open(lean, importModules(lean, [MODULE]), [path.join(dist, 'lib')]);
  const args = [importModules(lean, ['Std']), lean.box(0)];
  return { lines: lean.text(lean.io(lean.run(session.roots.environment, 'LeanEnv.libraryLines', args))) };
}

// Load the module, import what nearly every file needs, and save the memory.
function image(lean, { dist, layer, lines }) {
  const session = Session.open(lean, importModules(lean, [MODULE]), [path.join(dist, 'lib')]);
  session.addEnvironment('Init', ['Init']);
  for (const line of lines.split('\n')) {
    const known = lean.retain(session.roots.environment);
    lean.release(session.call('LeanEnv.addLibraryLine', [known, lean.string(line)]));
  }
  session.step('{"v":1,"id":0,"op":"ping"}'); // fills the interpreter's caches
  const [version] = lean.text(lean.constant('l_Lean_versionString')).split(',');
  const saved = save(lean, path.join(layer, 'image.bin'));
  const meta = { lean: version, roots: session.roots, ...saved };
  fs.writeFileSync(path.join(layer, 'image.json'), JSON.stringify(meta));
  return { lean: version };
}

function runThread() {
  const { compiled, phase, job } = workerData;
  const searchPath = [path.join(job.dist, 'lib'), job.layer];
  const onStarted = (instance) => {
    const lean = new Objects(instance);
    try {
      runtime.mount(instance, searchPath, job.layer);
      initialize(lean, searchPath);
      parentPort.postMessage({ pack, index, image }[phase](lean, job));
    } catch (error) {
      const refused = error instanceof LeanError;
      parentPort.postMessage(refused ? { errors: error.message } : { broken: lean.describe(error) });
    }
  };
  runtime.start({ dist: job.dist, compiled, onPanic: () => {}, onStarted });
}

// Run one phase in a thread of its own, whose memory is gone before the next begins.
function run(compiled, phase, job) {
  return new Promise((resolve) => {
    let result = null;
    const options = { workerData: { compiled, phase, job }, resourceLimits: THREAD_LIMITS };
    const thread = new Worker(__filename, options);
    thread.on('message', (message) => {
      result = message;
      thread.terminate();
    });
    thread.on('error', (error) => { result = { broken: String(error) }; });
    thread.on('exit', (code) => resolve(result || { broken: `the thread ended with status ${code}` }));
  });
}

async function main() {
  const job = JSON.parse(fs.readFileSync(process.argv[2]));
  const compiled = runtime.compile(job.dist);
  let result = {};
  for (const phase of ['pack', 'index', 'image']) {
    result = await run(compiled, phase, { ...job, ...result });
    if (result.errors || result.broken) break;
  }
  process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0));
}

if (isMainThread) main();
else runThread();
