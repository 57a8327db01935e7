"""What accounts must reach and aim at, and how it is found among the figures. Pure."""

from bench.accounts.token_checks import API_CACHED, BARE, JWT, JWT_CACHED
from bench.load.verdicts import Figures, Goal


def _share_of_hashing(figures: Figures) -> float:
    found = figures["logins"]
    return float(found["per_s"]["median"] / found["hashing_alone_per_s"]["median"])


def _check_us(figures: Figures, name: str) -> float:
    return float(figures["token_checks"][name]["us"]["median"])


def _times_bare(figures: Figures) -> float:
    return _check_us(figures, JWT) / _check_us(figures, BARE)


def _flooded(figures: Figures, share: str) -> float:
    flood = figures["flood"]
    return float(flood["flooded"]["ack"][share] / flood["quiet"]["ack"][share])


def _lost(figures: Figures) -> float:
    flooded = figures["flood"]["flooded"]
    return float(sum(flooded[name] for name in ("unacked", "copies_missing", "copies_doubled", "refused")))


def _badly_answered(figures: Figures) -> float:
    statuses = figures["flood"]["flood"]["statuses"]
    return float(sum(count for status, count in statuses.items() if status not in {"401", "429"}))


def _share_refused(figures: Figures) -> float:
    statuses = figures["flood"]["flood"]["statuses"]
    return float(statuses.get("429", 0) / sum(statuses.values()))


GOALS = (
    Goal("logins, of what the hashing pool does alone", "times", 0.5, 0.8, _share_of_hashing,
         is_ceiling=False),
    Goal("access token checked the first time", "times PyJWT", 1.5, 1.2, _times_bare),
    Goal("  again", "µs", 5, 2, lambda f: _check_us(f, JWT_CACHED)),
    Goal("API token checked again", "µs", 10, 5, lambda f: _check_us(f, API_CACHED)),
    Goal("logout to the last socket closed, longest", "ms", 1_000, 100, lambda f: f["endings"]["max_ms"]),
    Goal("send to ack in a flood of logins, p50", "times", 2, 1.5, lambda f: _flooded(f, "p50_ms")),
    Goal("  p99", "times", 3, 1.5, lambda f: _flooded(f, "p99_ms")),
    Goal("  messages lost, doubled or refused", "", 0, 0, _lost),
    Goal("logins of the flood answered 429", "share", 0.5, 0.7, _share_refused, is_ceiling=False),
    Goal("  neither 401 nor 429", "", 0, 0, _badly_answered),
)  # fmt: skip
