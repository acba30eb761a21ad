// Notebook 6: a digit under the networks that the notebook trained, and the square at each
// of their layers.

import {
  around,
  button,
  choice,
  drawImage,
  element,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  tappable,
  toggle,
} from "./explore.js";
import { count, describeMove, fixed, modulo, zeros } from "./images.js";
import {
  canvasOf,
  layersOf,
  logitsOf,
  moveMaps,
  outputsOf,
  probabilitiesOf,
  squaresOf,
  unpackNetwork,
} from "./layers.js";

const [BOARD, PLACES, DRAWN] = [16, 16 * 16, 8]; // the canvas, its places, a digit
const PEN = 2; // radius of the pen, of 32 dots that a drawing is wide
const SLICE = 8; // ms of a frame for the places not yet read

const PRICES = {
  "max pooling": "The largest of 2×2; of the maxima, every second one is kept.",
  "average pooling": "The mean of 2×2; of the means, every second one is kept.",
  blurred: "A blur before it skips. Price: one more layer a stage, and some difference stays.",
  polyphase:
    "The content chooses what is kept. Price: it compares four choices a stage, and follows " +
    "exactly only where the border wraps.",
  "blurred, then polyphase":
    "A blur, then the content chooses. Price: one more layer and four choices a stage; it " +
    "follows exactly only where the border wraps.",
};
const MOVED_COPIES = "Trained on moved copies: no price in use, and no promise.";

const NETWORK_STYLE = `
.explorer { container: explorer / inline-size; }
.explorer .price { margin: 8px 0; min-height: 2.9em; font-size: 13px; color: var(--ink); }
.explorer canvas.board { border: 1px solid var(--line); image-rendering: pixelated; }
.explorer canvas.pen { cursor: crosshair; touch-action: pinch-zoom; }
.explorer .tens { display: grid; grid-template-columns: repeat(10, 1fr); gap: 3px; height: 234px;
  font-size: 13px; text-align: center; }
.explorer .tens div { display: flex; flex-direction: column; border-bottom: 3px solid transparent; }
.explorer .tens i, .explorer .amount { background: linear-gradient(var(--bar), var(--bar)) no-repeat
  var(--at, 0) 100% / var(--size) color-mix(in srgb, var(--line) 40%, transparent); }
.explorer .tens i { flex: 1; --bar: #808080; }
.explorer .tens [data-top] { font-weight: 700; border-color: currentColor; }
.explorer .tens [data-top] i { --bar: var(--accent); }
.explorer .tens [data-wrong] i { --bar: #d55e00; }
.explorer .places { position: relative; }
.explorer .places canvas { background: repeating-linear-gradient(45deg, var(--line) 0 1px,
  var(--paper) 1px 5px); }
.explorer .places i { position: absolute; pointer-events: none; width: 6.25%; height: 6.25%;
  outline: 3px solid #d55e00; outline-offset: -1px; box-shadow: 0 0 0 3.5px #fff; }
.explorer .places i.whole { inset: 25%; width: auto; height: auto; outline: 2px solid #f00;
  box-shadow: none; }
.explorer .legend { margin: 16px 0 6px; font-size: 14px; color: var(--ink); }
.explorer .legend i { display: inline-block; width: 12px; height: 12px; margin: 0 4px 0 10px;
  border: 1px solid var(--ink); vertical-align: -1px; }
.explorer .stages { display: grid; gap: 12px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(216px, 1fr)); }
.explorer .stages h4 { margin: 0; padding: 6px 0 2px; border-top: 2px solid var(--ink);
  font-size: 14px; color: var(--ink); }
.explorer .layer { display: grid; gap: 4px 5px; align-items: end; margin: 0 0 6px;
  grid-template-columns: minmax(68px, 1fr) repeat(3, minmax(40px, 64px)); font-size: 13px;
  line-height: 1.25; }
.explorer .layer small { display: block; font-size: 11px; line-height: 1.2; }
.explorer .layer > small { font-size: 10.5px; }
.explorer .layer div { position: relative; }
.explorer .layer b { font-variant-numeric: tabular-nums; }
.explorer .layer .none { position: absolute; inset: 0; display: grid; place-items: center;
  color: #1b1b1b; font-size: 20px; }
.explorer .amount { display: block; height: 7px; margin: 2px 0; position: relative;
  --bar: #8a8a8a; --size: var(--all) 100%; }
.explorer .amount::after { content: ""; position: absolute; inset: 0; background:
  linear-gradient(#d55e00, #d55e00) no-repeat 0 0 / 100% 100%; left: var(--from);
  right: calc(100% - var(--all)); }
.explorer.empty :is(.legend, .stages, .panels > figure:not(:first-child)) { visibility: hidden; }
.explorer .answer.below { grid-column: 1 / -1; }
.explorer .answer.below .tens { height: 92px; }
@container explorer (max-width: 560px) { .explorer .answer { grid-column: 1 / -1; }
  .explorer .tens { height: 64px; } .explorer .answer.below { grid-column: auto; }
  .explorer .answer.below .tens { height: 160px; } }
`;

