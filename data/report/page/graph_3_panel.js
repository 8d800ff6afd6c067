// ---------------------------------------------------------------- the panel
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") node.onclick = value; else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const facts = (pairs) => make("dl", null, ...pairs.flatMap(([name, value]) => [make("dt", null, name), make("dd", null, String(value))]));

function goalText([tag, target, hypotheses]) {
  const pre = make("pre", { class: "goal" });
  if (tag) pre.append(make("span", { class: "tag" }, `case ${tag}\n`));
  for (const [name, type, value] of hypotheses) {
    pre.append(make("span", { class: "name" }, name), ` : ${type}${value === undefined ? "" : ` := ${value}`}\n`);
  }
  pre.append("⊢ ", make("span", { class: "target" }, target));
  return pre;
}

function stepCard(number) {
  const tactic = tactics[number], isChosen = chosen.kind === "tactic" && chosen.id === number;
  const message = data.messages[tactic.message];
  const word = tactic.outcome === "advanced" ? (tactic.children.length ? "" : "closes it, ") : `${tactic.outcome.replace("_", " ")}, `;
  const card = make("div", { class: `step is-${tactic.status}${isChosen ? " chosen" : ""}` },
    make("div", { class: "lean" }, tactic.text),
    make("div", { class: "facts" }, `${tactic.proof ? "in the proof, " : ""}${word}prior ${tactic.prior.toPrecision(2)}, ${tactic.ms.toFixed(1)} ms`));
  if (message) card.append(message.length > 160 && !isChosen ? make("details", null, make("summary", null, message.slice(0, 90).replace(/\s+/g, " ") + "…"), make("pre", null, message)) : make("pre", null, message));
  for (const child of tactic.children) {
    card.append(make("button", { class: `chip lean ${states[child].status}`, onclick: () => goTo(child) }, `→ ${stateLines(states[child])[0]}`));
  }
  return card;
}

function pathTo(id) {
  const path = [], seen = new Set();
  for (let at = id; at !== 0 && states[at].parents.length && !seen.has(at);) {
    seen.add(at);
    const owner = boxOfState.get(at) && boxOfState.get(at).parent;
    const number = owner ? owner.id : states[at].parents[0];
    path.unshift(number);
    at = tactics[number].from;
  }
  return path;
}

function showState(id) {
  const state = states[id];
  const tried = [...state.tried].sort((a, b) => rank(tactics[a]) - rank(tactics[b]) || tactics[b].prior - tactics[a].prior);
  const taken = tried.filter((n) => tactics[n].outcome === "advanced"), not = tried.filter((n) => tactics[n].outcome !== "advanced");
  const path = pathTo(id);
  $("panel").replaceChildren(
    make("h2", null, make("span", { class: `badge ${state.status}` }, state.status), ` state ${id}${state.proof ? ", in the proof" : ""}`),
    facts([["expanded", state.visits ? `${state.visits}×` : "not yet"], ...(state.value === null ? [] : [["value", state.value.toPrecision(3)]]), ...(state.size ? [["size", state.size]] : []), ["reached by", state.parents.length === 1 ? "1 tactic" : `${state.parents.length} tactics`]]),
    make("h2", null, state.goals.length === 1 ? "Goal" : `${state.goals.length} goals`), ...state.goals.map(goalText),
    ...(path.length ? [make("h2", null, "Path from the root"), make("pre", null, path.map((n) => tactics[n].text).join("\n"))] : []),
    ...(taken.length ? [make("h2", null, `Accepted by Lean: ${taken.length}`), ...taken.map(stepCard)] : []),
    ...(not.length ? [make("h2", null, `Rejected: ${not.length}`), ...not.map(stepCard)] : []));
  const card = $("panel").querySelector(".chosen");
  if (card) card.scrollIntoView({ block: "nearest" }); else $("panel").scrollTop = 0;
}

