"""JSON that nobody should send: anything at all, and bodies that are nearly right.

Bodies are texts, because much of what is rude has no Python value: numbers beyond every type, names that come twice,
nesting that no stack could hold. Inside of a value, `Raw` stands for such a text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from boreal.main import openapi

_TOKEN = "raw-json-%d-follows"


@dataclass(frozen=True)
class Raw:
    """A piece of JSON, or of what only looks like it, as it is sent."""

    text: str


RAW = [
    Raw("[" * 600 + "]" * 600),
    Raw("[" * 100_000 + "]" * 100_000),
    Raw('{"a":' * 5_000 + "1" + "}" * 5_000),
    Raw("1e400"),
    Raw("-1e400"),
    Raw("1e-400"),
    Raw("0." + "3" * 400),
    Raw("1" * 5_000),
    Raw("-0"),
    Raw("NaN"),
    Raw("Infinity"),
    Raw("-Infinity"),
    Raw("01"),
    Raw("+1"),
    Raw("1_000"),
    Raw("'single'"),
    Raw("undefined"),
    Raw('{"id": 1, "id": 2}'),
    Raw('"\\ud800"'),
    Raw('"\\udfff\\ud800"'),
    Raw('{"\\ud800": 1}'),
    Raw('"\\u0000"'),
    Raw('{"\\u0000": null}'),
    Raw('"\\x41"'),
    Raw('"unterminated'),
    Raw('"\n"'),
    Raw(""),
]

NUMBERS = [0, 1, -1, 49, 50, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**400, 0.5, 1e308]
TEXTS = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x1f\x7f\x85",
    "\ufeff\ufffe\uffff",
    "\u202e\u200b\u0301" * 20,
    "😀" * 300,
    "İıßſK",
    "x" * 257,
    "x" * 70_000,
    "null",
    "true",
    "0",
    "1e400",
    "NaN",
    "-1",
    "٣",
    "%00%FF%s",
    "';--",
    "\\",
    "{{7*7}}",
    "<script>",
    "javascript:alert(1)",
    "http://",
    "http://[::1",
    "https://\u2028.example/",
    "http://user:pass@xn--/#" + "a" * 3000,
    "a@b",
    '"a b"@example.com',
    "a@" + "b" * 260 + ".com",
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "P1Y",
    "PT" + "9" * 400 + "S",
    "::ffff:1.2.3.4",
    "fe80::1%eth0",
    "00000000-0000-0000-0000-000000000000",
    "{12345678-1234-4234-8234-123456789abc}",
    "urn:uuid:12345678-1234-4234-8234-123456789abc",
    "US-XX",
    "fr",
    "FR",
    "ZZ",
]

scalars: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.sampled_from(RAW),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(st.characters(codec=None), max_size=20),
)
junk: SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TEXTS[:12], "id", "type"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def text_of(value: Any) -> bytes:
    """The JSON of a value, with each `Raw` as it is."""
    raws: list[str] = []

    def stand_in(raw: Any) -> str:
        raws.append(raw.text)
        return _TOKEN % (len(raws) - 1)

    dumped = json.dumps(value, default=stand_in)
    for number, raw in enumerate(raws):
        dumped = dumped.replace(f'"{_TOKEN % number}"', raw, 1)
    return dumped.encode("utf-8", "surrogatepass")


def schema_of(method: str, path: str) -> dict[str, Any]:
    """The schema of the body of an operation, as the document has it."""
    content: dict[str, Any] = openapi()["paths"][path][method.lower()]["requestBody"]["content"]
    schema: dict[str, Any] = content["application/json"]["schema"]
    return schema


FORMATS: dict[str, list[str]] = {
    "date-time": ["2026-01-15T12:00:00Z", "2026-01-15T12:00:00", "2026-01-15"],
    "duration": ["P1D", "PT1S", "PT0S", "-P1D", "P100000D"],
    "ipvanyaddress": ["127.0.0.1", "::1", "127.1"],
    "uri": [
        "https://example.com",
        "https://example.com",
        "http://127.0.0.1/",
        "ftp://example.com",
        "https://münchen.example.com/ü?x=ä#",
    ],
}


@dataclass(frozen=True)
class Near:
    """Makes what nearly fits a schema. Each part of it is junk instead, one in `spoilt` times; never if that is 0."""

    known: tuple[str, ...]
    spoilt: int

    def value(self, draw: DrawFn, schema: Mapping[str, Any]) -> Any:
        """A value for a schema."""
        if self.spoilt and draw(st.integers(1, self.spoilt)) == self.spoilt:
            return draw(junk)
        if "$ref" in schema:
            return self.value(draw, openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        for union in ("anyOf", "oneOf", "allOf"):
            if union in schema:
                return self.value(draw, draw(st.sampled_from(schema[union])))
        if "const" in schema or "enum" in schema:
            return draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
        make = getattr(self, f"_{schema.get('type', 'anything')}")
        return make(draw, schema)

    def _object(self, draw: DrawFn, schema: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            if name in required or draw(st.integers(0, 2)) == 0:
                made[name] = self.value(draw, member)
        if self.spoilt and made and draw(st.integers(0, self.spoilt)) == 0:
            del made[draw(st.sampled_from(sorted(made)))]
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            for name in draw(st.lists(st.sampled_from([*self.known, *TEXTS[:20], "key"]), max_size=2)):
                made[name] = self.value(draw, extra)
        return made

    def _array(self, draw: DrawFn, schema: Mapping[str, Any]) -> list[Any]:
        if "prefixItems" in schema:
            return [self.value(draw, item) for item in schema["prefixItems"]]
        least = schema.get("minItems", 0)
        return [self.value(draw, schema.get("items", {})) for _ in range(draw(st.integers(least, least + 2)))]

    def _string(self, draw: DrawFn, schema: Mapping[str, Any]) -> str:
        form = schema.get("format", "")
        if form.startswith("uuid"):
            return draw(st.sampled_from(self.known) | st.uuids(version=4).map(str) | st.uuids(version=1).map(str))
        if form == "email":
            return f"{draw(st.integers(0, 10**9))}@example.com"
        if form in FORMATS:
            return draw(st.sampled_from(FORMATS[form]))
        length = schema.get("maxLength", 20)
        return draw(st.sampled_from(["word", "x" * length]) | st.text(min_size=1, max_size=20))

    def _integer(self, draw: DrawFn, schema: Mapping[str, Any]) -> int:
        least, most = schema.get("minimum", 0), schema.get("maximum", 2**31 - 1)
        return draw(st.integers(least, most) | st.sampled_from([least, most, least - 1, most + 1]))

    def _number(self, draw: DrawFn, schema: Mapping[str, Any]) -> float:
        return draw(st.sampled_from(NUMBERS) | st.floats(0, 1000))

    def _boolean(self, draw: DrawFn, schema: Mapping[str, Any]) -> bool:
        return draw(st.booleans())

    def _null(self, draw: DrawFn, schema: Mapping[str, Any]) -> None:
        return None

    def _anything(self, draw: DrawFn, schema: Mapping[str, Any]) -> Any:
        return draw(junk)


@st.composite
def near(draw: DrawFn, schema: Mapping[str, Any], known: tuple[str, ...]) -> Any:
    """What nearly fits a schema; `known` are ids that exist. Some fit wholly, some hardly."""
    return Near(known, draw(st.sampled_from([0, 0, 40, 10]))).value(draw, schema)
