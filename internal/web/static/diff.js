// Two panes that scroll together.
"use strict";
(() => {
  const panes = [...document.querySelectorAll(".pane")];
  let leader = null;
  for (const p of panes) {
    p.addEventListener("scroll", () => {
      if (leader && leader !== p) return;
      leader = p;
      for (const o of panes) if (o !== p) { o.scrollTop = p.scrollTop; o.scrollLeft = p.scrollLeft; }
      requestAnimationFrame(() => requestAnimationFrame(() => { leader = null; }));
    });
  }
})();
