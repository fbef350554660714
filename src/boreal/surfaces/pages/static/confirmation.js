// Waits for the outcome of a payment: hears of it at once where the stream works, and asks now and then in any case.
// The server says when it is time to go on, and knows where to.

const PATIENCE_MS = 15000;
const started = performance.now();
let timer = 0;

function show(which) {
  for (const part of document.querySelectorAll("[data-while]")) part.hidden = part.dataset.while !== which;
}

async function look() {
  clearTimeout(timer);
  try {
    const response = await fetch(location.pathname, { headers: { Accept: "application/json" } });
    const { moves_on: movesOn, intent_status: intent } = await response.json();
    const asks = intent === "requires_action" && !("clientSecret" in document.querySelector("main").dataset);
    if (movesOn || asks) return location.reload();
  } catch {
    // no connection at the moment: keep waiting
  }
  const waited = performance.now() - started;
  if (waited > PATIENCE_MS) show("late");
  const hears = stream.readyState === EventSource.OPEN;
  timer = setTimeout(look, waited > PATIENCE_MS ? 5000 : hears || waited > 3000 ? 1000 : 400);
}

const stream = new EventSource(document.querySelector("[data-stream]").dataset.stream);
stream.addEventListener("message", look);
stream.addEventListener("error", () => stream.close());
look();
