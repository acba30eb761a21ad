// Notebook 1: a photo, moved by one pixel; a trained network's answers, as stored.

import {
  drawCurve,
  element,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  within,
} from "./explore.js";
import { describeMove } from "./images.js";

const SEEN = 224; // pixels along a side of what the network sees
const LARGE = `.explorer.twins .pad { grid-template: 56px / 1fr 1fr; }
.explorer.twins .pad button { grid-row: 1; font-size: 16px; }
.explorer.twins .pad button.first { color: var(--paper); background: var(--accent);
  border-color: var(--accent); font-weight: 600; }
.explorer.twins figure figure { margin: 10px 0 0; }
.explorer .sure { margin: 0 0 4px; font-size: 22px; line-height: 1.2; }
.explorer .sure b { font-size: 52px; font-variant-numeric: tabular-nums; }
.explorer .sure small { display: block; min-height: 1.4em; font-size: 15px; }`;

function render({ model, el }) {
  const question = "The same photo, one pixel further. The same answer?";
  const { panels, say } = frame(el, question, "min(300px, 100%)");
  const [names, answers] = [model.get("names"), model.get("answers")];
  const [truth, view] = [model.get("truth"), model.get("view")];
  const { picture } = model.get("photo");
  el.classList.add("twins");
  element(el, "style", {}, LARGE);
  const photo = panel(panels, "what a trained network sees of a photo", "photo");
  const list = element(panels, "figure");
  element(list, "figcaption", {}, "what it says, in percent (notebook 5 computes it)");
  const sure = element(list, "p", { class: "sure" });
  const rows = element(list, "ol");
  const curve = panel(list, `${truth}, in each place where the photo has been`, "curve");

  model.keep("right", within(-view, answers.length - 1 - view));
  const { min, max } = model.rule("right");
  const shareAt = (right) => answers[view + right].find(([name]) => names[name] === truth)[1];
  let [before, now] = [null, model.get("right")];
  const visited = new Map([[now, shareAt(now)]]);
  model.onChange(() => {
    const right = model.get("right");
    if (right === now) return;
    [before, now] = [now, right];
    visited.set(now, shareAt(now));
  });
  movable(photo, model, "the photo", ["right"], {
    unit: () => photo.canvas.clientWidth / SEEN,
  });
  const buttons = photo.figure.querySelectorAll(".pad button");
  ["← one pixel left", "one pixel right →"].forEach((words, place) => {
    buttons[place].textContent = words;
    buttons[place].removeAttribute("aria-label");
  });

  const draw = () => {
    const { canvas } = photo;
    [canvas.width, canvas.height] = [SEEN, SEEN];
    // A photo that moves right brings in what lies further left.
    const corner = [
      (picture.width - SEEN) / 2 - (view + now - answers.length / 2),
      (picture.height - SEEN) / 2,
    ];
    canvas.getContext("2d").drawImage(picture, ...corner, SEEN, SEEN, 0, 0, SEEN, SEEN);
    const [share, was] = [shareAt(now), before === null ? null : shareAt(before)];
    sure.replaceChildren(`${truth} `);
    element(sure, "b", {}, `${share}%`);
    element(sure, "small", {}, was === null ? "" : `before this move: ${was}%`);
    rows.replaceChildren();
    const top = answers[view + now].map(([name, percent]) => [names[name], percent]).slice(0, 3);
    for (const [name, percent] of top) {
      const bar = `linear-gradient(to right, var(--bar) ${percent}%, transparent ${percent}%)`;
      element(rows, "li", { style: `background: ${bar}` }, `${name} ${percent}%`);
    }
    buttons[1].classList.toggle("first", before === null);
    drawCurve(curve.canvas, {
      x: { limits: [min, max], ticks: [0, 40, 80, 120, 160] },
      y: { limits: [0, 70], ticks: [0, 20, 40, 60] },
      labels: ["pixels moved right", "percent"],
      lines: [
        { points: [...visited], size: 4 },
        { points: [[now, share]], colour: "#d55e00", size: 9 },
      ],
    });
    const moved = describeMove(0, now);
    sayPlace(canvas, now, model.rule("right"), moved);
    const state = { right: now, before, share, was, top, visited: visited.size };
    say(state, inWords(truth, now - before, was, share));
  };
  keepDrawn(el, model, draw);
}

function inWords(truth, right, was, share) {
  if (was === null)
    return `The network says ${truth} with ${share}%. Move the photo by one pixel to the right.`;
  const step = Math.abs(right) === 1;
  const move = step ? `One pixel to the ${right > 0 ? "right" : "left"}` : describeMove(0, right);
  const change =
    share >= 2 * was
      ? ": more than twice as sure"
      : was >= 2 * share
        ? ": less than half as sure"
        : "";
  return (
    `${move}, and ${truth} goes from ${was}% to ${share}%${change}. ` +
    "Go on, and see how often one pixel matters."
  );
}

mount("twins", render);
