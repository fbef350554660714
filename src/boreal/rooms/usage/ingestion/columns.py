"""What is counted and named, column by column, as the statements of ingestion take it.

Columns of ids and numbers, of which there are thousands for a large batch, are texts that PostgreSQL reads as arrays:
the driver looks at every element of an array several times, which took a fifth of the time of ingestion.
"""

from collections.abc import Iterable
from typing import Any

from boreal.core.events import EventSource
from boreal.rooms.usage.meters.counting import Counts


def _array(values: Iterable[Any]) -> str:
    """Ids or numbers, which need no quotes, and None."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def usage_of(counts: Counts) -> dict[str, str]:
    """What meters count of each subject."""
    usage = counts.usage()
    cells = usage.values()
    return {
        "meter_ids": _array(meter for meter, _ in usage),
        "subjects": _array(subject for _, subject in usage),
        "counts": _array(cell[0] for cell in cells),
        "sums": _array(cell[1] for cell in cells),
        "mins": _array(cell[2] for cell in cells),
        "maxs": _array(cell[3] for cell in cells),
    }


def rollups_of(counts: Counts, slot: int) -> dict[str, str]:
    """The same by hour and day."""
    rollups = counts.rollups(slot)
    cells = rollups.values()
    return {
        **{
            name: _array(key[index] for key in rollups)
            for index, name in enumerate(("r_meter_ids", "r_subjects", "r_hours", "r_buckets", "r_slots"))
        },
        "r_counts": _array(cell[0] for cell in cells),
        "r_sums": _array(cell[1] for cell in cells),
        "r_mins": _array(cell[2] for cell in cells),
        "r_maxs": _array(cell[3] for cell in cells),
    }


def names_of(names: dict[str, list[Any]], source: EventSource) -> dict[str, list[Any]]:
    """How often names occur, as root too, and when first and last."""
    return {
        "n_names": list(names),
        "n_sources": [source.value] * len(names),
        **{
            name: [known[index] for known in names.values()]
            for index, name in enumerate(("n_occurrences", "n_roots", "n_firsts", "n_lasts"))
        },
    }
