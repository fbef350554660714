"""What is counted and named, column by column, as the statements of ingestion take it."""

from typing import Any

from boreal.core.events import EventSource
from boreal.rooms.usage.meters.counting import Counts


def _text(number: Any) -> str | None:
    return None if number is None else str(number)


def usage_of(counts: Counts) -> dict[str, list[Any]]:
    """What meters count of each subject."""
    usage = counts.usage()
    cells = usage.values()
    return {
        "meter_ids": [meter for meter, _ in usage],
        "subjects": [subject for _, subject in usage],
        "counts": [cell[0] for cell in cells],
        "sums": [_text(cell[1]) for cell in cells],
        "mins": [_text(cell[2]) for cell in cells],
        "maxs": [_text(cell[3]) for cell in cells],
    }


def rollups_of(counts: Counts, slot: int) -> dict[str, list[Any]]:
    """The same by hour and day."""
    rollups = counts.rollups(slot)
    cells = rollups.values()
    return {
        **{
            name: [key[index] for key in rollups]
            for index, name in enumerate(("r_meter_ids", "r_subjects", "r_hours", "r_buckets", "r_slots"))
        },
        "r_counts": [cell[0] for cell in cells],
        "r_sums": [_text(cell[1]) for cell in cells],
        "r_mins": [_text(cell[2]) for cell in cells],
        "r_maxs": [_text(cell[3]) for cell in cells],
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
