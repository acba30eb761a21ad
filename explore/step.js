// Notebook 1: one lit pixel, its distance from where it stood, and a template's answer.

import {
  cellAt,
  cellSize,
  drawGrid,
  frame,
  keepDrawn,
  meansCell,
  mount,
  movable,
  panel,
  sayPlace,
  tappable,
  within,
} from "./explore.js";
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
  const question = "Do ten steps take the pixel farther than one?";
  const { panels, say } = frame(el, question, "min(260px, 100%)");
  const image = panel(panels, "the yellow pixel, moved");
  const seen = panel(panels, "");
  const [start, side] = [model.get("pixel"), model.get("side")];
  const template = lonePixel(start, side);
  const visited = new Map(); // place: [distance, response]

  const index = within(0, side - 1);
  model.keep("pixel", ([row, column]) => [index(row, "row"), index(column, "column")]);
  const put = (y, x) => model.set({ pixel: cellAt(image.canvas, side, y, x) });
  movable(image, model, "the yellow pixel", ["pixel"], {
    step: (down, right) =>
      model.set({ pixel: [model.get("pixel")[0] + down, model.get("pixel")[1] + right] }),
    unit: () => cellSize(image.canvas, side),
    tap: put,
    grabs: (y, x) => meansCell(image.canvas, side, model.get("pixel"), y, x),
  });
  tappable(seen.canvas, put);

  const visit = () => {
    const shown = lonePixel(model.get("pixel"), side);
    const answers = [norm(subtract(shown, template)), dot(template, shown)];
    visited.set(model.get("pixel").join(), answers);
  };
  visit();
  model.onChange(visit);

  const draw = () => {
    const pixel = model.get("pixel");
    const shown = lonePixel(pixel, side);
    const [distance, response] = visited.get(pixel.join());
    drawGrid(image.canvas, shown, { marks: [[...start, [3, 3]], pixel] });
    const distances = map(zeros(side, side), () => 0);
    for (const [place, [far]] of visited) {
      const [row, column] = place.split(",").map(Number);
      distances.data[row * side + column] = far;
    }
    const at = (row, column) => visited.get(`${row},${column}`);
    drawGrid(seen.canvas, distances, {
      limits: [0, 3],
      colours: "Greys",
      marks: [pixel],
      hatch: (row, column) => !at(row, column),
      words: (row, column) => at(row, column) && fixed(at(row, column)[0]),
    });
    seen.name(`its distance, in ${plural(visited.size, "place")} so far`);
    const fired = [...visited.values()].filter(([, answer]) => answer !== 0).length;
    const moved = [pixel[0] - start[0], pixel[1] - start[1]];
    const place = `[${pixel.join(", ")}]`;
    const cells = { min: 0, max: side * side - 1 };
    sayPlace(image.canvas, pixel[0] * side + pixel[1], cells, `at ${place}`);
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
