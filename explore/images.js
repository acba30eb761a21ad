// The arithmetic of helpers.py. An image is {height, width, data}, its rows one after the
// other; no function changes it.

export function zeros(height, width) {
  return { height, width, data: new Float64Array(height * width) };
}

export function imageOf(rows) {
  const image = zeros(rows.length, rows[0].length);
  image.data.set(rows.flat());
  return image;
}

export function map(image, change) {
  return { ...image, data: image.data.map(change) };
}

export function modulo(number, period) {
  return ((number % period) + period) % period;
}

// The shorter way round: from minus half a period to half a period.
export function shorter(move, period) {
  const half = Math.floor(period / 2);
  return modulo(move + half, period) - half;
}

export function translate(image, down, right, wrap = false) {
  const { height, width, data } = image;
  const moved = zeros(height, width);
  for (let i = 0; i < height; i++) {
    const row = wrap ? modulo(i - down, height) : i - down;
    if (row < 0 || row >= height) continue;
    const from = data.subarray(row * width, (row + 1) * width);
    const to = moved.data.subarray(i * width, (i + 1) * width);
    if (wrap) {
      const shift = modulo(right, width);
      to.set(from.subarray(width - shift), 0);
      to.set(from.subarray(0, width - shift), shift);
    } else if (Math.abs(right) < width) {
      to.set(from.subarray(Math.max(-right, 0), width - Math.max(right, 0)), Math.max(right, 0));
    }
  }
  return moved;
}

export function pad(image, margin, wrap = false) {
  const padded = zeros(image.height + 2 * margin, image.width + 2 * margin);
  for (let i = 0; i < padded.height; i++) {
    for (let j = 0; j < padded.width; j++) {
      let [row, column] = [i - margin, j - margin];
      if (wrap) [row, column] = [modulo(row, image.height), modulo(column, image.width)];
      else if (row < 0 || row >= image.height || column < 0 || column >= image.width) continue;
      padded.data[i * padded.width + j] = image.data[row * image.width + column];
    }
  }
  return padded;
}

export function convolve(image, filter, relu = true) {
  const response = zeros(image.height - filter.height + 1, image.width - filter.width + 1);
  const { width, data } = response;
  for (let i = 0; i < filter.height; i++) {
    for (let j = 0; j < filter.width; j++) {
      const weight = filter.data[i * filter.width + j];
      if (weight === 0) continue;
      for (let row = 0; row < response.height; row++) {
        const from = (row + i) * image.width + j;
        const to = row * width;
        for (let column = 0; column < width; column++)
          data[to + column] += weight * image.data[from + column];
      }
    }
  }
  if (relu)
    for (let place = 0; place < data.length; place++) data[place] = Math.max(data[place], 0);
  return response;
}

function pool(image, start, gather, k = 2) {
  const pooled = zeros(Math.floor(image.height / k), Math.floor(image.width / k));
  pooled.data.fill(start);
  for (let i = 0; i < pooled.height * k; i++) {
    for (let j = 0; j < pooled.width * k; j++) {
      const cell = Math.floor(i / k) * pooled.width + Math.floor(j / k);
      pooled.data[cell] = gather(pooled.data[cell], image.data[i * image.width + j]);
    }
  }
  return pooled;
}

export function maxPool(image) {
  return pool(image, -Infinity, (most, value) => Math.max(most, value));
}

export function averagePool(image) {
  return map(
    pool(image, 0, (sum, value) => sum + value),
    (sum) => sum / 4,
  );
}

export function blurredMaxPool(image) {
  const roll = (a, down, right) => translate(a, down, right, true);
  const combine = (a, b, f) => map(a, (value, place) => f(value, b.data[place]));
  const most = (a, b) => combine(a, b, Math.max);
  const blur = (a, down, right) => {
    const sides = combine(roll(a, down, right), roll(a, -down, -right), (x, y) => x + y);
    return combine(sides, a, (side, value) => (side + 2 * value) / 4);
  };
  const rows = most(image, roll(image, -1, 0));
  return skip(blur(blur(most(rows, roll(rows, 0, -1)), 1, 0), 0, 1), 2);
}

