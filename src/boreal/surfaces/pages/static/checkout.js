// The checkout form with JavaScript: the same form, sent to the same address, without leaving the page. The server answers
// with the regions of the page as they should now be. Card data goes to the tokenizer and nowhere else.

const form = document.getElementById("checkout");
const button = document.getElementById("pay");
const summary = document.getElementById("errors");
const announcer = document.getElementById("announce");
const dialog = document.getElementById("challenge");
const said = form.dataset;

const CARD = ["card_number", "card_expiry", "card_cvc"];
const CARD_PARTS = { number: "card_number", exp_month: "card_expiry", exp_year: "card_expiry", cvc: "card_cvc" };
const TYPING_PAUSE_MS = 450;
const PATIENCE_MS = 30000;

const changed = new Set();
let timer = 0;
let line = Promise.resolve(); // requests stand in line, so that a save and a payment never race
let paying = false;

form.noValidate = true; // our own messages instead of the browser's

const region = (name) => form.querySelector(`[data-region="${name}"]`);
const field = (name) => form.querySelector(`#${CSS.escape(name)}`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- Talking to the server

function body(action, extra = {}) {
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (!CARD.includes(name) && name !== "action") data.append(name, value);
  data.set("action", action);
  for (const [name, value] of Object.entries(extra)) data.set(name, value);
  return data;
}

async function ask(address, options) {
  const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  if (response.status >= 500) throw new TypeError(`status ${response.status}`);
  return { status: response.status, content: await response.json() };
}

async function send(action, extra) {
  const headers = { Accept: "application/json" };
  return (await ask(form.getAttribute("action"), { method: "POST", headers, body: body(action, extra) })).content;
}

function inLine(work) {
  const turn = line.then(work);
  line = turn.catch(() => {});
  return turn;
}

// ---- Regions

function adopt(reply) {
  for (const [name, html] of Object.entries(reply.regions ?? {})) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content.querySelector("[data-region]");
    const old = region(name);
    if (!old || old.outerHTML === fresh.outerHTML) continue;
    if ("shape" in old.dataset && old.dataset.shape === fresh.dataset.shape) refresh(old, fresh);
    else replace(old, fresh);
  }
  form.dispatchEvent(new Event("adopted"));
  if (reply.announce && announcer.textContent !== reply.announce) announcer.textContent = reply.announce;
}

// Same fields as before: keep them as they are, take over what is shown beside them.
function refresh(old, fresh) {
  old.hidden = fresh.hidden;
  if ("disabled" in old) old.disabled = fresh.disabled;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const mine = old.querySelector(`[data-part="${part.dataset.part}"]`);
    if (mine.tagName === "INPUT") mine.value = part.value;
    else mine.innerHTML = part.innerHTML;
  }
  if (old.dataset.authority !== "server") return;
  for (const control of fresh.querySelectorAll("input, button")) {
    const twin = control.id ? old.querySelector(`#${CSS.escape(control.id)}`) : old.querySelector(`[value="${control.value}"]`);
    if (!twin) continue;
    if (control.type === "radio") twin.checked = control.checked;
    else if (control.tagName === "INPUT" && twin !== document.activeElement && !changed.has(twin.name)) twin.value = control.value;
    if (control.tagName === "BUTTON") twin.disabled = control.disabled;
  }
}

// Other fields than before: what was typed into those that stay is carried over, and so is the focus.
function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  for (const control of fresh.querySelectorAll("input, select, textarea")) {
    const twin = control.id && old.querySelector(`#${CSS.escape(control.id)}`);
    const typed = twin && twin.tagName === control.tagName && control.type !== "hidden" && old.dataset.authority !== "server";
    if (!typed) continue;
    if (control.type === "checkbox") control.checked = twin.checked;
    else if (twin.value && !(control.name === "state" && control.tagName === "SELECT")) control.value = twin.value;
  }
  old.replaceWith(fresh);
  if (focused) field(focused)?.focus({ preventScroll: true });
}

// ---- Messages

function tell(name, message) {
  const control = field(name);
  const spot = document.getElementById(`${name}-error`);
  if (!control || !spot) return;
  spot.textContent = message ?? "";
  spot.hidden = !message;
  if (message) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

function names() {
  return [...form.querySelectorAll(".error")].map((spot) => spot.id.replace(/-error$/, ""));
}

function tellAll(errors) {
  for (const name of names()) tell(name, errors[name]);
  const listed = names().filter((name) => errors[name]);
  summary.hidden = listed.length === 0;
  summary.replaceChildren();
  if (!listed.length) return;
  const title = document.createElement("h2");
  title.textContent = summary.dataset.title;
  const list = document.createElement("ul");
  for (const name of listed) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `#${name}`;
    link.textContent = errors[name];
    item.append(link);
    list.append(item);
  }
  summary.append(title, list);
  field(listed[0]).focus();
}

