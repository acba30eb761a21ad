// What all explorers share: the look of shifts/figures.py, and how a reader moves things.
// `explore` in shifts/figures.py puts this file and that of one explorer into a cell's output.

import { loadImage } from "./images.js";

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
  { marks = [], hatch, words, limits = [0, 1], lines = 0, indices, first = 0, frame } = {},
) {
  const { height, width, data } = image;
  const [ratio, side] = [window.devicePixelRatio || 1, canvas.clientWidth || 160];
  const margin = 16;
  const cell = (side - margin - 3) / width;
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
      pen.fillStyle = css(tableOf("viridis")[level]);
      pen.fillRect(...place);
      if (hatch?.(row, column)) drawHatch(pen, place);
      pen.strokeStyle = "#bfbfbf";
      pen.lineWidth = 0.5;
      pen.strokeRect(...place);
      const word = cell > 20 && words?.(row, column);
      if (word) {
        pen.fillStyle = value < 0.6 ? "#fff" : "#000";
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
  const [height, left, right, top, bottom] = [180, 44, 12, 10, 36];
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
  for (const { points, colour = accent, joined, size = 2 } of lines) {
    [pen.strokeStyle, pen.fillStyle, pen.lineWidth] = [colour, colour, 1.5];
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
.explorer { --ink: #1b1b1b; --paper: #fff; --accent: #0072b2; box-sizing: border-box;
  max-width: 760px; padding: 12px; color: var(--ink); background: var(--paper);
  font: 14px/1.45 system-ui, sans-serif; border-radius: 4px; }
.explorer[data-dark] { --ink: #e8e8e8; --paper: #16181d; --accent: #56b4e9; }
.explorer * { box-sizing: border-box; }
.explorer .panels { display: grid; gap: 8px 14px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(var(--least), 1fr)); }
.explorer figure { margin: 0; padding: 0; min-width: 0; }
.explorer figcaption { padding: 0 0 2px; font-size: 13px; color: var(--ink); text-align: left; }
.explorer canvas { display: block; width: 100%; height: auto; }
.explorer canvas.photo { border: 1px solid #bfbfbf; }
.explorer canvas.map { image-rendering: pixelated; }
.explorer ol { margin: 0; padding: 0 0 0 1.6em; }
.explorer li { margin: 2px 0; padding: 3px 6px; --bar: color-mix(in srgb, var(--accent) 35%, transparent); }
.explorer canvas[tabindex] { cursor: grab; touch-action: pan-y; }
.explorer canvas[tabindex].free { touch-action: none; }
.explorer :is(canvas, input, select, button):focus-visible { outline: 3px solid #d55e00;
  outline-offset: -3px; }
.explorer .controls { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center;
  margin: 10px 0 0; }
.explorer label { display: flex; gap: 6px; align-items: center; margin: 0; color: var(--ink); }
.explorer input[type="range"] { width: 130px; height: 28px; margin: 0; accent-color: var(--accent); }
.explorer :is(select, button, input[type="number"]) { padding: 3px 6px; font: inherit;
  color: var(--ink); background: var(--paper); border: 1px solid #808080; border-radius: 3px;
  min-height: 28px; }
.explorer fieldset { display: inline-grid; grid-template-columns: repeat(3, 3.4em); gap: 3px;
  margin: 0; padding: 0; border: 0; }
.explorer legend { float: none; padding: 0; margin: 0 0 3px; font-size: 13px; }
.explorer fieldset input { width: 100%; }
.explorer .reading { min-height: 2.9em; margin: 10px 0 0; color: var(--ink); }
`;

export function element(parent, tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  parent.append(made);
  return made;
}

// The frame of an explorer: panels above, controls below, then what there is to read.
export function frame(el, label, least = "min(140px, 45%)") {
  el.className = "explorer";
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", label);
  el.replaceChildren();
  element(el, "style", {}, STYLE);
  const panels = element(el, "div", { class: "panels", style: `--least: ${least}` });
  const controls = element(el, "div", { class: "controls" });
  const reading = element(el, "p", { class: "reading", "aria-live": "polite" });
  const say = (state, text) => {
    el.dataset.state = JSON.stringify(state);
    reading.textContent = text;
  };
  return { panels, controls, say };
}

export function panel(panels, caption, kind = "grid") {
  const figure = element(panels, "figure");
  const words = element(figure, "figcaption", {}, caption);
  const canvas = element(figure, "canvas", { class: kind, role: "img", "aria-label": caption });
  const name = (text) => {
    words.textContent = text;
    canvas.setAttribute("aria-label", text);
  };
  return { figure, canvas, name };
}

// JupyterLab would take what is typed here for its own commands.
const QUIET = { "data-lm-suppress-shortcuts": "true" };

// A control and the model show the same, whichever of them is changed.
function bind(input, model, key, property) {
  input.addEventListener("input", () => model.set({ [key]: input[property] }));
  const show = () => (input[property] = model.get(key));
  model.onChange(show);
  show();
}

export function slider(controls, text, model, key, [min, max]) {
  const label = element(controls, "label", {}, text);
  const input = element(label, "input", { type: "range", min, max, ...QUIET });
  bind(input, model, key, "valueAsNumber");
}

export function choice(controls, text, model, key, options) {
  const label = element(controls, "label", {}, text);
  const select = element(label, "select", QUIET);
  for (const [value, words] of options) element(select, "option", { value }, words);
  bind(select, model, key, "value");
}

export function toggle(controls, text, model, key) {
  const label = element(controls, "label");
  const input = element(label, "input", { type: "checkbox", ...QUIET });
  label.append(text);
  bind(input, model, key, "checked");
}

// Nine weights to type.
export function weights(controls, text, model, key) {
  const group = element(controls, "fieldset");
  element(group, "legend", {}, text);
  const inputs = model.get(key).map((row, i) =>
    row.map((_, j) => {
      const label = `weight in row ${i}, column ${j}`;
      const kind = { type: "number", step: "any", "aria-label": label, ...QUIET };
      const input = element(group, "input", kind);
      input.addEventListener("input", () => {
        const typed = inputs.map((r) => r.map((each) => each.valueAsNumber || 0));
        model.set({ [key]: typed });
      });
      return input;
    }),
  );
  model.get(key).forEach((row, i) => row.forEach((weight, j) => (inputs[i][j].value = weight)));
}

export function button(controls, text, label, press) {
  const made = element(controls, "button", { type: "button", "aria-label": label, ...QUIET }, text);
  made.addEventListener("click", press);
}

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// Lets a canvas be moved: by the arrow keys (ten steps with Shift), back by Home, and by
// dragging. `step(down, right)` gets whole steps; `unit()` says how wide one is on the
// screen, and `tap(y, x)` gets the place of a click.
export function movable(canvas, label, { step, home, unit, tap }) {
  const attributes = { tabindex: 0, role: "slider", "aria-label": label, ...QUIET };
  attributes["aria-roledescription"] = "movable picture";
  for (const [name, value] of Object.entries(attributes)) canvas.setAttribute(name, value);
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) step(...arrow.map((way) => way * (event.shiftKey ? 10 : 1)));
    else if (event.key === "Home") home();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    last = { y: event.clientY, x: event.clientX, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const size = unit();
    const down = Math.trunc((event.clientY - last.y) / size);
    const right = Math.trunc((event.clientX - last.x) / size);
    if (!down && !right) return;
    last = { y: last.y + down * size, x: last.x + right * size, moved: true };
    step(down, right);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (last && !last.moved) tap?.(event.offsetY, event.offsetX);
    last = null;
  });
  canvas.addEventListener("pointercancel", () => (last = null));
}

// What a movable picture says of itself: a number for its place, and words.
export function sayPlace(canvas, place, [min, max], text) {
  canvas.setAttribute("aria-valuemin", min);
  canvas.setAttribute("aria-valuemax", max);
  canvas.setAttribute("aria-valuenow", place);
  canvas.setAttribute("aria-valuetext", text);
}

// Redraws when the state, the width or the theme changes.
export function keepDrawn(el, model, draw) {
  // The theme of the site lays outputs on a pale ground.
  el.parentElement.style.background = "none";
  const dark = () => {
    const [page, lab] = [
      document.documentElement.dataset.theme,
      document.body.dataset.jpThemeLight,
    ];
    el.toggleAttribute("data-dark", page === "dark" || lab === "false");
  };
  model.onChange(draw);
  let width = null;
  new ResizeObserver(([entry]) => {
    if (entry.contentRect.width === width || !entry.contentRect.width) return;
    width = entry.contentRect.width;
    draw();
  }).observe(el);
  const redraw = new MutationObserver(() => {
    dark();
    draw();
  });
  for (const root of [document.documentElement, document.body])
    redraw.observe(root, { attributeFilter: ["data-theme", "data-jp-theme-light"] });
  dark();
  draw();
}

// The start: each explorer draws a model, its state and who listens to it, into an element.

function modelOf(state) {
  const listeners = [];
  return {
    get: (key) => state[key],
    set: (values) => {
      Object.assign(state, values);
      for (const listener of listeners) listener();
    },
    onChange: (listener) => listeners.push(listener),
  };
}

export async function mount(name, render) {
  for (const el of document.querySelectorAll(`[data-explorer="${name}"]:not(.explorer)`)) {
    el.classList.add("explorer");
    const state = JSON.parse(el.dataset.start);
    if (state.photo) state.photo = await loadImage(state.photo);
    render({ model: modelOf(state), el });
    hideStill(el);
  }
}

// The picture in the place of which the explorer stands, in JupyterLab and on a page.
function hideStill(el) {
  const output = el.closest(".jp-OutputArea-output");
  const cell = el.closest(".jp-OutputArea, .cell_output");
  for (const picture of cell?.querySelectorAll("img") ?? []) {
    const still = output ? picture.closest(".jp-OutputArea-child") : picture.closest("a");
    (still ?? picture).style.display = "none";
  }
}
