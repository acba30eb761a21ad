// What all explorers share: the look of shifts/figures.py, and how a reader moves things.
// `explorer` in shifts/figures.py puts this file and that of one explorer into a page.
//
// An explorer is `render({ model, el })`, and a last line, `mount(name, render)`:
// - `frame` makes its parts; `panel`, `slider`, `choice`, `toggle`, `weights`, `button` fill
//   them; `movable` lets a picture be moved, and `tappable` another one be tapped.
// - `model.keep(key, rule)` names what a reader can change. The rule brings a value into its
//   range or throws: `within(min, max)` for whole numbers. `model.get` and `model.set`.
// - `keepDrawn` calls its `draw`, at most once a frame; `draw` ends with `say(state, text)`.
//
// A page around it finds on the explorer's element, once it has been drawn:
// - `el.explorer.get()`: what the reader can change, as plain data;
// - `el.explorer.set(values)`: changes some of it; an unknown name or a wrong value throws;
// - `el.explorer.said()`: what the figure shows, numbers and all, of the newest state;
// - the event "explorer", which bubbles, after each drawing.
// `mount(name, render, root)` looks for elements under `root` only.

import { loadImage, modulo } from "./images.js";

// The look: Matplotlib's colour maps, as colours at even distances.

const MAPS = {
  viridis:
    "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
  RdBu_r: "0530612065ab4393c390c4ddd1e5f0f7f6f6fddbc7f3a481d6604db1182b67001f",
  Greys: "fffffff0f0f0d9d9d9bdbdbd959595727272515151242424000000",
  gray: "000000ffffff",
};
const tables = {};

// 256 colours, each as one number that a canvas takes as a pixel.
function tableOf(name) {
  if (!tables[name]) {
    const stops = MAPS[name].match(/../g).map((hex) => parseInt(hex, 16));
    const last = stops.length / 3 - 1;
    tables[name] = Uint32Array.from({ length: 256 }, (_, level) => {
      const [place, channels] = [(level / 255) * last, []];
      const stop = Math.min(Math.floor(place), last - 1);
      for (let channel = 0; channel < 3; channel++) {
        const [low, high] = [stops[3 * stop + channel], stops[3 * stop + 3 + channel]];
        channels.push(Math.round(low + (high - low) * (place - stop)));
      }
      return (255 << 24) | (channels[2] << 16) | (channels[1] << 8) | channels[0];
    });
  }
  return tables[name];
}

