// ---------------------------------------------------------------- drawing
const FAR = 0.28;
const canvas = $("graph"), pen = canvas.getContext("2d");
const view = { x: 40, y: 40, k: 1 };
let colours = {}, chosen = null, matches = [], matched = new Set(), matchAt = -1, isQueued = false;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["back", "card", "ink", "soft", "line", "faint", "proved", "failed", "open", "mark", "shade"]) colours[name] = style.getPropertyValue("--" + name).trim();
}

function draw() {
  if (isQueued) return;
  isQueued = true;
  requestAnimationFrame(() => { isQueued = false; paint(); });
}

function paint() {
  const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
    canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, w, h);
  pen.translate(view.x, view.y); pen.scale(view.k, view.k);
  const seen = { left: -view.x / view.k, top: -view.y / view.k, right: (w - view.x) / view.k, bottom: (h - view.y) / view.k };
  const isSeen = (b) => b.x < seen.right && b.x + b.w > seen.left && b.y < seen.bottom && b.y + b.h > seen.top;
  for (const bold of [false, true]) {
    for (const [from, to] of edges) {
      const isNear = from.x < seen.right && to.x + to.w > seen.left && from.y < seen.bottom && to.y + to.h > seen.top;
      if (isNear && bold === (inProof(from) && inProof(to))) paintEdge(from, to, bold);
    }
  }
  pen.font = MONO; pen.textBaseline = "middle";
  for (const box of boxes) if (isSeen(box)) paintBox(box);
}

const inProof = (box) => Boolean(box.kind === "tactic" ? tactics[box.id].proof : box.kind === "state" ? states[box.id].proof : box.parent && tactics[box.parent.id].proof);
const statusOf = (box) => (box.kind === "tactic" ? tactics[box.id] : states[box.id]).status;
const middle = (box) => box.y + (box.kind === "state" ? PAD + LINE / 2 : box.h / 2);

function paintEdge(from, to, bold) {
  pen.strokeStyle = bold ? colours.proved : colours.line;
  pen.lineWidth = Math.max(bold ? 2.5 : 1.2, (bold ? 1.5 : 0.6) / view.k);
  const x0 = from.x + from.w, y0 = middle(from), x1 = to.x, y1 = middle(to), bend = x0 + GAP / 2, r = Math.min(8, Math.abs(y1 - y0) / 2);
  pen.beginPath();
  pen.moveTo(x0, y0);
  if (r > 0.5) {
    pen.lineTo(bend - r, y0); pen.quadraticCurveTo(bend, y0, bend, y0 + r);
    pen.lineTo(bend, y1 - r); pen.quadraticCurveTo(bend, y1, bend + r, y1);
  }
  pen.lineTo(x1, y1);
  pen.stroke();
}

// Seen from afar a state is a spot of its colour, a match a larger one; tactics are left out.
function paintFar(box, colour, isMarked) {
  if (box.kind !== "state" && !isMarked) return;
  const low = (isMarked ? 5 : 2) / view.k, h = Math.max(box.h, low), w = Math.max(box.w, low);
  pen.fillStyle = isMarked ? colours.mark : colour;
  pen.fillRect(box.x, box.y + (box.h - h) / 2, w, h);
}

function paintBox(box) {
  const colour = colours[statusOf(box)], isTactic = box.kind === "tactic";
  const isBad = isTactic && tactics[box.id].outcome !== "advanced";
  const isChosen = chosen && chosen.kind === box.kind && chosen.id === box.id;
  if (view.k < FAR) return paintFar(box, colour, isChosen || matched.has(box));
  pen.beginPath();
  pen.roundRect(box.x, box.y, box.w, box.h, isTactic ? box.h / 2 : 7);
  pen.fillStyle = isTactic || box.kind === "link" ? colours.faint : colours.card;
  pen.fill();
  pen.lineWidth = inProof(box) ? 2 : 1;
  pen.strokeStyle = inProof(box) ? colours.proved : box.kind === "state" || isBad ? colour : colours.line;
  if (box.kind === "link") pen.setLineDash([4, 3]);
  pen.stroke();
  pen.setLineDash([]);
  if (isChosen || matched.has(box)) {
    pen.strokeStyle = colours.mark; pen.lineWidth = isChosen ? 3 : 2;
    pen.beginPath(); pen.roundRect(box.x - 3, box.y - 3, box.w + 6, box.h + 6, isTactic ? box.h / 2 + 3 : 9); pen.stroke();
  }
  if (box.kind === "state") {
    pen.fillStyle = colour;
    pen.beginPath(); pen.roundRect(box.x, box.y, 5, box.h, [7, 0, 0, 7]); pen.fill();
  }
  pen.fillStyle = isBad ? colours.failed : box.kind === "link" ? colours.soft : colours.ink;
  if (box.kind === "state") box.lines.forEach((line, n) => text(line, box.x + 13, box.y + PAD + LINE * (n + 0.5), box.w - 20));
  else text(box.lines[0], box.x + 12, box.y + box.h / 2 + 0.5, box.w - 22);
}

