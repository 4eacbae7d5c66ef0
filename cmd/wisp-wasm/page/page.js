// The page: takes files, asks the worker, and lays out what it answers. Text goes into the page
// as text; pictures are parsed as SVG, which the page's policy keeps from running anything.
"use strict";
const $ = (id) => document.getElementById(id);
const largest = 256 * 2 ** 20;
let worker, module, waiting = null, count = 0, current = null, styled = false, alive = false;

async function start() {
  alive = false;
  module ??= await WebAssembly.compileStreaming(fetch("wisp.wasm"));
  await new Promise((ready) => {
    worker = new Worker("worker.js");
    worker.onmessage = ({ data }) => {
      if (data.ready) {
        if (!styled) { const s = new CSSStyleSheet(); s.replaceSync(data.style); document.adoptedStyleSheets.push(s); styled = true; }
        alive = true;
        ready();
      } else if (data.died !== undefined) {
        died(data.died);
      } else if (waiting && data.id === waiting.id) {
        const w = waiting; waiting = null;
        data.error ? w.no(new Error(data.error)) : w.yes(data.result);
      }
    };
    worker.onerror = (e) => died(e.message);
    worker.postMessage({ module });
  });
}

// died ends a worker that cannot go on, says so once and starts another; one that never
// became ready is not tried again.
function died(why) {
  const w = waiting; waiting = null;
  worker.terminate();
  if (!alive) return fail(new Error(`wisp does not start here: ${why}`));
  started = start();
  w?.no(new Error(why));
}
let started = start();
started.then(() => { $("status").textContent = "Ready."; }, (e) => fail(e));

async function ask(what, models, image) {
  for (const f of [...models, image]) if (f instanceof File && f.size > largest) throw new Error(`${f.name}: is larger than 256 MiB`);
  await started;
  if (waiting) throw new Error("wisp is still at work");
  return new Promise((yes, no) => { waiting = { id: ++count, yes, no }; worker.postMessage({ id: count, do: what, models, image }); });
}
const fail = (e) => { $("error").textContent = e.message; $("status").textContent = ""; };

async function work(saying, job) {
  $("error").textContent = ""; $("status").textContent = saying;
  document.querySelectorAll("button").forEach((b) => { b.disabled = true; });
  try { await job(); $("status").textContent = "Done."; } catch (e) { fail(e); }
  document.querySelectorAll("button").forEach((b) => { b.disabled = false; });
}

const make = (tag, text, cls) => { const e = document.createElement(tag); e.textContent = text ?? ""; if (cls) e.className = cls; return e; };
const num = (n) => n == null ? "" : n.toLocaleString("en");
function table(caption, heads, rows) {
  const t = make("table"), head = t.createTHead().insertRow(), body = t.createTBody();
  heads.forEach((h, i) => { const c = make("th", h, typeof rows[0]?.[i] === "number" ? "n" : ""); c.scope = "col"; head.append(c); });
  for (const r of rows) { const tr = body.insertRow(); for (const v of r) tr.append(make("td", typeof v === "number" ? num(v) : v, typeof v === "number" ? "n" : "")); }
  const box = make("div", "", "scroll"); box.tabIndex = 0; box.setAttribute("role", "region"); box.setAttribute("aria-label", caption); box.append(t);
  return [make("h2", caption), box];
}
const label = (m) => typeof m === "string" ? m : m.name;

