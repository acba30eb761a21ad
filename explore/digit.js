// Notebook 6: a digit over its places, and the stored answers of several networks.

import {
  around,
  choice,
  drawGrid,
  drawImage,
  frame,
  keepDrawn,
  mount,
  movable,
  panel,
  sayPlace,
} from "./explore.js";
import { count, describeMove, imageOf, modulo, translate, zeros } from "./images.js";

function render({ model, el }) {
  const question = "In which places does the network read the digit right?";
  const { panels, controls, say } = frame(el, question, "min(150px, 45%)");
  const [digits, networks] = [model.get("digits"), model.get("networks")];
  const pictures = digits.map(({ picture }) => imageOf(picture));
  const side = pictures[0].height;
  const view = panel(panels, "the digit, moved", "photo map");
  const table = panel(panels, "");

  model.keep("down", around(side));
  model.keep("right", around(side));
  const unit = () => view.canvas.clientWidth / side;
  movable(view, model, "the digit", ["down", "right"], {
    unit,
    // On its ink, or near it.
    grabs: (y, x) => {
      const picture = pictures[Number(model.get("digit"))];
      const moved = translate(picture, model.get("down"), model.get("right"), true);
      return moved.data.some((level, place) => {
        const at = [Math.floor(place / side), place % side].map((index) => (index + 0.5) * unit());
        return level && Math.hypot(at[0] - y, at[1] - x) < 22;
      });
    },
  });
  const named = (things) => things.map(({ name }, place) => [place, name]);
  choice(controls, "digit", model, "digit", named(digits));
  choice(controls, "network", model, "network", named(networks));

  const draw = () => {
    const [digit, network] = [Number(model.get("digit")), Number(model.get("network"))];
    const [down, right] = [model.get("down"), model.get("right")];
    const answers = networks[network].answers[digit];
    const place = (row, column) => answers[row * side + column];
    const truth = String(digits[digit].label);
    const correct = zeros(side, side);
    correct.data.set([...answers].map((answer) => Number(answer === truth)));
    const moved = translate(pictures[digit], down, right, true);
    drawImage(view.canvas, moved, "Greys", [0, 99]);
    const middle = side / 2; // place 0, 0 stands there; in the frame no border cuts
    drawGrid(table.canvas, translate(correct, middle, middle, true), {
      marks: [[modulo(down + middle, side), modulo(right + middle, side)]],
      indices: [0, middle / 2, middle, middle * 1.5],
      first: -middle,
      frame: [middle / 2, middle / 2, middle],
    });
    const total = correct.data.reduce((sum, value) => sum + value, 0);
    table.name(`yellow: read right, in ${count(total)} of ${count(answers.length)} places`);
    const read = place(modulo(down, side), modulo(right, side));
    sayPlace(view.canvas, right, model.rule("right"), describeMove(down, right));
    say(
      { digit, network, down, right, read, total },
      `The ${truth} is ${describeMove(down, right)}. ${networks[network].name}: it reads a ${read}` +
        `${read === truth ? "" : ", which is wrong"}. Right in ${count(total)} of ` +
        `${count(answers.length)} places.`,
    );
  };
  keepDrawn(el, model, draw);
}

mount("digit", render);
