// The part of the stand-in `lean` that runs a program in the embedded engine.
//   node lean.js '{"dist":DIR,"code":FILE,"path":[DIR...],"imports":[NAME...],"source":{file,module,source}}'
// Elaborates `source` on top of its imports, found in dist/lib and on `path`, and runs its `main` on
// standard input, which is read to its end first: this engine has one thread, and `main` reads ahead
// in a second. Prints Lean's errors and ends with status 1 if there are any.
'use strict';
const fs = require('fs');
const path = require('path');
const { Worker, isMainThread, workerData } = require('worker_threads');
const embedded = path.join(__dirname, '..', '..', 'lean_env', 'toolchains', 'embedded');
const runtime = require(path.join(embedded, 'runtime.js'));
const { Objects } = require(path.join(embedded, 'objects.js'));
const { elaborate, importModules, initialize } = require(path.join(embedded, 'environment.js'));
const { THREAD_LIMITS } = require(path.join(embedded, 'limits.js'));

// connect Lean's standard input and output to this process's
function connect({ FS }) {
  const input = fs.readFileSync(0);
  let position = 0;
  FS.streams[0].stream_ops = {
    read(stream, buffer, offset, length) {
      const part = input.subarray(position, position + length);
      buffer.set(part, offset);
      position += part.length;
      return part.length;
    },
  };
  FS.streams[1].stream_ops = {
    write(stream, buffer, offset, length) {
      return fs.writeSync(1, Buffer.from(buffer.slice(offset, offset + length)));
    },
  };
}

function work(instance) {
  const { dist, path: folders, imports, source } = workerData.job;
  const libraries = [path.join(dist, 'lib'), ...folders];
  const lean = new Objects(instance);
  let status = 0;
  try {
    runtime.mount(instance, libraries);
    instance.ENV.LEAN_SYSROOT = dist; // else `main` would start a process to ask for it
    initialize(lean, libraries);
    const environment = elaborate(lean, importModules(lean, imports), source);
    connect(instance);
    lean.io(lean.run(environment, 'main', [lean.box(0)]));
  } catch (error) {
    fs.writeSync(2, `${lean.describe(error)}\n`);
    status = 1;
  }
  process.exit(status);
}

if (isMainThread) {
  const job = JSON.parse(process.argv[2]);
  const compiled = runtime.compile(job.dist, job.code);
  const thread = new Worker(__filename, { workerData: { job, compiled }, resourceLimits: THREAD_LIMITS });
  thread.on('exit', (status) => process.exit(status));
} else {
  const { compiled, job } = workerData;
  runtime.start({ dist: job.dist, compiled, onPanic: () => {}, onStarted: work });
}
