"""docs/scaling.md says what the figures say; and the reckoning behind it."""

import pytest

from bench.scaling.__main__ import DOCUMENT, read_results
from bench.scaling.demand import Behaviour, RoomKind, reckon
from bench.scaling.document import fill, make_tables
from bench.scaling.limits import LIMITS, find_limits
from bench.scaling.units import MEASURED, read_units

CHEAP = dict.fromkeys((each.name for each in MEASURED), 10.0)
UNITS = dict.fromkeys((each.name for each in MEASURED), 1_000.0)


def test_the_document_has_the_tables_that_the_figures_make():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == fill(text, make_tables(read_results())), "`python -m bench.scaling` puts it right"


def test_every_unit_costs_something():
    units = read_units(read_results())
    assert [name for name, value in units.items() if value < 0] == []
    assert [name for name, value in units.items() if not value] == []


def test_ten_times_the_people_are_ten_times_the_work_of_gateways_once_rooms_are_spread():
    less, more = (reckon(users, Behaviour(), UNITS) for users in (1_000_000, 10_000_000))
    assert more.load.gateways == pytest.approx(10 * less.load.gateways, rel=0.05)
    assert more.gateway_cores == pytest.approx(10 * less.gateway_cores, rel=0.05)
    assert more.postgres_cores == pytest.approx(10 * less.postgres_cores, rel=0.05)


def test_an_event_goes_once_to_each_node_that_has_a_listener():
    everybody = Behaviour(kinds=(RoomKind("all", 1_000_000, 1, 1.0),))
    found = reckon(100_000, everybody, CHEAP).load
    assert found.node_events == pytest.approx(found.messages * found.gateways)
    two = Behaviour(kinds=(RoomKind("direct", 2, 1, 1.0),))
    found = reckon(1_000_000, two, CHEAP).load
    assert found.node_events == pytest.approx(found.messages * 2, rel=0.02)


def test_a_limit_is_found_where_it_is_full():
    behaviour = Behaviour()
    for found in find_limits(behaviour, UNITS):
        used = found.limit.used(reckon(found.users, behaviour, UNITS))
        assert used == pytest.approx(found.limit.full, rel=0.05), found.limit.name
    assert [each.users for each in find_limits(behaviour, UNITS)] == sorted(
        each.users for each in find_limits(behaviour, UNITS)
    )
    assert len(find_limits(behaviour, UNITS)) == len(LIMITS)


def test_a_document_without_a_place_for_a_table_is_refused():
    with pytest.raises(ValueError, match="0 places for units"):
        fill("no marks", {"units": "| a |"})
