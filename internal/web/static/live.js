// A form whose view follows its inputs: the server draws the part anew and the address keeps
// the state. Without this script the form's button does the same.
"use strict";
for (const form of document.querySelectorAll("form[data-live]")) {
  let asking = null, again = false;

  // address is the form's state without what is left open.
  const address = () => {
    const q = new URLSearchParams();
    for (const el of form.elements) {
      if (!el.name || el.disabled || el.value === "") continue;
      if (el.type === "range" && el.value === (el.dataset.least === "true" ? el.min : el.max)) continue;
      q.append(el.name, el.value);
    }
    const text = q.toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  };

  // say writes a slider's limit beside it.
  const say = (el) => {
    const out = form.querySelector(`output[for="${el.id}"]`);
    if (!out || el.disabled) return;
    const least = el.dataset.least === "true", open = el.value === (least ? el.min : el.max);
    out.value = open ? "any" : (least ? "at least " : "at most ") + el.value + " " + el.dataset.unit;
    el.setAttribute("aria-valuetext", out.value);
  };

  const ask = async () => {
    if (asking) { again = true; return; }
    asking = new AbortController();
    const to = address();
    try {
      const r = await fetch(to, { headers: { "X-Part": "1", "Accept": "text/html" }, signal: asking.signal });
      const text = await r.text();
      const live = document.getElementById("live");
      if (r.ok) {
        const got = new DOMParser().parseFromString(text, "text/html").getElementById("live");
        const scrolled = [...live.querySelectorAll(".scroll")].map((e) => e.scrollLeft);
        live.replaceWith(got);
        got.querySelectorAll(".scroll").forEach((e, i) => { e.scrollLeft = scrolled[i] || 0; });
        history.replaceState(null, "", to);
      } else {
        const p = document.createElement("p");
        p.className = "bad"; p.setAttribute("role", "alert"); p.textContent = text.trim();
        live.replaceChildren(p);
      }
    } catch (e) {
      console.warn("wisp: " + e.message);
    }
    asking = null;
    if (again) { again = false; ask(); }
  };

  for (const el of form.querySelectorAll("input[type=range]")) say(el);
  form.addEventListener("input", (e) => {
    if (e.target.type === "range") say(e.target);
    if (e.target.dataset.reload === undefined) ask();
  });
  // A choice that changes what the other inputs offer loads the page.
  form.addEventListener("change", (e) => { if (e.target.dataset.reload !== undefined) location.assign(address()); });
  form.addEventListener("submit", (e) => { e.preventDefault(); ask(); });
}
