// The first page: guesses that are kept, findings that wait for them, figures that come
// alive as they are scrolled to. The page reads as an essay without this script.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function made(parent, tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

// What the reader guessed, by scene. A browser may refuse to keep it: then a reload forgets.
const KEY = "guesses";
const guesses = (() => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
})();

function keep(name, guess) {
  guesses[name] = guess;
  try {
    localStorage.setItem(KEY, JSON.stringify(guesses));
  } catch {
    // told on this page, and forgotten with it
  }
  showKept();
}

// The scenes. Each has a name, and may have a guess, a figure and a finding.
const scenes = all(".scene").map((section) => ({
  section,
  name: section.id || section.querySelector("h2[id]")?.id,
  guess: section.querySelector(".guess"),
  draw: section.querySelector(".draw"),
  live: section.querySelector(".live"),
  finding: section.querySelector(".finding"),
}));

function tell({ section }, right, words) {
  const told = section.querySelector(".told");
  told.hidden = false;
  told.classList.toggle("wrong", !right);
  told.textContent = words;
}

const unseal = ({ finding }) => finding?.classList.remove("sealed");

// What holds in one mode of a figure stands there in that mode alone.
function inMode({ finding }, state) {
  for (const part of finding?.querySelectorAll("[data-if], [data-else]") ?? []) {
    const [key, value] = (part.dataset.if ?? part.dataset.else).split("=");
    part.hidden = (String(state[key]) === value) !== "if" in part.dataset;
  }
}

function guessed(scene) {
  const guess = guesses[scene.name];
  if (typeof guess !== "string" || !scene.guess) return;
  for (const button of all("button", scene.guess)) {
    button.setAttribute("aria-pressed", button.textContent === guess);
    button.disabled = true;
  }
  const right = guess === scene.guess.dataset.right;
  tell(
    scene,
    right,
    `You said: ${guess}. ${right ? "That is right." : `Right: ${scene.guess.dataset.right}.`}`,
  );
  unseal(scene);
}

for (const scene of scenes) {
  scene.finding?.classList.add("sealed");
  const start = JSON.parse(scene.live?.dataset.over ?? "{}");
  inMode(scene, start);
  scene.finding?.setAttribute("aria-live", "polite");
  for (const button of all("button", scene.guess ?? document.createElement("p")))
    button.addEventListener("click", () => {
      keep(scene.name, button.textContent);
      guessed(scene);
      if (scene.first) changed(scene);
    });
  guessed(scene);
}

// What was kept, beside what was measured. A scene that was skipped leaves no row.
function showKept() {
  const kept = document.querySelector(".kept");
  if (!kept) return;
  const rows = kept.querySelector("tbody");
  rows.replaceChildren();
  for (const { name, section, finding } of scenes) {
    const guess = guesses[name];
    if (!guess || !finding) continue;
    const row = made(rows, "tr");
    const drawn = typeof guess !== "string";
    made(row, "td", {}, section.querySelector(drawn ? "h2" : ".question").textContent);
    const said = made(row, "td", {}, drawn ? "a curve" : guess);
    if (!drawn) {
      const right = guess === section.querySelector(".guess").dataset.right;
      const mark = { class: "mark", role: "img", "aria-label": right ? "right" : "not so" };
      made(said, "span", mark, right ? "✓" : "✗");
    }
    made(row, "td", {}, finding.dataset.measured);
    document.querySelector(`.rail a[href="#${name}"]`)?.classList.add("told-already");
  }
  kept.hidden = !rows.children.length;
}

document.querySelector(".forget")?.addEventListener("click", () => {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // nothing was kept
  }
  location.reload();
});

// The figures: a plain script brings what one starts from, and then it is mounted.

function bring(name) {
  return new Promise((done, failed) => {
    if (explorers.starts[name]) return done();
    const script = made(document.head, "script", { src: `explore/${name}.js` });
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
  });
}

// Once, whoever asks for it.
const enliven = (scene) => scene.live && (scene.alive ??= alive(scene));

