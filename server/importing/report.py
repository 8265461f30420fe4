"""What an import would do, as a table to read in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.importing.addresses import Address, Part, names
from server.importing.households import Bad
from server.importing.plan import Plan
from server.importing.sheet import NotASheet
from server.texts import Translate

PARTS: tuple[Part, ...] = ("house", "lane", "street", "building", "unit_text")
SHOWN = 200
"""Bad rows listed at most; the number of all of them is always given."""


def describe_plan(plan: Plan, t: Translate) -> str:
    """The counts, every bad row with its reason and how to mend it, and what was left out on purpose."""
    return "\n".join(_lines(plan, t))


def describe_error(error: NotASheet, t: Translate) -> str:
    """One sentence with the stable code, as all errors have."""
    return f"{t(f'import.error.{error.code}', **error.values)} [{error.code}]"


def _lines(plan: Plan, t: Translate) -> Iterator[str]:
    header = plan.households.header
    yield t("import.header", unit=plan.unit, row=header.row.number)
    yield ""
    guessed = [found for found in plan.households.good if not found.sure]
    dated = [found for found in plan.households.good if found.dated]
    counts = {
        "read": len(plan.households.good),
        "new": plan.to_write,
        "known": plan.known,
        "changed": len(plan.changed),
        "bad": len(plan.bad),
        "dated": len(dated),
        "guessed": len(guessed),
    }
    yield from _table([[t(f"import.count.{name}"), str(count)] for name, count in counts.items()])
    if plan.bad:
        yield from ("", t("import.bad-rows"))
        head = [t("import.column.row"), t("import.column.reason"), t("import.column.text")]
        yield from _table(
            [head, *([str(bad.row), describe_bad(bad, t), bad.text] for bad in plan.bad[:SHOWN])]
        )
        if len(plan.bad) > SHOWN:
            yield t("import.more", count=len(plan.bad) - SHOWN)
    if plan.changed:
        yield from ("", t("import.changes"))
        yield from _table([[str(row), address, what] for row, address, what in list_changes(plan, t)[:SHOWN]])
    if dated:
        yield from ("", t("import.dated"))
        yield from _table([[str(f.row), ", ".join(f.address.values())] for f in dated[:SHOWN]])
    if guessed:
        yield from ("", t("import.guessed"))
        yield from _table([[str(f.row), f.source, "→", read_as(f.address, t)] for f in guessed[:SHOWN]])
    if header.private:
        yield from ("", t("import.private", columns=", ".join(header.private)))
    if header.unused:
        yield from ("", t("import.unused", columns=", ".join(header.unused)))


def list_changes(plan: Plan, t: Translate) -> list[tuple[int, str, str]]:
    """(row, address, what is there and what the sheet says) of each household that it tells otherwise."""
    rows = []
    for one in plan.changed:
        for name, after in one.fields.items():
            values = {"before": _value(one.before[name], t), "after": _value(after, t)}
            address = ", ".join(one.found.address.values())
            rows.append((one.found.row, address, t(f"import.change.{name}", **values)))
    return rows


def read_as(address: Address, t: Translate) -> str:
    """The parts, with their names where they do not say them: "Số nhà: 12/4 · ngõ 5 · Đường, phố: Bờ Đê"."""
    told = ((part, address[part]) for part in PARTS if part in address)
    return " · ".join(
        text if names(text, part) else f"{t(f'import.part.{part}')}: {text}" for part, text in told
    )


def _value(value: object, t: Translate) -> str:
    if value is None:
        return t("import.change.nothing")
    return t(f"import.kind.{value}") if value in ("home", "business") else str(value)


def describe_bad(bad: Bad, t: Translate) -> str:
    """What is wrong with a row, and how to mend it."""
    if bad.code == "refused":
        return t("import.row.refused", reason=t(f"refused.{bad.values['code']}"))
    return t(f"import.row.{bad.code}", **bad.values)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
