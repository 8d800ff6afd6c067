// Messages to the thread that runs Lean, which waits for them without giving up its stack.
'use strict';
const { parentPort, receiveMessageOnPort } = require('worker_threads');

class Mailbox {
  // shared: the count of messages so far, one number that both threads see
  constructor(shared = new SharedArrayBuffer(4)) {
    this.shared = shared;
    this.count = new Int32Array(shared);
  }

  post(thread, message) {
    thread.postMessage(message);
    Atomics.add(this.count, 0, 1);
    Atomics.notify(this.count, 0);
  }

  // in that thread: the next message, however long it takes to come
  take() {
    for (;;) {
      const seen = Atomics.load(this.count, 0);
      const received = receiveMessageOnPort(parentPort);
      if (received) return received.message;
      Atomics.wait(this.count, 0, seen);
    }
  }
}

module.exports = { Mailbox };
