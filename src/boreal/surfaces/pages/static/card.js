// The card fields: digits in groups, the brand by name, an expiry date with its slash. Nothing leaves the page here.

const BRANDS = [
  ["Visa", /^4/, [4, 8, 12]],
  ["Mastercard", /^(5[1-5]|2(2[2-9]|[3-6]|7[01]|720))/, [4, 8, 12]],
  ["American Express", /^3[47]/, [4, 10]],
  ["Discover", /^(6011|64[4-9]|65)/, [4, 8, 12]],
  ["Diners Club", /^3(0[0-5]|[689])/, [4, 10]],
  ["JCB", /^35(2[89]|[3-8])/, [4, 8, 12]],
  ["UnionPay", /^62/, [4, 8, 12]],
];
const UNKNOWN = ["", /^/, [4, 8, 12]];

const number = document.getElementById("card_number");
const expiry = document.getElementById("card_expiry");
const code = document.getElementById("card_cvc");
const mark = document.getElementById("card-brand");
const picture = mark.innerHTML;

function brandOf(digits) {
  return BRANDS.find(([, pattern]) => pattern.test(digits)) ?? UNKNOWN;
}

function grouped(digits, gaps) {
  return [...digits].map((digit, place) => (gaps.includes(place) ? " " : "") + digit).join("");
}

// Writes text into a field so that the caret stays behind the same digit.
function rewrite(field, text) {
  if (field.value === text) return;
  const before = field.value.slice(0, field.selectionStart ?? field.value.length).replace(/\D/g, "").length;
  const atEnd = field.selectionStart === field.value.length;
  field.value = text;
  if (document.activeElement !== field) return;
  let place = 0;
  for (let seen = 0; place < text.length && seen < before; place += 1) if (/\d/.test(text[place])) seen += 1;
  field.setSelectionRange(atEnd ? text.length : place, atEnd ? text.length : place);
}

number.addEventListener("input", () => {
  const digits = number.value.replace(/\D/g, "").slice(0, 19);
  const [name, , gaps] = brandOf(digits);
  rewrite(number, grouped(digits, gaps));
  if (mark.dataset.brand !== name) {
    mark.dataset.brand = name;
    if (name) mark.textContent = name;
    else mark.innerHTML = picture;
  }
});

expiry.addEventListener("input", (event) => {
  const deleting = event.inputType?.startsWith("delete");
  const parts = expiry.value.split(/\D+/).filter(Boolean);
  let [month = "", year = ""] = parts.length > 1 ? parts : [expiry.value.replace(/\D/g, "").slice(0, 2), expiry.value.replace(/\D/g, "").slice(2)];
  if (/^[2-9]$/.test(month)) month = `0${month}`;
  year = year.length === 4 && year.startsWith("20") ? year.slice(2) : year.slice(0, year.startsWith("20") ? 4 : 2);
  const slash = year || (month.length === 2 && !deleting);
  rewrite(expiry, slash ? `${month} / ${year}` : month);
});

code.addEventListener("input", () => rewrite(code, code.value.replace(/\D/g, "").slice(0, 4)));
