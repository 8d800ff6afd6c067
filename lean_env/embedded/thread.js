// The thread in which Lean runs: an instance restored from the memory image, one request at a time.
// workerData: {dist, compiled, memoryMb, image, imageFile, mailbox, writes}. Messages: in, by the
// mailbox, a request line; out, {ready, memory, token}, {reply} (if it `writes` replies to the channel itself, {}), or
// {dead: {cause, text}}.
'use strict';
const path = require('path');
const { parentPort, workerData } = require('worker_threads');
const runtime = require('./runtime.js');
const { Objects } = require('./objects.js');
const { Session } = require('./session.js');
const { restore } = require('./image.js');
const { death } = require('./death.js');
const { Mailbox } = require('./mailbox.js');
const { send } = require('./channel.js');

let panic = '';
let lean;

function die(error) {
  parentPort.postMessage({ dead: death(error, lean, panic) });
}

function serve(session) {
  const mailbox = new Mailbox(workerData.mailbox);
  for (;;) {
    const line = mailbox.take();
    session.lean.runtime.clearThrown();
    const reply = session.answer(line);
    if (panic) throw new Error('panic'); // the instance would run on with a made-up value
    if (workerData.writes) {
      send(reply); // from here: a hop to the other thread costs as much as a small tactic
      parentPort.postMessage({});
    } else parentPort.postMessage({ reply });
  }
}

function started(instance) {
  const libraries = [path.join(workerData.dist, 'lib')];
  lean = new Objects(instance);
  runtime.mount(instance, libraries);
  restore(instance, workerData.imageFile, workerData.image);
  const session = new Session(lean, workerData.image.roots, libraries);
  parentPort.postMessage({ ready: true, memory: instance.memory, token: session.roots.token });
  session.hold(() => {
    try {
      serve(session);
    } catch (error) {
      die(panic ? null : error);
      new Mailbox().take(); // the other thread ends the process
    }
  });
}

process.on('uncaughtException', die);
runtime.start({ ...workerData, onPanic: (line) => { panic = line; }, onStarted: started });
