// The page `photo`: choose a photo, fetch the network, move the window, ask at 65 places.

import { decodePng } from "./images.js";
import { PLACES, SHORT, SIZE, reduced, softmax, summary, view } from "./views.js";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const percent = (share) => `${Math.round(100 * share)}%`;

const SHAPES = ["svg", "path", "rect"];
function made(parent, tag, attributes = {}, text = "") {
  const space = SHAPES.includes(tag) ? "http://www.w3.org/2000/svg" : parent.namespaceURI;
  const element = document.createElementNS(space, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

const app = one(".app");
const [stage, pane, says] = [one(".stage"), one(".window"), one(".says")];
const [state, proof, sweep] = [one(".state"), one(".proof b"), one(".sweep")];

let photo = null; // {height, width, data}, see views.js, and the answers at its places
let place = { top: 0, left: 0 }; // of the window's corner
let names = null; // of the classes, once the network is here
let sweeping = null; // {stopped} while it goes

// The network, one view at a time.

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
let waiting = Promise.resolve();

// What the worker answers to a message, after those that were sent before.
function request(message, progress = () => {}) {
  const answer = waiting.then(
    () =>
      new Promise((done, failed) => {
        const hear = ({ data }) => {
          if (data.loaded) return progress(data.loaded);
          if (data.requests) return;
          worker.removeEventListener("message", hear);
          if (data.failed) failed(new Error(data.failed));
          else done(data);
        };
        worker.addEventListener("message", hear);
        worker.postMessage(message);
      }),
  );
  waiting = answer.catch(() => {});
  return answer;
}

async function logitsAt(at) {
  const [asked, key] = [(photo.answers ??= new Map()), `${at.top} ${at.left}`];
  if (!asked.has(key)) {
    const { logits } = await request({ view: view(photo, at.top, at.left) });
    asked.set(key, logits);
  }
  return asked.get(key);
}

one(".fetch").addEventListener("click", async ({ target }) => {
  const bar = one(".coming");
  [target.disabled, bar.hidden] = [true, false];
  state.textContent = "The network is on its way.";
  try {
    await Promise.all(all("[data-ours]").map(({ dataset }) => ours(dataset.ours)));
    const list = await fetch(new URL("names.json", import.meta.url));
    await request({ version: app.dataset.version }, (loaded) => (bar.value = loaded));
    names = await list.json();
  } catch (error) {
    state.textContent = `The network can't start here: ${error.message}.`;
    target.disabled = false;
    return;
  } finally {
    bar.hidden = true;
  }
  target.hidden = true;
  for (const part of [one(".sure"), one("ol", says), one(".proof"), sweep]) part.hidden = false;
  countRequests();
  state.textContent = "The network is here. Move the window.";
  answer();
});

// What this page has asked a server for, from now on; the worker counts its own.
function countRequests() {
  const since = performance.now();
  const count = (more) => (proof.textContent = Number(proof.textContent) + more);
  new PerformanceObserver((list) =>
    count(list.getEntries().filter(({ startTime }) => startTime > since).length),
  ).observe({ type: "resource" });
  worker.addEventListener("message", ({ data }) => data.requests && count(data.requests));
}

// The photo: one of ours, a file, or a picture of the camera.

const decoded = {};
function ours(name) {
  decoded[name] ??= fetch(new URL(`${name}.png`, import.meta.url))
    .then((answer) => answer.arrayBuffer())
    .then((bytes) => decodePng(new Uint8Array(bytes)))
    .then(({ height, width, data }) => ({ height: height / 3, width, data }));
  return decoded[name];
}

for (const button of all("[data-ours]"))
  button.addEventListener("click", () =>
    attempt(async () => take(await ours(button.dataset.ours), button)),
  );

const [own, file, film, camera] = [one(".own"), one("[type=file]"), one(".film"), one(".camera")];
own.addEventListener("click", () => file.click());
file.addEventListener("change", () =>
  attempt(async () => {
    const [chosen] = file.files;
    file.value = ""; // the same may be chosen again
    if (!chosen) return;
    // As OpenCV reads it in notebook 5: turned as it says, its colours as they are stored.
    const picture = await createImageBitmap(chosen, { colorSpaceConversion: "none" }).catch(() => {
      throw new Error(`${chosen.name} can't be read as a picture. Take a JPEG or a PNG.`);
    });
    take(photoOf(picture, picture.width, picture.height), own);
  }),
);

film.hidden = !navigator.mediaDevices?.getUserMedia;
const video = one("video");
film.addEventListener("click", () =>
  attempt(async () => {
    const wanted = { video: { facingMode: "environment", width: { ideal: 1280 } } };
    video.srcObject = await navigator.mediaDevices.getUserMedia(wanted).catch(() => {
      throw new Error("The camera can't be opened. Choose a file instead.");
    });
    camera.hidden = false;
    await video.play();
  }),
);
function close() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  camera.hidden = true;
}
one(".close").addEventListener("click", close);
one(".take").addEventListener("click", () =>
  attempt(() => {
    const { videoWidth: width, videoHeight: height } = video;
    const taken = photoOf(video, width, height);
    close();
    take(taken, film);
  }),
);

// Says in one sentence why something can't be done.
async function attempt(act) {
  const refused = one(".refused");
  refused.hidden = true;
  try {
    await act();
  } catch (error) {
    refused.textContent = error.message;
    refused.hidden = false;
  }
}

// The pixels of a picture, through a canvas as high as a strip: a whole one may be too large.
const STRIP = 256;
function photoOf(picture, width, height) {
  if (Math.min(width, height) < SHORT)
    throw new Error(
      `That photo has ${width}×${height} pixels. Take one with at least ${SHORT} on each side.`,
    );
  if (altered())
    throw new Error(
      "This browser alters the pixels that a page reads back, so that no page can recognise you. " +
        "A photo of yours would be measured wrongly here; ours are read in another way.",
    );
  const data = new Uint8ClampedArray(4 * width * height);
  const pen = penOf(width, STRIP);
  for (let top = 0; top < height; top += STRIP) {
    const rows = Math.min(STRIP, height - top);
    pen.drawImage(picture, 0, -top);
    data.set(pen.getImageData(0, 0, width, rows).data, 4 * width * top);
  }
  return reduced({ width, height, data });
}

function penOf(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.getContext("2d", { alpha: false, willReadFrequently: true });
}

// Whether a pattern comes back from a canvas otherwise than it was put there.
function altered() {
  const pen = penOf(64, 64);
  const put = pen.createImageData(64, 64);
  for (let at = 0; at < put.data.length; at++) put.data[at] = at % 4 === 3 ? 255 : (at * 37) % 256;
  pen.putImageData(put, 0, 0);
  const { data } = pen.getImageData(0, 0, 64, 64);
  return put.data.some((value, at) => value !== data[at]);
}

function take(chosen, button) {
  stop();
  photo = chosen;
  for (const each of all(".choose > .answers button"))
    each.setAttribute("aria-pressed", each === button);
  const canvas = one("canvas", stage);
  canvas.setAttribute("aria-label", `the photo, ${photo.width}×${photo.height} pixels`);
  draw(canvas, photo);
  one(".found").hidden = true;
  one(".ended").textContent = "";
  for (const each of all(".guess button")) each.setAttribute("aria-pressed", false);
  // The window begins where its 65 places lie around the middle.
  const left = Math.floor((photo.width - SIZE) / 2) - Math.floor(PLACES / 2);
  before = null;
  move({
    top: Math.floor((photo.height - SIZE) / 2),
    left: Number(button.dataset.left ?? left),
  });
}

function draw(canvas, { height, width, data }) {
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const picture = pen.createImageData(width, height);
  const area = width * height;
  for (let at = 0; at < area; at++)
    picture.data.set([data[at], data[area + at], data[2 * area + at], 255], 4 * at);
  pen.putImageData(picture, 0, 0);
}

// The window.

function move({ top, left }) {
  const within = (value, most) => Math.max(0, Math.min(most, value));
  place = { top: within(top, photo.height - SIZE), left: within(left, photo.width - SIZE) };
  const share = (value, whole) => `${(100 * value) / whole}%`;
  Object.assign(pane.style, {
    left: share(place.left, photo.width),
    top: share(place.top, photo.height),
    width: share(SIZE, photo.width),
    height: share(SIZE, photo.height),
  });
  pane.setAttribute("aria-valuemin", 0);
  pane.setAttribute("aria-valuemax", photo.width - SIZE);
  pane.setAttribute("aria-valuenow", place.left);
  pane.setAttribute("aria-valuetext", `${place.left} from the left, ${place.top} from the top`);
  if (names && !sweeping) answer();
}

const go = (down, right) => {
  if (!sweeping) move({ top: place.top + down, left: place.left + right });
};
for (const button of all("[data-by]"))
  button.addEventListener("click", () => go(...button.dataset.by.split(",").map(Number)));

const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
pane.addEventListener("keydown", (event) => {
  const way = KEYS[event.key];
  if (!way) return;
  event.preventDefault();
  go(...way.map((step) => step * (event.shiftKey ? 8 : 1)));
});

let drag = null;
const undo = () => {
  if (drag) move(drag.from);
  drag = null;
};
stage.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary) return undo(); // a second finger means to zoom
  if (event.button || sweeping || !photo) return;
  drag = { x: event.clientX, y: event.clientY, from: place };
  stage.setPointerCapture(event.pointerId);
  pane.focus({ preventScroll: true });
});
stage.addEventListener("pointermove", (event) => {
  if (!drag || !event.isPrimary) return;
  if (!event.buttons) return void (drag = null); // the release got lost
  const unit = stage.clientWidth / photo.width;
  move({
    top: drag.from.top + Math.round((event.clientY - drag.y) / unit),
    left: drag.from.left + Math.round((event.clientX - drag.x) / unit),
  });
});
for (const end of ["pointerup", "lostpointercapture"])
  stage.addEventListener(end, () => (drag = null));