export function skip(image, stride) {
  if (stride === 1) return image;
  const kept = zeros(Math.ceil(image.height / stride), Math.ceil(image.width / stride));
  for (let i = 0; i < kept.height; i++)
    for (let j = 0; j < kept.width; j++)
      kept.data[i * kept.width + j] = image.data[(i * image.width + j) * stride];
  return kept;
}

export function mirror(image) {
  const { width } = image;
  return map(image, (_, place, data) => data[place + width - 1 - 2 * (place % width)]);
}

export function norm(image) {
  let sum = 0;
  for (const value of image.data) sum += value * value;
  return Math.sqrt(sum);
}

export function subtract(a, b) {
  const difference = zeros(a.height, a.width);
  for (let place = 0; place < a.data.length; place++)
    difference.data[place] = a.data[place] - b.data[place];
  return difference;
}

export function relativeChange(reference, other) {
  const [change, size] = [norm(subtract(other, reference)), norm(reference)];
  return change === 0 ? 0 : change / size;
}

// The array without a frame of so many rows and columns; null if none is left.
export function inside(image, border) {
  const { height, width } = image;
  if (2 * border >= Math.min(height, width)) return null;
  const part = zeros(height - 2 * border, width - 2 * border);
  for (let i = 0; i < part.height; i++) {
    const start = (i + border) * width + border;
    part.data.set(image.data.subarray(start, start + part.width), i * part.width);
  }
  return part;
}

// As Python writes it: a tie goes to the even digit.
export function fixed(number, places = 2) {
  if (!Number.isFinite(number)) return "inf";
  const scaled = Math.abs(number) * 10 ** places;
  const even = 2 * Math.floor(scaled / 2);
  // Half a last digit is a tie only if the number holds it exactly.
  const tie = scaled === even + 0.5 && Number.isInteger(number * 2 ** (places + 1));
  return (tie ? (Math.sign(number) * even) / 10 ** places : number).toFixed(places);
}

export function count(number) {
  return number.toLocaleString("en-US");
}

export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

// "3 down and 1 left", as translate names its moves.
export function describeMove(down, right) {
  const parts = [];
  if (down) parts.push(`${count(Math.abs(down))} ${down > 0 ? "down" : "up"}`);
  if (right) parts.push(`${count(Math.abs(right))} ${right > 0 ? "right" : "left"}`);
  return parts.join(" and ") || "not moved";
}

// What a row filter of a PNG predicts from the pixels on the left, above, and above that.
const PREDICTIONS = [
  () => 0,
  (left) => left,
  (left, above) => above,
  (left, above) => (left + above) >> 1,
  (left, above, corner) => {
    const far = [above - corner, left - corner, left + above - 2 * corner].map(Math.abs);
    if (far[0] <= far[1] && far[0] <= far[2]) return left;
    return far[1] <= far[2] ? above : corner;
  },
];

// The grey levels of a PNG (ISO/IEC 15948). A browser that guards its reader against
// fingerprints gives noise for pixels that are read back from a canvas, and does not say so.
export async function decodePng(bytes) {
  const kind = bytes.slice(24, 29).join(); // depth, colour, compression, filter, interlace
  if (kind !== "8,0,0,0,0")
    throw new Error(`a photo must be a PNG of kind 8,0,0,0,0 (8 bits of grey), got ${kind}`);
  const view = new DataView(bytes.buffer);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const parts = [];
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const rows = new Uint8Array(await new Response(stream).arrayBuffer());
  if (rows.length !== height * (width + 1)) throw new Error("the photo's PNG is cut short");
  const levels = new Uint8Array(height * width);
  for (let row = 0; row < height; row++) {
    const predict = PREDICTIONS[rows[row * (width + 1)]];
    for (let column = 0; column < width; column++) {
      const place = row * width + column;
      const left = column ? levels[place - 1] : 0;
      const above = row ? levels[place - width] : 0;
      const corner = row && column ? levels[place - width - 1] : 0;
      levels[place] = rows[place + row + 1] + predict(left, above, corner);
    }
  }
  return { height, width, data: Float64Array.from(levels) };
}

// A PNG as numbers; any other picture only to be drawn.
export async function loadImage(url) {
  if (url.startsWith("data:image/png;base64,")) {
    const text = atob(url.slice(url.indexOf(",") + 1));
    return decodePng(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
  }
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return { height: picture.height, width: picture.width, picture };
}
