// Notebook 2: a photo both ways round the square of moving and convolving.

import {
  choice,
  drawFrame,
  drawImage,
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
  shorter,
  skip,
  translate,
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

function render({ model, el }) {
  const { panels, controls, say } = frame(
    el,
    "Move the photo both ways round the square",
    "min(240px, 45%)",
  );
  const photo = model.get("photo");
  const view = panel(panels, "the photo, moved: drag it", "photo");
  const over = panel(panels, "shift, then convolve", "photo");
  const along = panel(panels, "convolve, then shift", "photo");
  const error = panel(panels, "", "photo");

  const go = (down, right) =>
    model.set({ down: shorter(down, photo.height), right: shorter(right, photo.width) });
  const start = { down: model.get("down"), right: model.get("right") };
  movable(view.canvas, "the photo", {
    step: (down, right) => go(model.get("down") + down, model.get("right") + right),
    home: () => model.set(start),
    unit: () => view.canvas.clientWidth / photo.width,
  });
  slider(controls, "down", model, "down", [-20, 20]);
  slider(controls, "right", model, "right", [-20, 20]);
  choice(controls, "border", model, "border", [
    ["zeros", "zeros enter, zeros as padding"],
    ["wrap", "wrap around, no padding"],
    ["circular", "wrap around, circular padding"],
  ]);
  choice(controls, "stride", model, "stride", [
    ["1", "1"],
    ["2", "2"],
  ]);
  weights(controls, "filter", model, "filter");

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
    const shiftThenConvolve = layer(moved);
    // After an odd move no whole step of a strided output fits: take the best.
    let [convolveThenShift, change] = [null, Infinity];
    for (const rows of wholeSteps(down, stride)) {
      for (const columns of wholeSteps(right, stride)) {
        const guess = translate(still, rows, columns, wrap);
        const off = relativeChange(guess, shiftThenConvolve);
        if (!convolveThenShift || off < change) [convolveThenShift, change] = [guess, off];
      }
    }
    const difference = {
      ...still,
      data: shiftThenConvolve.data.map((v, place) => v - convolveThenShift.data[place]),
    };
    const differ = (image) => image.data.reduce((sum, value) => sum + (value !== 0), 0);
    const border = Math.ceil(Math.max(Math.abs(down), Math.abs(right)) / stride) + 1;
    const middle = inside(difference, border);
    drawImage(view.canvas, moved, "gray", [0, 255]);
    drawImage(over.canvas, shiftThenConvolve, "Greys", [0, top]);
    drawImage(along.canvas, convolveThenShift, "Greys", [0, top]);
    drawFrame(drawImage(error.canvas, difference, "RdBu_r", [-top, top]), difference, border);
    const [places, within] = [differ(difference), middle ? differ(middle) : 0];
    error.name(`difference: ${count(places)} of ${count(difference.data.length)} places`);
    const odd = stride === 2 && (down % 2 || right % 2);
    sayPlace(view.canvas, right, [-20, 20], describeMove(down, right));
    say(
      {
        down,
        right,
        border: model.get("border"),
        stride,
        filter: model.get("filter"),
        places,
        inside: middle ? within : null,
        error: fixed(change, 3),
      },
      `The photo is ${describeMove(down, right)}. The two ways differ in ${count(places)} of ` +
        `${count(difference.data.length)} places; error ${fixed(change, 3)}. ` +
        (middle
          ? `Inside the frame of ${border}: ${count(within)}. `
          : "The frame leaves nothing inside. ") +
        (odd ? "The move is odd, and no whole step of the output fits: this is the best." : ""),
    );
  };
  keepDrawn(el, model, draw);
}

mount("square", render);