async function alive(scene) {
  const { live } = scene;
  const { explorer: name, from } = live.dataset;
  try {
    await bring(from);
  } catch {
    live.textContent = "This figure could not be loaded.";
    return;
  }
  const start = { ...explorers.starts[from], ...JSON.parse(live.dataset.over) };
  live.dataset.start = JSON.stringify(start);
  live.addEventListener("explorer", () => changed(scene));
  const drawn = new Promise((done) => live.addEventListener("explorer", done, { once: true }));
  explorers.modules[name]();
  await drawn;
  // The headings of a notebook's figure are one level deeper than they are here.
  for (const heading of all("h4", live)) heading.setAttribute("aria-level", 3);
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      enliven(scenes.find(({ section }) => section === target));
    }
  },
  { rootMargin: "100% 0px" },
);
for (const { section } of scenes) near.observe(section);

// What a figure says here, in place of what it says to the reader of its notebook.
const INSTEAD = {
  step: ({ distance }) => `Distance from where it began: ${distance}`,
  square: ({ places }) => `The two results differ in ${places.toLocaleString("en")} places.`,
  pool: ({ maps }) => (maps.at(-1).some((value) => value) ? "The pixel is still there." : "Gone."),
};

// A figure that was moved tells what it found.
function changed(scene) {
  const { live } = scene;
  const [now, shown] = [JSON.stringify(live.explorer.get()), live.explorer.said()];
  scene.first ??= now;
  if (now !== scene.first) unseal(scene);
  inMode(scene, shown);
  scene.plot?.(shown);
  // Before anything was moved or guessed, what a figure says would answer the question.
  const asleep = now === scene.first && scene.guess && !(scene.name in guesses);
  if (!asleep) live.parentElement.dataset.places = shown.places; // none: a panel gets its 0
  const words = INSTEAD[live.dataset.explorer];
  if (!words) return;
  scene.instead ??= made(live.parentElement, "p", { class: "instead", role: "status" });
  live.after(scene.instead);
  scene.instead.textContent = asleep ? "Not moved yet." : words(shown);
}

for (const button of all("[data-set]"))
  button.addEventListener("click", () => {
    const { live } = scenes.find(({ section }) => section.contains(button));
    live.explorer.set(JSON.parse(button.dataset.set));
    live.scrollIntoView({ block: "nearest" });
  });

// A figure that is led over all its places: in sight, or where motion is unwanted, at once.
for (const button of all("[data-sweep]"))
  button.addEventListener("click", async () => {
    const { key, from, to } = JSON.parse(button.dataset.sweep);
    const { live } = scenes.find(({ section }) => section.contains(button));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    button.disabled = true;
    for (let value = from; value <= to; value++) {
      live.explorer.set({ [key]: value });
      live.explorer.said(); // draws it
      if (!still) await new Promise(requestAnimationFrame);
    }
    button.disabled = false;
  });

// A curve to draw, and the one that is measured by moving the figure.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, FOOT] = [800, 272, 32];

