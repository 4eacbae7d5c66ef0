// The page's controls: what is asked, what is being done, what came of it. client.js talks to wisp,
// view.js lays out its answers. document.body.dataset.state is loading, ready, busy, done, failed or cancelled.
"use strict";
const $ = (id) => document.getElementById(id);
const sides = ["a", "b"].map((side) => ({ file: $(side + "-file"), name: $(side + "-name") }));
let shown = null; // the call whose one network is on the page, for running it
let turn = 0; // of the newest call: an older one is no matter any more

$("stuck").remove();

const title = (m) => m instanceof File ? m.name : m;
const pick = (side) => side.file.files[0] ?? (side.name.value.trim() || null);
const isCheckpoint = (m) => m instanceof File && /\.(pth|pt|safetensors)$/i.test(m.name);
const isPicture = (f) => f.type.startsWith("image/") || /\.(jpe?g|png|gif|bmp|webp)$/i.test(f.name);
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1) + " s";

let clock = 0;
function enter(state, status, error = "") {
  document.body.dataset.state = state;
  const busy = state === "busy";
  clearInterval(clock);
  $("status").textContent = status;
  $("error").textContent = error;
  $("elapsed").textContent = "";
  $("main").setAttribute("aria-busy", busy || state === "loading");
  $("loading").hidden = state !== "loading";
  if (!busy && document.activeElement === $("cancel")) $("go").focus();
  $("cancel").hidden = !busy;
}

// work asks wisp for one thing and lays out the answer; true if there is one. What is still at work is
// cancelled, and while wisp loads it waits.
async function work(call, saying, show) {
  const mine = ++turn, failure = await starting;
  if (mine !== turn) return false;
  if (failure) return enter("failed", "", failure.message), false;
  const since = performance.now();
  enter("busy", saying + " …");
  clock = setInterval(() => { $("elapsed").textContent = seconds(since); }, 200);
  try {
    const answer = await client.ask(call, (what) => { $("status").textContent = what + " …"; });
    if (answer.error) return refused(answer), false;
    show(answer.result);
    enter("done", `${saying}: done in ${seconds(since)}.`);
    return true;
  } catch (e) {
    if (!(e instanceof Cancelled)) enter("failed", "", e.message);
    else if (mine === turn) enter("cancelled", `${saying}: cancelled after ${seconds(since)}.`);
    return false;
  }
}

// wrong says what was wrong with what was asked; whatever is at work is no matter any more.
function wrong(text) {
  turn++;
  client.cancel();
  enter("failed", "", text);
}

// refused shows why wisp does not answer, and what would help.
function refused(answer) {
  enter("failed", "", answer.error);
  if (answer.asks_arch) {
    $("arch-row").hidden = false;
    $("arch").focus();
  }
  if (answer.tensors) lay([make("h2", "The tensors in it", { id: "counts" }), table("Tensors", answer.tensors)]);
}

// lay puts an answer into the page, around the box to run it in, and its parts into the header.
function lay(head, rest = []) {
  $("head").replaceChildren(...head);
  $("rest").replaceChildren(...rest);
  const nav = document.querySelector("nav"), names = { counts: "Counts", running: "Run", tools: "Tools", stages: "Stages", blocks: "Blocks", layers: "Layers" };
  const parts = [...document.querySelectorAll("#result h2[id]")].filter((h) => !h.closest("[hidden]"));
  nav.replaceChildren(nav.firstElementChild, ...parts.map((h) => make("a", names[h.id], { href: "#" + h.id })));
}

function empty() {
  shown = null;
  $("runner").hidden = true;
  $("answer").replaceChildren();
  lay([]);
}

// look shows the network that is picked, or compares the two.
function look() {
  const models = sides.map(pick).filter((m) => m !== null);
  if (!models.length) return wrong("give a model file, or name a network of the zoo such as ghostnet_2020");
  const checkpoint = models.some(isCheckpoint), arch = checkpoint ? $("arch").value.trim() : "";
  $("arch-row").hidden = !checkpoint;
  empty();
  remember(models);
  if (models.length === 2) {
    return work({ do: "diff", models, arch }, `Comparing ${title(models[0])} with ${title(models[1])}`, (d) => lay(...diffView(d)));
  }
  const call = { do: "show", models, arch };
  return work(call, "Looking at " + title(models[0]), (s) => {
    shown = { do: "run", models, arch };
    $("runner").hidden = false;
    lay(...showView(s));
  });
}

