// The arithmetic of the page `photo`. A photo is {height, width, data}: its reds, its greens
// and its blues, each row by row, whole numbers from 0 to 255.

export const SIZE = 224; // pixels along a side of what the network sees
export const SHORT = 288; // along the shorter side of a photo, as in notebook 5
export const PLACES = 65; // as many as the window has in the narrowest photo

// An area of RGBA pixels, made smaller: each new pixel is the mean of what it covers. A
// canvas would do it otherwise in each browser. Counted in whole numbers, and so exact.
export function reduced({ height, width, data }) {
  const side = Math.min(height, width);
  const [tall, wide] = [height, width].map((long) => Math.floor((SHORT * long) / side));
  const across = new Float64Array(height * wide * 3);
  covers(wide, side).forEach((parts, column) => {
    for (const [from, share] of parts)
      for (let row = 0; row < height; row++)
        for (let band = 0; band < 3; band++)
          across[(row * wide + column) * 3 + band] += share * data[(row * width + from) * 4 + band];
  });
  const photo = { height: tall, width: wide, data: new Uint8Array(3 * tall * wide) };
  const area = side * side;
  const sums = new Float64Array(3 * wide);
  covers(tall, side).forEach((parts, row) => {
    sums.fill(0);
    for (const [from, share] of parts)
      for (let at = 0; at < sums.length; at++) sums[at] += share * across[from * sums.length + at];
    for (let at = 0; at < sums.length; at++)
      photo.data[((at % 3) * tall + row) * wide + Math.floor(at / 3)] = Math.floor(
        (2 * sums[at] + area) / (2 * area),
      );
  });
  return photo;
}

// For each new pixel, the old ones under it, and how much of them, in parts of SHORT.
function covers(count, side) {
  return Array.from({ length: count }, (_, place) => {
    const [start, end] = [place * side, (place + 1) * side];
    const parts = [];
    for (let old = Math.floor(start / SHORT); old * SHORT < end; old++)
      parts.push([old, Math.min(end, (old + 1) * SHORT) - Math.max(start, old * SHORT)]);
    return parts;
  });
}

// What the network sees through a window whose corner stands there.
export function view({ height, width, data }, top, left) {
  const seen = new Float32Array(3 * SIZE * SIZE);
  for (let line = 0; line < 3 * SIZE; line++) {
    const [band, row] = [Math.floor(line / SIZE), line % SIZE];
    const start = (band * height + top + row) * width + left;
    seen.set(data.subarray(start, start + SIZE), line * SIZE);
  }
  return seen;
}

export function softmax(logits) {
  const top = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

export const first = (values) => values.indexOf(Math.max(...values));

// What the logits of neighbouring places say, as notebook 5 measures it.
export function summary(logits) {
  const shares = logits.map(softmax);
  const tops = logits.map(first);
  const count = tops.length;
  const pairs = (count * (count - 1)) / 2;
  let same = 0;
  tops.forEach((top, place) => (same += tops.slice(0, place).filter((t) => t === top).length));
  const jumps = shares.slice(1).map((each, place) => largestChange(shares[place], each));
  const step = jumps.reduce((best, { by }, place) => (by > jumps[best].by ? place : best), 0);
  return {
    tops,
    flips: tops.slice(1).filter((top, place) => top !== tops[place]).length,
    agreement: same / pairs,
    teeth: teeth(logits),
    step, // the place before the largest change of one probability, and whose that is
    of: jumps[step].of,
  };
}

function largestChange(one, other) {
  const changes = one.map((share, name) => Math.abs(other[name] - share));
  return { of: first(changes), by: Math.max(...changes) };
}

// The comb: for each distance from 2 to 32 pixels, the mean of its neighbours minus its own
// mean distance of two views, in units of that of views more than 32 pixels apart.
function teeth(logits) {
  const apart = logits.map((_, shift) => {
    const pairs = logits.slice(shift).map((each, place) => distance(each, logits[place]));
    return mean(pairs);
  });
  const far = mean(apart.slice(33)) || 1; // an empty photo gets one answer everywhere
  return Array.from({ length: 31 }, (_, place) => {
    const shift = place + 2;
    return ((apart[shift - 1] + apart[shift + 1]) / 2 - apart[shift]) / far;
  });
}

const mean = (values) => values.reduce((a, b) => a + b) / values.length;

function distance(one, other) {
  let sum = 0;
  for (let name = 0; name < one.length; name++) sum += (one[name] - other[name]) ** 2;
  return Math.sqrt(sum);
}
