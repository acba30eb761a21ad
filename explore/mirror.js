// Notebook 2: mirror the photo, the filter, the result; lay one edge map on the other.

import {
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
  slider,
  toggle,
  within,
} from "./explore.js";
import { convolve, count, describeMove, imageOf, map, mirror, translate } from "./images.js";

const COLOURS = [0xffffffff, 0xff005ed5, 0xffb27200, 0xff000000]; // none, photo, other, both

function render({ model, el }) {
  const { panels, controls, say } = frame(
    el,
    "Where do the edges of the mirror image meet those of the photo?",
    "100%",
  );
  const view = panel(
    panels,
    "orange: edges of the photo; blue: of the mirrored one; black: both",
    "photo",
  );
  const [photo, filter, strong] = [
    model.get("photo"),
    imageOf(model.get("filter")),
    model.get("strong"),
  ];
  const edges = (image, weights) => map(convolve(image, weights), (value) => value > strong);
  const original = edges(photo, filter);
  const total = (image) => image.data.reduce((sum, value) => sum + value, 0);
  const first = total(original);

  model.keep("down", within(-20, 20));
  model.keep("right", within(-20, 20));
  movable(view, model, "the blue edges", ["down", "right"], {
    unit: () => view.canvas.clientWidth / original.width,
  });
  toggle(controls, "mirror the photo", model, "mirrorPhoto");
  toggle(controls, "mirror the filter", model, "mirrorFilter");
  toggle(controls, "mirror the result back", model, "mirrorResult");
  slider(controls, "blue: down", model, "down");
  slider(controls, "right", model, "right");

  let [known, other, second] = ["", null, 0];
  const draw = () => {
    const switches = ["mirrorPhoto", "mirrorFilter", "mirrorResult"].map((key) => model.get(key));
    if (known !== switches.join()) {
      const [input, weights] = [
        switches[0] ? mirror(photo) : photo,
        switches[1] ? mirror(filter) : filter,
      ];
      const found = edges(input, weights);
      [known, other] = [switches.join(), switches[2] ? mirror(found) : found];
      second = total(other);
    }
    const [down, right] = [model.get("down"), model.get("right")];
    const moved = translate(other, down, right);
    const { canvas } = view;
    if (canvas.width !== original.width)
      [canvas.width, canvas.height] = [original.width, original.height];
    const pen = canvas.getContext("2d");
    const picture = pen.createImageData(original.width, original.height);
    const pixels = new Uint32Array(picture.data.buffer);
    let both = 0;
    for (let place = 0; place < pixels.length; place++) {
      const kind = original.data[place] + 2 * moved.data[place];
      pixels[place] = COLOURS[kind];
      both += kind === 3;
    }
    pen.putImageData(picture, 0, 0);
    sayPlace(canvas, right, model.rule("right"), describeMove(down, right));
    say(
      { switches, down, right, first, second, both },
      `${count(first)} strong edge pixels of the photo, ${count(second)} of the mirrored one, ` +
        `${describeMove(down, right)}. In common: ${count(both)}.`,
    );
  };
  keepDrawn(el, model, draw);
}

mount("mirror", render);
