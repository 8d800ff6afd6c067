// What the two threads of a worker share: the way of messages to the thread that runs Lean, which
// waits for them without giving up its stack, and which request Lean works on.
'use strict';
const { parentPort, receiveMessageOnPort } = require('worker_threads');

const [SENT, CURRENT, LOCK] = [0, 1, 2];

class Mailbox {
  constructor(shared = new SharedArrayBuffer(12)) {
    this.shared = shared;
    this.words = new Int32Array(shared);
  }

  post(thread, message) {
    thread.postMessage(message);
    Atomics.add(this.words, SENT, 1);
    Atomics.notify(this.words, SENT);
  }

  // in that thread: the next message, however long it takes to come
  take() {
    for (;;) {
      const sent = Atomics.load(this.words, SENT);
      const received = receiveMessageOnPort(parentPort);
      if (received) return received.message;
      Atomics.wait(this.words, SENT, sent);
    }
  }

  // the id of the request that Lean works on, or 0
  get current() { return Atomics.load(this.words, CURRENT); }

  set current(id) { Atomics.store(this.words, CURRENT, id); }

  // do a thing of a few instructions while the other thread does none of these
  alone(act) {
    while (Atomics.compareExchange(this.words, LOCK, 0, 1) !== 0);
    try {
      act();
    } finally {
      Atomics.store(this.words, LOCK, 0);
    }
  }
}

module.exports = { Mailbox };
