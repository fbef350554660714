// A checkout in a frame talks to the merchant's page around it, and to that page only (catalog spec 9.3).

const origin = document.documentElement.dataset.embedOrigin;
const close = document.getElementById("close");
const done = document.querySelector("[data-success-url]");

// The page around this one is the merchant's, unless it can be read and turns out to be a page of ours.
function isTheMerchants() {
  if (window.parent === window) return false;
  try {
    return window.parent.location.origin === origin;
  } catch {
    return true;
  }
}

if (isTheMerchants()) {
  const post = (event, extra) => window.parent.postMessage({ type: "POLAR_CHECKOUT", event, ...extra }, origin);
  document.addEventListener("boreal:confirmed", () => post("confirmed"));
  if (close) {
    close.hidden = false;
    close.addEventListener("click", () => post("close"));
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) post("close");
    });
  }
  // Once: a page that one of ours led to was loaded long ago for who waits outside.
  const isFirst = origin === location.origin || !document.referrer.startsWith(`${location.origin}/`);
  if (isFirst) post("loaded");
  if (done) post("success", { successURL: done.dataset.successUrl, redirect: "redirect" in done.dataset });
}
