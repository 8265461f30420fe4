"""Questions to a view, put to SQLite: ranges, keys, groups and the built-in reduces."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sync.embedded.collation import Collation
from sync.embedded.documents import encode
from sync.embedded.errors import DesignFailure
from sync.embedded.requests import MISSING
from sync.embedded.views import LEVELS, read_position

AFTER_ALL = b"\x08"
"""After a prefix of encoded keys, sorts after everything that begins with it."""
MAX_GROUPS = 500
EXACT = 0
"""The group level that keeps whole keys apart."""


@dataclass(frozen=True)
class ViewQuery:
    """``group_level`` None reduces everything to one row, EXACT groups by whole keys."""

    start: Any = MISSING
    end: Any = MISSING
    start_id: str | None = None
    end_id: str | None = None
    inclusive_end: bool = True
    keys: tuple[Any, ...] | None = None
    descending: bool = False
    skip: int = 0
    limit: int = 2**62
    group_level: int | None = None


@dataclass(frozen=True)
class Row:
    id: str
    key: bytes
    value: bytes


@dataclass(frozen=True)
class Range:
    """A condition on a view's rows with its parameters."""

    sql: str
    parameters: list[Any]

    @classmethod
    def between(cls, query: ViewQuery, collation: Collation) -> Range:
        conditions: list[str] = []
        parameters: list[Any] = []
        after, before = ("<", ">") if query.descending else (">", "<")
        if query.start is not MISSING:
            start = collation.encode(query.start)
            if query.start_id is not None:
                conditions.append(f"(key, id) {after}= (?, ?)")
                parameters += [start, query.start_id]
            else:
                conditions.append(f"key {after}= ?")
                parameters.append(start)
        if query.end is not MISSING:
            end = collation.encode(query.end)
            equal = "=" if query.inclusive_end else ""
            if query.end_id is not None:
                conditions.append(f"(key, id) {before}{equal} (?, ?)")
                parameters += [end, query.end_id]
            else:
                conditions.append(f"key {before}{equal} ?")
                parameters.append(end)
        return cls(" AND ".join(conditions) or "1", parameters)

    @classmethod
    def exactly(cls, key: Any, collation: Collation) -> Range:
        return cls("key = ?", [collation.encode(key)])


def select_rows(
    connection: sqlite3.Connection, signature: str, query: ViewQuery
) -> tuple[int, int, list[Row]]:
    """The total of rows, how many precede, and the rows asked for."""
    collation = Collation()
    _, total = read_position(connection, signature)
    if query.keys is not None:
        rows = _select_keys(connection, signature, query, collation)
        return total, 0, rows
    bounds = Range.between(query, collation)
    rows = _select(connection, signature, bounds, query, query.skip, query.limit)
    return total, _count_before(connection, signature, query, collation) + query.skip, rows


def _select_keys(
    connection: sqlite3.Connection, signature: str, query: ViewQuery, collation: Collation
) -> list[Row]:
    rows: list[Row] = []
    skip = query.skip
    for key in query.keys or ():
        wanted = query.limit - len(rows)
        if wanted <= 0:
            break
        found = _select(connection, signature, Range.exactly(key, collation), query, 0, wanted + skip)
        rows.extend(found[skip:])
        skip = max(skip - len(found), 0)
    return rows


def _select(
    connection: sqlite3.Connection, signature: str, bounds: Range, query: ViewQuery, skip: int, limit: int
) -> list[Row]:
    order = "DESC" if query.descending else "ASC"
    sql = (
        f'SELECT id, json, value FROM "rows_{signature}" WHERE {bounds.sql} '  # noqa: S608
        f"ORDER BY key {order}, id {order}, n {order} LIMIT ? OFFSET ?"
    )
    found = connection.execute(sql, (*bounds.parameters, limit, skip))
    return [Row(doc_id, bytes(key), bytes(value)) for doc_id, key, value in found]


def _count_before(
    connection: sqlite3.Connection, signature: str, query: ViewQuery, collation: Collation
) -> int:
    if query.start is MISSING:
        return 0
    start = ViewQuery(start=query.start, start_id=query.start_id, descending=query.descending)
    bounds = Range.between(start, collation)
    sql = f'SELECT count(*) FROM "rows_{signature}" WHERE NOT ({bounds.sql})'  # noqa: S608
    count: int = connection.execute(sql, bounds.parameters).fetchone()[0]
    return count


def reduce_rows(
    connection: sqlite3.Connection, signature: str, reduce: str, query: ViewQuery
) -> list[tuple[bytes, bytes]]:
    """Keys and reduced values, as JSON.

    :raises DesignFailure: a value that is no number under ``_stats``.
    """
    collation = Collation()
    if query.keys is not None:
        rows: list[tuple[bytes, bytes]] = []
        for key in query.keys:
            bounds = Range.exactly(key, collation)
            rows.extend(_reduce_range(connection, signature, reduce, bounds, query))
        return rows[query.skip :][: query.limit]
    groups = None
    if query.group_level and query.start_id is None and query.end_id is None:
        groups = _reduce_groups(connection, signature, reduce, query, collation)
    if groups is None:
        bounds = Range.between(query, collation)
        groups = _reduce_range(connection, signature, reduce, bounds, query)
    return groups[query.skip :][: query.limit]


