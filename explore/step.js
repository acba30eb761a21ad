// Notebook 1: one lit pixel, its distance from where it stood, and a template's answer.

import { drawGrid, frame, keepDrawn, mount, movable, panel, sayPlace } from "./explore.js";
import { count, describeMove, fixed, map, norm, plural, subtract, zeros } from "./images.js";

function lonePixel([row, column], side) {
  const image = zeros(side, side);
  image.data[row * side + column] = 1;
  return image;
}

function dot(a, b) {
  return a.data.reduce((sum, value, place) => sum + value * b.data[place], 0);
}

function render({ model, el }) {
  const { panels, say } = frame(el, "Move the yellow pixel, and measure");
  const image = panel(panels, "move the yellow pixel");
  const seen = panel(panels, "");
  const [start, side] = [model.get("pixel"), model.get("side")];
  const template = lonePixel(start, side);
  const visited = new Map(); // place: [distance, response]

  const go = (row, column) => {
    const limit = (index) => Math.max(0, Math.min(side - 1, index));
    model.set({ pixel: [limit(row), limit(column)] });
  };
  movable(image.canvas, "the yellow pixel", {
    step: (down, right) => go(model.get("pixel")[0] + down, model.get("pixel")[1] + right),
    home: () => go(...start),
    unit: () => (image.canvas.clientWidth - 19) / side,
  });
  image.canvas.classList.add("free");

  const draw = () => {
    const pixel = model.get("pixel");
    const shown = lonePixel(pixel, side);
    const distance = norm(subtract(shown, template));
    const response = dot(template, shown);
    visited.set(pixel.join(), [distance, response]);
    drawGrid(image.canvas, shown, { marks: [[...start, [3, 3]], pixel] });
    const distances = map(zeros(side, side), () => 0);
    for (const [place, [far]] of visited) {
      const [row, column] = place.split(",").map(Number);
      distances.data[row * side + column] = far;
    }
    const at = (row, column) => visited.get(`${row},${column}`);
    drawGrid(seen.canvas, distances, {
      limits: [0, Math.SQRT2],
      marks: [pixel],
      hatch: (row, column) => !at(row, column),
      words: (row, column) => at(row, column) && fixed(at(row, column)[0]),
    });
    seen.name(`the distance from each of ${plural(visited.size, "place")} so far`);
    const fired = [...visited.values()].filter(([, answer]) => answer !== 0).length;
    const moved = [pixel[0] - start[0], pixel[1] - start[1]];
    const place = `[${pixel.join(", ")}]`;
    sayPlace(image.canvas, pixel[0] * side + pixel[1], [0, side * side - 1], `at ${place}`);
    say(
      { pixel, distance: fixed(distance), response, visited: visited.size, fired },
      `The pixel is at ${place}, ${describeMove(...moved)}. Distance: ${fixed(distance)}. ` +
        `The template answers ${response}. So far it has fired in ${count(fired)} of ` +
        `${plural(visited.size, "place")}.`,
    );
  };
  keepDrawn(el, model, draw);
}

mount("step", render);