async function show(model) {
  $("result").replaceChildren(); $("answer").replaceChildren(); $("runner").hidden = true; current = null;
  await work(`Reading ${label(model)} …`, async () => {
    const s = await ask("show", [model]), c = s.cost;
    const figures = table(label(model), ["figure", "value"], [["parameters", c.params], ["buffers", c.buffers], ["MACs", c.macs], ["FLOPs", c.flops],
      ["bytes moved", c.bytes_moved], ["activation peak, bytes", c.activation_peak_bytes]]);
    figures[1].id = "counts"; $("counts")?.remove();
    figures[1].dataset.params = c.params; figures[1].dataset.macs = c.macs; figures[1].dataset.layers = c.layers.length;
    const parts = [...figures, make("p", `Input ${s.input.join("×")}`), ...s.notes.map((n) => make("p", n.replace(/\/\d\//g, ""), "soft")),
      ...table("Multiply-adds as other tools count", ["tool", "multiply-adds"], (c.tools ?? []).map((t) => [t.name, t.mult_adds])),
      ...table("Stages, as a paper prints them", ["input", "operator", "exp", "out", "SE", "act", "stride", "repeat"],
        (s.stages ?? []).map((r) => [`${r.Input.h}×${r.Input.w}×${r.Input.c}`, r.Operator, r.Hidden || "", r.Out, r.SE ? "✓" : "", r.Act, r.Stride, r.Repeat]))];
    if (s.blocks_svg) {
      const svg = new DOMParser().parseFromString(s.blocks_svg, "image/svg+xml").documentElement;
      const box = make("div", "", "scroll"); box.id = "blocks"; box.tabIndex = 0; box.append(document.importNode(svg, true));
      box.setAttribute("role", "region"); box.setAttribute("aria-label", "Blocks");
      parts.push(make("h2", "Blocks"), box);
    }
    parts.push(...table("Layers", ["layer", "operator", "output", "parameters", "MACs"], c.layers.map((l) => [l.name, l.op, (l.output_shape ?? []).join("×"), l.params, l.macs])));
    $("result").replaceChildren(...parts);
    current = model; $("runner").hidden = false;
  });
}

async function diff(a, b) {
  $("result").replaceChildren(); $("runner").hidden = true;
  await work(`Comparing ${label(a)} with ${label(b)} …`, async () => {
    const d = await ask("diff", [a, b]);
    const verdict = make("p", d.text.join("; ")); verdict.id = "verdict";
    $("result").replaceChildren(make("h2", `${label(a)} and ${label(b)}`), verdict, ...(d.substitutions ?? []).map((s) => make("p", s)),
      ...table("Totals", ["figure", "A", "B"], Object.entries(d.totals).map(([k, p]) => [k, p.a ?? "", p.b ?? ""])),
      ...table("Stages", ["A", "B", "change"], (d.stages ?? []).map((s) => [s.a_detail?.text ?? "", s.b_detail?.text ?? "", s.change])),
      ...table("Layers that changed", ["A", "B", "what"], (d.layers ?? []).map((l) => [l.a ?? "", l.b ?? "", (l.what ?? []).join("; ")])));
  });
}

function take(list) {
  if (list.length === 1) show(list[0]);
  else if (list.length === 2) diff(list[0], list[1]);
  else if (list.length) fail(new Error(`got ${list.length} files, want one or two`));
}
$("files").addEventListener("change", (e) => { take([...e.target.files]); });
const drop = $("drop");
addEventListener("dragover", (e) => { e.preventDefault(); drop.classList.add("over"); });
addEventListener("dragleave", () => drop.classList.remove("over"));
addEventListener("drop", (e) => {
  e.preventDefault(); drop.classList.remove("over");
  const list = [...e.dataTransfer.files];
  if (list.length === 1 && list[0].type.startsWith("image/") && current) run(list[0]); else take(list);
});
$("named").addEventListener("submit", (e) => {
  e.preventDefault();
  const name = $("name").value.trim(), with_ = e.submitter?.value === "diff";
  if (!name) return fail(new Error("name a network of the zoo, such as ghostnet_2020"));
  if (with_ && !current) return fail(new Error("show a network first"));
  with_ ? diff(current, name) : show(name);
});
function run(photo) {
  work(`Running ${label(current)} …`, async () => {
    const r = await ask("run", [current], photo);
    $("answer").replaceChildren(make("p", `${r.ms.toFixed(1)} ms, the fastest of ${r.runs} runs of the portable kernels on one thread of this browser`),
      ...(r.classes ?? []).map((c) => make("p", Object.values(c).map((v) => typeof v === "number" && v < 1 && v > 0 ? `${(100 * v).toFixed(1)} %` : v).join(" · "))));
  });
}
$("run").addEventListener("click", () => run($("photo").files[0]));
