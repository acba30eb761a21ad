// The digit network of notebook 6 and the square at each of its layers, as PyTorch computes
// them. Maps are {channels, side, data}, row after row and channel after channel; no function
// changes them. Nothing here draws.

import { modulo, shorter } from "./images.js";

const SIDE = 16; // of the canvas; a digit of 8×8 stands in its middle
const SHAPES = [
  [1, 8],
  [8, 16],
  [16, 32],
];

function emptyMaps(channels, side) {
  return { channels, side, data: new Float64Array(channels * side * side) };
}

// A digit, 8 rows of 8 levels from 0 to 16, in the middle of its canvas.
export function canvasOf(digit) {
  const canvas = emptyMaps(1, SIDE);
  const [height, width] = [digit.length, digit[0].length];
  const [top, left] = [(SIDE - height) / 2, (SIDE - width) / 2];
  digit.forEach((row, i) =>
    row.forEach((level, j) => (canvas.data[(top + i) * SIDE + left + j] = level / 16)),
  );
  return canvas;
}

// Reads what `state_dict` holds, in float32: filters, and batch normalization as one factor
// and one summand a channel.
export function unpackNetwork(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const numbers = Float64Array.from(new Float32Array(bytes.buffer));
  let at = 0;
  const take = (count) => numbers.subarray(at, (at += count));
  const stages = SHAPES.map(([ins, outs]) => {
    const filters = take(9 * ins * outs);
    const [weight, bias, mean, variance] = [0, 1, 2, 3].map(() => take(outs));
    const factor = weight.map((value, c) => value / Math.sqrt(variance[c] + 1e-5));
    const summand = bias.map((value, c) => value - mean[c] * factor[c]);
    return { ins, outs, filters, factor, summand };
  });
  const head = { weights: take(10 * 32), biases: take(10) };
  if (at !== numbers.length) throw new Error(`a network has ${at} numbers, got ${numbers.length}`);
  return { stages, head };
}

// Convolution with 3×3 filters, batch normalization, ReLU. Each place adds in the same order:
// equal surroundings give equal bits.
function convolveMaps(maps, { ins, outs, filters, factor, summand }, padding) {
  const [area, length] = [maps.side * maps.side, 9 * ins];
  const around = surroundings(maps, padding);
  const result = emptyMaps(outs, maps.side);
  for (let o = 0; o < outs; o++)
    for (let place = 0; place < area; place++) {
      let sum = 0;
      for (let k = 0, w = o * length, x = place * length; k < length; k++)
        sum += filters[w + k] * around[x + k];
      result.data[o * area + place] = Math.max(0, sum * factor[o] + summand[o]);
    }
  return result;
}

// What a filter sees at each place: 3×3 of each channel, one place after the other.
function surroundings({ channels, side, data }, padding) {
  const seen = new Float64Array(9 * channels * side * side);
  let to = 0;
  for (let i = 0; i < side; i++)
    for (let j = 0; j < side; j++)
      for (let c = 0; c < channels; c++)
        for (let p = i - 1; p <= i + 1; p++)
          for (let q = j - 1; q <= j + 1; q++, to++) {
            const outside = p < 0 || q < 0 || p === side || q === side;
            if (outside && padding === "zeros") continue;
            const [row, column] = [(p + side) % side, (q + side) % side];
            seen[to] = data[(c * side + row) * side + column];
          }
  return seen;
}

// At each place, gathers what stands there, on the right, below, and below on the right.
function gatherCells({ channels, side, data }, gather) {
  const result = emptyMaps(channels, side);
  for (let row = 0; row < channels * side; row++) {
    const below = (row + 1) % side ? row + 1 : row + 1 - side;
    for (let j = 0; j < side; j++) {
      const right = (j + 1) % side;
      const [here, under] = [row * side, below * side];
      result.data[here + j] = gather(
        data[here + j],
        data[here + right],
        data[under + j],
        data[under + right],
      );
    }
  }
  return result;
}

const denseMax = (maps) => gatherCells(maps, (a, b, c, d) => Math.max(a, b, c, d));
const denseMean = (maps) => gatherCells(maps, (a, b, c, d) => (a + b + c + d) / 4);

// The weights 1, 2, 1 along both axes, which wrap.
function blurMaps({ channels, side, data }) {
  const blurAlong = (values, step) => {
    const blurred = new Float64Array(values.length);
    for (let place = 0; place < values.length; place++) {
      const index = Math.floor(place / step) % side;
      const before = index > 0 ? place - step : place + (side - 1) * step;
      const after = index < side - 1 ? place + step : place - (side - 1) * step;
      blurred[place] = (2 * values[place] + values[before] + values[after]) / 4;
    }
    return blurred;
  };
  return { channels, side, data: blurAlong(blurAlong(data, side), 1) };
}

// One of the four ways to keep every second row and column.
function component({ channels, side, data }, choice) {
  const result = emptyMaps(channels, side / 2);
  let to = 0;
  for (let row = 0; row < channels * side; row++) {
    if (row % 2 !== choice >> 1) continue;
    for (let j = choice % 2; j < side; j += 2) result.data[to++] = data[row * side + j];
  }
  return result;
}

