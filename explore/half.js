// Notebook 7: both ways round the square, by fractions of a pixel.

import {
  choice,
  drawCurve,
  drawImage,
  element,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  slider,
  toggle,
  within,
} from "./explore.js";
import { fixed, imageOf, map, modulo, relativeChange, skip, subtract, zeros } from "./images.js";

// The curve through a circle of pixels is a sum of waves. All layers that are linear read it.

const remembered = {};

// How much a pixel counts at a distance: the waves below a cutoff, in periods per pixel.
function weightAt(distance, side, cutoff) {
  const turn = (2 * Math.PI * distance) / side;
  let sum = 1;
  for (let wave = 1; 2 * wave < side && wave / side < cutoff; wave++)
    sum += 2 * Math.cos(wave * turn);
  if (side % 2 === 0 && cutoff > 0.5) sum += Math.cos((side / 2) * turn);
  return sum / side;
}

// Row by row, the weights of all pixels at each of so many places.
function weightsOf(side, { count = side, step = 1, shift = 0, cutoff = 1 }) {
  const name = [side, count, step, cutoff].join();
  if (!shift && remembered[name]) return remembered[name];
  const [matrix, known] = [new Float64Array(count * side), new Map()];
  for (let place = 0; place < count; place++) {
    for (let pixel = 0; pixel < side; pixel++) {
      const apart = modulo(place * step - pixel, side);
      if (!known.has(apart)) known.set(apart, weightAt(apart - shift, side, cutoff));
      matrix[place * side + pixel] = known.get(apart);
    }
  }
  if (!shift) remembered[name] = matrix;
  return matrix;
}

// Reads the curve through each row at other places.
function read(image, how) {
  const matrix = weightsOf(image.width, how);
  const made = zeros(image.height, matrix.length / image.width);
  const [{ width, data }, values] = [image, made.data];
  for (let row = 0, at = 0; row < data.length; row += width) {
    for (let weights = 0; weights < matrix.length; weights += width, at++) {
      let sum = 0;
      for (let pixel = 0; pixel < width; pixel++)
        sum += matrix[weights + pixel] * data[row + pixel];
      values[at] = sum;
    }
  }
  return made;
}

function transpose(image) {
  const turned = zeros(image.width, image.height);
  for (let row = 0; row < image.height; row++)
    for (let column = 0; column < image.width; column++)
      turned.data[column * image.height + row] = image.data[row * image.width + column];
  return turned;
}

const both = (image, change) => transpose(change(transpose(change(image))));
const fractional = (image, right) => read(image, { shift: right });
const lowPass = (image, cutoff) => both(image, (part) => read(part, { cutoff }));
const finer = (image) =>
  both(image, (part) => read(part, { count: 2 * part.width, step: 1 / 2, cutoff: 1 / 2 }));
const coarser = (image) =>
  both(image, (part) => read(part, { count: part.width / 2, step: 2, cutoff: 1 / 4 }));

function besides({ width, data }, place) {
  const row = place - (place % width);
  return data[row + modulo(place + 1, width)] + data[row + modulo(place - 1, width)];
}

const blur = (image) =>
  both(image, (part) => map(part, (value, place) => (2 * value + besides(part, place)) / 4));

const BENDS = { nothing: (x) => x, relu: (x) => Math.max(x, 0), square: (x) => x * x };
const PASSES = { none: (image) => image, blur, ideal: (image) => lowPass(image, 1 / 4) };

function layerOf({ bend, fine, lowpass, stride }) {
  const bent = (image) => map(image, BENDS[bend]);
  return (image) => {
    const after = fine && bend !== "nothing" ? coarser(bent(finer(image))) : bent(image);
    return skip(PASSES[lowpass](after), stride);
  };
}

// What to try next.
function advice({ bend, fine, lowpass, stride, smooth, right }, exact) {
  const [whole, half] = [right % (100 * stride) === 0, right % 50 === 0];
  if (exact && whole && bend + stride !== "nothing1")
    return "A whole move proves nothing here: try half a pixel.";
  if (stride === 2 && !exact && lowpass === "none")
    return "The stride folds fast waves, most of all at 1, half a kept pixel. Blur first, or take an ideal low-pass.";
  if (bend === "relu" && !fine)
    return lowpass === "ideal"
      ? "The low-pass comes too late for what ReLU has folded. Try twice the grid."
      : "ReLU makes waves that the grid cannot hold, and they fold. Try twice the grid.";
  if (bend === "relu" && half && exact)
    return "Half a pixel is a whole one on twice the grid. Try 0.30.";
  if (bend === "square" && !fine && !smooth)
    return "The square doubles each frequency; what is then too fast folds. Try twice the grid.";
  if (stride === 2 && !exact && lowpass === "blur")
    return "The blur lets some fast waves through. Try the ideal low-pass.";
  if (bend === "relu") return "ReLU still folds a little. Try the square.";
  if (bend === "square") return "Nothing folds, and both ways meet wherever you move it.";
  if (stride === 2) return "Nothing folds, and both ways meet. Now bend the curve: ReLU.";
  return "A move alone. Take a stride of 2, or ReLU.";
}

