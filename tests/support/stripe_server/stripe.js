// Stripe.js as far as our pages use it, without frames: a field for the number of a card, and a question in place of 3-D
// Secure. What it does at Stripe goes to https://api.stripe.com, which the test answers.

const ask = async (path, body) => {
  const response = await fetch(`https://api.stripe.com/${path}`, { method: "POST", body: JSON.stringify(body) });
  return response.json();
};

const need = (condition, words) => {
  if (!condition) throw new Error(`IntegrationError: ${words}`);
};

class Elements {
  constructor(options) {
    this.options = {};
    this.update(options);
  }
  update({ mode, currency, amount, setupFutureUsage, appearance, ...unknown }) {
    need(Object.keys(unknown).length === 0, `unknown options ${Object.keys(unknown)}`);
    need(["payment", "setup", undefined].includes(mode), "mode");
    this.options = { ...this.options, mode, currency, amount, setupFutureUsage };
    need(this.options.mode === "setup" || this.options.amount > 0, "amount");
    need(/^[a-z]{3}$/.test(this.options.currency), "currency");
    this.checked = false;
  }
  create(type, { fields }) {
    need(type === "payment", "type");
    this.never = Object.keys(fields.billingDetails);
    return {
      mount: (place) => {
        const label = document.createElement("label");
        this.input = document.createElement("input");
        label.append("Card number at Stripe", this.input);
        place.append(label);
      },
    };
  }
  async submit() {
    this.checked = this.input.value !== "";
    return this.checked ? {} : { error: { type: "validation_error", message: "Your card number is incomplete." } };
  }
}

window.Stripe = (key, { locale } = {}) => {
  need(key.startsWith("pk_test_"), "key");
  return {
    elements: (options) => new Elements(options),
    async createConfirmationToken({ elements, params }) {
      need(elements.checked, "submit");
      const details = params.payment_method_data.billing_details;
      for (const name of elements.never) need(details[name] !== undefined, `billing_details.${name}`);
      const card = elements.input.value;
      return { confirmationToken: await ask("confirmation_tokens", { key, locale, card, details, options: elements.options }) };
    },
    handleNextAction({ clientSecret }) {
      return new Promise((resolve) => {
        const box = document.createElement("div");
        for (const answer of ["Complete", "Fail"]) {
          const button = document.createElement("button");
          button.type = "button";
          button.textContent = `${answer} authentication`;
          button.onclick = async () => {
            box.remove();
            resolve(await ask("answers", { clientSecret, accepted: answer === "Complete" }));
          };
          box.append(button);
        }
        document.body.prepend(box);
      });
    },
  };
};