// Monospace: the width of a text is that of its characters, but for signs of other fonts.
const widths = new Map();
function textWidth(line) {
  let width = 0;
  for (const sign of line.slice(0, 60)) {
    if (!widths.has(sign)) { pen.font = MONO; widths.set(sign, pen.measureText(sign).width); }
    width += widths.get(sign);
  }
  return width;
}

const fitted = new Map();
function text(line, x, y, width) {
  const name = width + line;
  if (!fitted.has(name)) fitted.set(name, shorten(line, width));
  pen.fillText(fitted.get(name), x, y);
}

function shorten(line, width) {
  let used = 0, short = "";
  for (const sign of line) {
    used += textWidth(sign);
    if (used > width + 1) return short.slice(0, -1) + "…";
    short += sign;
  }
  return short;
}

// ---------------------------------------------------------------- moving
function centre(box, k = Math.max(view.k, 0.7)) {
  view.k = k;
  view.x = canvas.clientWidth * 0.42 - (box.x + box.w / 2) * k;
  view.y = canvas.clientHeight / 2 - (box.y + box.h / 2) * k;
  draw();
}

function bounds(some) {
  return some.reduce((b, box) => ({ left: Math.min(b.left, box.x), top: Math.min(b.top, box.y), right: Math.max(b.right, box.x + box.w), bottom: Math.max(b.bottom, box.y + box.h) }),
    { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity });
}

function fit(some = boxes, least = 0.02) {
  const b = bounds(some), w = canvas.clientWidth, h = canvas.clientHeight;
  view.k = Math.max(least, Math.min(1.1, (w - 60) / (b.right - b.left), (h - 80) / (b.bottom - b.top)));
  view.x = Math.max(30, (w - (b.right - b.left) * view.k) / 2) - b.left * view.k;
  view.y = Math.max(30, (h - 40 - (b.bottom - b.top) * view.k) / 2) - b.top * view.k;
  draw();
}

const zoom = (factor, x, y) => {
  const k = Math.max(0.02, Math.min(3, view.k * factor));
  view.x = x - ((x - view.x) * k) / view.k; view.y = y - ((y - view.y) * k) / view.k; view.k = k;
  draw();
};

const pointers = new Map();
let travelled = 0;
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.04 : 0.0015)), event.offsetX, event.offsetY);
}, { passive: false });
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  if (pointers.size === 1) travelled = 0;
  canvas.classList.add("dragging");
});
canvas.addEventListener("pointermove", (event) => {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  const now = { x: event.offsetX, y: event.offsetY };
  if (pointers.size === 2) {
    const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
    const before = Math.hypot(last.x - other.x, last.y - other.y) || 1;
    zoom(Math.hypot(now.x - other.x, now.y - other.y) / before, (now.x + other.x) / 2, (now.y + other.y) / 2);
  } else { view.x += now.x - last.x; view.y += now.y - last.y; }
  travelled += Math.abs(now.x - last.x) + Math.abs(now.y - last.y);
  pointers.set(event.pointerId, now);
  draw();
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => {
  const wasClick = name === "pointerup" && pointers.size === 1 && travelled < 5;
  pointers.delete(event.pointerId);
  if (!pointers.size) canvas.classList.remove("dragging");
  if (wasClick) pick((event.offsetX - view.x) / view.k, (event.offsetY - view.y) / view.k);
});

function pick(x, y) {
  const box = boxes.find((b) => x >= b.x && x <= b.x + b.w && y >= b.y && y <= b.y + b.h);
  if (!box) return choose(null);
  if (box.kind === "link") return goTo(box.id);
  return choose({ kind: box.kind, id: box.id });
}
