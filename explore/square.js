// Notebook 2: a photo both ways round the square of moving and convolving.

import {
  around,
  choice,
  drawFrame,
  drawImage,
  element,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  slider,
  weights,
} from "./explore.js";
import {
  convolve,
  count,
  describeMove,
  fixed,
  imageOf,
  inside,
  pad,
  relativeChange,
  skip,
  subtract,
  translate,
  zeros,
} from "./images.js";

// Where the move leads what leaves the photo, and what the filter sees beyond it.
const BORDERS = {
  zeros: { wrap: false, padded: (image) => pad(image, 1) },
  wrap: { wrap: true, padded: (image) => image },
  circular: { wrap: true, padded: (image) => pad(image, 1, true) },
};

function percentile(image, share) {
  return image.data.toSorted()[Math.floor(share * (image.data.length - 1))];
}

// The whole steps nearest to a move, of an output with a stride.
function wholeSteps(move, stride) {
  return [...new Set([Math.floor(move / stride), Math.ceil(move / stride)])];
}

function nonzero(image) {
  let many = 0;
  for (const value of image.data) many += value !== 0;
  return many;
}

// A corner of an image, an eighth as high and wide.
function eighth(image, bottom, right) {
  const part = zeros(Math.ceil(image.height / 8), Math.ceil(image.width / 8));
  const from = [bottom ? image.height - part.height : 0, right ? image.width - part.width : 0];
  for (let row = 0; row < part.height; row++) {
    const start = (from[0] + row) * image.width + from[1];
    part.data.set(image.data.subarray(start, start + part.width), row * part.width);
  }
  return part;
}

function render({ model, el }) {
  const { panels, controls, say } = frame(
    el,
    "Do the two ways round the square end in the same picture?",
    "min(220px, 45%)",
  );
  const photo = model.get("photo");
  const view = panel(panels, "the photo, moved", "photo");
  const over = panel(panels, "move, then convolve", "photo");
  const along = panel(panels, "convolve, then move", "photo");
  const error = panel(panels, "", "photo");
  const corner = panel(panels, "", "photo map");

  model.keep("down", around(photo.height));
  model.keep("right", around(photo.width));
  movable(view, model, "the photo", ["down", "right"], {
    unit: () => view.canvas.clientWidth / photo.width,
  });
  weights(element(panels, "figure"), "filter", model, "filter");
  slider(controls, "down", model, "down");
  slider(controls, "right", model, "right");
  choice(controls, "border", model, "border", [
    ["zeros", "zeros enter, zeros as padding"],
    ["wrap", "wrap around, no padding"],
    ["circular", "wrap around, circular padding"],
  ]);
  choice(controls, "stride", model, "stride", [
    ["1", "1"],
    ["2", "2"],
  ]);
  let [known, still, top] = ["", null, 1];
  const draw = () => {
    const [down, right, stride] = ["down", "right", "stride"].map((key) => Number(model.get(key)));
    const { wrap, padded } = BORDERS[model.get("border")];
    const filter = imageOf(model.get("filter"));
    const layer = (image) => skip(convolve(padded(image), filter), stride);
    const key = JSON.stringify([model.get("border"), stride, model.get("filter")]);
    if (key !== known) {
      [known, still] = [key, layer(photo)];
      top = percentile(still, 0.99) || 1;
    }
    const moved = translate(photo, down, right, wrap);
    const moveThenConvolve = layer(moved);
    // After an odd move no whole step of a strided output fits: take the best.
    let [convolveThenMove, change] = [null, Infinity];
    for (const rows of wholeSteps(down, stride)) {
      for (const columns of wholeSteps(right, stride)) {
        const guess = translate(still, rows, columns, wrap);
        const off = relativeChange(guess, moveThenConvolve);
        if (!convolveThenMove || off < change) [convolveThenMove, change] = [guess, off];
      }
    }
    const difference = subtract(moveThenConvolve, convolveThenMove);
    const border = Math.ceil(Math.max(Math.abs(down), Math.abs(right)) / stride) + 1;
    const middle = inside(difference, border);
    drawImage(view.canvas, moved, "gray", [0, 255]);
    drawImage(over.canvas, moveThenConvolve, "Greys", [0, top]);
    drawImage(along.canvas, convolveThenMove, "Greys", [0, top]);
    const pen = drawImage(error.canvas, difference, "RdBu_r", [-top, top]);
    const felt = model.get("border") !== "circular"; // else no border is felt
    if (felt) drawFrame(pen, difference, border);
    drawImage(corner.canvas, eighth(difference, down < 0, right < 0), "RdBu_r", [-top, top]);
    corner.name(`difference, ${down < 0 ? "bottom" : "top"} ${right < 0 ? "right" : "left"}, ×8`);
    const [places, middles] = [nonzero(difference), middle ? nonzero(middle) : 0];
    error.name(`difference: ${count(places)} of ${count(difference.data.length)} places`);
    const odd = stride === 2 && (down % 2 || right % 2);
    sayPlace(view.canvas, right, model.rule("right"), describeMove(down, right));
    say(
      {
        down,
        right,
        border: model.get("border"),
        stride,
        filter: model.get("filter"),
        places,
        inside: middle ? middles : null,
        error: fixed(change, 3),
      },
      `The photo is ${describeMove(down, right)}. The two ways differ in ${count(places)} of ` +
        `${count(difference.data.length)} places; error ${fixed(change, 3)}. ` +
        (!felt
          ? ""
          : middle
            ? `Inside the frame of ${border}: ${count(middles)}. `
            : "The frame leaves nothing inside. ") +
        (odd ? "The move is odd, and no whole step of the output fits: this is the best." : ""),
    );
  };
  keepDrawn(el, model, draw);
}

mount("square", render);
