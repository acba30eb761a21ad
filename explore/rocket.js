// Notebook 4: the photo moves sideways under six poolings.

import {
  drawCurve,
  drawGrid,
  drawImage,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  slider,
  within,
} from "./explore.js";
import {
  count,
  describeMove,
  fixed,
  imageOf,
  plural,
  relativeChange,
  translate,
  zeros,
} from "./images.js";

// A move sideways keeps each row in its cells, so of 64 rows their maxima are enough.
function lastMap(bands, right) {
  const moved = translate(bands, 0, right, true);
  const pooled = zeros(bands.height, bands.width / 64);
  moved.data.forEach((value, place) => {
    const cell = Math.floor(place / 64);
    pooled.data[cell] = Math.max(pooled.data[cell], value);
  });
  return pooled;
}

function render({ model, el }) {
  const question = "How far must the rocket move before its last map moves along?";
  const { panels, controls, say } = frame(el, question, "min(300px, 100%)");
  const bands = imageOf(model.get("bands"));
  const photo = model.get("photo");
  const [width, farthest] = [bands.width, 192]; // three cells
  const view = panel(panels, "the photo, moved sideways", "photo");
  const table = panel(panels, "");
  const curve = panel(panels, "how far the map is from where it began", "curve");
  const steps = panel(panels, "what each step of one pixel changed in it", "curve");
  const start = lastMap(bands, 0);
  const away = new Map(); // pixels moved: relative change from the start
  const jumps = new Map(); // pixels moved: relative change by the step from one pixel less

  model.keep("right", within(0, farthest));
  movable(view, model, "the photo", ["right"], {
    unit: () => view.canvas.clientWidth / width,
  });
  slider(controls, "right", model, "right");

  let last = 0;
  const draw = () => {
    const right = model.get("right");
    // A drag may pass over places; they are drawn as well.
    for (let at = Math.min(last, right); at <= Math.max(last, right); at++) {
      away.set(at, relativeChange(start, lastMap(bands, at)));
      if (at > 0) jumps.set(at, relativeChange(lastMap(bands, at - 1), lastMap(bands, at)));
    }
    last = right;
    const now = lastMap(bands, right);
    const before = right ? lastMap(bands, right - 1) : now;
    const changed = [...now.data.keys()].filter((place) => now.data[place] !== before.data[place]);
    drawImage(
      view.canvas,
      translate(photo, 0, Math.round((right * photo.width) / width), true),
      "gray",
      [0, 255],
    );
    drawGrid(table.canvas, now, {
      limits: [0, 600],
      marks: changed.map((place) => [Math.floor(place / now.width), place % now.width]),
      words: (row, column) => String(now.data[row * now.width + column]),
    });
    table.name(
      `the last map; framed: ${changed.length} of ${now.data.length} changed by the last pixel`,
    );
    const x = { limits: [0, farthest], ticks: [0, 64, 128, 192] };
    drawCurve(curve.canvas, {
      x,
      y: { limits: [0, 1.5], ticks: [0, 0.5, 1, 1.5] },
      labels: ["pixels to the right", "relative change"],
      lines: [
        { points: [...away], size: 3 },
        { points: [[right, away.get(right)]], colour: "#d55e00", size: 9 },
      ],
    });
    drawCurve(steps.canvas, {
      x,
      y: { limits: [0, 0.5], ticks: [0, 0.25, 0.5] },
      labels: ["pixels to the right", "change by the step"],
      lines: [{ points: [...jumps], size: 3 }],
    });
    const asleep = [...jumps.values()].filter((jump) => jump < 0.005).length;
    const whole = Math.round(right / 64);
    const follows = relativeChange(translate(start, 0, whole, true), now);
    sayPlace(view.canvas, right, model.rule("right"), describeMove(0, right));
    say(
      {
        right,
        map: [...now.data],
        change: fixed(away.get(right)),
        follows: fixed(follows),
        changed: changed.length,
      },
      `The rocket is ${describeMove(0, right)}. Its last map has changed by ${fixed(away.get(right))}; ` +
        `against the first map moved by ${plural(whole, "cell")}, by ${fixed(follows)}. ` +
        (jumps.size
          ? `Of ${count(jumps.size)} steps so far ${count(asleep)} changed it by less than 0.005.`
          : ""),
    );
  };
  keepDrawn(el, model, draw);
}

mount("rocket", render);
