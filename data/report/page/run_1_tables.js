"use strict";
// Shows one run over a problem set. Data: evaluation_page.py. All text goes in as text.
const [data, graphs] = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node[name] = value; else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}
const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const dot = (outcome) => make("span", { class: "dot", style: `background: var(--c${outcome})` });

// ---------------------------------------------------------------- tables
function classBar() {
  const total = data.classes.reduce((sum, count) => sum + count, 0);
  return make("div", { class: "bar", "aria-hidden": "true" }, ...data.classes.map((count, n) => !count ? null :
    make("div", { style: `flex: ${count}; background: var(--c${n})`, title: `${data.outcomes[n]}: ${count} of ${total}` })));
}

function sheetRow(row, isWords) {
  const outcome = data.outcomes.indexOf(row[0]);
  const isLast = row[0] === "all";
  return make("tr", isLast ? { class: "last" } : null, ...row.map((text, n) =>
    make("td", n && !isWords ? { class: "number" } : null, n === 0 && outcome >= 0 ? dot(outcome) : null, text)));
}

function sheetSection([title, columns, rows, isWords]) {
  const heads = columns.some(Boolean) ? [make("thead", null, make("tr", null, ...columns.map((name, n) => make("th", n && !isWords ? { class: "number" } : null, name))))] : [];
  const table = make("table", isWords ? { class: "words" } : null, ...heads, make("tbody", null, ...rows.map((row) => sheetRow(row, isWords))));
  const bar = rows.some((row) => row[0] === "all") && data.problems.length ? classBar() : null;
  return make("section", null, make("h2", null, title), bar, make("div", { class: "scroll" }, table));
}

// ---------------------------------------------------------------- curves
const BOX = { left: 52, right: 18, top: 10, bottom: 34, height: 300 };
let axis = Object.keys(data.curves)[0], isLog = false;

function ticks(least, most, count) {
  if (!(most > least)) return [least];
  const rough = (most - least) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((n) => n * power >= rough);
  const found = [];
  for (let n = Math.ceil(least / step); n * step <= most * (1 + 1e-9); n++) found.push(n * step);
  return found;
}

function logTicks(least, most) {
  const found = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const n of [1, 3]) if (n * 10 ** power >= least && n * 10 ** power <= most) found.push(n * 10 ** power);
  }
  return found;
}

const short = (value) => value >= 1e4 ? Number(value.toPrecision(3)).toLocaleString("en", { notation: "compact" }) : String(Number(value.toPrecision(3)));

function plot() {
  const points = data.curves[axis], width = Math.max(320, $("plot").clientWidth);
  const isTime = axis === Object.keys(data.curves)[0];
  const least = isLog ? Math.max(Math.min(...points.map((p) => p[0]).filter((x) => x > 0), 1e12), 1e-3) : 0;
  const last = points[points.length - 1][0];
  const most = Math.max(isTime ? Math.max(data.wall_s, last) : last, isLog ? least * 1.01 : 1e-9);
  const height = points[points.length - 1][1] * 1.06;
  const inner = width - BOX.left - BOX.right, low = BOX.height - BOX.bottom;
  const scale = (x) => isLog ? (Math.log(Math.max(x, least)) - Math.log(least)) / (Math.log(most) - Math.log(least)) : x / most;
  const px = (x) => BOX.left + inner * scale(x), py = (y) => low - (low - BOX.top) * (y / height);
  let path = `M${px(least).toFixed(1)} ${py(0)}`;
  for (const [x, y] of points) path += `H${px(x).toFixed(1)}V${py(y).toFixed(1)}`;
  path += `H${px(most).toFixed(1)}`;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${BOX.height}`, role: "img", "aria-label": `Problems solved over ${axis}` });
  for (const y of ticks(0, height, 5)) if (Number.isInteger(y)) svg.append(draw("line", { class: "grid", x1: BOX.left, x2: width - BOX.right, y1: py(y), y2: py(y) }), draw("text", { x: BOX.left - 8, y: py(y) + 4, "text-anchor": "end" }, short(y)));
  for (const x of isLog ? logTicks(least, most) : ticks(0, most, width / 110)) svg.append(draw("line", { class: "grid", x1: px(x), x2: px(x), y1: BOX.top, y2: low }), draw("text", { x: px(x), y: low + 16, "text-anchor": "middle" }, short(x)));
  svg.append(draw("text", { x: BOX.left + inner / 2, y: BOX.height - 3, "text-anchor": "middle" }, axis));
  svg.append(draw("path", { class: "area", d: `${path}V${py(0)}Z` }), draw("path", { class: "curve", d: path }), draw("line", { class: "axis", x1: BOX.left, x2: width - BOX.right, y1: low, y2: low }));
  follow(svg, points, { px, py, low, width });
  $("plot").replaceChildren(svg);
}

// A vertical line under the pointer, and what was solved by there.
function follow(svg, points, { px, py, low, width }) {
  const line = draw("line", { class: "cursor", y1: BOX.top, y2: low, visibility: "hidden" });
  const label = draw("text", { y: BOX.top + 10, visibility: "hidden" });
  svg.append(line, label);
  svg.onpointermove = (event) => {
    const x = (event.offsetX * width) / svg.clientWidth;
    const before = points.filter((p) => px(p[0]) <= x);
    const [at, solved] = before.length ? before[before.length - 1] : [0, 0];
    const isRight = x > width - 190;
    for (const node of [line, label]) node.setAttribute("visibility", x < BOX.left ? "hidden" : "visible");
    line.setAttribute("x1", x); line.setAttribute("x2", x);
    label.setAttribute("x", x + (isRight ? -8 : 8)); label.setAttribute("text-anchor", isRight ? "end" : "start");
    label.textContent = solved ? `${solved} of ${data.problems.length} solved, the last at ${short(at)}` : "none solved";
  };
  svg.onpointerleave = () => { for (const node of [line, label]) node.setAttribute("visibility", "hidden"); };
}

function showAxes() {
  const names = Object.keys(data.curves).filter((name) => data.curves[name].length);
  $("curves").hidden = !names.length;
  if (!names.length) return;
  const pick = (name) => make("button", { "aria-pressed": String(name === axis), onclick: () => { axis = name; showAxes(); } }, name.replace(/, s\b/, ""));
  const log = make("button", { "aria-pressed": String(isLog), onclick: () => { isLog = !isLog; showAxes(); } }, "logarithmic");
  $("axes").replaceChildren(...names.map(pick), make("span", { class: "grow" }), log);
  plot();
}
