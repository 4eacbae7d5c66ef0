// The worker that runs wisp.wasm: files in memory behind Go's file calls, one call at a time.
// It makes no request once it has begun; page.js starts another one if it dies.
"use strict";
importScripts("wasm_exec.js");
for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "importScripts"]) self[name] = undefined;

const files = new Map(); // path → Uint8Array
const open = new Map(); // descriptor → path
let next = 100;
const missing = () => Object.assign(new Error("no such file"), { code: "ENOENT" });
const stat = (bytes) => ({
  dev: 0, ino: 0, mode: 0o100444, nlink: 1, uid: 0, gid: 0, rdev: 0, size: bytes.length, blksize: 4096,
  blocks: Math.ceil(bytes.length / 512), atimeMs: 0, mtimeMs: 0, ctimeMs: 0, isDirectory: () => false,
});
const statPath = (path, done) => files.has(path) ? done(null, stat(files.get(path))) : done(missing());
const places = new Map();
Object.assign(globalThis.fs, {
  stat: statPath,
  lstat: statPath,
  open(path, flags, mode, done) {
    if (!files.has(path)) return done(missing());
    open.set(++next, path);
    places.set(next, 0);
    done(null, next);
  },
  fstat(fd, done) { open.has(fd) ? done(null, stat(files.get(open.get(fd)))) : done(missing()); },
  close(fd, done) { open.delete(fd); places.delete(fd); done(null); },
  read(fd, buffer, offset, length, position, done) {
    if (!open.has(fd)) return done(missing());
    const at = position === null ? places.get(fd) : position;
    const part = files.get(open.get(fd)).subarray(at, at + length);
    buffer.set(part, offset);
    if (position === null) places.set(fd, at + part.length);
    done(null, part.length);
  },
});

self.wispReady = (style) => postMessage({ ready: true, style });
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
    // Each file lies in a folder of its own, so that two may have one name.
    const put = async (f, i) => {
      if (typeof f === "string") return f;
      const path = `/${i}/${f.name}`;
      files.set(path, new Uint8Array(await f.arrayBuffer()));
      return path;
    };
    const models = await Promise.all(data.models.map(put));
    const image = data.image ? await put(data.image, "image") : "";
    self.wispCall(JSON.stringify({ do: data.do, models, image }), (text) => {
      const answer = JSON.parse(text);
      if (answer.error) answer.error = answer.error.replace(/\/(\d|image)\//g, "");
      postMessage({ id: data.id, ...answer });
    });
  } catch (e) { postMessage({ id: data.id, error: String(e.message || e) }); }
};