const ZERO = 1e-9; // what is less is rounding
const sayError = (error) => (error < ZERO ? "0" : error < 0.005 ? "< 0.01" : fixed(error));

// One map for all channels: their mean, or the length of what they hold at each place.
function overChannels({ channels, side, data }, gather) {
  const image = zeros(side, side);
  for (let place = 0; place < side * side; place++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += gather(data[c * side * side + place]);
    image.data[place] = sum;
  }
  return image;
}

const meanOf = (maps) => overChannels(maps, (value) => value / maps.channels);
function lengthOf(maps) {
  const image = overChannels(maps, (value) => value * value);
  return { ...image, data: image.data.map(Math.sqrt) };
}

const largest = ({ data }) => data.reduce((most, value) => Math.max(most, value), 0);

function render({ model, el }) {
  const { panels, controls, say } = frame(el, "Which layer loses the digit?", "min(200px, 45%)");
  element(el, "style", {}, NETWORK_STYLE);
  panels.before(controls);
  const digits = model.get("digits");
  const networks = model.get("networks").map((network) => {
    const unpacked = unpackNetwork(network.weights);
    return { ...network, unpacked, layers: layersOf(unpacked, network.way, network.padding) };
  });

  // What a reader can change.
  const names = [...digits.map(({ name }, place) => [place, name]), ["own", "draw your own"]];
  const every = (key) => [...new Set(networks.map((network) => network[key]))].map((x) => [x, x]);
  model.keep("down", around(BOARD));
  model.keep("right", around(BOARD));
  model.keep("drawing", levels);
  choice(controls, "digit", model, "digit", names);
  choice(controls, "way down", model, "way", every("way"));
  choice(controls, "padding", model, "padding", every("padding"));
  const selects = [...controls.querySelectorAll("select")];
  toggle(controls, "trained on moved copies", model, "moved");
  const trained = controls.querySelector("input");
  toggle(controls, "try all 256 places", model, "all");
  const price = element(el, "p", { class: "price" });
  controls.after(price);

  const chosen = () => ({
    way: model.get("way"),
    padding: model.get("padding"),
    moved: model.get("moved"),
  });
  const networkOf = (wanted) =>
    networks.find((network) => Object.keys(wanted).every((key) => network[key] === wanted[key]));
  const own = () => model.get("digit") === "own";
  const pictureOf = () =>
    own() ? model.get("drawing") : digits[Number(model.get("digit"))].picture;

  // What a network makes of a digit: kept, since both are looked at again and again.
  const kept = new Map();
  const seen = () => {
    const network = networkOf(chosen());
    if (!network) return null;
    const [key, picture] = [`${networks.indexOf(network)} ${model.get("digit")}`, pictureOf()];
    if (kept.get(key)?.picture !== picture) {
      const digit = canvasOf(picture);
      const outputs = outputsOf(network.layers, digit);
      const read = new Int8Array(PLACES).fill(-1);
      kept.set(key, { network, picture, digit, outputs, read });
    }
    return kept.get(key);
  };
  const wayTo = (place) => [Math.floor(place / BOARD), place % BOARD].map((at) => at - BOARD / 2);
  const placeOf = (down, right) =>
    modulo(down + BOARD / 2, BOARD) * BOARD + modulo(right + BOARD / 2, BOARD);
  const here = () => placeOf(model.get("down"), model.get("right"));
  const readAt = ({ network, digit, read }, place) => {
    if (read[place] >= 0) return;
    const [last] = outputsOf(network.layers, moveMaps(digit, wayTo(place))).slice(-1);
    const logits = logitsOf(network.unpacked, last);
    read[place] = logits.indexOf(Math.max(...logits));
  };
  const passed = new Set(); // places that a fast hand passes between two frames

  // Of a drawing nobody says what it is: it should be read as in the middle.
  const truthOf = (looked) => {
    if (!own()) return digits[Number(model.get("digit"))].label;
    readAt(looked, placeOf(0, 0));
    return looked.read[placeOf(0, 0)];
  };

  const sheet = drawingSheet(panels, model);
  const view = panel(panels, "the digit, moved", "photo map");
  const unit = () => view.canvas.clientWidth / BOARD;
  movable(view, model, "the digit", ["down", "right"], {
    unit,
    // On its ink, or near it.
    grabs: (y, x) => {
      const way = [model.get("down"), model.get("right")];
      return moveMaps(canvasOf(pictureOf()), way).data.some((level, place) => {
        const at = [Math.floor(place / BOARD), place % BOARD].map(
          (index) => (index + 0.5) * unit(),
        );
        return level && Math.hypot(at[0] - y, at[1] - x) < 22;
      });
    },
  });
  const showPlaces = placesPanel(panels, (row, column) =>
    model.set({ down: row - BOARD / 2, right: column - BOARD / 2 }),
  );
  const showAnswer = answerPanel(panels);
  const legend = element(el, "p", { class: "legend" });
  legend.innerHTML =
    "<b>Both ways round, at every layer.</b> How far they part, as a share of the map: " +
    '<i style="background: #8a8a8a"></i>came in from the layers before ' +
    '<i style="background: #d55e00"></i>by this layer itself (the two can cancel in part)';
  const stages = element(el, "div", { class: "stages" });
  panels.after(legend, stages);
  let rows = { network: null, list: [] };

  const drawPlaces = (looked, truth) =>
    showPlaces(looked.read, truth, here(), own() ? "read as in the middle" : "read right");

  const draw = () => {
    const looked = seen();
    const [down, right] = [model.get("down"), model.get("right")];
    const empty = own() && !pictureOf().flat().some(Boolean);
    for (const part of [panels, legend, stages]) part.style.display = looked ? "" : "none";
    el.classList.toggle("empty", empty);
    const wanted = chosen();
    ["way", "padding"].forEach((key, number) => {
      for (const option of selects[number + 1].options) {
        option.disabled = !networkOf({ ...wanted, [key]: option.value });
        option.text = `${option.value}${option.disabled ? " (not trained)" : ""}`;
      }
    });
    trained.disabled = Boolean(looked) && !networkOf({ ...wanted, moved: !wanted.moved });
    const not = trained.disabled && !wanted.moved ? " (not this one)" : "";
    trained.nextSibling.data = `trained on moved copies${not}`;
    price.textContent = [PRICES[wanted.way], wanted.moved ? MOVED_COPIES : ""].join(" ").trim();
    const state = { ...wanted, digit: model.get("digit"), down, right };
    if (!looked) return say({ ...state, read: null }, "Notebook 6 trains no such network.");

    sheet.show(own());
    if (empty) return say({ ...state, read: null }, "Draw a digit on the sheet.");
    const { network, digit, outputs, read } = looked;
    const [moved, truth] = [moveMaps(digit, [down, right]), truthOf(looked)];
    drawImage(view.canvas, meanOf(moved), "Greys", [0, 1]);
    const squares = squaresOf(network.layers, digit, outputs, [down, right]);
    const logits = logitsOf(network.unpacked, squares[squares.length - 1].over);
    const probabilities = probabilitiesOf(logits);
    const top = logits.indexOf(Math.max(...logits));
    read[here()] = top;
    for (const place of passed) readAt(looked, place);
    passed.clear();
    const percent = `${fixed(100 * probabilities[top], 0)}% sure`;
    const wrong = top !== truth;
    showAnswer(probabilities, top, `it reads a ${top}, ${percent}`, { wrong, below: own() });
    const { total, tried } = drawPlaces(looked, truth);

    if (rows.network !== network) rows = { network, list: layerRows(stages, network.layers) };
    squares.forEach((square, number) => rows.list[number](square));
    const first = squares.findIndex(({ error }) => error >= ZERO);
    const opens =
      first < 0
        ? "Both ways meet at every layer."
        : `They part in stage ${network.layers[first].stage}, at “${network.layers[first].name}”, ` +
          `and end ${sayError(squares[squares.length - 1].error)} apart.`;
    const thing = own() ? "Your drawing" : `The ${truth}`;
    const verdict = own()
      ? `${wrong ? "not " : ""}as in the middle`
      : `which is ${wrong ? "wrong" : "right"}`;
    sayPlace(view.canvas, right, model.rule("right"), describeMove(down, right));
    say(
      {
        ...state,
        read: top,
        logits,
        probabilities,
        layers: squares.map(({ error, added, by }, number) => {
          const { stage, name } = network.layers[number];
          return { stage, name, error, added, by };
        }),
        places: [...read],
        tried,
        total,
      },
      `${thing} is ${describeMove(down, right)}: it reads a ${top}, ${percent}, ${verdict}. ` +
        `${opens} ${own() ? "Read alike" : "Right"} in ${count(total)} of ${count(tried)} places tried.`,
    );
    if (model.get("all")) fill();
  };

  // All places, from the digit outward, a slice of a frame at a time.
  let filling = null;
  const fill = () => {
    const looked = seen();
    if (filling === looked || !looked?.read.includes(-1)) return;
    filling = looked;
    const far = (place) => {
      const [row, column] = wayTo(place);
      return Math.hypot(row - model.get("down"), column - model.get("right"));
    };
    const order = [...looked.read.keys()].sort((a, b) => far(a) - far(b));
    const slice = () => {
      if (filling !== looked) return;
      if (!el.isConnected || !model.get("all") || seen() !== looked) return void (filling = null);
      const until = performance.now() + SLICE;
      while (order.length && performance.now() < until) readAt(looked, order.shift());
      if (order.length) {
        drawPlaces(looked, truthOf(looked));
        return requestAnimationFrame(slice);
      }
      filling = null;
      model.set({});
    };
    requestAnimationFrame(slice);
  };
  model.onChange(() => passed.add(here()));
  keepDrawn(el, model, draw);
}

