// Waits for the outcome of a payment: asks often at first, then calmly. The page itself knows where to go next.

const PATIENCE_MS = 15000;
const started = performance.now();
const known = "confirmed";

function show(which) {
  for (const part of document.querySelectorAll("[data-while]")) part.hidden = part.dataset.while !== which;
}

async function look() {
  try {
    const response = await fetch(location.pathname, { headers: { Accept: "application/json" } });
    const { status, intent_status: intent } = await response.json();
    const asks = intent === "requires_action" && !("clientSecret" in document.querySelector("main").dataset);
    if (status !== known || asks) return location.reload();
  } catch {
    // no connection at the moment: keep waiting
  }
  const waited = performance.now() - started;
  if (waited > PATIENCE_MS) show("late");
  setTimeout(look, waited > PATIENCE_MS ? 5000 : waited > 3000 ? 1000 : 400);
}

look();