function drawn(scene) {
  const { draw } = scene;
  const points = draw.dataset.points.split(" ").map(Number);
  const [last, top] = [points.at(-1), Number(draw.dataset.top)];
  const plot = made(draw, "div", { class: "plot" });
  const at = (x, y) => [(x / last) * WIDTH, (HEIGHT - FOOT) * (1 - Math.min(y, top) / top)];
  const shape = (kind, attributes, text = "") => {
    const element = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    svg.append(element);
    return element;
  };
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "How far the last map is from the first, over 192 pixels");
  plot.append(svg);
  shape("path", {
    class: "axis",
    d: `M0 0V${HEIGHT - FOOT}H${WIDTH}`,
    "vector-effect": "non-scaling-stroke",
  });
  const mine = shape("path", { class: "mine", "vector-effect": "non-scaling-stroke" });
  const measured = shape("path", { class: "measured", "vector-effect": "non-scaling-stroke" });
  for (const x of [0, ...points])
    made(plot, "span", { class: "tick", style: `left: ${(100 * x) / last}%` }, x);
  for (const y of [0, 0.5, 1, 1.5])
    made(plot, "span", { class: "level", style: `top: ${at(0, y)[1]}px` }, y);
  made(plot, "span", { class: "of-x" }, "pixels to the right");
  made(plot, "span", { class: "of-y" }, "change of the last map, as a share of it");

  const values = guesses[scene.name] ?? points.map(() => 0);
  const inputs = points.map((x, place) => {
    const input = made(plot, "input", {
      type: "range",
      min: 0,
      max: top,
      step: 0.01,
      style: `left: ${(100 * x) / last}%`,
      "aria-label": `your guess after ${x} pixels`,
    });
    input.value = values[place];
    input.addEventListener("input", () => set(place, input.valueAsNumber));
    return input;
  });
  const set = (place, value) => {
    values[place] = inputs[place].value = Math.max(0, Math.min(top, value));
    mine.setAttribute(
      "d",
      `M0 ${HEIGHT - FOOT}` + points.map((x, n) => `L${at(x, values[n])}`).join(""),
    );
    show.disabled = false;
  };
  // A stroke across the plot sets the points that it passes; keys move one at a time.
  const stroke = (event) => {
    if (!event.buttons || guesses[scene.name]) return;
    plot.setPointerCapture(event.pointerId);
    const box = plot.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * last;
    const place = points.reduce(
      (best, p, n) => (Math.abs(p - x) < Math.abs(points[best] - x) ? n : best),
      0,
    );
    set(place, top * (1 - (event.clientY - box.top) / (HEIGHT - FOOT)));
  };
  plot.addEventListener("pointerdown", stroke);
  plot.addEventListener("pointermove", stroke);

  const below = made(draw, "p", { class: "drawn" });
  made(draw, "p", { class: "told", role: "status", hidden: "" });
  const show = made(below, "button", { type: "button" }, "Show what was measured");
  const legend = made(below, "span", { class: "legend" });
  made(legend, "i");
  legend.append("your guess");
  made(legend, "i", { class: "solid" });
  legend.append("measured");
  const curve = new Map([[0, 0]]);
  const trace = () => {
    const line = [...curve].sort(([a], [b]) => a - b).map(([x, y]) => at(x, y));
    measured.setAttribute("d", `M${line.join("L")}`);
  };
  const here = made(plot, "i", { class: "here", hidden: "" });
  scene.plot = ({ right, change }) => {
    curve.set(right, Number(change));
    trace();
    here.hidden = right === 0;
    const [x, y] = at(right, Number(change));
    Object.assign(here.style, { left: `${(100 * x) / WIDTH}%`, top: `${y}px` });
  };
  const compare = async () => {
    plot.classList.add("done");
    show.disabled = true;
    for (const input of inputs) input.disabled = true;
    await enliven(scene);
    // The figure itself measures: it is led over all its places.
    for (let right = 0; right <= last; right++) {
      scene.live.explorer.set({ right });
      curve.set(right, Number(scene.live.explorer.said().change));
    }
    scene.live.explorer.set({ right: 64 });
    trace();
    const off = points.map((x, n) => Math.abs(values[n] - curve.get(x)));
    const mean = off.reduce((sum, each) => sum + each, 0) / off.length;
    tell(
      scene,
      mean < 0.2,
      `Your curve is off by ${mean.toFixed(2)} on average: ${mean < 0.2 ? "close." : "not close."}`,
    );
    unseal(scene);
  };
  show.addEventListener("click", () => {
    keep(scene.name, values);
    compare();
  });
  points.forEach((_, place) => set(place, values[place]));
  show.disabled = true;
  if (guesses[scene.name]) compare();
}
for (const scene of scenes) if (scene.draw) drawn(scene);

// Two words, and one slider; the yellow cell itself can be dragged.
for (const input of all(".input input")) {
  const show = () => input.closest(".pair").style.setProperty("--at", input.value);
  input.addEventListener("input", show);
  const row = input.parentElement.querySelector("i");
  const take = (event) => {
    if (!event.buttons) return;
    row.setPointerCapture(event.pointerId);
    input.value = Math.floor((9 * event.offsetX) / row.clientWidth);
    show();
  };
  row.addEventListener("pointerdown", take);
  row.addEventListener("pointermove", take);
}

// Where the reader is, and in which light.
const rail = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      const name = target.id || target.querySelector("h2[id]")?.id;
      for (const link of all(".rail a"))
        if (link.hash === `#${name}`) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
    }
  },
  { rootMargin: "-45% 0px -50% 0px" },
);
for (const { section } of scenes) rail.observe(section);

document.querySelector(".theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  Object.assign(document.documentElement.dataset, { theme, mode: theme });
  try {
    localStorage.setItem("mode", theme);
    localStorage.setItem("theme", theme);
  } catch {
    // for this page alone
  }
});
showKept();