// Draws an image into a canvas of its own size; the style sheet scales it.
export function drawImage(canvas, image, colours, [low, high]) {
  const { height, width, data } = image;
  if (canvas.width !== width || canvas.height !== height)
    [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const picture = pen.createImageData(width, height);
  const [pixels, table] = [new Uint32Array(picture.data.buffer), tableOf(colours)];
  const scale = 256 / (high - low);
  for (let place = 0; place < pixels.length; place++) {
    const level = (data[place] - low) * scale;
    pixels[place] = table[level < 0 ? 0 : level > 255 ? 255 : level | 0];
  }
  pen.putImageData(picture, 0, 0);
  return pen;
}

// Draws a line around what is inside a border.
export function drawFrame(pen, { height, width }, border) {
  if (2 * border >= Math.min(height, width)) return;
  pen.strokeStyle = "#000";
  pen.setLineDash([4, 3]);
  pen.strokeRect(border - 0.5, border - 0.5, width - 2 * border + 1, height - 2 * border + 1);
}

const css = (number) => `rgb(${number & 255} ${(number >> 8) & 255} ${(number >> 16) & 255})`;

// Draws a small image as cells with their indices. `marks` lists the cells to frame,
// `hatch` says which to hatch, `words` what to write into one; `lines` are drawn around
// the cells of so many poolings.
export function drawGrid(
  canvas,
  image,
  {
    marks = [],
    hatch,
    words,
    limits = [0, 1],
    colours = "viridis",
    lines = 0,
    indices,
    first = 0,
    frame,
  } = {},
) {
  const { height, width, data } = image;
  const [ratio, side] = [window.devicePixelRatio || 1, canvas.clientWidth || 160];
  const margin = MARGIN;
  const cell = cellSize(canvas, width);
  const tall = margin + cell * height + 3;
  [canvas.width, canvas.height] = [Math.round(side * ratio), Math.round(tall * ratio)];
  const style = getComputedStyle(canvas);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const box = (row, column) => [margin + column * cell, margin + row * cell, cell, cell];
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.font = `11px ${style.fontFamily}`;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const value = (data[row * width + column] - limits[0]) / (limits[1] - limits[0]);
      const level = Math.max(0, Math.min(255, Math.floor(256 * value)));
      const place = box(row, column);
      pen.fillStyle = css(tableOf(colours)[level]);
      pen.fillRect(...place);
      if (hatch?.(row, column)) drawHatch(pen, place);
      pen.strokeStyle = "#bfbfbf";
      pen.lineWidth = 0.5;
      pen.strokeRect(...place);
      const word = cell > 20 && words?.(row, column);
      if (word) {
        pen.fillStyle = value < 0.6 && colours === "viridis" ? "#fff" : "#000";
        pen.fillText(word, place[0] + cell / 2, place[1] + cell / 2, cell - 2);
      }
    }
  }
  pen.strokeStyle = "#fff";
  for (let n = 1; n <= lines; n++) {
    pen.lineWidth = n;
    for (let at = 2 ** n; at <= width; at += 2 ** n) {
      pen.strokeRect(margin + at * cell, margin, 0, height * cell);
      pen.strokeRect(margin, margin + at * cell, width * cell, 0);
    }
  }
  if (frame) {
    const [row, column, long] = frame;
    pen.lineWidth = 2;
    pen.strokeStyle = "#f00";
    pen.strokeRect(...box(row, column).slice(0, 2), long * cell, long * cell);
  }
  for (const [row, column, dash = []] of marks) {
    const [x, y] = box(row, column);
    pen.lineWidth = 3;
    pen.setLineDash(dash);
    pen.strokeStyle = "#d55e00";
    pen.strokeRect(x, y, cell, cell);
    pen.setLineDash([]);
  }
  pen.fillStyle = style.color;
  for (const row of indices ?? Array(height).keys())
    pen.fillText(row + first, margin / 2, margin + (row + 0.5) * cell);
  for (const column of indices ?? Array(width).keys())
    pen.fillText(column + first, margin + (column + 0.5) * cell, margin / 2);
  return box;
}

const MARGIN = 16; // for the indices

export function cellSize(canvas, columns) {
  return ((canvas.clientWidth || 160) - MARGIN - 3) / columns;
}

// The cell, [row, column], at a place of a drawn grid; it may lie outside.
export function cellAt(canvas, columns, y, x) {
  return [y, x].map((at) => Math.floor((at - MARGIN) / cellSize(canvas, columns)));
}

// Whether a finger at a place means a cell: it is wider than the cell may be.
export function meansCell(canvas, columns, [row, column], y, x) {
  const size = cellSize(canvas, columns);
  const off = [y - MARGIN - (row + 0.5) * size, x - MARGIN - (column + 0.5) * size];
  return Math.max(...off.map(Math.abs)) <= Math.max(size / 2, 22);
}

function drawHatch(pen, [x, y, width, height]) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.strokeStyle = "#d9d9d9";
  pen.lineWidth = 1;
  for (let start = -height; start < width; start += 6) {
    pen.moveTo(x + start, y + height);
    pen.lineTo(x + start + height, y);
  }
  pen.stroke();
  pen.restore();
}

