"use strict";
// Draws the proof graph of one attempt. Data: report.py's page_data. All text goes in as text.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const { states, tactics } = data;
const STATE_W = 250, PILL_W = 190, GAP = 26, LINE = 17, PAD = 8, ROW_GAP = 9;
const MONO = '12px ui-monospace, "JuliaMono", "DejaVu Sans Mono", Menlo, Consolas, monospace';

for (const state of states) { state.tried = []; state.parents = []; }
tactics.forEach((tactic, number) => {
  tactic.number = number;
  states[tactic.from].tried.push(number);
  for (const child of tactic.children) states[child].parents.push(number);
});

// ---------------------------------------------------------------- layout
const ORDER = { proved: 0, open: 1, failed: 2 };
const rank = (tactic) => (tactic.proof ? -1 : ORDER[tactic.status] + (tactic.outcome === "advanced" ? 0 : 3));
const filters = () => ({ proof: $("only-proof").checked, failed: $("show-failed").checked, rejected: $("show-rejected").checked });
let boxes = [], edges = [], boxOfState = new Map(), boxOfTactic = new Map();

function isShown(tactic, filter) {
  if (tactic.proof) return true;
  if (filter.proof) return false;
  if (tactic.outcome !== "advanced") return filter.rejected;
  return tactic.status !== "failed" || filter.failed;
}

// A spanning tree, the proof first, then by breadth; a state met again is a link to its place.
function spanningTree(filter) {
  const shown = states.map((state) =>
    state.tried.filter((n) => isShown(tactics[n], filter)).sort((a, b) => rank(tactics[a]) - rank(tactics[b]) || a - b));
  const owner = new Map([[0, -1]]);
  for (const proofFirst of [true, false]) {
    const queue = [0], seen = new Set(queue);
    for (let at = 0; at < queue.length; at++) {
      for (const n of shown[queue[at]]) {
        if (proofFirst && !tactics[n].proof) continue;
        for (const child of tactics[n].children) {
          if (!owner.has(child)) owner.set(child, n);
          if (!seen.has(child)) { seen.add(child); queue.push(child); }
        }
      }
    }
  }
  return { shown, owner };
}

function stateLines(state) {
  const lines = state.goals.slice(0, 3).map((goal) => "⊢ " + goal[1].replace(/\s+/g, " "));
  if (!lines.length) lines.push("no goals");
  if (state.goals.length > 3) lines.push(`+ ${state.goals.length - 3} more goals`);
  return lines;
}

// The tree as boxes, parents before children, without places.
function grow() {
  const { shown, owner } = spanningTree(filters());
  const stack = [{ kind: "state", id: 0, column: 0, parent: null }];
  while (stack.length) {
    const box = stack.pop();
    boxes.push(box);
    box.below = [];
    if (box.parent) { box.parent.below.push(box); edges.push([box.parent, box]); }
    let next = [];
    if (box.kind === "tactic") {
      const { text, children } = tactics[box.id];
      box.lines = [text.replace(/\s+/g, " ")];
      next = children.map((id, n) => ({ kind: owner.get(id) === box.id && children.indexOf(id) === n ? "state" : "link", id }));
      boxOfTactic.set(box.id, box);
    } else if (box.kind === "state") {
      box.lines = stateLines(states[box.id]);
      next = shown[box.id].map((id) => ({ kind: "tactic", id }));
      boxOfState.set(box.id, box);
    } else box.lines = ["↪ " + stateLines(states[box.id])[0]];
    for (const child of next.reverse()) stack.push({ ...child, column: box.column + 1, parent: box });
  }
}

// Reingold and Tilford's contours, sideways: a box stands on the row of its first child, and
// each further child's whole subtree as high as it fits under those before it.
function place() {
  for (let at = boxes.length - 1; at >= 0; at--) {
    const box = boxes[at], top = [], bottom = [];
    for (const child of box.below) {
      let shift = 0;
      child.bottom.forEach((_, n) => { if (n < bottom.length) shift = Math.max(shift, bottom[n] + ROW_GAP - child.top[n]); });
      child.shift = shift;
      child.bottom.forEach((low, n) => { bottom[n] = low + shift; if (n >= top.length) top[n] = child.top[n] + shift; });
      child.top = child.bottom = null;
    }
    const inset = box.kind === "state" ? 0 : PAD / 2;
    box.h = box.lines.length * LINE + (box.kind === "state" ? 2 * PAD : PAD);
    box.top = [inset, ...top]; box.bottom = [inset + box.h, ...bottom];
  }
  const starts = [0], widths = [];
  for (const box of boxes) widths[box.column] = Math.max(widths[box.column] || 0, box.w);
  widths.forEach((width, n) => { starts[n + 1] = starts[n] + width + GAP; });
  for (const box of boxes) {
    box.row = box.parent ? box.parent.row + box.shift : 0;
    box.x = starts[box.column];
    box.y = box.row + (box.kind === "state" ? 0 : PAD / 2);
  }
}

function layout() {
  boxes = []; edges = []; boxOfState = new Map(); boxOfTactic = new Map();
  grow();
  for (const box of boxes) {
    const widest = Math.max(...box.lines.map((line) => textWidth(line)));
    box.w = Math.max(44, Math.min(box.kind === "tactic" ? PILL_W : STATE_W, Math.ceil(widest) + 24));
  }
  place();
}
