// One Lean worker as a process: requests as lines on stdin, replies as lines on stdout, in order.
//   node launcher.js '{"dist":DIR,"layer":DIR,"code":FILE,"memoryMb":2048,"toolchain":"embedded",
//                      "project":DIR}'            project: of its own modules, where there is one
// Lean runs in a second thread. This one stays free, to write `cancel` into the memory they share
// at any moment. The protocol is described in lean_env/protocol.py.
'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');
const { Worker } = require('worker_threads');
const runtime = require('./runtime.js');
const { Mailbox } = require('./mailbox.js');
const { requestId, tokenSetter } = require('./session.js');
const { death } = require('./death.js');
const { send } = require('./channel.js');
const { THREAD_LIMITS } = require('./limits.js');

const DEAD = 70; // exit status of a worker whose Lean died (EX_SOFTWARE)
const REPEAT_MS = 50;

const config = JSON.parse(process.argv[2]);
const imageFile = path.join(config.layer, 'image.bin');
const image = JSON.parse(fs.readFileSync(path.join(config.layer, 'image.json')));
const mailbox = new Mailbox();
let setToken = null; // once Lean is ready
let thread = null;

// Only the request that is named: a cancellation may come when another one has begun. It is
// repeated, for elaborators may clear the token on their way.
function cancel(id) {
  if (!id || !setToken) return;
  let holds = false;
  mailbox.alone(() => {
    holds = mailbox.current === id;
    if (holds) setToken(true);
  });
  if (holds) setTimeout(cancel, REPEAT_MS, id);
}

function die(cause) {
  const id = mailbox.current ? { id: mailbox.current } : {};
  send(JSON.stringify({ v: 1, ...id, dead: cause }));
  process.exit(DEAD);
}

function receive({ dead, memory, token }) {
  if (dead) die(dead);
  setToken = tokenSetter(memory, token);
}

function isCancel(line) {
  if (!line.includes('"cancel"')) return false;
  try {
    return JSON.parse(line).op === 'cancel';
  } catch {
    return false;
  }
}

function accept(line) {
  if (!line.trim()) return;
  if (isCancel(line)) cancel(requestId(line));
  else mailbox.post(thread, line);
}

function listen() {
  let rest = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    lines.forEach(accept);
  });
  process.stdin.on('end', () => process.exit(0));
}

function main() {
  const { dist, memoryMb, project } = config;
  const compiled = runtime.compile(dist, config.code);
  const ready = JSON.stringify({ v: 1, ready: { lean: image.lean, toolchain: config.toolchain } });
  const workerData = {
    dist, project, memoryMb, compiled, image, imageFile, mailbox: mailbox.shared, ready,
  };
  thread = new Worker(path.join(__dirname, 'thread.js'), { workerData, resourceLimits: THREAD_LIMITS });
  thread.on('message', receive);
  thread.on('error', (error) => die(death(error, null, '')));
  thread.on('exit', (code) => die({ cause: 'exit', text: `Lean's thread ended with status ${code}` }));
  vm.runInNewContext('gc')(); // V8 has its own copy of the 116 MB that were read
  listen();
}

main();
