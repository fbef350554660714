// Opens a Boreal checkout over a merchant's page, in a frame. Merchants put it on their pages:
//   <a href="LINK" data-polar-checkout data-polar-checkout-theme="light">Buy</a>
//   <script defer data-auto-init src="https://boreal.example/embed.js"></script>
// and reach the class as Polar.EmbedCheckout or Boreal.EmbedCheckout: create(), init(), and on what create() gives,
// close() and addEventListener() for loaded, close, confirmed and success.

(() => {
  const script = document.currentScript;
  const home = script && new URL(script.src).origin;
  const MESSAGE = "POLAR_CHECKOUT";
  const TRIGGER = "data-polar-checkout";
  const LOCKED = "polar-no-scroll";
  const ABOVE = "2147483647";
  const FRAME = {
    position: "fixed",
    inset: "0",
    width: "100%",
    height: "100%",
    border: "0",
    background: "rgb(10 12 16 / 60%)",
    colorScheme: "light", // another scheme than that of the page within would make the frame opaque
    zIndex: ABOVE,
  };
  const SPINNER = {
    position: "fixed",
    inset: "calc(50% - 16px)",
    width: "32px",
    height: "32px",
    boxSizing: "border-box",
    border: "3px solid #fff",
    borderRightColor: "transparent",
    borderRadius: "50%",
    pointerEvents: "none",
    zIndex: ABOVE,
  };

  class EmbedCheckout {
    #frame;
    #target = new EventTarget();
    #origins;
    #closable = true;
    #opener = document.activeElement;
    #spinner = made("div", SPINNER);
    #hear = (message) => this.#heard(message);
    #press = ({ key }) => key === "Escape" && this.#closable && this.close();

    constructor(frame, origin) {
      this.#frame = frame;
      this.#origins = [origin, home];
      addEventListener("message", this.#hear);
      addEventListener("keydown", this.#press);
      document.body.classList.add(LOCKED);
      document.body.append(frame, this.#spinner);
      const turning = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (turning) this.#spinner.animate({ rotate: ["0turn", "1turn"] }, { duration: 900, iterations: Infinity });
    }

    // What happens unless a listener of the merchant's prevents it.
    #actions = {
      loaded: () => {
        this.#spinner.remove();
        this.#frame.focus();
      },
      close: () => this.#closable && this.close(),
      confirmed: () => (this.#closable = false),
      success: (event) => {
        this.#closable = true;
        if (event.detail.redirect) location.href = event.detail.successURL;
      },
    };

    // Opens a checkout link, or a session whose `embed_origin` is this page's; resolves once it can be seen.
    static create(url, options = {}) {
      const { theme, onLoaded } = typeof options === "string" ? { theme: options } : options;
      const address = new URL(url, location.href);
      address.searchParams.set("embed", "true");
      address.searchParams.set("embed_origin", location.origin);
      if (theme) address.searchParams.set("theme", theme);
      const frame = made("iframe", FRAME);
      frame.src = address.href;
      frame.title = "Checkout";
      frame.allow = `payment 'self' ${address.origin}; publickey-credentials-get 'self' ${address.origin};`;
      const checkout = new EmbedCheckout(frame, address.origin);
      if (onLoaded) checkout.addEventListener("loaded", onLoaded, { once: true });
      return new Promise((resolve) => checkout.addEventListener("loaded", () => resolve(checkout), { once: true }));
    }

    // Makes every element with the attribute open its checkout; once per element, however often it is called.
    static init() {
      for (const element of document.querySelectorAll(`[${TRIGGER}]`)) {
        element.removeEventListener("click", opens);
        element.addEventListener("click", opens);
      }
    }

    // Takes the checkout away. Nobody is told: it is what the page itself wants.
    close() {
      removeEventListener("message", this.#hear);
      removeEventListener("keydown", this.#press);
      this.#frame.remove();
      this.#spinner.remove();
      document.body.classList.remove(LOCKED);
      this.#opener?.focus?.();
    }

    addEventListener(type, listener, options) {
      this.#target.addEventListener(type, listener, options);
    }

    removeEventListener(type, listener, options) {
      this.#target.removeEventListener(type, listener, options);
    }

    #heard({ source, origin, data }) {
      if (source !== this.#frame.contentWindow || !this.#origins.includes(origin)) return;
      if (data?.type !== MESSAGE || !Object.hasOwn(this.#actions, data.event)) return;
      const event = new CustomEvent(data.event, { detail: data, cancelable: true });
      if (this.#target.dispatchEvent(event)) this.#actions[data.event](event);
    }
  }

  function made(name, style) {
    const element = document.createElement(name);
    Object.assign(element.style, style);
    return element;
  }

  function opens(event) {
    const element = event.target.closest(`[${TRIGGER}]`);
    const url = element.getAttribute("href") || element.getAttribute(TRIGGER);
    if (!url) return;
    event.preventDefault();
    if (document.body.classList.contains(LOCKED)) return; // one is open already
    EmbedCheckout.create(url, { theme: element.getAttribute(`${TRIGGER}-theme`) });
  }

  const style = document.createElement("style");
  style.textContent = `.${LOCKED} { overflow: hidden; }`;
  document.head.append(style);
  window.Polar = { ...window.Polar, EmbedCheckout };
  window.Boreal = { ...window.Boreal, EmbedCheckout };
  if (!script?.hasAttribute("data-auto-init")) return;
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => EmbedCheckout.init());
  else EmbedCheckout.init();
})();
