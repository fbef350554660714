"""Every dependency has a licence that software under the Apache License 2.0 may depend on.

What is installed says so itself, in the metadata that its author wrote: an SPDX expression, or else the classifiers, or
else the old free-text field. Whatever is not on the list below is refused, the GPL and the AGPL among it.
"""

import re
from importlib.metadata import distribution
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).parents[1]

ALLOWED = {
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-0",
    "PSF-2.0",
    "Unlicense",
    # for packages that we import as they are and do not change
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "MPL-2.0",
}

# What the older ways of saying it mean.
MEANING = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}

# Packages whose metadata has no licence, with what they say elsewhere.
NOTES = {
    "axe-playwright-python": "MIT",  # the licence file that it ships; axe.min.js in it is MPL-2.0
    "polar-sdk": "MIT",  # the badge in its description
}


def _locked() -> list[str]:
    """The packages of the lock that a supported system installs."""
    names = []
    for line in (ROOT / "requirements-dev.lock").read_text().splitlines():
        if found := re.match(r"([a-z0-9-]+)==\S+(?: ; (.+?))? \\$", line):
            systems = ({"sys_platform": "linux"}, {"sys_platform": "darwin"})
            if found[2] is None or any(Marker(found[2]).evaluate(system) for system in systems):
                names.append(found[1])
    return names


def _stated(name: str) -> set[str]:
    """The licences that a package names, as SPDX identifiers where we know them."""
    metadata = distribution(name).metadata
    if expression := metadata["License-Expression"]:
        return set(re.split(r"\s+(?:AND|OR)\s+", expression.replace("(", "").replace(")", "")))
    classifiers = [entry.split(" :: ") for entry in metadata.get_all("Classifier") or []]
    said = [entry[-1] for entry in classifiers if entry[0] == "License" and "OSI Approved" in entry]
    said = said or [line for line in [metadata["License"]] if line]
    return {MEANING.get(words, words) for words in said}


def test_every_dependency_has_a_licence_that_we_may_depend_on() -> None:
    stated = {name: _stated(name) or {NOTES.get(name, "a licence that we do not know")} for name in _locked()}
    assert len(stated) > 50
    assert {name: licences - ALLOWED for name, licences in stated.items() if licences - ALLOWED} == {}


def test_notes_are_for_packages_that_say_nothing() -> None:
    assert [name for name in NOTES if _stated(name)] == []


def test_notice_names_what_is_not_permissive() -> None:
    notice = (ROOT / "NOTICE").read_text()
    copyleft = [name for name in _locked() if any(word.startswith(("LGPL", "MPL")) for word in _stated(name))]
    runtime = (ROOT / "requirements.lock").read_text()
    missing = [name for name in copyleft if f"\n{name}==" in runtime and name not in notice]
    assert missing == []


def test_the_project_states_its_own() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert distribution("boreal").metadata["License-Expression"] == "Apache-2.0"
