"""How far another clock is from this machine's, as well as that can be told over a network."""

from datetime import UTC, datetime

from deploy.local.doctor.finding import Finding, judge

# Access tokens live 15 minutes and TOTP codes 30 s: seconds begin to hurt, minutes lock people out.
_OFF_S = (1.0, 5.0)
_ADVICE = "let NTP set the clocks of both machines (chrony, systemd-timesyncd)"


def judge_clock(
    whose: str, theirs: datetime, asked_at: datetime, answered_at: datetime, *, coarse_s: float = 0.0
) -> Finding:
    """Return the finding: they looked at their clock somewhere between the question and the answer.

    Only what the way and `coarse_s`, the fineness of their answer, cannot explain counts.
    """
    middle = asked_at + (answered_at - asked_at) / 2
    off_s = (theirs.astimezone(UTC) - middle).total_seconds() + coarse_s / 2
    unsure_s = (answered_at - asked_at).total_seconds() / 2 + coarse_s / 2
    excess_s = max(0.0, abs(off_s) - unsure_s)
    name = f"clock of {whose}"
    if excess_s < _OFF_S[0]:
        return judge(
            name, excess_s, _OFF_S, f"agrees with this machine's within {abs(off_s) + unsure_s:.3f} s", ""
        )
    word = "ahead of" if off_s > 0 else "behind"
    return judge(name, excess_s, _OFF_S, f"is {abs(off_s):.1f} s {word} this machine's", _ADVICE)