function warn(title, text) {
  const alert = region("alert");
  const heading = document.createElement("h2");
  const words = document.createElement("p");
  heading.textContent = title;
  words.textContent = text;
  alert.replaceChildren(heading, words);
  alert.hidden = false;
  alert.focus();
}

function calm() {
  const alert = region("alert");
  alert.hidden = true;
  alert.replaceChildren();
}

// What is empty or plainly unfinished; everything else is for the server to say.
function unfinished() {
  const errors = {};
  for (const control of form.querySelectorAll("[data-missing]")) {
    if (control.matches(":disabled") || control.closest("[hidden]")) continue;
    if (control.validity.valueMissing || !control.value.trim()) errors[control.name] = control.dataset.missing;
    else if (control.validity.typeMismatch) errors[control.name] = control.dataset.wrong;
    else if (control.name === "card_number" && control.value.replace(/\D/g, "").length < 12) errors[control.name] = said.cardMissing;
    else if (control.name === "card_expiry" && !/^(0[1-9]|1[0-2]) \/ \d\d$/.test(control.value)) errors[control.name] = control.dataset.wrong;
  }
  return errors;
}

// ---- Saving while somebody fills in the form

function note(control, wait) {
  changed.add(control.name);
  clearTimeout(timer);
  timer = setTimeout(save, wait);
}

function save() {
  clearTimeout(timer);
  if (!changed.size) return line;
  const batch = [...changed];
  changed.clear();
  return change("save", { changed: batch.join(",") }, batch);
}

// Sends anything but a payment. Errors appear beside the fields that were sent, and nowhere else.
async function change(action, extra, touched) {
  try {
    const reply = await inLine(() => send(action, extra));
    if (reply.redirect) return location.assign(reply.redirect);
    adopt(reply);
    for (const name of touched) tell(name, reply.errors[name]);
    for (const [name, message] of Object.entries(reply.errors)) tell(name, message);
    if (reply.notice) region("alert").focus();
  } catch {
    if (!paying) warn(said.offlineTitle, said.offlineText);
  }
}

form.addEventListener("change", (event) => {
  const control = event.target;
  if (!("live" in control.dataset) || paying) return;
  if (control.dataset.live !== "typing") note(control, 0);
  else if (changed.has(control.name)) save();
});

form.addEventListener("input", (event) => {
  const control = event.target;
  if (control.getAttribute("aria-invalid") && control.value.trim()) tell(control.name, null);
  if (control.dataset.live === "typing" && control.value.trim()) note(control, TYPING_PAUSE_MS);
});

// ---- Paying

function busy(on) {
  paying = on;
  button.setAttribute("aria-busy", String(on));
  button.setAttribute("aria-disabled", String(on));
  if (on) {
    button.dataset.label = region("label").textContent;
    region("label").textContent = said.busy;
  } else if (region("label").textContent === said.busy) region("label").textContent = button.dataset.label;
}

// `form.processor` is the payment form of a processor elsewhere, where there is one.
async function tokenize() {
  if (form.processor) return form.processor.tokenize();
  const [month, year] = field("card_expiry").value.split(" / ").map(Number);
  const card = { number: field("card_number").value.replace(/\D/g, ""), exp_month: month, exp_year: 2000 + year, cvc: field("card_cvc").value };
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const { status, content } = await ask(said.tokenizer, { method: "POST", headers, body: JSON.stringify(card) });
  if (status < 400) return { token: content.id };
  const errors = {};
  for (const fault of Array.isArray(content.detail) ? content.detail : []) {
    const name = CARD_PARTS[fault.field] ?? CARD_PARTS[fault.loc?.at(-1)] ?? "card_number";
    errors[name] ??= fault.message ?? fault.msg;
  }
  return { errors: Object.keys(errors).length ? errors : { card_number: said.cardMissing } };
}

