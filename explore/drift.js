// Notebook 1: a photo moved with wrapping, and its distance from where it stood.

import {
  around,
  drawCurve,
  drawImage,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  slider,
} from "./explore.js";
import { describeMove, fixed, map, norm, plural, subtract, translate } from "./images.js";

function contrast(image) {
  const mean = image.data.reduce((sum, value) => sum + value, 0) / image.data.length;
  const rest = map(image, (value) => value - mean);
  const length = norm(rest);
  return map(rest, (value) => value / length);
}

function render({ model, el }) {
  const question = "Which step takes the photo farthest from where it stood?";
  const { panels, controls, say } = frame(el, question, "min(300px, 100%)");
  const view = panel(panels, "the photo, moved", "photo");
  const curve = panel(panels, "its distance from where it stood", "curve");
  const photo = model.get("photo");
  const start = contrast(photo);
  const visited = new Map(); // pixels moved: distance

  model.keep("down", around(photo.height));
  model.keep("right", around(photo.width));
  movable(view, model, "the photo", ["down", "right"], {
    unit: () => view.canvas.clientWidth / photo.width,
  });
  slider(controls, "down", model, "down");
  slider(controls, "right", model, "right");

  const draw = () => {
    const [down, right] = [model.get("down"), model.get("right")];
    const distance = norm(subtract(translate(start, down, right, true), start));
    visited.set(`${down},${right}`, [Math.hypot(down, right), distance]);
    drawImage(view.canvas, translate(photo, down, right, true), "gray", [0, 255]);
    drawCurve(curve.canvas, {
      x: { limits: [0, 400], ticks: [0, 100, 200, 300, 400] },
      y: { limits: [0, 1.7], ticks: [0, 0.5, 1, 1.5] },
      labels: ["pixels moved", "distance"],
      level: { at: Math.SQRT2, name: "√2: nothing in common" },
      lines: [
        { points: [...visited.values()], size: 4 },
        { points: [visited.get(`${down},${right}`)], colour: "#d55e00", size: 9 },
      ],
    });
    const moved = describeMove(down, right);
    sayPlace(view.canvas, right, model.rule("right"), moved);
    say(
      { down, right, distance: fixed(distance), visited: visited.size },
      `The photo is ${moved}. Distance: ${fixed(distance)}. ` +
        `${plural(visited.size, "place")} so far.`,
    );
  };
  keepDrawn(el, model, draw);
}

mount("drift", render);