const FINE = 16; // points of a drawn curve, a pixel
const LEAST = "min(340px, 45%)";
const ENDS = ["move, then layer", "layer, then move"];
const STEP = 5; // hundredths of a pixel, by a key or a drag: less is not seen

function render({ model, el }) {
  const question = "A fraction of a pixel further: do both ways still meet?";
  const { panels, controls, say } = frame(el, question, LEAST);
  const note = element(el, "p", { class: "note" });
  note.textContent =
    "Pixels stand for the smooth curve through them. Move it, then apply a layer: or apply " +
    "the layer, and move what it gives.";
  panels.before(note);
  const view = panel(panels, "the input, moved", "curve");
  const ways = ENDS.map((name) => panel(panels, name, "curve"));
  const apart = panel(panels, "their difference", "curve");
  const curve = panel(panels, "how far apart, by move; grey: the layer chosen before", "curve");

  const pictures = {};
  for (const name of ["row", "small"]) {
    const image = imageOf(model.get(name));
    const mean = image.data.reduce((sum, value) => sum + value, 0) / image.data.length;
    const sharp = lowPass(
      map(image, (value) => value - mean),
      1 / 2,
    );
    pictures[name] = { sharp, smooth: lowPass(sharp, 1 / 4) };
  }
  model.keep("right", within(-200, 200));
  slider(controls, "right, in 1/100 pixel", model, "right");
  choice(controls, "input", model, "picture", [
    ["row", "12 pixels"],
    ["small", "a small photo"],
  ]);
  toggle(controls, "smooth input", model, "smooth");
  choice(controls, "layer: first", model, "bend", [
    ["nothing", "nothing"],
    ["relu", "ReLU"],
    ["square", "the square"],
  ]);
  toggle(controls, "on twice the grid", model, "fine");
  const finely = controls.querySelector("label:last-of-type input");
  choice(controls, "then", model, "lowpass", [
    ["none", "no low-pass"],
    ["blur", "blur 1 2 1"],
    ["ideal", "ideal low-pass"],
  ]);
  choice(controls, "stride", model, "stride", [
    ["1", "1"],
    ["2", "2"],
  ]);
  movable(view, model, "the input", ["right"], {
    step: (_, right) => model.set({ right: model.get("right") + STEP * right }),
    unit: () => {
      const { width } = pictures[model.get("picture")].sharp;
      const margins = model.get("picture") === "row" ? 56 : 0;
      return ((view.canvas.clientWidth - margins) / width / 100) * STEP;
    },
  });

  const visited = {};
  let [last, previous, layerFirst] = [null, null, null];
  const draw = () => {
    const chosen = Object.fromEntries(
      ["right", "picture", "smooth", "bend", "fine", "lowpass"].map((key) => [key, model.get(key)]),
    );
    chosen.stride = Number(model.get("stride"));
    const { right, picture, stride } = chosen;
    const image = pictures[picture][chosen.smooth ? "smooth" : "sharp"];
    const [layer, { right: _, ...rest }] = [layerOf(chosen), chosen];
    const name = JSON.stringify(rest);
    if (name !== last) [previous, last, layerFirst] = [last, name, layer(image)];
    const moved = fractional(image, right / 100);
    const found = [layer(moved), fractional(layerFirst, right / 100 / stride)];
    const difference = subtract(...found);
    const error = relativeChange(found[1], found[0]);
    const exact = error < 1e-9;
    (visited[name] ??= new Map()).set(right, error);

    const isRow = picture === "row";
    finely.disabled = chosen.bend === "nothing";
    view.figure.classList.toggle("wide", isRow);
    ways[0].figure.classList.toggle("wide", isRow);
    ways[1].figure.style.display = isRow ? "none" : "";
    ways[0].name(isRow ? `${ENDS[0]} (dots); orange, dashed: ${ENDS[1]}` : ENDS[0]);
    curve.figure.classList.toggle("wide", !isRow);
    for (const { canvas } of [view, ...ways, apart]) canvas.classList.toggle("map", !isRow);
    apart.name(`difference: ${exact ? "none" : `${fixed(error, 3)}`}`);
    const drawOne = isRow ? drawRow : drawPhoto;
    drawOne(view.canvas, moved, { bend: "nothing", stride: 1, before: image });
    if (isRow) drawRow(ways[0].canvas, found[0], { ...chosen, beside: found[1] });
    else ways.forEach(({ canvas }, way) => drawPhoto(canvas, found[way], chosen));
    drawOne(apart.canvas, difference, { ...chosen, difference: true, exact });
    const grey = previous && JSON.parse(previous).picture === picture ? visited[previous] : [];
    drawCurve(curve.canvas, {
      x: { limits: [-2, 2], ticks: [-2, -1, 0, 1, 2] },
      y: Math.max(...visited[name].values()) > 0.2 ? COARSE : CLOSE,
      labels: ["pixels moved right", "apart"],
      lines: [
        { points: inPixels(grey), size: 3, colour: "#8c8c8c" },
        { points: inPixels(visited[name]), size: 4 },
        { points: [[right / 100, error]], colour: "#d55e00", size: 9 },
      ],
    });
    const place = `${fixed(Math.abs(right) / 100)} pixels ${right < 0 ? "left" : "right"}`;
    sayPlace(view.canvas, right, model.rule("right"), place);
    const pixels = isRow ? { ways: found.map(({ data }) => [...data]) } : {};
    say(
      { ...chosen, error, ...pixels },
      `Moved ${place}. ` +
        (exact
          ? "The two ways meet. "
          : `The two ways are ${fixed(error, 3)} of their size apart. `) +
        advice(chosen, exact),
    );
  };
  keepDrawn(el, model, draw);
}

