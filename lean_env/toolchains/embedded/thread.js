// The thread in which Lean runs: an instance restored from the memory image, one request at a time.
// workerData: {dist, project, compiled, memoryMb, image, imageFile, mailbox, ready}; `project`: the
// folder of a project's own modules, if there is one. Messages: in, by the mailbox, a request line;
// out, {ready, memory, token}, {reply}, or {dead: {cause, text}}. With `ready`, a line to say that
// it is or an empty text, it writes that and its replies to the channel itself.
'use strict';
const path = require('path');
const { parentPort, workerData } = require('worker_threads');
const runtime = require('./runtime.js');
const { Objects } = require('./objects.js');
const { setSearchPath } = require('./environment.js');
const { Session, requestId, tokenSetter } = require('./session.js');
const { restore } = require('./image.js');
const { death } = require('./death.js');
const { Mailbox } = require('./mailbox.js');
const { send } = require('./channel.js');

const mailbox = new Mailbox(workerData.mailbox);
let panic = '';
let lean;

function die(error) {
  parentPort.postMessage({ dead: death(error, lean, panic) });
}

function serve(session, setToken) {
  for (;;) {
    const line = mailbox.take();
    mailbox.alone(() => {
      setToken(false);
      mailbox.current = requestId(line);
    });
    session.lean.runtime.clearThrown();
    const reply = session.answer(line);
    if (panic) throw new Error('panic'); // the instance would run on with a made-up value
    mailbox.current = 0;
    // from here, where it may: a hop to the other thread costs as much as a small tactic
    if (workerData.ready !== undefined) send(reply);
    else parentPort.postMessage({ reply });
  }
}

function started(instance) {
  const { dist, project } = workerData;
  const libraries = [path.join(dist, 'lib'), ...(project ? [project] : [])];
  lean = new Objects(instance);
  runtime.mount(instance, libraries);
  restore(instance, workerData.imageFile, workerData.image);
  if (project) setSearchPath(lean, libraries);
  const session = new Session(lean, workerData.image.roots, libraries);
  const { memory } = instance;
  const { token } = session.roots;
  if (workerData.ready) send(workerData.ready);
  parentPort.postMessage({ ready: true, memory, token });
  session.hold(() => {
    try {
      serve(session, tokenSetter(memory, token));
    } catch (error) {
      die(panic ? null : error);
      new Mailbox().take(); // the other thread ends the process
    }
  });
}

process.on('uncaughtException', die);
runtime.start({ ...workerData, onPanic: (line) => { panic = line; }, onStarted: started });
