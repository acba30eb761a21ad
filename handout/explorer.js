// A page of one explorer: its state stands in the address, its height is told to the page
// that embeds it.

const live = document.querySelector(".live");
const name = live.dataset.explorer;
const start = explorers.starts[name];
const { setState, getState } = explorers.load("explore");

// Only what the explorer starts with can be set, to a value of the same kind.
function fromAddress() {
  const values = {};
  for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
    let value = text;
    try {
      value = typeof start[key] === "string" ? text : JSON.parse(text);
    } catch {
      continue;
    }
    const same = typeof value === typeof start[key] && Array.isArray(value) === Array.isArray(start[key]);
    if (Object.hasOwn(start, key) && key !== "photo" && same) values[key] = value;
  }
  return values;
}

// What differs from the start, as an address.
function address() {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(getState(live))) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const before = typeof value === "string" ? start[key] : JSON.stringify(start[key]);
    if (key in start && key !== "photo" && text !== before) parts.set(key, text);
  }
  return location.href.split("#")[0] + (parts.size ? `#${parts}` : "");
}

live.dataset.start = JSON.stringify({ ...start, ...fromAddress() });
explorers.modules[name]();
addEventListener("hashchange", () => setState(live, { ...start, ...fromAddress() }));

let waiting;
new MutationObserver(() => {
  clearTimeout(waiting);
  waiting = setTimeout(() => history.replaceState(null, "", address()), 300);
}).observe(live, { attributeFilter: ["data-state"] });

const [button, said] = [document.querySelector(".copy"), document.querySelector("[role=status]")];
button.addEventListener("click", async () => {
  const link = address();
  try {
    await navigator.clipboard.writeText(link);
    said.textContent = "Copied.";
  } catch {
    said.textContent = link; // to be copied by hand
  }
});

new ResizeObserver(() => {
  const height = document.documentElement.scrollHeight;
  parent.postMessage({ explorer: name, height }, "*");
}).observe(document.body);
