// Dropping a photograph on the form is choosing it.
"use strict";
(() => {
  const form = document.getElementById("drop"), file = form.elements.photo, said = document.getElementById("said");
  const send = async () => {
    said.value = "";
    form.setAttribute("aria-busy", "true");
    try {
      const r = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Part": "1" } });
      const text = await r.text();
      if (r.ok) { location.assign(text); return; }
      said.value = text.trim() || `refused with status ${r.status}`;
    } catch (e) {
      said.value = "The server took no photograph: " + e.message;
    }
    form.removeAttribute("aria-busy");
  };
  form.addEventListener("submit", (e) => { e.preventDefault(); send(); });
  for (const name of ["dragover", "dragenter"]) form.addEventListener(name, (e) => { e.preventDefault(); form.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("over"));
  form.addEventListener("drop", (e) => {
    e.preventDefault();
    if (!e.dataTransfer.files.length) return;
    const one = new DataTransfer();
    one.items.add(e.dataTransfer.files[0]);
    file.files = one.files;
    send();
  });
})();