// The one of largest norm; ties are broken as `choose` in shifts/layers.py breaks them.
function chosenComponent(maps) {
  const parts = [0, 1, 2, 3].map((choice) => component(maps, choice));
  const powers = parts.map(({ data }) => data.reduce((sum, value) => sum + value * value, 0));
  const least = Math.max(...powers) * (1 - 1e-6);
  const tied = parts.filter((_, choice) => powers[choice] >= least);
  if (tied.length === 1) return tied[0];
  const responses = tied.map(strongestResponse);
  return tied[responses.indexOf(Math.max(...responses))];
}

// The largest value of the circular correlation with a template that no move and no mirror
// maps onto itself; the channels are mixed alike.
function strongestResponse({ channels, side, data }) {
  const irregular = (number) => Math.sin(number * number);
  const area = side * side;
  let strongest = -Infinity;
  for (let move = 0; move < area; move++) {
    const from = sources(side, Math.floor(move / side), move % side);
    let response = 0;
    for (let place = 0; place < area; place++) {
      let mixed = 0;
      for (let c = 0; c < channels; c++) mixed += data[c * area + from[place]] * irregular(c + 1);
      response += mixed * irregular(place + 1);
    }
    strongest = Math.max(strongest, response);
  }
  return strongest;
}

const firstKept = ["keep every 2nd", (maps) => component(maps, 0)];
const maximum = ["maximum", denseMax];
const blur = ["blur", blurMaps];
const bestKept = ["keep by content", chosenComponent];
const WAYS_DOWN = {
  "max pooling": [maximum, firstKept],
  "average pooling": [["average", denseMean], firstKept],
  blurred: [maximum, blur, firstKept],
  polyphase: [maximum, bestKept],
  "blurred, then polyphase": [maximum, blur, bestKept],
};

// The layers of a network, one after the other: {stage, name, run}.
export function layersOf({ stages }, way, padding) {
  return stages.flatMap((stage, number) =>
    [["convolve", (maps) => convolveMaps(maps, stage, padding)], ...WAYS_DOWN[way]].map(
      ([name, run]) => ({ stage: number + 1, name, run }),
    ),
  );
}

// The ten logits: the mean of each last map, and a dense layer.
export function logitsOf({ head: { weights, biases } }, { channels, side, data }) {
  const area = side * side;
  return Array.from(biases, (bias, digit) => {
    let logit = bias;
    for (let c = 0; c < channels; c++) {
      const sum = data.subarray(c * area, (c + 1) * area).reduce((a, b) => a + b);
      logit += (weights[digit * channels + c] * sum) / area;
    }
    return logit;
  });
}

export function probabilitiesOf(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// Where each place of a map comes from, after a circular move.
const known = new Map();
function sources(side, down, right) {
  const [i, j] = [modulo(down, side), modulo(right, side)];
  const key = (side * SIDE + i) * SIDE + j;
  if (!known.has(key)) {
    const from = (_, place) =>
      modulo(Math.floor(place / side) - i, side) * side + modulo((place % side) - j, side);
    known.set(key, Int16Array.from({ length: side * side }, from));
  }
  return known.get(key);
}

export function moveMaps({ channels, side, data }, [down, right]) {
  const [from, area] = [sources(side, down, right), side * side];
  const moved = emptyMaps(channels, side);
  for (let place = 0; place < data.length; place++)
    moved.data[place] = data[place - (place % area) + from[place % area]];
  return moved;
}

// What remains between two maps after the best move of the second, as a share of it, and that
// move. At full size the move is the digit's own. Behind a stride it is that of all whole moves
// that fits best; those next to the digit's are tried first, and kept if others fit as well.
function misfit(after, still, [down, right]) {
  const { channels, side, data } = still;
  const area = side * side;
  const near = [down, right].map((move) => Math.floor((move * side) / SIDE));
  const size = data.reduce((sum, value) => sum + value * value, 0);
  let [least, best] = [Infinity, near];
  for (let n = 0; n < (side === SIDE ? 1 : area) && least > 0; n++) {
    const by = [near[0] + Math.floor(n / side), near[1] + (n % side)];
    const from = sources(side, ...by);
    let off = 0;
    for (let base = 0; base < channels * area && off < least; base += area)
      for (let place = 0; place < area; place++)
        off += (after.data[base + place] - data[base + from[place]]) ** 2;
    if (off < least * (1 - 1e-9)) [least, best] = [off, by];
  }
  return { by: best, error: least === 0 ? 0 : Math.sqrt(least / size) };
}

// What the layers make of the unmoved digit, one after the other.
export function outputsOf(layers, digit) {
  let maps = digit;
  return layers.map(({ run }) => (maps = run(maps)));
}

// The square at every layer, for a digit that moves: `over`, move then layer; `along`, layer
// then move; `error`, how far they are apart, whatever the layers before did; and `added`, how
// far they would be apart had the layer's own input moved without an error.
export function squaresOf(layers, digit, outputs, move) {
  let [over, before, by, inherited] = [moveMaps(digit, move), digit, move, 0];
  return layers.map(({ run }, number) => {
    const still = outputs[number];
    over = run(over);
    const total = misfit(over, still, move);
    // An input that moved without an error, or not at all, needs no second run.
    let added = inherited === 0 ? total.error : 0;
    if (inherited !== 0 && by.some((each) => modulo(each, before.side)))
      added = misfit(run(moveMaps(before, by)), still, move).error;
    [before, by, inherited] = [still, total.by, total.error];
    const named = by.map((each) => shorter(each, still.side));
    return { over, along: moveMaps(still, by), by: named, error: total.error, added };
  });
}
