// A measurement that is watched: the server sends its state whenever that changes.
"use strict";
(() => {
  const live = document.getElementById("live");
  if (!live || live.dataset.over === "true") return;
  const get = (id) => document.getElementById(id);
  const events = new EventSource("/run/events?job=" + encodeURIComponent(live.dataset.job));
  events.onmessage = async (e) => {
    const s = JSON.parse(e.data);
    if (get("state").textContent !== s.state) {
      get("state").textContent = s.state;
      get("announce").textContent = s.state + (s.line ? ": " + s.line : "");
    }
    get("note").textContent = s.note;
    get("line").textContent = s.line;
    if (s.total) {
      get("progress").max = s.total;
      get("progress").value = s.done;
      get("count").textContent = `${s.done} of ${s.total}`;
    } else if (s.state === "running") {
      get("progress").removeAttribute("value");
    }
    if (!s.over) return;
    events.close();
    const r = await fetch(location.href, { headers: { "X-Part": "1", "Accept": "text/html" } });
    if (!r.ok) return;
    const got = new DOMParser().parseFromString(await r.text(), "text/html").getElementById("live");
    live.replaceWith(got);
  };
})();