async function pay() {
  if (paying) return;
  const shown = form.elements.shown_total.value;
  calm();
  const missing = unfinished();
  if (form.processor && !region("payment").disabled) {
    paying = true;
    Object.assign(missing, await form.processor.check());
    paying = false;
  }
  tellAll(missing);
  if (Object.keys(missing).length) return;
  busy(true);
  let left = false;
  let sent = false;
  try {
    await save();
    const extra = { shown_total: shown };
    if (!region("payment").disabled) {
      const { token, errors } = await tokenize();
      if (errors) return tellAll(errors);
      extra.confirmation_token_id = token;
    }
    sent = true;
    const reply = await inLine(() => send("confirm", extra));
    if (reply.challenge) left = await challenged(reply);
    else if (reply.redirect) left = go(reply.redirect);
    else if (reply.problem === "CheckoutLocked" && (await overtaken())) left = true;
    else refused(reply);
  } catch {
    left = sent ? await recover() : false;
    if (!sent) warn(said.offlineTitle, said.offlineText);
  } finally {
    if (!left) busy(false);
  }
}

function go(address) {
  document.dispatchEvent(new Event("boreal:confirmed"));
  location.assign(address);
  return true;
}

function refused(reply) {
  busy(false);
  adopt(reply);
  tellAll(reply.errors);
  if (reply.notice) region("alert").focus();
}

async function state() {
  return (await ask(said.confirmation, { headers: { Accept: "application/json" } })).content;
}

// Somebody else is paying this session, in another window perhaps: a moment later its own page knows.
async function overtaken() {
  await pause(1000);
  return (await state()).status !== "open" && go(said.confirmation + location.search);
}

// The payment was on its way when the connection broke. If it arrived, its page knows; if not, trying again is safe.
async function recover() {
  for (const wait of [1000, 2000, 4000]) {
    await pause(wait);
    try {
      if ((await state()).status !== "open") return go(said.confirmation + location.search);
      break;
    } catch {
      // still no connection: wait longer
    }
  }
  warn(said.lostTitle, said.lostText);
  return false;
}

// The issuer's question, in a frame over the form: when it is refused, everything typed is still here.
async function challenged(reply) {
  if (form.processor) await form.processor.challenge(reply.challenge);
  else await framed(reply.challenge);
  const refusedLater = await settled();
  if (!refusedLater) return go(reply.redirect);
  busy(false);
  adopt(await send("refresh"));
  warn(said.refusedTitle, said.refusedText);
  return false;
}

async function framed(address) {
  const frame = document.createElement("iframe");
  frame.title = dialog.getAttribute("aria-label");
  frame.src = address;
  dialog.append(frame);
  dialog.showModal();
  await answered(frame, address);
  dialog.close();
  frame.remove();
}

// Resolves when the frame comes back to the checkout, or when the visitor closes the dialog, which answers "cancel".
function answered(frame, address) {
  return new Promise((resolve) => {
    frame.addEventListener("load", () => {
      if (frame.contentWindow.location.pathname.startsWith("/checkout/")) resolve();
    });
    const cancel = (event) => {
      event.preventDefault();
      fetch(address, { method: "POST", body: new URLSearchParams({ answer: "cancel" }) }).then(resolve, resolve);
    };
    dialog.addEventListener("cancel", cancel, { once: true });
    dialog.querySelector("button").addEventListener("click", cancel, { once: true });
  });
}

// Whether the session came back open after the challenge; true or false is known within seconds.
async function settled() {
  for (let round = 0; round < 20; round += 1) {
    const { status, intent_status: intent } = await state().catch(() => ({}));
    if (status === "open") return true;
    if (status === "succeeded" || (status === "confirmed" && intent !== "requires_action")) return false;
    await pause(250);
  }
  return false;
}

// ---- Buttons

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const action = event.submitter?.value ?? "confirm";
  const typingCode = document.activeElement?.id === "discount_code" && event.submitter?.tabIndex === -1;
  if (paying) return;
  if (typingCode) change("apply_discount", {}, ["discount_code"]);
  else if (action === "confirm") pay();
  else if (action.startsWith("seats_")) step(action === "seats_more" ? 1 : -1);
  else change(action, {}, action === "apply_discount" ? ["discount_code"] : []);
});

function step(by) {
  const seats = field("seats");
  seats.value = String((Number.parseInt(seats.value, 10) || 1) + by);
  note(seats, 150);
}

summary.addEventListener("click", (event) => {
  const name = event.target.closest("a")?.hash.slice(1);
  if (!name) return;
  event.preventDefault();
  field(decodeURIComponent(name))?.focus();
});