stage.addEventListener("pointercancel", undo); // the browser took the touch, to scroll

// What the network says of the place where the window stands: of the newest alone.

let before = null; // {name, share, at}: what it said last
let asking = false;
async function answer() {
  if (asking) return;
  asking = true;
  try {
    for (let at = null; at !== place && !sweeping;) {
      at = place;
      const of = photo;
      const logits = await logitsAt(at);
      if (of === photo) tell(logits, at);
    }
  } catch (error) {
    state.textContent = `The network stopped: ${error.message}.`;
  }
  asking = false;
}

const SILENCE = 500; // ms after the last answer until it is spoken
let speaking;
function tell(logits, at) {
  const shares = softmax(logits);
  const best = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, 5);
  const [top] = best;
  const sure = one(".sure");
  sure.textContent = names[top];
  made(sure, "b", {}, percent(shares[top]));
  const moved = before && (before.at.top !== at.top || before.at.left !== at.left);
  const was = moved && `before this move: ${before.top === top ? "" : `${names[before.top]}, `}`;
  made(sure, "small", {}, moved ? was + percent(before.shares[before.top]) : "");
  if (moved || !before) before = { at, top, shares };
  const text = `${names[top]}, ${percent(shares[top])}`;
  clearTimeout(speaking);
  speaking = setTimeout(() => (one(".spoken", says).textContent = text), SILENCE);
  const rows = one("ol", says);
  rows.replaceChildren();
  for (const name of best) {
    const row = made(rows, "li", { style: `--share: ${100 * shares[name]}%` });
    made(row, "span", {}, names[name]);
    made(row, "span", {}, percent(shares[name]));
  }
}

