// One Lean worker as a process: requests as lines on stdin, replies as lines on stdout, in order.
//   node launcher.js '{"dist":DIR,"layer":DIR,"code":FILE,"memoryMb":2048,"toolchain":"embedded",
//                      "project":DIR}'            project: of its own modules, where there is one
// Lean runs in a second thread. This one stays free, to write `cancel` into the memory they share
// at any moment. The protocol is described in lean_env/protocol.py. A request that ends in
// `"beside": true` goes to a second Lean, started for the first such request: an instance with a
// memory of its own, in a thread of its own; they share the compiled code, which nothing can change.
'use strict';
const fs = require('fs');
const path = require('path');
const { Worker } = require('worker_threads');
const runtime = require('./runtime.js');
const { Mailbox } = require('./mailbox.js');
const { requestId, tokenSetter } = require('./session.js');
const { death } = require('./death.js');
const { send } = require('./channel.js');
const { THREAD_LIMITS } = require('./limits.js');

const DEAD = 70; // exit status of a worker whose Lean died (EX_SOFTWARE)
const REPEAT_MS = 50;
const BESIDE = '"beside": true}'; // no JSON text can end so but by a field of its own

const config = JSON.parse(process.argv[2]);
const imageFile = path.join(config.layer, 'image.bin');
const image = JSON.parse(fs.readFileSync(path.join(config.layer, 'image.json')));

// One Lean in a thread. ready: the line that it writes when it can take requests; empty: none.
class Lean {
  constructor(compiled, ready) {
    const { dist, memoryMb, project } = config;
    this.mailbox = new Mailbox();
    this.setToken = null; // once Lean is ready
    const workerData = {
      dist, project, memoryMb, compiled, image, imageFile, mailbox: this.mailbox.shared, ready,
    };
    const options = { workerData, resourceLimits: THREAD_LIMITS };
    this.thread = new Worker(path.join(__dirname, 'thread.js'), options);
    this.thread.on('message', (message) => this.receive(message));
    this.thread.on('error', (error) => this.die(death(error, null, '')));
    this.thread.on('exit', (code) => (
      this.die({ cause: 'exit', text: `Lean's thread ended with status ${code}` })
    ));
  }

  post(line) { this.mailbox.post(this.thread, line); }

  // Only the request that is named: a cancellation may come when another one has begun. It is
  // repeated, for elaborators may clear the token on their way.
  cancel(id) {
    if (!id || !this.setToken) return;
    let holds = false;
    this.mailbox.alone(() => {
      holds = this.mailbox.current === id;
      if (holds) this.setToken(true);
    });
    if (holds) setTimeout(() => this.cancel(id), REPEAT_MS);
  }

  die(cause) {
    const id = this.mailbox.current ? { id: this.mailbox.current } : {};
    send(JSON.stringify({ v: 1, ...id, dead: cause }));
    process.exit(DEAD);
  }

  receive({ dead, memory, token }) {
    if (dead) this.die(dead);
    this.setToken = tokenSetter(memory, token);
  }
}

function isCancel(line) {
  if (!line.includes('"cancel"')) return false;
  try {
    return JSON.parse(line).op === 'cancel';
  } catch {
    return false;
  }
}

function listen(compiled, first) {
  let second = null;
  function accept(line) {
    if (!line.trim()) return;
    if (isCancel(line)) [first, second].forEach((lean) => lean?.cancel(requestId(line)));
    else if (line.endsWith(BESIDE)) (second ??= new Lean(compiled, '')).post(line);
    else first.post(line);
  }

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
  const compiled = runtime.compile(config.dist, config.code);
  const ready = JSON.stringify({ v: 1, ready: { lean: image.lean, toolchain: config.toolchain } });
  const first = new Lean(compiled, ready);
  listen(compiled, first);
}

main();