// The map of all places; the middle of it is where the digit was, and in the red frame it is
// whole. Returns what shows which digit was read in each, and counts.
function placesPanel(panels, tap) {
  const { canvas, name } = panel(panels, "", "map");
  const stage = canvas.parentElement;
  stage.classList.add("places");
  element(stage, "i", { class: "whole" });
  const mark = element(stage, "i");
  tappable(canvas, (y, x) =>
    tap(...[y, x].map((at) => Math.floor((at / canvas.clientWidth) * BOARD))),
  );
  return (read, truth, here, what) => {
    const right = zeros(BOARD, BOARD);
    read.forEach((digit, place) => (right.data[place] = Number(digit === truth)));
    const pen = drawImage(canvas, right, "viridis", [0, 1]);
    let tried = PLACES;
    read.forEach((digit, place) => {
      if (digit >= 0) return;
      tried -= 1;
      pen.clearRect(place % BOARD, Math.floor(place / BOARD), 1, 1);
    });
    const total = right.data.reduce((sum, value) => sum + value, 0);
    name(
      `yellow: ${what}, in ${count(total)} of ${count(tried)} places; in the red frame no border cuts it`,
    );
    const [row, column] = [Math.floor(here / BOARD), here % BOARD];
    [mark.style.top, mark.style.left] = [`${6.25 * row}%`, `${6.25 * column}%`];
    return { total, tried };
  };
}

