// Makes the file of machine code (code.js): a worker does a few seconds of ordinary work, then what
// V8 has optimised meanwhile is written.
//   node FLAGS warm.js '{"dist":DIR,"layer":DIR,"code":FILE}'
'use strict';
const fs = require('fs');
const path = require('path');
const v8 = require('v8');
const { spawnSync } = require('child_process');
const { Worker } = require('worker_threads');
const runtime = require('./runtime.js');
const { definedFunctions, optimised, refill } = require('./code.js');
const { Mailbox } = require('./mailbox.js');
const { THREAD_LIMITS } = require('./limits.js');

const ROUNDS = 5;
const BUDGET = '--wasm-tiering-budget=';
const EARLY = 50000; // V8 optimises a function after so much work in it; a check runs most but once
const FILES = path.join(__dirname, 'warm');
const TACTICS = [
  'intros', 'intro a', 'constructor', 'rfl', 'assumption', 'foo bar', 'intros; omega', 'intros; simp',
  'intros; simp_all', 'intros; grind', 'intros; rfl', 'intros; decide', 'intros; ac_rfl',
  'intros; exact Nat.add_comm _ _', 'intros; rw [Nat.mul_add]', 'intros; cases ‹_ ∧ _›',
  'intros; induction ‹Nat› <;> simp', 'intros; apply Nat.le_refl', 'intros; refine ⟨?_, ?_⟩',
];

// V8's own budget, which the flags must have again when the code is written; null if it has none.
function usualBudget() {
  const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  const found = new RegExp(`default: ${BUDGET}(\\d+)`).exec(stdout);
  return found && found[1];
}

const usual = usualBudget();
if (usual) v8.setFlagsFromString(BUDGET + EARLY);
const { dist, layer, code } = JSON.parse(process.argv[2]);
const image = JSON.parse(fs.readFileSync(path.join(layer, 'image.json')));
const compiled = runtime.compile(dist);
const mailbox = new Mailbox();
const workerData = {
  dist, compiled, memoryMb: 2048, image, imageFile: path.join(layer, 'image.bin'), mailbox: mailbox.shared,
};
const thread = new Worker(path.join(__dirname, 'thread.js'), { workerData, resourceLimits: THREAD_LIMITS });

function fail(why) {
  process.stderr.write(`the worker ended while warming up: ${why}\n`);
  process.exit(1);
}

function message() {
  return new Promise((resolve) => thread.once('message', resolve));
}

async function request(op, fields) {
  mailbox.post(thread, JSON.stringify({ v: 1, id: 1, op, ...fields }));
  const { reply, dead } = await message();
  if (dead) fail(dead.text);
  return JSON.parse(reply).result || {};
}

async function work(name, round) {
  // a file that begins in another way each time: nothing of the last elaboration is taken up again
  const source = `namespace Round${round}\n` + fs.readFileSync(path.join(FILES, name), 'utf8');
  const { file, holes = [] } = await request('open', { name, source });
  for (const { states } of holes) {
    for (const { state } of states) {
      for (const tactic of TACTICS) {
        const after = await request('apply', { state, tactic, heartbeats: 20000 });
        await request('release', { states: (after.states || []).map((each) => each.state), files: [] });
      }
    }
  }
  await request('release', { states: [], files: [file] });
}

async function main() {
  await message(); // ready
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of fs.readdirSync(FILES).sort()) await work(name, round);
  }
  if (usual) v8.setFlagsFromString(BUDGET + usual);
  const made = optimised(compiled.lean);
  const functions = definedFunctions(fs.readFileSync(path.join(dist, 'lean.wasm')));
  if (usual) refill(made, functions, EARLY, Number(usual));
  fs.writeFileSync(code, made);
  process.exit(0);
}

thread.on('error', (error) => fail(String(error)));
main();