function showOverview() {
  $("panel").replaceChildren(
    make("h2", null, "Attempt"), facts(data.facts),
    ...(data.proof === null ? [] : [make("h2", null, `Proof, ${data.verdict}`), make("pre", null, data.proof)]),
    ...(data.detail ? [make("h2", null, "Detail"), make("pre", null, data.detail)] : []),
    make("h2", null, "Search"), facts(data.statistics),
    make("h2", null, "Root"), ...states[0].goals.map(goalText));
  $("panel").scrollTop = 0;
}

function choose(next) {
  chosen = next;
  if (!next) showOverview(); else showState(next.kind === "state" ? next.id : tactics[next.id].from);
  draw();
}

// A state hidden by the filters is shown by lifting them.
function goTo(id) {
  if (!boxOfState.has(id)) { $("only-proof").checked = false; $("show-failed").checked = true; layout(); search(); }
  choose({ kind: "state", id });
  if (boxOfState.has(id)) centre(boxOfState.get(id));
}

// ---------------------------------------------------------------- search and keys
const searchText = states.map((state) => state.goals.map((g) => [g[0], g[1], ...g[2].flat()].join(" ")).join(" ").toLowerCase());

function search() {
  const words = $("search").value.toLowerCase().trim();
  matches = !words ? [] : boxes.filter((box) => box.kind === "state" ? searchText[box.id].includes(words) : box.kind === "tactic" && tactics[box.id].text.toLowerCase().includes(words));
  matched = new Set(matches); matchAt = -1;
  $("found").textContent = words ? String(matches.length) : "";
  draw();
}

function nextMatch(by) {
  if (!matches.length) return;
  matchAt = (matchAt + by + matches.length) % matches.length;
  $("found").textContent = `${matchAt + 1}/${matches.length}`;
  choose({ kind: matches[matchAt].kind, id: matches[matchAt].id });
  centre(matches[matchAt]);
}

function walk(key) {
  const at = chosen && (chosen.kind === "state" ? boxOfState : boxOfTactic).get(chosen.id);
  if (!at) return goTo(0);
  const below = (box) => edges.filter(([from]) => from === box).map(([, to]) => to);
  let to = null;
  if (key === "ArrowLeft") to = at.parent;
  else if (key === "ArrowRight") to = below(at)[0];
  else {
    const row = boxes.filter((box) => box.kind === at.kind && box.x === at.x).sort((a, b) => a.y - b.y);
    to = row[row.indexOf(at) + (key === "ArrowDown" ? 1 : -1)];
  }
  if (!to) return undefined;
  if (to.kind === "link") return goTo(to.id);
  choose({ kind: to.kind, id: to.id });
  return centre(to);
}

document.addEventListener("keydown", (event) => {
  if (event.target === $("search")) {
    if (event.key === "Enter") nextMatch(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") { $("search").value = ""; search(); canvas.focus(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); $("search").focus(); }
  else if (event.key === "f") fit();
  else if (event.key === "r") goTo(0);
  else if (event.key === "Escape") choose(null);
  else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.25 : 0.8, canvas.clientWidth / 2, canvas.clientHeight / 2);
  else if (event.key.startsWith("Arrow") && event.target === canvas) { event.preventDefault(); walk(event.key); }
});

function start() {
  const isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  readColours();
  $("name").textContent = data.theorem;
  $("where").textContent = data.where;
  $("outcome").textContent = data.outcome.replaceAll("_", " ");
  $("outcome").classList.add(states[0].status);
  $("name").onclick = () => choose(null);
  $("theme").onclick = () => {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    readColours(); draw();
  };
  $("fit").onclick = () => fit();
  $("home").onclick = () => goTo(0);
  $("search").oninput = search;
  for (const id of ["only-proof", "show-failed", "show-rejected"]) $(id).onchange = () => { layout(); search(); fit(boxes, 0.6); };
  new ResizeObserver(draw).observe(canvas);
  layout(); showOverview();
  const proof = boxes.filter(inProof);
  fit(proof.length ? proof : boxes, 0.85);
}
start();
