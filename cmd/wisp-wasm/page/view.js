// What an answer of wisp looks like. Texts and cells are wisp's own and go into the page as text; drawings are
// parsed as SVG, which the page's policy keeps from running anything.
"use strict";

function make(tag, text, attributes = {}) {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

// region is a box that scrolls sideways, by keyboard too.
function region(name, child, cls = "scroll") {
  const box = make("div", "", { class: cls, tabindex: 0, role: "region", "aria-label": name });
  box.append(child);
  return box;
}

// table lays out cells; classes are those of its rows.
function table(name, cells, classes = []) {
  const t = make("table"), head = t.createTHead().insertRow(), body = t.createTBody();
  const long = cells.heads.map((_, i) => cells.rows.some((r) => r[i].length > 60)); // such a column breaks its lines
  cells.heads.forEach((h, i) => head.append(make("th", h, { scope: "col", class: cells.right[i] ? "r" : "" })));
  cells.rows.forEach((row, y) => {
    const tr = body.insertRow();
    if (classes[y]) tr.className = classes[y];
    row.forEach((text, i) => tr.append(make(i ? "td" : "th", text, { class: cells.right[i] ? "r" : long[i] ? "wrap" : "", ...(i ? {} : { scope: "row" }) })));
  });
  return region(name, t);
}

function facts(list) {
  const dl = make("dl", "", { class: "facts" });
  for (const f of list) dl.append(make("dt", f.name), make("dd", f.text));
  return dl;
}

function notes(list) {
  const ul = make("ul", "", { class: "notes" });
  ul.append(...list.map((n) => make("li", n)));
  return list.length ? [make("h3", "Notes"), ul] : [];
}

function drawing(name, svg) {
  return region(name, document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true), "scroll drawing");
}

function folded(summary, child, open) {
  const d = make("details");
  d.open = open;
  d.append(make("summary", summary), child);
  return d;
}

// elsewhere says how to have the same in a terminal, and offers the document.
function elsewhere(answer, name) {
  const s = make("section", "", { class: "tools", "aria-label": "The same elsewhere" });
  const line = make("p"), doc = make("p"), save = make("button", "Save as JSON", { type: "button", id: "save" });
  line.append(make("span", "The same in a terminal: ", { class: "soft" }), make("code", answer.command));
  save.addEventListener("click", () => {
    const a = make("a", "", { href: URL.createObjectURL(new Blob([answer.document], { type: "application/json" })), download: name + ".json" });
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
  });
  doc.append(make("span", "As a document, the one that --json prints: ", { class: "soft" }), save);
  s.append(line, doc);
  return s;
}

// part is a heading with what follows it, which the header's list of parts names.
const part = (id, title, ...children) => [make("h2", title, { id }), ...children];

// showView is what show answers: the counts, and the rest part by part.
function showView(s) {
  const head = [...part("counts", s.title, facts(s.facts), ...notes(s.notes))], rest = [...part("tools", "What other tools count", table("Totals of other tools", s.tools))];
  if (s.stages.rows.length) rest.push(...part("stages", "Stages, as a paper prints them", table("Stages", s.stages)));
  if (s.picture) {
    rest.push(...part("blocks", "Blocks", drawing("Each kind of block once", s.picture), folded(`${s.blocks.rows.length} blocks beside plain convolutions of their shapes`, table("Blocks", s.blocks), false)));
    if (s.ghosts) rest.push(make("p", s.ghosts));
  }
  rest.push(...part("layers", "Layers", folded(`${s.layers.rows.length} layers`, table("Layers", s.layers), s.layers.rows.length < 120)), elsewhere(s, s.title.replace(/[^\w.-]+/g, "_")));
  return [head, rest];
}

// diffView is what diff answers, likewise.
function diffView(d) {
  const verdict = make("p", "", { class: "where", id: "verdict" });
  d.verdict.forEach((v, i) => verdict.append(...(i ? [make("br")] : []), v));
  const lines = make("ul", "", { id: "lines", class: "notes" });
  lines.append(...d.lines.map((l) => make("li", l.trim())));
  const head = [...part("counts", `${d.titles[0]} and ${d.titles[1]}`, verdict, lines, ...notes(d.notes))], rest = [...part("stages", "Stage beside stage", table("Stages of both", d.stages, d.changes.map((c) => "ch-" + c)))];
  if (d.layers.rows.length) rest.push(...part("layers", "Layers that changed", folded(`${d.layers.rows.length} layers`, table("Layers that changed", d.layers), d.layers.rows.length < 120)));
  rest.push(elsewhere(d, "diff"));
  return [head, rest];
}

// runView is what run answers, with the photograph that it ran on.
function runView(r, photo) {
  const out = [];
  if (photo) {
    const img = make("img", "", { id: "preview", alt: "The photograph " + photo.name, src: URL.createObjectURL(photo) });
    img.addEventListener("load", () => URL.revokeObjectURL(img.src));
    out.push(img);
  }
  if (r.classes) out.push(table("What it takes the photograph for", r.classes));
  out.push(facts(r.facts), ...notes(r.notes));
  return out;
}