// The ten probabilities.
function answerPanel(panels) {
  const figure = element(panels, "figure", { class: "answer" });
  const words = element(figure, "figcaption");
  const tens = element(figure, "div", { class: "tens", role: "img" });
  const bars = Array.from({ length: 10 }, (_, digit) => {
    const bar = element(tens, "div");
    const length = element(bar, "i");
    bar.append(digit);
    return { bar, length };
  });
  return (probabilities, top, text, { wrong, below }) => {
    words.textContent = text;
    figure.classList.toggle("below", below);
    bars.forEach(({ bar, length }, digit) => {
      length.style.setProperty("--size", `100% ${fixed(100 * probabilities[digit], 1)}%`);
      bar.toggleAttribute("data-top", digit === top);
      bar.toggleAttribute("data-wrong", digit === top && wrong);
    });
    const shares = probabilities.map((share, digit) => `${digit}: ${fixed(100 * share, 0)}%`);
    tens.setAttribute("aria-label", `probabilities: ${shares.join(", ")}`);
  };
}

// A drawing is 8 rows of 8 levels from 0 to 16.
function levels(rows = Array(DRAWN).fill(Array(DRAWN).fill(0)), key) {
  const fits = (level) => Number.isInteger(level) && level >= 0 && level <= 16;
  if (rows?.length === DRAWN && rows.every((row) => row?.length === DRAWN && row.every(fits)))
    return rows;
  throw new Error(`${key} must be 8 rows of 8 levels from 0 to 16, got ${JSON.stringify(rows)}`);
}

