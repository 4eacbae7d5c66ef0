// Looking around in a graph: the picture's viewBox is what is seen of it.
"use strict";
(() => {
  const map = document.getElementById("map"), svg = map.querySelector("svg"), form = document.getElementById("look"), found = document.getElementById("found");
  const whole = { w: svg.viewBox.baseVal.width, h: svg.viewBox.baseVal.height };
  svg.removeAttribute("width"); svg.removeAttribute("height");
  let view = { x: 0, y: 0, w: whole.w, h: whole.h }, hits = [], at = -1;
  const nodes = [...svg.querySelectorAll("g.node")].map((g) => ({ g, text: g.textContent.toLowerCase() }));

  const show = () => svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
  const ratio = () => map.clientHeight / Math.max(1, map.clientWidth);
  const fit = () => { const w = Math.max(whole.w, whole.h / ratio()); view = { x: (whole.w - w) / 2, y: 0, w, h: w * ratio() }; show(); };
  // width shows the beginning as large as the window lets it, at most in its own size.
  const width = () => { const w = Math.max(whole.w, map.clientWidth); view = { x: (whole.w - w) / 2, y: 0, w, h: w * ratio() }; show(); };
  const zoom = (by, cx, cy) => {
    const w = Math.min(Math.max(view.w * by, 160), 4 * Math.max(whole.w, whole.h / ratio()));
    const k = w / view.w;
    view = { x: cx - (cx - view.x) * k, y: cy - (cy - view.y) * k, w, h: w * ratio() };
    show();
  };
  const middle = () => [view.x + view.w / 2, view.y + view.h / 2];
  const point = (e) => { const b = map.getBoundingClientRect(); return [view.x + (e.clientX - b.left) / b.width * view.w, view.y + (e.clientY - b.top) / b.height * view.h]; };

  const go = (k) => {
    if (at >= 0 && hits[at]) hits[at].g.classList.remove("here");
    at = (k + hits.length) % hits.length;
    const g = hits[at].g, b = g.getBBox();
    g.classList.add("here");
    const w = Math.min(view.w, Math.max(900, b.width * 3));
    view = { x: b.x + b.width / 2 - w / 2, y: b.y + b.height / 2 - w * ratio() / 2, w, h: w * ratio() };
    show();
    found.value = `${at + 1} of ${hits.length}: ${g.querySelector("title").textContent}`;
  };
  const find = (text) => {
    for (const n of nodes) n.g.classList.remove("hit", "here");
    hits = text ? nodes.filter((n) => n.text.includes(text.toLowerCase())) : [];
    at = -1;
    for (const n of hits) n.g.classList.add("hit");
    if (hits.length) go(0); else found.value = text ? "nothing is found" : "";
    for (const name of ["previous", "next"]) form.querySelector(`[data-do=${name}]`).hidden = hits.length < 2;
  };
  const keep = () => {
    const q = new URLSearchParams(location.search);
    for (const name of ["by", "find"]) { const v = form.elements[name].value; if (v) q.set(name, v); else q.delete(name); }
    history.replaceState(null, "", "?" + q);
  };

  const acts = { in: () => zoom(0.7, ...middle()), out: () => zoom(1 / 0.7, ...middle()), fit, width, next: () => go(at + 1), previous: () => go(at - 1) };
  for (const b of form.querySelectorAll("[data-do]")) {
    if (!["next", "previous"].includes(b.dataset.do)) b.hidden = false;
    b.addEventListener("click", () => acts[b.dataset.do]());
  }
  form.elements.by.addEventListener("change", (e) => { location.assign(`?${new URLSearchParams(new FormData(form))}`); });
  form.elements.find.addEventListener("input", (e) => { find(e.target.value.trim()); keep(); });
  form.addEventListener("submit", (e) => { e.preventDefault(); if (hits.length) go(at + 1); });

  map.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(Math.max(-1, Math.min(1, e.deltaY / 300))), ...point(e)); }, { passive: false });
  const down = new Map();
  let moved = 0;
  map.addEventListener("click", (e) => {
    const g = e.target.closest("g.node");
    if (g && moved < 4) found.value = g.querySelector("title").textContent;
  });
  map.addEventListener("pointerdown", (e) => { moved = 0; down.set(e.pointerId, e); map.setPointerCapture(e.pointerId); map.classList.add("moving"); });
  map.addEventListener("pointermove", (e) => {
    const was = down.get(e.pointerId);
    if (!was) return;
    const k = view.w / map.clientWidth;
    moved += Math.abs(e.clientX - was.clientX) + Math.abs(e.clientY - was.clientY);
    if (down.size === 1) {
      view.x -= (e.clientX - was.clientX) * k; view.y -= (e.clientY - was.clientY) * k; show();
    } else {
      const other = [...down.values()].find((o) => o.pointerId !== e.pointerId);
      const before = Math.hypot(was.clientX - other.clientX, was.clientY - other.clientY), now = Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY);
      if (before > 0 && now > 0) zoom(before / now, ...point(e));
    }
    down.set(e.pointerId, e);
  });
  for (const end of ["pointerup", "pointercancel"]) map.addEventListener(end, (e) => { down.delete(e.pointerId); if (!down.size) map.classList.remove("moving"); });
  map.addEventListener("keydown", (e) => {
    const step = view.w / 8;
    const keys = { ArrowLeft: () => { view.x -= step; show(); }, ArrowRight: () => { view.x += step; show(); }, ArrowUp: () => { view.y -= step; show(); }, ArrowDown: () => { view.y += step; show(); },
      "+": acts.in, "=": acts.in, "-": acts.out, "0": fit };
    if (keys[e.key] && !e.ctrlKey && !e.metaKey) { e.preventDefault(); keys[e.key](); }
  });
  addEventListener("resize", () => { view.h = view.w * ratio(); show(); });
  width();
  if (map.dataset.find) find(map.dataset.find);
})();
