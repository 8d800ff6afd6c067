// ---------------------------------------------------------------- problems
const [NAME, SOURCE, SPLIT, PATH, LEAN, INFORMAL, OUTCOME, DETAIL, ATTEMPTS, RESULT] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const [ID, NUMBER, CAME, WALL, EXPANSIONS, STEPS, TOKENS, PROOF, WHY, WORD] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const AT_ONCE = 50;
const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const sum = (place) => (problem) => problem[ATTEMPTS].reduce((total, attempt) => total + attempt[place], 0);
const COLUMNS = [
  ["problem", (p) => p[NAME]], ["source", (p) => p[SOURCE]], ["result", (p) => p[OUTCOME]],
  ["attempts", (p) => p[ATTEMPTS].length], ["seconds", sum(WALL)], ["expansions", sum(EXPANSIONS)],
  ["steps", sum(STEPS)], ["tokens", sum(TOKENS)],
].filter(([name, value]) => name !== "tokens" || data.problems.some((p) => value(p)));
const haystacks = data.problems.map((p) => [p[NAME], p[LEAN], p[INFORMAL], p[DETAIL], ...p[ATTEMPTS].flatMap((a) => [a[PROOF] || "", a[WHY]])].join("\n").toLowerCase());
let order = data.problems.map((_, n) => n), sortedBy = -1, isDown = false, shown = AT_ONCE;
const opened = new Set();

function found() {
  const words = $("search").value.toLowerCase().trim(), outcome = $("outcome").value, source = $("source").value;
  return order.filter((n) => {
    const problem = data.problems[n];
    return (!outcome || String(problem[OUTCOME]) === outcome) && (!source || problem[SOURCE] === source.slice(1)) && (!words || haystacks[n].includes(words));
  });
}

function sortBy(column) {
  isDown = sortedBy === column ? !isDown : column > 2;
  sortedBy = column;
  const value = COLUMNS[column][1];
  const compare = (a, b) => { const x = value(data.problems[a]), y = value(data.problems[b]); return x < y ? -1 : x > y ? 1 : a - b; };
  order.sort((a, b) => (isDown ? compare(b, a) : compare(a, b)));
  showList();
}

function cells(problem) {
  return COLUMNS.map(([name, value]) => {
    if (name === "problem") return make("td", null, make("button", { "aria-label": `Show ${problem[NAME]}` }, problem[NAME]));
    if (name === "result") return make("td", { class: "outcome" }, dot(problem[OUTCOME]), problem[RESULT]);
    if (name === "source") return make("td", null, problem[SOURCE]);
    const number = value(problem);
    return make("td", { class: "number" }, name === "seconds" ? number.toFixed(number < 10 ? 2 : 0) : number.toLocaleString("en"));
  });
}

function attemptRow(attempt) {
  const link = graphs[attempt[ID]] ? make("a", { href: `#attempt-${attempt[ID]}` }, "proof graph") : make("code", null, `lakatos show ${attempt[ID]}`);
  const numbers = [attempt[WALL].toFixed(2) + " s", counted(attempt[EXPANSIONS], "expansion"), counted(attempt[STEPS], "step"), ...(attempt[TOKENS] ? [`${attempt[TOKENS]} tokens`] : [])];
  return make("div", null, dot(attempt[CAME]), `attempt ${attempt[NUMBER]}: ${attempt[WORD]}, ${numbers.join(", ")} `, link,
    attempt[WHY] ? make("div", { class: "soft" }, attempt[WHY].slice(0, 600)) : null, attempt[PROOF] === null ? null : make("pre", null, attempt[PROOF].replace(/^\s*\n/, "")));
}

function details(problem) {
  const place = [problem[PATH], problem[SPLIT]].filter(Boolean).join(", ");
  return make("tr", null, make("td", { class: "detail", colspan: String(COLUMNS.length) },
    place ? make("div", { class: "soft" }, place) : null,
    problem[DETAIL] ? make("div", null, problem[DETAIL].slice(0, 1000)) : null,
    problem[INFORMAL] ? make("div", null, problem[INFORMAL]) : null,
    make("pre", null, problem[LEAN].trim()), ...problem[ATTEMPTS].map(attemptRow)));
}

function showList() {
  const rows = found(), body = [];
  for (const n of rows.slice(0, shown)) {
    const toggle = () => { if (!opened.delete(n)) opened.add(n); showList(); };
    body.push(make("tr", { class: "problem", onclick: toggle }, ...cells(data.problems[n])));
    if (opened.has(n)) body.push(details(data.problems[n]));
  }
  const heads = COLUMNS.map(([name], n) => make("th", { class: n > 2 ? "number" : "", onclick: () => sortBy(n) }, name + (n === sortedBy ? (isDown ? " ↓" : " ↑") : "")));
  $("list").tHead.replaceChildren(make("tr", null, ...heads));
  $("list").tBodies[0].replaceChildren(...body);
  $("found").textContent = rows.length === data.problems.length ? `${rows.length}` : `${rows.length} of ${data.problems.length}`;
  $("more").hidden = rows.length <= shown;
  $("more").textContent = `show ${Math.min(AT_ONCE * 5, rows.length - shown)} more`;
}

// ---------------------------------------------------------------- proof graphs
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}

const forHtml = (text) => text.replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);

// The address names the graph that is shown, so it can be linked and left by the browser's back.
async function followAddress() {
  const id = (location.hash.match(/^#attempt-(\d+)$/) || [])[1];
  const problem = data.problems.find((p) => p[ATTEMPTS].some((a) => String(a[ID]) === id));
  $("overlay").hidden = !(id && graphs[id]);
  document.body.style.overflow = $("overlay").hidden ? "" : "hidden";
  if ($("overlay").hidden) { $("frame").removeAttribute("srcdoc"); return; }
  $("which").textContent = `${problem[NAME]}, attempt ${id} of the store`;
  const parts = { title: "Proof graph", data: forHtml(await unpacked(graphs[id])) };
  $("frame").srcdoc = data.template.replace(/\{\{(title|data)\}\}/g, (_, name) => parts[name]);
  $("close").focus();
}

function start() {
  const root = document.documentElement;
  root.dataset.theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  $("theme").onclick = () => { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; };
  $("title").textContent = data.title;
  const [about, ...tables] = data.sheets.map(sheetSection);
  $("curves").before(...tables.slice(0, 2)); $("problems").after(...tables.slice(2), about);
  const classes = data.outcomes.map((name, n) => [n, name, data.classes[n]]).filter(([, , count]) => count);
  $("outcome").append(make("option", { value: "" }, "every result"), ...classes.map(([n, name, count]) => make("option", { value: String(n) }, `${name} (${count})`)));
  const sources = [...new Set(data.problems.map((p) => p[SOURCE]))].sort();
  $("source").append(make("option", { value: "" }, "every source"), ...sources.map((name) => make("option", { value: `=${name}` }, name || "other")));
  for (const id of ["search", "outcome", "source"]) $(id).oninput = () => { shown = AT_ONCE; showList(); };
  $("more").onclick = () => { shown += AT_ONCE * 5; showList(); };
  $("close").onclick = () => { location.hash = ""; };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !$("overlay").hidden) location.hash = "";
    if (event.key === "/" && event.target.tagName !== "INPUT" && $("overlay").hidden) { event.preventDefault(); $("search").focus(); }
  });
  window.addEventListener("hashchange", followAddress);
  new ResizeObserver(() => { if (!$("curves").hidden) plot(); }).observe($("plot"));
  showAxes(); showList(); followAddress();
}
start();