// A sheet to draw on. As for scikit-learn's digits, it has 32×32 dots, and a level counts
// those of 4×4 that hold ink.
function drawingSheet(panels, model) {
  const { figure, canvas } = panel(panels, "draw a digit, as large as the square", "board pen");
  const [dots, cell] = [4 * DRAWN, 4];
  let ink = new Uint8Array(dots * dots);
  const put = (event) => {
    const at = [event.offsetY, event.offsetX].map((far) => (far / canvas.clientWidth) * dots);
    const drawing = model.get("drawing").map((row) => [...row]);
    for (let i = 0; i < dots; i++)
      for (let j = 0; j < dots; j++)
        if (Math.hypot(i + 0.5 - at[0], j + 0.5 - at[1]) <= PEN) ink[i * dots + j] = 1;
    for (let row = 0; row < DRAWN; row++)
      for (let column = 0; column < DRAWN; column++) {
        let level = 0;
        for (let k = 0; k < cell * cell; k++) {
          const [i, j] = [row * cell + Math.floor(k / cell), column * cell + (k % cell)];
          level += ink[i * dots + j];
        }
        drawing[row][column] = Math.max(drawing[row][column], level);
      }
    model.set({ drawing });
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    put(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.isPrimary && event.buttons && canvas.hasPointerCapture(event.pointerId)) put(event);
  });
  button(element(figure, "div", { class: "controls" }), "clear", "clear the drawing", () => {
    ink = new Uint8Array(dots * dots);
    model.set({ drawing: model.get("drawing").map((row) => row.map(() => 0)) });
  });
  return {
    show: (shown) => {
      if (!shown) return figure.remove();
      if (!figure.parentElement) panels.prepend(figure);
      const drawing = model.get("drawing");
      const picture = { height: DRAWN, width: DRAWN, data: Float64Array.from(drawing.flat()) };
      drawImage(canvas, picture, "Greys", [0, 16]);
    },
  };
}

// A row for each layer: its name, how far the square is open, and the square. Returns a
// function for each that shows one.
function layerRows(stages, layers) {
  stages.replaceChildren();
  let stage = null;
  return layers.map(({ stage: number, name }) => {
    if (number !== stage?.number) {
      stage = { number, box: element(stages, "section") };
      const [inner, outer] = [16 / 2 ** number, 32 / 2 ** number];
      element(stage.box, "h4", {}, `Stage ${number}: ${outer}×${outer} to ${inner}×${inner}`);
      const head = element(stage.box, "div", { class: "layer" });
      for (const text of ["", "move, then layer", "layer, then move", "difference"])
        element(head, "small", {}, text);
    }
    const row = element(stage.box, "div", { class: "layer" });
    const words = element(row, "div", {}, name);
    const amount = element(words, "span", { class: "amount" });
    const total = element(words, "b");
    const part = element(words, "small");
    const boards = [0, 1, 2].map(() =>
      element(element(row, "div"), "canvas", { class: "board", "aria-hidden": "true" }),
    );
    const none = element(boards[2].parentElement, "span", { class: "none" }, "0");
    return ({ over, along, error, added }) => {
      const [first, second] = [over, along].map(meanOf);
      const most = largest(second) || 1;
      drawImage(boards[0], first, "viridis", [0, most]);
      drawImage(boards[1], second, "viridis", [0, most]);
      const off = lengthOf({ ...over, data: over.data.map((value, k) => value - along.data[k]) });
      const limit = largest(lengthOf(along)) || 1;
      drawImage(boards[2], off, "RdBu_r", [-limit, limit]);
      none.style.display = error < ZERO ? "" : "none";
      total.textContent = sayError(error);
      part.textContent = error < ZERO ? "" : `by itself ${sayError(added)}`;
      const ends = [Math.min(1, error), Math.min(1, Math.max(0, error - added))];
      amount.style.setProperty("--all", `${fixed(100 * ends[0], 1)}%`);
      amount.style.setProperty("--from", `${fixed(100 * ends[1], 1)}%`);
    };
  });
}

mount("network", render);