def _reduce_groups(
    connection: sqlite3.Connection, signature: str, reduce: str, query: ViewQuery, collation: Collation
) -> list[tuple[bytes, bytes]] | None:
    """Group by group along the index, which sorts nothing; None when they are too many for that."""
    low, high = (query.end, query.start) if query.descending else (query.start, query.end)
    low_is_end = query.descending and not query.inclusive_end
    position, after = (b"" if low is MISSING else collation.encode(low)), ">" if low_is_end else ">="
    ceiling = AFTER_ALL if high is MISSING else collation.encode(high)
    until = "<=" if query.descending or query.inclusive_end else "<"
    rows: list[tuple[bytes, bytes]] = []
    for _ in range(MAX_GROUPS):
        sql = (
            f'SELECT key, {_group_expression(query.group_level)} FROM "rows_{signature}" '  # noqa: S608
            f"WHERE key {after} ? AND key {until} ? ORDER BY key LIMIT 1"
        )
        first = connection.execute(sql, (position, ceiling)).fetchone()
        if not first:
            return rows[::-1] if query.descending else rows
        end = first[1] + AFTER_ALL
        inside = f"key >= ? AND key {until if end > ceiling else '<'} ?"
        bounds = Range(inside, [first[0], min(end, ceiling)])
        rows.extend(_reduce_range(connection, signature, reduce, bounds, query, together=True))
        position, after = end, ">="
    return None


def _group_expression(level: int | None) -> str:
    if level is None:
        return "1"
    if level == EXACT:
        return "key"
    if level <= LEVELS:
        return f"coalesce(substr(key, 1, e{level}), key)"
    return f"coalesce(substr(key, 1, json_extract(ends, '$[{level - 1}]')), key)"


AGGREGATES = {
    "_count": "count(*)",
    "_sum": "sum(number)",
    "_stats": "sum(number), count(*), min(number), max(number), total(1.0 * number * number)",
}


def _reduce_range(
    connection: sqlite3.Connection,
    signature: str,
    reduce: str,
    bounds: Range,
    query: ViewQuery,
    together: bool = False,
) -> list[tuple[bytes, bytes]]:
    """The groups within bounds; ``together`` says they are one."""
    group = "1" if together else _group_expression(query.group_level)
    order = "DESC" if query.descending else "ASC"
    sql = (
        f"SELECT {group} AS part, json, count(*) - count(number), {AGGREGATES[reduce]} "  # noqa: S608
        f'FROM "rows_{signature}" WHERE {bounds.sql} GROUP BY part ORDER BY part {order}'
    )
    rows: list[tuple[bytes, bytes]] = []
    for part, key, unreadable, *values in connection.execute(sql, bounds.parameters):
        if unreadable and reduce != "_count":
            inside = Range(f"{bounds.sql} AND {group} = ?", [*bounds.parameters, part])
            value = _reduce_others(connection, signature, reduce, inside)
        else:
            value = _encode_value(reduce, values)
        rows.append((_group_key(bytes(key), query.group_level), value))
    return rows


def _encode_value(reduce: str, values: Sequence[Any]) -> bytes:
    whole = [int(v) if isinstance(v, float) and v.is_integer() and abs(v) < 2**63 else v for v in values]
    if reduce != "_stats":
        return encode(whole[0])
    return encode(dict(zip(("sum", "count", "min", "max", "sumsqr"), whole, strict=True)))


def _group_key(key: bytes, level: int | None) -> bytes:
    if level is None:
        return b"null"
    if level == EXACT or not key.startswith(b"["):
        return key
    parts = msgspec.json.decode(key, type=list[msgspec.Raw])
    return key if len(parts) <= level else encode(parts[:level])


def _reduce_others(connection: sqlite3.Connection, signature: str, reduce: str, bounds: Range) -> bytes:
    """Values that are not all numbers: arrays of numbers are reduced place by place, else it fails."""
    table = f'"rows_{signature}"'
    wrong = connection.execute(
        f"SELECT value FROM {table} WHERE ({bounds.sql}) AND number IS NULL AND NOT ("  # noqa: S608
        "substr(value, 1, 1) = x'5b' AND NOT EXISTS (SELECT 1 FROM json_each(CAST(value AS TEXT)) AS item "
        "WHERE item.type NOT IN ('integer', 'real'))) LIMIT 1",
        bounds.parameters,
    ).fetchone()
    if wrong:
        return _fail(reduce, bytes(wrong[0]))
    aggregate = AGGREGATES[reduce].replace("number", "item.value")
    inside = f"(SELECT number, CAST(value AS TEXT) AS value FROM {table} WHERE {bounds.sql}) AS chosen"  # noqa: S608
    each = "json_each(CASE WHEN number IS NULL THEN chosen.value ELSE json_array(number) END) AS item"
    sql = f"SELECT item.key, {aggregate} FROM {inside}, {each} GROUP BY 1 ORDER BY 1"  # noqa: S608
    condition_rows = connection.execute(sql, bounds.parameters)
    return b"[" + b",".join([_encode_value(reduce, values) for _, *values in condition_rows]) + b"]"


def _fail(reduce: str, value: bytes) -> bytes:
    """CouchDB answers a sum's failure as a value, that of statistics as an error."""
    if reduce == "_sum":
        reason = "The _sum function requires that map values be numbers, arrays of numbers, or objects. Objects cannot be mixed with other data structures. Objects can be arbitrarily nested, provided that the values for all fields are themselves numbers, arrays of numbers, or objects."  # noqa: E501
        return encode({"error": "builtin_reduce_error", "reason": reason, "caused_by": msgspec.Raw(value)})
    text = value.decode()
    reason = f"The _stats function requires that map values be numbers or arrays of numbers, not '{text}'"
    raise DesignFailure(reason, "invalid_value")
