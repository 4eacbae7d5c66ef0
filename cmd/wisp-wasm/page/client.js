// wisp from the page's side: loads it, then forbids the page every request, starts the worker,
// asks it, and replaces it when a call is cancelled or when it dies. page.js uses it.
"use strict";
const largest = 256 * 2 ** 20;

class Cancelled extends Error {}

const client = (() => {
  let module, source, worker, ready, waiting = null;

  async function part(name) {
    let r;
    try { r = await fetch(name); } catch (e) { throw new Error(`${name} does not load: ${e.message}: is the server that this page came from still there?`); }
    if (!r.ok) throw new Error(`${name} is not there (status ${r.status}): make wasm lays it out beside this page: serve the whole folder`);
    return r;
  }

  // compile loads wisp.wasm, whatever type the server says that it is.
  async function compile(progress) {
    const r = await part("wisp.wasm"), type = r.headers.get("Content-Type") || "no type";
    const total = r.headers.get("Content-Encoding") ? 0 : Number(r.headers.get("Content-Length"));
    (async () => {
      let got = 0;
      for (const reader = r.clone().body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) return;
        progress(got += value.length, total);
      }
    })().catch(() => {}); // compiling says what is wrong
    const right = type.startsWith("application/wasm") ? r : new Response(r.body, { headers: { "Content-Type": "application/wasm" } });
    try { return await WebAssembly.compileStreaming(right); } catch (e) {
      throw new Error(`wisp.wasm is no WebAssembly that this browser takes (the server sends ${type}): ${e.message}`);
    }
  }

  // lock forbids what loading needed: nothing that the page or its worker does from here on can
  // send anything anywhere.
  function lock() {
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "default-src 'none'; script-src 'wasm-unsafe-eval'; style-src 'self'; worker-src blob:; img-src data: blob:";
    document.head.append(policy);
  }

  function start() {
    const own = new Worker(source);
    worker = own;
    ready = new Promise((yes, no) => {
      let alive = false;
      const died = (why) => {
        if (own !== worker) return;
        own.terminate();
        if (!alive) return no(new Error(`wisp does not start in this browser: ${why}`));
        const w = waiting;
        waiting = null;
        start();
        w?.no(new Error(why));
      };
      own.onmessage = ({ data }) => {
        if (own !== worker) return;
        if (data.ready) { alive = true; yes(data.ready); } else if (data.died !== undefined) died(data.died);
        else if (data.say !== undefined) waiting?.say(data.say);
        else { const w = waiting; waiting = null; w?.yes(data); }
      };
      own.onerror = (e) => died(e.message || "its script does not load");
      own.postMessage({ module });
    });
    ready.catch(() => {}); // whoever asks is told
  }

  return {
    // load answers with what wisp says first; progress gets the bytes that came and those there are, 0 where unknown.
    async load(progress) {
      if (location.protocol === "file:") throw new Error("This page was opened as a file, from which browsers load no WebAssembly: serve its folder, for instance with python3 -m http.server 8000, and open http://localhost:8000");
      if (typeof WebAssembly !== "object" || !WebAssembly.compileStreaming) throw new Error("This browser has no WebAssembly, or it is switched off");
      const texts = Promise.all(["wasm_exec.js", "worker.js"].map(async (name) => (await part(name)).text()));
      texts.catch(() => {});
      module = await compile(progress);
      source = URL.createObjectURL(new Blob([(await texts).join("\n")], { type: "text/javascript" }));
      lock();
      start();
      return ready;
    },
    // ask answers {result} or {error, …}; a call that is still running is cancelled.
    async ask(call, say) {
      for (const f of [...call.models, call.image]) if (f instanceof File && f.size > largest) return { error: `${f.name}: is larger than 256 MiB, which this page takes: use wisp on a computer` };
      this.cancel();
      const turn = {};
      const answer = new Promise((yes, no) => Object.assign(turn, { yes, no, say }));
      waiting = turn;
      try { await ready; } catch (e) { if (waiting === turn) waiting = null; throw e; }
      if (waiting === turn) worker.postMessage(call);
      return answer;
    },
    // cancel ends what is running, with the worker that runs it.
    cancel() {
      if (!waiting) return;
      const w = waiting;
      waiting = null;
      worker.terminate();
      start();
      w.no(new Cancelled("cancelled"));
    },
    // kill is for tests: the worker dies as if memory had run out.
    kill(why) { worker.onmessage({ data: { died: why } }); },
  };
})();