// The sweep.

for (const button of all(".guess button")) button.addEventListener("click", () => run(button));
one(".stop").addEventListener("click", stop);
function stop() {
  if (sweeping) sweeping.stopped = true;
}

async function run(guess) {
  if (sweeping) return;
  const mine = (sweeping = { stopped: false });
  const [running, found] = [one(".running"), one(".found")];
  const [bar, ended] = [one("progress", running), one(".ended")];
  const buttons = all(".guess button");
  for (const button of buttons) {
    button.setAttribute("aria-pressed", button === guess);
    button.disabled = true;
  }
  [running.hidden, found.hidden, ended.textContent] = [false, true, ""];
  bar.value = 0;
  const began = performance.now();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const from = { ...place, left: Math.min(place.left, photo.width - SIZE - PLACES + 1) };
  const [of, logits] = [photo, []];
  try {
    while (logits.length < PLACES && !mine.stopped) {
      const at = { ...from, left: from.left + logits.length };
      logits.push(await logitsAt(at));
      bar.value = logits.length;
      if (still || mine.stopped) continue;
      move(at);
      tell(logits.at(-1), at);
    }
  } catch (error) {
    ended.textContent = `The network stopped: ${error.message}.`;
    mine.stopped = true;
  }
  sweeping = null;
  for (const button of buttons) button.disabled = false;
  running.hidden = true;
  if (of !== photo) return void answer();
  if (mine.stopped) {
    ended.textContent ||= `Stopped after ${logits.length} of ${PLACES} places.`;
    for (const button of buttons) button.setAttribute("aria-pressed", false);
    return void answer();
  }
  const took = (performance.now() - began) / 1000;
  ended.textContent = `${PLACES} places in ${took.toFixed(0)} seconds.`;
  before = null;
  move(from);
  show(found, summary(logits), logits.map(softmax), from, guess);
}