function run() {
  if (!shown) return wrong("show a network first: a photograph is what it runs on");
  const photo = $("photo").files[0], call = { ...shown, image: photo };
  $("answer").replaceChildren();
  return work(call, `Running ${title(call.models[0])}${photo ? " on " + photo.name : ""}`, (r) => $("answer").replaceChildren(...runView(r, photo)));
}

// remember keeps names of the zoo in the address, from which the page begins again.
function remember(models) {
  const q = new URLSearchParams();
  if (models.every((m) => typeof m === "string")) models.forEach((m, i) => q.set("ab"[i], m));
  try { history.replaceState(null, "", location.pathname + (`${q}` && "?" + q)); } catch { /* a page in a frame without an address */ }
}

const label = () => { $("go").textContent = pick(sides[1]) ? "Compare" : "Show"; };

function choose(side, file) {
  const one = new DataTransfer();
  if (file) one.items.add(file);
  side.file.files = one.files;
  if (file) side.name.value = "";
}

// take is what was dropped: models, photographs, or both; one model that falls on the second side stands beside
// the first.
async function take(list, onto = null) {
  const photos = list.filter(isPicture), models = list.filter((f) => !isPicture(f));
  if (!list.length) return;
  if (models.length > 2 || photos.length > 1) return wrong(`got ${models.length} models and ${photos.length} photographs, want one or two models, and one photograph at most`);
  if (models.length) {
    if (onto === sides[1] && models.length === 1 && pick(sides[0])) choose(onto, models[0]);
    else sides.forEach((s, i) => { choose(s, models[i]); s.name.value = ""; });
    $("arch").value = "";
    label();
    if (!await look()) return;
  }
  if (photos.length) {
    const one = new DataTransfer();
    one.items.add(photos[0]);
    $("photo").files = one.files;
    await run();
  }
}

for (const [i, side] of sides.entries()) {
  side.file.addEventListener("change", () => {
    const list = [...side.file.files];
    if (!list.length) return label();
    if (i === 0 && list.length > 1) return take(list);
    side.name.value = "";
    $("arch").value = "";
    label();
    if (pick(sides[0])) look();
  });
  side.name.addEventListener("input", () => { if (side.name.value) choose(side, null); label(); });
}
$("ask").addEventListener("submit", (e) => { e.preventDefault(); look(); });
$("clear").addEventListener("click", () => {
  turn++;
  client.cancel();
  $("ask").reset();
  $("photo").value = "";
  $("arch-row").hidden = true;
  empty();
  remember([]);
  label();
  enter("ready", "Ready.");
});
$("cancel").addEventListener("click", () => client.cancel());
$("run").addEventListener("click", run);

const hasFiles = (e) => e.dataTransfer?.types.includes("Files");
const hint = (on) => { $("dropping").hidden = !on; $("ask").classList.toggle("over", on); };
addEventListener("dragover", (e) => { if (hasFiles(e)) { e.preventDefault(); hint(true); } });
addEventListener("dragleave", (e) => { if (!e.relatedTarget) hint(false); });
addEventListener("drop", (e) => {
  if (!hasFiles(e)) return;
  e.preventDefault();
  hint(false);
  take([...e.dataTransfer.files], sides.find((s) => s.file.closest("fieldset").contains(e.target)));
});
addEventListener("keydown", (e) => { if (e.key === "Escape") client.cancel(); });

// starting is null once wisp is there, or why it is not.
const starting = (async () => {
  enter("loading", "Loading wisp …");
  const bar = $("loading");
  try {
    const hello = await client.load((got, total) => {
      if (document.body.dataset.state !== "loading") return;
      if (total) { bar.max = total; bar.value = got; }
      $("elapsed").textContent = (got / 1e6).toFixed(1) + (total ? ` of ${(total / 1e6).toFixed(1)} MB` : " MB");
    });
    const style = new CSSStyleSheet();
    style.replaceSync(hello.style);
    document.adoptedStyleSheets.push(style);
    $("zoo").append(...hello.zoo.map((name) => make("option", "", { value: name })));
    enter("ready", "Ready.");
    return null;
  } catch (e) {
    enter("failed", "", e.message);
    return e;
  }
})();

const asked = new URLSearchParams(location.search);
sides.forEach((s, i) => { s.name.value ||= asked.get("ab"[i]) ?? ""; });
label();
if (pick(sides[0])) look();