// Draws points or a line over axes. `lines` has {points: [[x, y] …], style, joined}.
export function drawCurve(canvas, { x, y, lines, labels, level }) {
  const [ratio, width] = [window.devicePixelRatio || 1, canvas.clientWidth || 320];
  const [height, left, right, top, bottom] = [180, 50, 12, 10, 36];
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const style = getComputedStyle(canvas);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const atX = (value) =>
    left + ((value - x.limits[0]) / (x.limits[1] - x.limits[0])) * (width - left - right);
  const atY = (value) =>
    height -
    bottom -
    ((value - y.limits[0]) / (y.limits[1] - y.limits[0])) * (height - top - bottom);
  pen.font = `11px ${style.fontFamily}`;
  [pen.strokeStyle, pen.fillStyle] = [style.color, style.color];
  pen.strokeRect(left, top, 0, height - top - bottom);
  pen.strokeRect(left, height - bottom, width - left - right, 0);
  pen.textAlign = "center";
  for (const value of x.ticks) pen.fillText(value, atX(value), height - bottom + 14);
  pen.fillText(labels[0], (left + width - right) / 2, height - 4);
  pen.textAlign = "right";
  for (const value of y.ticks) pen.fillText(value, left - 5, atY(value) + 4);
  pen.save();
  pen.translate(10, (height - bottom + top) / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(labels[1], 0, 2);
  pen.restore();
  if (level) {
    pen.setLineDash([2, 3]);
    pen.strokeRect(left, atY(level.at), width - left - right, 0);
    pen.setLineDash([]);
    pen.textAlign = "right";
    pen.fillText(level.name, width - right, atY(level.at) - 5);
  }
  const accent = style.getPropertyValue("--accent");
  for (const { points, colour = accent, joined, dashed, size = 2 } of lines) {
    [pen.strokeStyle, pen.fillStyle, pen.lineWidth] = [colour, colour, 1.5];
    pen.setLineDash(dashed ? [5, 3] : []);
    pen.beginPath();
    for (const [a, b] of points) {
      if (joined) pen.lineTo(atX(a), atY(b));
      else pen.fillRect(atX(a) - size / 2, atY(b) - size / 2, size, size);
    }
    if (joined) pen.stroke();
  }
}

// The parts of an explorer.

const STYLE = `
.explorer { --ink: #1b1b1b; --paper: #fff; --accent: #0072b2; --line: #c8c8c8;
  color-scheme: light;   box-sizing: border-box; max-width: 760px; padding: 12px; color: var(--ink);
  background: var(--paper); font: 14px/1.45 system-ui, sans-serif;
  border: 1px solid var(--line); border-radius: 8px; }
.explorer[data-dark] { --ink: #e8e8e8; --paper: #16181d; --accent: #56b4e9; --line: #4a4f57;
  color-scheme: dark; }
.explorer * { box-sizing: border-box; }
.explorer .question { margin: 0 0 8px; font-size: 17px; font-weight: 600; line-height: 1.3;
  color: var(--ink); }
.explorer .panels { display: grid; gap: 10px 14px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(var(--least), 1fr)); }
.explorer figure { margin: 0; padding: 0; min-width: 0; container-type: inline-size; }
.explorer figure.wide { grid-column: 1 / -1; }
.explorer figure.large { grid-area: span 2 / span 2; }
.explorer figcaption { padding: 0 0 2px; font-size: 13px; color: var(--ink); text-align: left; }
.explorer .stage { position: relative; }
.explorer .stage:has(> .grid) { max-width: 300px; }
.explorer canvas { display: block; width: 100%; height: auto; }
.explorer canvas.photo { border: 1px solid #bfbfbf; }
.explorer canvas.map { image-rendering: pixelated; }
.explorer ol { margin: 0; padding: 0 0 0 1.6em; }
.explorer li { margin: 2px 0; padding: 3px 6px; --bar: color-mix(in srgb, var(--accent) 35%, transparent); }
.explorer canvas[tabindex] { cursor: grab; touch-action: pan-y pinch-zoom; }
.explorer canvas[tabindex]:active { cursor: grabbing; }
.explorer canvas.tappable { cursor: pointer; }
.explorer .stage[data-hint]::after { content: attr(data-hint); position: absolute; right: 8px;
  bottom: 8px; padding: 1px 10px; font-size: 13px; color: #fff; background: #000c;
  border: 1px solid #fff; border-radius: 12px; pointer-events: none; }
.explorer :is(canvas, input, select, button):focus-visible { outline: 3px solid #d55e00;
  outline-offset: -3px; }
.explorer .controls { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center;
  margin: 12px 0 0; }
.explorer .controls:empty { display: none; }
.explorer label { display: flex; gap: 6px; align-items: center; margin: 0; min-height: 28px;
  color: var(--ink); }
.explorer label:has([type="range"]) { flex: 1 1 260px; max-width: 340px; }
.explorer input[type="range"] { flex: 1; min-width: 110px; height: 28px; margin: 0;
  accent-color: var(--accent); }
.explorer input[type="checkbox"] { width: 24px; height: 24px; margin: 0;
  accent-color: var(--accent); }
.explorer :is(select, button, input[type="number"]) { padding: 3px 6px; font: inherit;
  color: var(--ink); background: var(--paper); border: 1px solid #808080; border-radius: 4px;
  min-height: 28px; max-width: 100%; }
.explorer button { cursor: pointer; touch-action: manipulation; }
.explorer .pad { display: grid; grid-template: 44px / repeat(4, 44px); gap: 6px; margin: 6px 0 0; }
.explorer .pad button { padding: 0; font-size: 22px; }
@container (max-width: 193px) {
  .explorer .pad { grid-template: 44px 44px / repeat(3, 44px); }
  .explorer .pad [aria-label="move up"] { grid-area: 1 / 2; }
  .explorer .pad :not([aria-label="move up"]) { grid-row: 2; }
}
.explorer button:active { background: var(--line); }
.explorer fieldset { display: inline-grid; grid-template-columns: repeat(3, 3.4em); gap: 3px;
  margin: 0; padding: 0; border: 0; }
.explorer legend { float: none; padding: 0; margin: 0 0 3px; font-size: 13px; color: var(--ink); }
.explorer fieldset input { width: 100%; }
.explorer input[aria-invalid] { border: 2px solid #d55e00; }
.explorer .reading { min-height: 2.9em; margin: 10px 0 0; color: var(--ink); }
.explorer .spoken { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
`;

export function element(parent, tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  parent.append(made);
  return made;
}

const SILENCE = 500; // ms after the last move until it is spoken

// The frame of an explorer: what it asks, panels, controls, and what there is to read.
export function frame(el, question, least = "min(140px, 45%)") {
  el.className = "explorer";
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", question);
  el.replaceChildren();
  element(el, "style", {}, STYLE);
  element(el, "p", { class: "question" }, question);
  const panels = element(el, "div", { class: "panels", style: `--least: ${least}` });
  const controls = element(el, "div", { class: "controls" });
  const reading = element(el, "p", { class: "reading" });
  const spoken = element(el, "p", { class: "spoken", "aria-live": "polite" });
  let timer = null;
  const say = (state, text) => {
    el.dataset.state = JSON.stringify(state);
    if (reading.textContent === text) return;
    clearTimeout(timer);
    spoken.textContent = "";
    if (reading.textContent) timer = setTimeout(() => (spoken.textContent = text), SILENCE);
    reading.textContent = text;
  };
  return { panels, controls, say };
}

export function panel(panels, caption, kind = "grid") {
  const figure = element(panels, "figure");
  const words = element(figure, "figcaption", {}, caption);
  const stage = element(figure, "div", { class: "stage" });
  const canvas = element(stage, "canvas", { class: kind, role: "img", "aria-label": caption });
  const name = (text) => {
    words.textContent = text;
    // What can be moved keeps the name by which it was introduced.
    if (canvas.getAttribute("role") === "img") canvas.setAttribute("aria-label", text);
  };
  return { figure, canvas, name };
}

// JupyterLab would take what is typed here for its own commands.
const QUIET = { "data-lm-suppress-shortcuts": "true" };

// A rule for whole numbers in a range. What leaves a range that wraps enters at its other end.
export function within(min, max, wraps = false) {
  const rule = (value, key) => {
    const number = Math.round(Number(value));
    if (!Number.isFinite(number)) throw new Error(`${key} must be a number, got ${value}`);
    if (wraps) return min + modulo(number - min, max - min + 1);
    return Math.max(min, Math.min(max, number));
  };
  return Object.assign(rule, { min, max });
}

// All moves of a circle of so many places, the shorter way round.
export function around(period) {
  const min = -Math.floor(period / 2);
  return within(min, min + period - 1, true);
}

function oneOf(values) {
  return (value, key) => {
    if (values.includes(String(value))) return String(value);
    throw new Error(`${key} must be one of ${values.join(", ")}, got ${value}`);
  };
}

// A control and the model show the same, whichever of them is changed.
function bind(input, model, key, property) {
  input.addEventListener("input", () => model.set({ [key]: input[property] }));
  const show = () => (input[property] = model.get(key));
  model.onChange(show);
  show();
}

// A slider over the range of `model.keep(key, within(…))`.
export function slider(controls, text, model, key) {
  const { min, max } = model.rule(key);
  const label = element(controls, "label", {}, text);
  const input = element(label, "input", { type: "range", min, max, ...QUIET });
  bind(input, model, key, "valueAsNumber");
}

export function choice(controls, text, model, key, options) {
  model.keep(key, oneOf(options.map(([value]) => String(value))));
  const label = element(controls, "label", {}, text);
  const select = element(label, "select", QUIET);
  for (const [value, words] of options) element(select, "option", { value }, words);
  bind(select, model, key, "value");
}

export function toggle(controls, text, model, key) {
  model.keep(key, (value) => value === true || value === "true");
  const label = element(controls, "label");
  const input = element(label, "input", { type: "checkbox", ...QUIET });
  label.append(text);
  bind(input, model, key, "checked");
}

// Nine weights to type. While one of them is no number, the figure keeps the last nine.
export function weights(controls, text, model, key) {
  model.keep(key, (rows) => {
    if (rows?.length === 3 && rows.every((row) => row.length === 3 && row.every(Number.isFinite)))
      return rows;
    throw new Error(`${key} must be 3 rows of 3 numbers, got ${JSON.stringify(rows)}`);
  });
  const group = element(controls, "fieldset");
  element(group, "legend", {}, text);
  const inputs = model.get(key).map((row, i) =>
    row.map((_, j) => {
      const label = `weight in row ${i}, column ${j}`;
      const kind = { type: "number", step: "any", "aria-label": label, ...QUIET };
      const input = element(group, "input", kind);
      input.addEventListener("input", () => {
        const wrong = Number.isNaN(input.valueAsNumber);
        if (wrong) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
        const typed = inputs.map((r) => r.map((each) => each.valueAsNumber));
        if (!typed.flat().some(Number.isNaN)) model.set({ [key]: typed });
      });
      return input;
    }),
  );
  const show = () =>
    model.get(key).forEach((row, i) =>
      row.forEach((weight, j) => {
        // What is being typed is left as it is: "1." is 1.
        if (inputs[i][j].valueAsNumber !== weight && !inputs[i][j].hasAttribute("aria-invalid"))
          inputs[i][j].value = weight;
      }),
    );
  model.onChange(show);
  show();
}

export function button(controls, text, label, press) {
  const made = element(controls, "button", { type: "button", "aria-label": label, ...QUIET }, text);
  made.addEventListener("click", press);
}

const WAYS = [
  ["←", "left", 0, -1],
  ["↑", "up", -1, 0],
  ["↓", "down", 1, 0],
  ["→", "right", 0, 1],
];

// Lets the picture of a panel be moved: by the arrow keys (ten steps with Shift), back by
// Home, by dragging, and by a pad of buttons under it. `keys` are the parts of the state
// that move; a step adds to `down` and `right`, unless `step(down, right)` says otherwise.
// `unit()` is how wide a step is on the screen; `tap(y, x)` gets the place of a click.
// Where `grabs(y, x)`, a finger moves the picture and never scrolls the page.
export function movable({ figure, canvas }, model, label, keys, { unit, step, tap, grabs }) {
  const pick = () => Object.fromEntries(keys.map((key) => [key, model.get(key)]));
  const start = pick();
  const add = (down, right) => {
    const by = { down, right };
    model.set(Object.fromEntries(keys.map((key) => [key, model.get(key) + by[key]])));
  };
  const go = (down, right) => {
    delete canvas.parentElement.dataset.hint;
    (step ?? add)(down, right);
  };
  const attributes = { tabindex: 0, role: "slider", "aria-label": label, ...QUIET };
  attributes["aria-roledescription"] = "movable picture";
  for (const [name, value] of Object.entries(attributes)) canvas.setAttribute(name, value);
  canvas.parentElement.dataset.hint = "drag";
  const ways = WAYS.filter(([, , down]) => !down || keys.join() !== "right");
  const pad = element(figure, "div", { class: "pad", role: "group", "aria-label": label });
  for (const [arrow, name, ...way] of ways) button(pad, arrow, `move ${name}`, () => go(...way));
  canvas.addEventListener("keydown", (event) => {
    const way = WAYS.find(([, name]) => event.key.toLowerCase() === `arrow${name}`)?.slice(2);
    if (way) go(...way.map((one) => one * (event.shiftKey ? 10 : 1)));
    else if (event.key === "Home") model.set(start);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  let drag = null;
  const undo = () => {
    if (drag?.moved) model.set(drag.from);
    drag = null;
  };
  canvas.addEventListener("pointerdown", (event) => {
    // A second finger means to zoom.
    if (!event.isPrimary) return undo();
    if (event.button) return;
    drag = { y: event.clientY, x: event.clientX, from: pick(), moved: "" };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag || !event.isPrimary) return;
    // The release got lost.
    if (!event.buttons) return void (drag = null);
    const way = [event.clientY - drag.y, event.clientX - drag.x];
    const [down, right] = way.map((far) => Math.trunc(far / unit()));
    if (`${down},${right}` === (drag.moved || "0,0")) return;
    drag.moved = `${down},${right}`;
    model.set(drag.from);
    go(down, right);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && event.isPrimary && !drag.moved) tap?.(event.offsetY, event.offsetX);
    drag = null;
  });
  canvas.addEventListener("lostpointercapture", () => (drag = null));
  // The browser took the touch, to scroll.
  canvas.addEventListener("pointercancel", undo);
  const scrolls = ({ touches: [touch, ...more] }) => {
    const { top, left } = canvas.getBoundingClientRect();
    return more.length > 0 || !grabs(touch.clientY - top, touch.clientX - left);
  };
  if (!grabs) return;
  const hold = (event) => scrolls(event) || event.preventDefault();
  canvas.addEventListener("touchstart", hold, { passive: false });
}

// Lets another picture be tapped; `tap(y, x)` gets the place.
export function tappable(canvas, tap) {
  canvas.classList.add("tappable");
  canvas.addEventListener("click", (event) => tap(event.offsetY, event.offsetX));
}

// What a movable picture says of itself: a number for its place, and words.
export function sayPlace(canvas, place, { min, max }, text) {
  canvas.setAttribute("aria-valuemin", min);
  canvas.setAttribute("aria-valuemax", max);
  canvas.setAttribute("aria-valuenow", place);
  canvas.setAttribute("aria-valuetext", text);
}

// Tells an element when the theme of the page or of JupyterLab changes, and keeps no hold of
// it: a cell that is run again drops the old one, with all that listens to it.
function watchTheme(el) {
  const seen = new WeakRef(el);
  const observer = new MutationObserver(() => {
    if (seen.deref()) seen.deref().dispatchEvent(new Event("theme"));
    else observer.disconnect();
  });
  for (const root of [document.documentElement, document.body])
    observer.observe(root, { attributeFilter: ["data-theme", "data-jp-theme-light"] });
}

// Draws when the state, the width or the theme changes, at most once a frame.
export function keepDrawn(el, model, draw) {
  // The theme of the site lays outputs on a pale ground.
  el.parentElement.style.background = "none";
  let [width, due] = [0, 0];
  const now = () => {
    cancelAnimationFrame(due);
    [width, due] = [el.clientWidth, 0];
    const [page, lab] = [
      document.documentElement.dataset.theme,
      document.body.dataset.jpThemeLight,
    ];
    el.toggleAttribute("data-dark", page === "dark" || lab === "false");
    draw();
    el.dispatchEvent(new Event("explorer", { bubbles: true }));
  };
  const soon = () => {
    if (el.isConnected) due ||= requestAnimationFrame(now);
    else width = 0; // drawn when it is shown again
  };
  Object.assign(el.explorer, {
    get: model.kept,
    set: model.change,
    said: () => {
      if (due) now();
      return JSON.parse(el.dataset.state);
    },
  });
  model.onChange(soon);
  el.addEventListener("theme", soon);
  watchTheme(el);
  new ResizeObserver(() => {
    if (el.clientWidth && el.clientWidth !== width) now();
  }).observe(el);
  now();
}

// The start: each explorer draws a model, its state and who listens to it, into an element.

function modelOf(state) {
  const [listeners, rules] = [[], {}];
  const fix = ([key, value]) => [key, rules[key] ? rules[key](value, key) : value];
  const set = (values) => {
    Object.assign(state, Object.fromEntries(Object.entries(values).map(fix)));
    for (const listener of listeners) listener();
  };
  return {
    set,
    get: (key) => state[key],
    onChange: (listener) => listeners.push(listener),
    rule: (key) => rules[key],
    keep: (key, rule) => {
      rules[key] = rule;
      state[key] = rule(state[key], key);
    },
    // For the page around it.
    kept: () => structuredClone(Object.fromEntries(Object.keys(rules).map((k) => [k, state[k]]))),
    change: (values) => {
      const names = Object.keys(rules);
      const unknown = Object.keys(values).find((key) => !names.includes(key));
      if (unknown) throw new Error(`the state has ${names.join(", ")}, got ${unknown}`);
      set(values);
    },
  };
}

export async function mount(name, render, root = document) {
  for (const el of root.querySelectorAll(`[data-explorer="${name}"]`)) {
    if (el.explorer) continue;
    el.explorer = {};
    try {
      const state = JSON.parse(el.dataset.start);
      if (state.photo) state.photo = await loadImage(state.photo);
      render({ model: modelOf(state), el });
      hideStill(el);
    } catch (error) {
      console.error(error);
      el.removeAttribute("class");
      el.textContent = `This figure cannot move in this browser: ${error.message}`;
    }
  }
}

// The picture in the place of which the explorer stands, with its words: what comes before it
// in its cell, or where a cell's output is a page of its own (Colab), on that page.
function hideStill(el) {
  const cell = el.closest(".jp-OutputArea, .cell_output");
  const last = cell ?? (window.parent !== window ? document.body : el);
  for (let at = el; at !== last; at = at.parentElement) {
    for (let other = at.previousElementSibling; other; other = other.previousElementSibling)
      if (other.matches("img, details") || other.querySelector("img, details"))
        other.style.display = "none";
  }
}
