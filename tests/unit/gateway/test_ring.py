"""The ring answers from an unbroken range only, and never grows past its bounds."""

from services.gateway.ring import Ring, RingBudget


def test_a_ring_answers_what_leads_from_a_rev_to_the_newest() -> None:
    ring = Ring(RingBudget())
    for rev in (5, 6, 7):
        ring.append(rev - 1, rev, b"%d" % rev)
    assert ring.find_after(5) == [b"6", b"7"]
    assert ring.find_after(7) == []


def test_a_ring_has_no_answer_from_before_its_range() -> None:
    ring = Ring(RingBudget())
    ring.append(4, 5, b"5")
    assert ring.find_after(3) is None
    assert ring.find_after(4) == [b"5"]


def test_a_break_in_the_range_forgets_what_came_before_it() -> None:
    ring = Ring(RingBudget())
    ring.append(4, 5, b"5")
    ring.append(7, 8, b"8")
    assert ring.find_after(5) is None
    assert ring.find_after(7) == [b"8"]


def test_changes_over_several_revs_answer_whoever_stands_inside_them() -> None:
    ring = Ring(RingBudget())
    ring.append(4, 9, b"5..9")
    ring.append(9, 10, b"10")
    assert ring.find_after(6) == [b"5..9", b"10"]


def test_the_nodes_budget_bounds_all_rings_together() -> None:
    budget = RingBudget(max_bytes=100)
    rings = [Ring(budget) for _ in range(5)]
    for rev in range(1, 50):
        for ring in rings:
            ring.append(rev - 1, rev, b"x" * 10)
    assert budget.used_bytes <= 100
    for ring in rings:
        ring.clear()
    assert budget.used_bytes == 0


def test_a_ring_holds_no_more_revs_than_a_sync_may_be_behind() -> None:
    ring = Ring(RingBudget())
    for rev in range(1, 1_000):
        ring.append(rev - 1, rev, b"x")
    assert ring.find_after(499) is not None
    assert ring.find_after(498) is None


def test_a_past_told_by_the_store_extends_the_range_back() -> None:
    ring = Ring(RingBudget())
    for rev in (8, 9):
        ring.append(rev - 1, rev, b"%d" % rev)
    ring.extend_back(3, 8, 9, b"4..8")
    assert ring.find_between(3, 9) == [b"4..8", b"9"]
    assert ring.find_between(5, 9) == [b"4..8", b"9"]
    assert ring.find_between(2, 9) is None


def test_a_past_that_does_not_meet_the_range_is_not_taken() -> None:
    ring = Ring(RingBudget())
    ring.append(7, 8, b"8")
    ring.extend_back(3, 5, 8, b"4..5")
    assert ring.find_between(3, 8) is None
    assert ring.find_between(7, 8) == [b"8"]


def test_only_an_exact_end_is_answered() -> None:
    ring = Ring(RingBudget())
    ring.append(4, 9, b"5..9")
    assert ring.find_between(4, 7) is None
    assert ring.find_between(4, 9) == [b"5..9"]
    assert ring.find_between(9, 9) == []
