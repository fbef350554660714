// Stripe's payment form instead of our card fields. It makes a confirmation token of what was typed into Stripe's frames,
// and opens the issuer's challenge; everything else of the checkout stays as it is.

const form = document.getElementById("checkout");
const place = document.getElementById("payment_details");
const said = place.dataset;
const spot = document.getElementById("payment_details-error");

// What kind of intent it will be; the server renews it with the region.
const wanted = () => document.getElementById("payment_options").value;
let told = wanted();
let checked = false; // Stripe wants its fields checked anew after every change

function load() {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = said.script;
    script.onload = () => resolve(window.Stripe(said.key, { locale: said.language }));
    script.onerror = () => reject(new Error("Stripe"));
    document.head.append(script);
  });
}

function isDark() {
  const forced = document.documentElement.dataset.theme;
  return forced ? forced === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

async function open() {
  const stripe = await load();
  const elements = stripe.elements({ ...JSON.parse(told), appearance: { theme: isDark() ? "night" : "stripe" } });
  // Name, e-mail and country are asked for by our own fields.
  const billingDetails = { name: "never", email: "never", address: { country: "never" } };
  elements.create("payment", { fields: { billingDetails } }).mount(place);
  return { stripe, elements };
}

const opened = open();
opened.catch(() => {
  spot.textContent = said.missingScript;
  spot.hidden = false;
});

const typed = (name) => form.elements[name]?.value || undefined;

function billing() {
  const details = { name: typed("customer_name") ?? "", email: typed("customer_email") ?? "" };
  return { ...details, address: { country: typed("country") ?? "" } };
}

const fault = (error) => ({ payment_details: error.message ?? said.missingScript });

function follow(elements) {
  if (wanted() === told) return;
  told = wanted();
  checked = false;
  elements.update(JSON.parse(told));
}

async function submit(elements) {
  const { error } = await elements.submit();
  checked = !error;
  return error;
}

form.addEventListener("adopted", () => {
  opened.then(({ elements }) => follow(elements), () => {});
});

form.processor = {
  // Asks Stripe's fields whether they are complete; first thing after the click, as wallets open their window then.
  async check() {
    try {
      const { elements } = await opened;
      follow(elements);
      const error = await submit(elements);
      return error ? fault(error) : {};
    } catch {
      return { payment_details: said.missingScript };
    }
  },
  async tokenize() {
    const { stripe, elements } = await opened;
    follow(elements);
    const unchecked = checked ? null : await submit(elements);
    if (unchecked) return { errors: fault(unchecked) };
    const params = { payment_method_data: { billing_details: billing() }, return_url: location.origin + form.dataset.confirmation };
    const { confirmationToken, error } = await stripe.createConfirmationToken({ elements, params });
    return error ? { errors: fault(error) } : { token: confirmationToken.id };
  },
  // Returns when the challenge is over, however it ended: our server knows how.
  async challenge(clientSecret) {
    const { stripe } = await opened;
    await stripe.handleNextAction({ clientSecret }).catch(() => {});
  },
};
