// Notebook 3: yellow pixels, or a drawing, and what pooling leaves of them.

import {
  cellAt,
  cellSize,
  choice,
  drawGrid,
  frame,
  keepDrawn,
  meansCell,
  mount,
  movable,
  panel,
  sayPlace,
  slider,
  within,
} from "./explore.js";
import { averagePool, blurredMaxPool, maxPool, plural, zeros } from "./images.js";

const POOLINGS = { max: maxPool, average: averagePool, blurred: blurredMaxPool };

function imageWith(pixels, side) {
  const image = zeros(side, side);
  for (const [row, column] of pixels)
    if (Math.min(row, column) >= 0 && Math.max(row, column) < side)
      image.data[row * side + column] = 1;
  return image;
}

// The image after 0, 1, … poolings, as many as there are or as it can take.
function poolOften(image, kind, times) {
  const images = [image];
  const least = kind === "blurred" ? 1 : 2;
  while (images.length <= times && images.at(-1).height > 1 && images.at(-1).height >= least)
    images.push(POOLINGS[kind](images.at(-1)));
  return images;
}

function lit({ width, data }) {
  return [...data.keys()]
    .filter((place) => data[place] !== 0)
    .map((place) => [Math.floor(place / width), place % width]);
}

function where(image) {
  const cells = lit(image);
  if (cells.length === 0) return "gone";
  return cells.length > 3
    ? plural(cells.length, "cell")
    : cells.map((cell) => `[${cell.join(", ")}]`).join(" and ");
}

const size = ({ height, width }) => `${height}×${width}`;

function render({ model, el }) {
  const { panels, controls, say } = frame(el, "Which step of a pixel does pooling lose?");
  const side = model.get("side");
  const start = model.get("pixels");
  const image = panel(panels, "");
  image.figure.classList.add("large");
  const pooled = [1, 2, 3, 4].map(() => panel(panels, ""));
  let before = null; // the images of the last step

  const index = within(0, side - 1);
  const isPlace = (cell) => cell?.length === 2 && cell.every(Number.isInteger);
  const cells = (key, fix) =>
    model.keep(key, (list) => {
      if (Array.isArray(list) && list.every(isPlace)) return list.map(fix);
      throw new Error(`${key} must be a list of [row, column], got ${JSON.stringify(list)}`);
    });
  cells("pixels", (cell) => cell.map((at) => index(at, "pixel")));
  cells("drawing", (cell) => cell); // what left the grid can come back
  model.keep("poolings", within(0, 4));
  const moves = (place) => [place, start.length].includes(Number(model.get("move")));
  const step = (down, right) => {
    if (model.get("move") === "drawing") {
      const drawing = model.get("drawing").map(([row, column]) => [row + down, column + right]);
      model.set({ drawing });
    } else {
      const pixels = model
        .get("pixels")
        .map(([row, column], place) =>
          moves(place) ? [row + down, column + right] : [row, column],
        );
      model.set({ pixels });
    }
  };
  const put = (cell) => {
    const same = (other) => other.join() === cell.join();
    const drawing = model.get("drawing");
    if (model.get("move") === "drawing")
      model.set({
        drawing: drawing.some(same) ? drawing.filter((c) => !same(c)) : [...drawing, cell],
      });
    else if (Number(model.get("move")) < start.length)
      model.set({
        pixels: model.get("pixels").map((pixel, place) => (moves(place) ? cell : pixel)),
      });
  };
  movable(image, model, "the image", ["pixels", "drawing"], {
    step,
    unit: () => cellSize(image.canvas, side),
    tap: (y, x) => put(cellAt(image.canvas, side, y, x).map((at) => index(at, "cell"))),
    grabs: (y, x) =>
      (model.get("move") === "drawing"
        ? model.get("drawing")
        : model.get("pixels").filter((_, place) => moves(place))
      ).some((cell) => meansCell(image.canvas, side, cell, y, x)),
  });
  const names = start.map((_, place) => [
    place,
    start.length > 1 ? `pixel ${place + 1}` : "the pixel",
  ]);
  if (start.length > 1) names.push([start.length, "both pixels"]);
  choice(controls, "move", model, "move", [...names, ["drawing", "a drawing of your own"]]);
  choice(controls, "pool by", model, "pooling", [
    ["max", "maximum"],
    ["average", "average"],
    ["blurred", "blurred maximum"],
  ]);
  slider(controls, "poolings", model, "poolings");

  const draw = () => {
    const [kind, drawing] = [model.get("pooling"), model.get("move") === "drawing"];
    const pixels = drawing ? model.get("drawing") : model.get("pixels");
    const images = poolOften(imageWith(pixels, side), kind, model.get("poolings"));
    const key = [kind, images.length, drawing].join();
    const stayed = images.map((a, n) => a.data.join() === before?.images[n]?.data.join());
    const moved = before?.key === key && !stayed[0];
    before = { key, images };
    const odd = (a, n) => kind !== "blurred" && a.height % 2 === 1 && n < images.length - 1;
    // Before anything is drawn: how many there are says how wide each is.
    pooled.forEach((view, n) => (view.figure.hidden = n + 1 >= images.length));
    images.forEach((a, n) => {
      const view = n ? pooled[n - 1] : image;
      const mark = !moved || n === 0 ? "" : stayed[n] ? ", stayed" : ", changed";
      view.name(
        n
          ? `${size(a)}, pooled ${n}×${mark}`
          : `${size(a)}: ${drawing ? "click to draw" : "the image"}`,
      );
      drawGrid(view.canvas, a, {
        marks: n || drawing ? [] : pixels.filter((_, place) => moves(place)),
        hatch: odd(a, n) ? (row, column) => Math.max(row, column) === a.height - 1 : undefined,
        words: (row, column) => {
          const value = a.data[row * a.width + column];
          return value > 0 && value < 1 ? String(Number(value.toPrecision(3))) : "";
        },
        lines: n || kind === "blurred" ? 0 : images.length - 1,
      });
    });
    const path = images.map((a) => `${size(a)} ${where(a)}`).join(" → ");
    const list = (wanted) =>
      images
        .slice(1)
        .filter((_, n) => stayed[n + 1] === wanted)
        .map(size)
        .join(", ");
    const told = [
      list(true) && `This step left ${list(true)} as it was.`,
      list(false) && `It changed ${list(false)}.`,
    ];
    const [row, column] = pixels.find((_, place) => drawing || moves(place)) ?? [0, 0];
    const last = side * side - 1;
    const place = within(0, last)(row * side + column);
    sayPlace(image.canvas, place, { min: 0, max: last }, where(images[0]));
    say(
      { lit: lit(images[0]), pooling: kind, maps: images.map((a) => [...a.data]) },
      `${path}. ${moved ? told.filter(Boolean).join(" ") : ""}`,
    );
  };
  keepDrawn(el, model, draw);
}

mount("pool", render);