// What was found. `shares` has the probabilities at each place.
function show(found, { tops, flips, agreement, teeth, step, of }, shares, from, guess) {
  const right = guess.dataset.least <= flips && flips <= guess.dataset.most;
  found.replaceChildren();
  found.dataset.state = JSON.stringify({ tops, flips, agreement, teeth, step, from });
  const steps = PLACES - 1;

  let said = finding(found, String(flips));
  made(said, "p", {}, `of ${steps} steps of one pixel change the network’s first answer.`);
  const told = made(said, "p", { class: `told${right ? "" : " wrong"}` });
  told.textContent = `You said: ${guess.textContent}. ${right ? "That is right." : "It is not so."}`;
  said = finding(found, percent(agreement));
  made(said, "p", {}, "of all pairs of two places get the same first answer.");

  const counts = new Map();
  for (const top of tops) counts.set(top, (counts.get(top) ?? 0) + 1);
  const table = made(found, "table", { class: "names" });
  made(table, "caption", {}, "The first answer at each place, from left to right");
  const body = made(table, "tbody");
  const ranked = [...counts].sort(([, a], [, b]) => b - a);
  for (const [top, count] of ranked) {
    const row = made(body, "tr");
    made(row, "th", { scope: "row" }, names[top]);
    const strip = made(made(row, "td"), "svg", {
      viewBox: `0 0 ${PLACES} 1`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    tops.forEach((each, x) => each === top && made(strip, "rect", { x, width: 0.9, height: 1 }));
    made(row, "td", {}, `${count} of ${PLACES}`);
  }

  made(found, "h2", {}, "How sure it is");
  const leads = ranked.slice(0, 2).map(([top]) => top);
  const curves = leads.map((name) => shares.map((each) => each[name]));
  const high = Math.ceil(5 * Math.max(...curves.flat())) / 5;
  const plot = chart(found, `Probability of ${leads.map((name) => names[name]).join(" and ")}`, {
    x: { limits: [0, steps], ticks: [0, 16, 32, 48, 64], name: "pixels to the right" },
    y: { limits: [0, high], ticks: [0, high / 2, high], words: percent },
  });
  const words = leads.map((name, which) => {
    const line = curves[which].map((y, x) => plot.at(x, y)).join("L");
    made(plot, "path", { class: "line", d: `M${line}` });
    const range = [Math.min, Math.max].map((most) => percent(most(...curves[which])));
    return `${["Solid", "Dashed"][which]}: ${names[name]}, from ${range.join(" to ")}.`;
  });
  plot.parentElement.before(made(found, "p", {}, words.join(" ")));

  made(found, "h2", {}, "The step that changes most");
  const pictures = made(found, "div", { class: "pictures" });
  for (const at of [step, step + 1]) {
    const figure = made(pictures, "figure");
    const canvas = made(figure, "canvas", { role: "img" });
    canvas.setAttribute("aria-label", `the view ${at} pixels to the right`);
    const data = view(photo, from.top, from.left + at);
    draw(canvas, { height: SIZE, width: SIZE, data });
    const caption = made(figure, "figcaption", {}, names[of]);
    made(caption, "b", {}, percent(shares[at][of]));
    made(caption, "span", {}, `${at} pixels to the right; first answer: ${names[tops[at]]}`);
  }

  made(found, "h2", {}, "The comb");
  const eights = teeth.filter((_, shift) => (shift + 2) % 8 === 0);
  const up = eights.filter((tooth) => tooth > 0).length;
  const comb = made(found, "p");
  comb.textContent =
    "For each distance of two places: how much nearer their answers are than a pixel more or less. " +
    "Filled: the multiples of 8, where the network’s first three strides of 2 are in step again. " +
    `${up} of ${eights.length} stand up.`;
  const top = Math.max(...teeth.map(Math.abs)) || 1;
  const bars = chart(found, "How much nearer, by the distance of two places", {
    x: { limits: [1, 33], ticks: [8, 16, 24, 32], name: "pixels between two places" },
    y: {
      limits: [Math.min(0, ...teeth), top],
      ticks: [0, top],
      words: (tooth) => tooth.toFixed(2),
    },
  });
  teeth.forEach((tooth, place) => {
    const [[left, zero], [, end]] = [bars.at(place + 1.6, 0), bars.at(place + 2, tooth)];
    made(bars, "rect", {
      class: (place + 2) % 8 ? "tooth" : "tooth eight",
      x: left,
      y: Math.min(zero, end),
      width: bars.at(place + 2.4, 0)[0] - left,
      height: Math.abs(zero - end),
    });
  });
  found.hidden = false;
}

function finding(found, value) {
  const part = made(found, "div", { class: "finding" });
  made(part, "p", { class: "value" }, value);
  return made(part, "div", { class: "said" });
}

// Axes to draw on, with their numbers beside them, so that these keep their shape.
const [WIDE, TALL] = [1000, 200];
function chart(found, words, { x, y }) {
  const box = made(found, "div", { class: "chart" });
  const svg = made(box, "svg", { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none" });
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words);
  const part = (value, [low, high]) => (value - low) / (high - low);
  svg.at = (a, b) => [WIDE * part(a, x.limits), TALL * (1 - part(b, y.limits))];
  const zero = svg.at(0, 0)[1];
  made(svg, "path", { class: "axis", d: `M0 0V${TALL}M0 ${zero}H${WIDE}` });
  for (const value of x.ticks)
    made(box, "span", { class: "x", style: `left: ${100 * part(value, x.limits)}%` }, value);
  for (const value of y.ticks) {
    const style = `top: ${100 * (1 - part(value, y.limits))}%`;
    made(box, "span", { class: "y", style }, y.words(value));
  }
  made(box, "span", { class: "of" }, x.name);
  return svg;
}

one(".theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  Object.assign(document.documentElement.dataset, { theme, mode: theme });
  try {
    localStorage.setItem("mode", theme);
    localStorage.setItem("theme", theme);
  } catch {
    // for this page alone
  }
});
one("[data-ours]").click();