const COARSE = { limits: [0, 0.6], ticks: [0, 0.2, 0.4, 0.6] };
const CLOSE = { limits: [0, 0.2], ticks: [0, 0.1, 0.2] };
const inPixels = (places) => [...places].map(([right, error]) => [right / 100, error]);

// Of the row's pixels, and where to write a number; squared, they reach farther.
const LIMITS = {
  nothing: [-4, 7, -3, 0, 3, 6],
  square: [-10, 40, 0, 20, 40],
  difference: [-1.5, 1.5, -1, 0, 1],
};

function drawRow(canvas, image, { bend, stride, before, beside, difference }) {
  const [low, high, ...ticks] = LIMITS[difference ? "difference" : bend] ?? LIMITS.nothing;
  const curveOf = (row) =>
    [...read(row, { count: row.width * FINE, step: 1 / FINE }).data].map((value, place) => [
      (place / FINE) * stride,
      value,
    ]);
  const dotsOf = ({ data }) => [...data].map((value, place) => [place * stride, value]);
  const dots = dotsOf(image);
  const lines = difference
    ? dots.map(([x, y]) => ({
        points: [
          [x, 0],
          [x, y],
        ],
        joined: true,
        colour: "#d55e00",
      }))
    : [{ points: curveOf(image), joined: true }];
  if (before) lines.unshift({ points: curveOf(before), joined: true, colour: "#8c8c8c" });
  lines.push({ points: dots, size: 6, colour: difference && "#d55e00" });
  if (beside) {
    lines.push({ points: curveOf(beside), joined: true, dashed: true, colour: "#d55e00" });
    lines.push({ points: dotsOf(beside), size: 4, colour: "#d55e00" });
  }
  drawCurve(canvas, {
    x: { limits: [-0.3, 12], ticks: [0, 2, 4, 6, 8, 10] },
    y: { limits: [low, high], ticks },
    labels: ["pixel", ""],
    level: { at: 0, name: "" },
    lines,
  });
}

function drawPhoto(canvas, image, { bend, difference, exact }) {
  const [low, high] = bend === "square" ? [0, 15000] : [-70, 130];
  if (!difference) return void drawImage(canvas, image, "gray", [low, high]);
  const far = (high - low) / 5;
  const pen = drawImage(canvas, image, "RdBu_r", [-far, far]);
  if (!exact) return;
  pen.font = `${image.height / 3}px sans-serif`;
  [pen.textAlign, pen.textBaseline, pen.fillStyle] = ["center", "middle", "#000"];
  pen.fillText("0", image.width / 2, image.height / 2);
}

mount("half", render);
