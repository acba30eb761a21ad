// A page of one explorer: its state stands in the address, its height is told to the page
// that embeds it.

const live = document.querySelector(".live");
const name = live.dataset.explorer;
const [button, said] = [document.querySelector(".copy"), document.querySelector("[role=status]")];

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// What the address names is set, part by part; what cannot be set is named.
function fromAddress() {
  for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
    try {
      live.explorer.set({ [key]: /^[[{]/.test(text) ? JSON.parse(text) : text });
    } catch (error) {
      said.textContent = `Left out of the address: ${error.message}`;
    }
  }
}

// What differs from the start, as an address.
function address(start) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(live.explorer.get()))
    if (written(value) !== written(start[key])) parts.set(key, written(value));
  return location.href.split("#")[0] + (parts.size ? `#${parts}` : "");
}

function alive() {
  for (const heading of live.querySelectorAll("h4")) heading.setAttribute("aria-level", 2);
  const start = live.explorer.get();
  fromAddress();
  addEventListener("hashchange", () => {
    live.explorer.set(start);
    fromAddress();
  });
  let waiting;
  live.addEventListener("explorer", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => history.replaceState(null, "", address(start)), 300);
  });
  button.addEventListener("click", async () => {
    const link = address(start);
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
}

live.dataset.start = JSON.stringify(explorers.starts[name]);
live.addEventListener("explorer", alive, { once: true });
explorers.modules[name]();
