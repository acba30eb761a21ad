// Notebook 5: a window slides over a photo; a trained network's answers, as stored.

import {
  choice,
  drawCurve,
  element,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  slider,
  within,
} from "./explore.js";
import { describeMove, fixed } from "./images.js";

const SIZE = 224;

function render({ model, el }) {
  const question = "How many pixels until the network changes its mind?";
  const { panels, controls, say } = frame(el, question, "min(300px, 100%)");
  const [names, photos, picture] = [
    model.get("names"),
    model.get("photos"),
    model.get("photo").picture,
  ];
  const view = panel(panels, "the window that the network sees", "photo");
  const list = element(panels, "figure");
  element(list, "figcaption", {}, "what the network answers");
  const rows = element(list, "ol");
  const curve = panel(panels, "how far two views are from each other, on average", "curve");
  curve.figure.classList.add("wide");
  const farthest = photos[0].comb.length - 1;
  const visited = new Map();

  const width = picture.width / photos.length; // of one photo, at half its size
  model.keep("right", within(-farthest, farthest));
  movable(view, model, "the window", ["right"], {
    unit: () => view.canvas.clientWidth / (2 * width),
  });
  const choices = photos.map(({ name }, place) => [place, name]);
  choice(controls, "photo", model, "shown", choices);
  slider(controls, "right", model, "right");

  const draw = () => {
    const [right, shown] = [model.get("right"), Number(model.get("shown"))];
    const { answers, comb, truth } = photos[shown];
    const { canvas } = view;
    [canvas.width, canvas.height] = [2 * width, 2 * picture.height];
    const pen = canvas.getContext("2d");
    pen.drawImage(
      picture,
      shown * width,
      0,
      width,
      picture.height,
      0,
      0,
      canvas.width,
      canvas.height,
    );
    const corner = [(canvas.width - SIZE) / 2 + right, (canvas.height - SIZE) / 2];
    pen.strokeStyle = "#fff";
    pen.lineWidth = 3;
    pen.strokeRect(...corner, SIZE, SIZE);
    const top = answers[100 - right]; // the photo moves left under the window
    rows.replaceChildren();
    for (const [name, percent] of top) {
      const bar = `linear-gradient(to right, var(--bar) ${percent}%, transparent ${percent}%)`;
      element(rows, "li", { style: `background: ${bar}` }, `${names[name]} ${percent}%`);
    }
    const far = Math.abs(right);
    if (!visited.has(shown)) visited.set(shown, new Map());
    visited.get(shown).set(far, comb[far]);
    drawCurve(curve.canvas, {
      x: { limits: [0, farthest], ticks: [0, 8, 16, 24, 32, 40, 48, 56, 64] },
      y: { limits: [0, 1.3], ticks: [0, 0.5, 1] },
      labels: ["pixels between the two", "how far apart the answers"],
      lines: [
        { points: [...visited.get(shown)], size: 4 },
        { points: [[far, comb[far]]], colour: "#d55e00", size: 9 },
      ],
    });
    const moved = describeMove(0, right);
    const [first, percent] = top[0];
    sayPlace(canvas, right, model.rule("right"), moved);
    say(
      {
        right,
        shown,
        top: top.map(([name, share]) => [names[name], share]),
        comb: fixed(comb[far]),
      },
      `The window is ${moved}. It sees: ${names[first]}, ${percent}%` +
        `${names[first] === truth ? "" : ` (it is: ${truth})`}. ` +
        `Two views ${far} pixels apart differ by ${fixed(comb[far])}.`,
    );
  };
  keepDrawn(el, model, draw);
}

mount("window", render);
