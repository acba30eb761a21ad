// The network of the page `photo`, in a thread of its own: an answer takes a tenth of a
// second, and the page must not stand still. Asked for a view, it gives logits.

import * as ort from "./ort.wasm.bundle.min.mjs";

let session;
let loaded = 0;

// The address names the version, so what is kept of it need not be asked for again.
async function load(name, version) {
  const answer = await fetch(`${new URL(name, import.meta.url)}?${version}`, {
    cache: "force-cache",
  });
  if (!answer.ok) throw new Error(`${name} is not there (${answer.status})`);
  const parts = [];
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts).arrayBuffer();
    parts.push(value);
    loaded += value.length;
    postMessage({ loaded });
  }
}

async function start(version) {
  const files = ["network.onnx", "ort-wasm-simd-threaded.wasm"];
  const [network, wasm] = await Promise.all(files.map((name) => load(name, version)));
  // One thread: more need headers that few servers send. No GPU: its sums differ.
  Object.assign(ort.env.wasm, { wasmBinary: wasm, numThreads: 1 });
  session = await ort.InferenceSession.create(network, { executionProviders: ["wasm"] });
  const since = performance.now();
  new PerformanceObserver((list) => {
    const made = list.getEntries().filter(({ startTime }) => startTime > since).length;
    if (made) postMessage({ requests: made });
  }).observe({ type: "resource" });
}

async function ask(view) {
  const pixels = new ort.Tensor("float32", view, [1, 3, 224, 224]);
  return (await session.run({ pixels })).logits.data;
}

addEventListener("message", async ({ data: { version, view } }) => {
  try {
    if (version) await start(version);
    postMessage(view ? { logits: await ask(view) } : { ready: true });
  } catch (error) {
    postMessage({ failed: error.message });
  }
});
