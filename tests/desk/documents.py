"""Random documents of a unit, good and bad, for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SERVICES = {"ihanoi": ["introduced", "installed", "using"], "vneid": ["guided", "level-1", "level-2"]}
LEVELS = {service: tuple(levels) for service, levels in SERVICES.items()}
BY = "person:hoa"
AT = "2026-05-01T02:00:00.000Z"

instants = st.one_of(
    st.builds(
        lambda day, hour, minute: f"2026-05-{day:02}T{hour:02}:{minute:02}:59.999Z",
        st.integers(1, 5),
        st.sampled_from([0, 9, 16, 17, 23]),
        st.sampled_from([0, 59]),
    ),
)
helps = st.builds(
    lambda pair, extra: {"service": pair[0], "level": pair[1], **extra},
    st.sampled_from([(service, level) for service, levels in SERVICES.items() for level in levels]),
    st.fixed_dictionaries(
        {},
        optional={
            "person": st.one_of(st.none(), st.sampled_from([f"resident:{n}" for n in range(4)])),
            "age_band": st.sampled_from(["under-16", "16-59", "60-plus", "business"]),
            "count": st.integers(1, 500),
            "obstacle": st.sampled_from(["no-smartphone", "old-phone"]),
            "referral": st.sampled_from(["police", "family"]),
        },
    ),
)
records = st.fixed_dictionaries(
    {"at": instants, "outcome": st.sampled_from(["met", "absent", "refused", "later", "moved"])},
    optional={
        "helps": st.lists(helps, max_size=4),
        "obstacles": st.lists(st.sampled_from(["no-network", "other"]), max_size=2),
        "withdrawn": st.booleans(),
    },
)


def _register(value: Any) -> dict[str, Any]:
    return {"value": value, "at": AT, "by": BY}


visits = st.builds(
    lambda household, by, record: {
        "type": "visit",
        "household": household,
        "created": {"at": AT, "by": by, "device": "device:1"},
        "record": _register(record),
    },
    st.one_of(st.none(), st.sampled_from([f"household:{n}" for n in range(4)])),
    st.sampled_from(["person:hoa", "person:nam"]),
    records,
)
households = st.builds(
    lambda extra: {"type": "household", **{name: _register(value) for name, value in extra.items()}},
    st.fixed_dictionaries(
        {},
        optional={"adults": st.one_of(st.none(), st.integers(0, 99)), "gone": st.booleans()},
    ),
)
residents = st.just({"type": "resident"})

junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 600),
        st.floats(allow_nan=False, allow_infinity=False, width=16),
        st.text(max_size=6),
        st.sampled_from(["3", "007", "", AT, "2026-02-30T00:00:00.000Z", "+275760-09-13T00:00:00.000Z"]),
        st.sampled_from(["2026-05-01T24:00:00.000Z", "9999-12-31T23:00:00.000Z", "0000-01-01T00:00:00.000Z"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["value", "at", "by", "count", "service"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, good: st.SearchStrategy[dict[str, Any]] = visits) -> dict[str, Any]:
    """A document with one or two places, at any depth, replaced by something else or taken away."""
    document = draw(good)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(document))
        if not places:
            break
        holder, name = draw(st.sampled_from(places))
        if isinstance(holder, dict) and draw(st.booleans()):
            holder.pop(name, None)
        else:
            holder[name] = draw(junk)
    return document


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in list(items):
        yield value, name
        yield from _places(inner)


documents = st.lists(st.one_of(visits, visits, households, residents), max_size=12)
spoilt_documents = st.lists(st.one_of(spoilt(), visits, spoilt(households)), max_size=8)
