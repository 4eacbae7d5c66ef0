// The worker that runs wisp.wasm: files in memory behind Go's file calls, one call at a time.
// client.js joins it to wasm_exec.js, starts it and ends it. It has no means to make a request:
// the page's policy, which it inherits, forbids them, and their names are taken away besides.
"use strict";
for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "WebTransport", "EventSource", "importScripts", "caches", "indexedDB", "Worker"]) Object.defineProperty(self, name, { value: undefined });

const files = new Map(); // path → Uint8Array
const open = new Map(); // descriptor → {bytes, at}
let next = 100;
const missing = () => Object.assign(new Error("no such file"), { code: "ENOENT" });
const plain = (path) => path.split("/").filter((p) => p && p !== ".").join("/");
const stat = (bytes) => ({
  dev: 0, ino: 0, mode: 0o100444, nlink: 1, uid: 0, gid: 0, rdev: 0, size: bytes.length, blksize: 4096,
  blocks: Math.ceil(bytes.length / 512), atimeMs: 0, mtimeMs: 0, ctimeMs: 0, isDirectory: () => false,
});
const statPath = (path, done) => { const bytes = files.get(plain(path)); bytes ? done(null, stat(bytes)) : done(missing()); };
process.cwd = () => "/";
Object.assign(globalThis.fs, {
  stat: statPath,
  lstat: statPath,
  open(path, flags, mode, done) {
    const bytes = files.get(plain(path));
    if (!bytes) return done(missing());
    open.set(++next, { bytes, at: 0 });
    done(null, next);
  },
  fstat(fd, done) { const f = open.get(fd); f ? done(null, stat(f.bytes)) : done(missing()); },
  close(fd, done) { open.delete(fd); done(null); },
  read(fd, buffer, offset, length, position, done) {
    const f = open.get(fd);
    if (!f) return done(missing());
    const at = position === null ? f.at : position;
    const part = f.bytes.subarray(at, at + length);
    buffer.set(part, offset);
    if (position === null) f.at = at + part.length;
    done(null, part.length);
  },
});

// keep takes a file into memory under a path and answers with the path; a name is kept as it is.
async function keep(f, path) {
  if (typeof f === "string") return f;
  self.wispSay("reading " + f.name);
  try { files.set(plain(path), new Uint8Array(await f.arrayBuffer())); } catch (e) { throw new Error(`${f.name}: the browser cannot read it: ${e.message}`); }
  return path;
}

// paths are the names that a user in the files' folder would give to wisp: two files of one name lie in
// folders of their own, and a name that could be one of the zoo gets ./ before it.
function paths(list) {
  const same = list.length === 2 && list.every((f) => f instanceof File) && list[0].name === list[1].name;
  return list.map((f, i) => typeof f === "string" ? f : (same ? "AB"[i] + "/" : /\.(tflite|onnx|pth|pt|safetensors)$/i.test(f.name) ? "" : "./") + f.name);
}

self.wispReady = (hello) => postMessage({ ready: JSON.parse(hello) });
self.wispSay = (text) => postMessage({ say: text });
self.onmessage = async ({ data }) => {
  if (data.module) {
    const go = new Go();
    const died = (why) => postMessage({ died: String(why) });
    try {
      await go.run(await WebAssembly.instantiate(data.module, go.importObject));
      died("wisp ended, most likely out of memory");
    } catch (e) { died(e.message || e); }
    return;
  }
  try {
    files.clear();
    const names = paths(data.models), models = [];
    for (const i of names.keys()) models.push(await keep(data.models[i], names[i]));
    const image = data.image ? await keep(data.image, data.image.name) : "";
    self.wispCall(JSON.stringify({ do: data.do, models, image, arch: data.arch }), (text) => postMessage(JSON.parse(text)));
  } catch (e) { postMessage({ error: String(e.message || e) }); }
};
