// A form whose view follows its inputs: the server draws the part anew and the address keeps
// the state. Without this script the form's button does the same.
"use strict";
for (const form of document.querySelectorAll("form[data-live]")) {
  let asking = null, again = false;

  // address is the form's state without what is left open.
  const address = () => {
    const q = new URLSearchParams();
    for (const el of form.elements) if (el.name && !el.disabled && el.value !== "") q.append(el.name, el.value);
    const text = q.toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  };

  // A slider sets the number beside it, by the logarithm for what spans magnitudes; its
  // open end is no limit.
  const least = (el) => el.dataset.least === "true";
  const slide = (el) => {
    const lo = Number(el.dataset.lo), hi = Number(el.dataset.hi), k = Number(el.value);
    const v = least(el) ? lo + (hi - lo) * k / 100 : lo * (hi / lo) ** (k / 100);
    document.getElementById(el.dataset.for).value = k === (least(el) ? 0 : 100) ? "" : Number(v.toPrecision(3));
    say(el);
  };
  const place = (el) => {
    const lo = Number(el.dataset.lo), hi = Number(el.dataset.hi), text = document.getElementById(el.dataset.for).value, v = Number(text);
    el.value = text === "" ? (least(el) ? 0 : 100) : 100 * (least(el) ? (v - lo) / (hi - lo) : Math.log(v / lo) / Math.log(hi / lo));
    say(el);
  };
  const say = (el) => {
    const v = document.getElementById(el.dataset.for).value;
    el.setAttribute("aria-valuetext", v === "" ? "any" : v + " " + el.dataset.unit);
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
        // What is replaced is not read out; what stays and changes is.
        const said = got.querySelector("[data-say]");
        if (said) document.getElementById("announce").textContent = said.textContent;
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

  const sliders = [...form.querySelectorAll("input[type=range]")];
  for (const el of sliders) { el.hidden = false; if (!el.disabled) say(el); }
  form.addEventListener("input", (e) => {
    if (e.target.type === "range") slide(e.target);
    for (const el of sliders) if (el.dataset.for === e.target.id && !el.disabled) place(el);
    if (e.target.dataset.reload === undefined) ask();
  });
  // A choice that changes what the other inputs offer loads the page.
  form.addEventListener("change", (e) => { if (e.target.dataset.reload !== undefined) location.assign(address()); });
  form.addEventListener("submit", (e) => { e.preventDefault(); ask(); });
}
