// Opens the issuer's challenge on the page that waits for the outcome, when a reload or a link led there in between. How it
// ended is known to the server, which that page keeps asking.

const { stripeKey, stripeScript, clientSecret } = document.querySelector("main").dataset;
const script = document.createElement("script");
script.src = stripeScript;
script.onload = () => window.Stripe(stripeKey).handleNextAction({ clientSecret }).catch(() => {});
document.head.append(script);
