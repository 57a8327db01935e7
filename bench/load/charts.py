"""Bar charts as SVG, readable on light and on dark paper. Pure; no dependency."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

_WIDTH = 760
_LEFT, _RIGHT = 280, 130
_ROW, _BAR = 26, 16
_TITLE = 46

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 15px; }
.note { font-size: 11px; fill: #57606a; }
.bar { fill: #8c959f; }
.ours { fill: #0969da; }
.paper { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .note { fill: #9198a1; }
  .bar { fill: #656c76; }
  .ours { fill: #4493f8; }
  .paper { fill: #0d1117; }
}
"""


@dataclass(frozen=True)
class Bar:
    """One value, with how it is written."""

    label: str
    value: float
    text: str
    is_ours: bool = False


@dataclass(frozen=True)
class Panel:
    """Bars of one measure. On a logarithmic scale a bar shows its place, and its length no ratio."""

    title: str
    bars: Sequence[Bar] = field(default_factory=list)
    is_logarithmic: bool = False
    note: str = ""


def draw(panels: Sequence[Panel], description: str) -> str:
    """Return the panels below each other as one image."""
    body, top = [], 10
    for panel in panels:
        body += _draw_panel(panel, top)
        top += _TITLE + _ROW * len(panel.bars) + 14
    size = f'viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(description)}">',
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{_WIDTH}" height="{top}"/>',
            *body,
            "</svg>\n",
        ]
    )


def _draw_panel(panel: Panel, top: int) -> list[str]:
    note = panel.note + (" (logarithmic scale)" if panel.is_logarithmic else "")
    lines = [
        f'<text class="title" x="16" y="{top + 18}">{escape(panel.title)}</text>',
        f'<text class="note" x="16" y="{top + 35}">{escape(note)}</text>',
    ]
    lengths = _scale([bar.value for bar in panel.bars], is_logarithmic=panel.is_logarithmic)
    for place, (bar, length) in enumerate(zip(panel.bars, lengths, strict=True)):
        y = top + _TITLE + place * _ROW
        kind = "bar ours" if bar.is_ours else "bar"
        middle = y + _BAR - 3
        lines += [
            f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3"/>',
            f'<text x="{_LEFT + length + 8:.1f}" y="{middle}">{escape(bar.text)}</text>',
        ]
    return lines


def _scale(values: Sequence[float], *, is_logarithmic: bool) -> list[float]:
    """Return lengths in pixels; the largest fills the width."""
    room = _WIDTH - _LEFT - _RIGHT
    largest = max(values, default=0.0)
    if largest <= 0:
        return [0.0] * len(values)
    if not is_logarithmic:
        return [room * value / largest for value in values]
    # From a power of ten below the smallest, so that this one is still seen.
    floor = math.floor(math.log10(min(value for value in values if value > 0)))
    span = max(math.log10(largest) - floor, 1e-9)
    return [room * (math.log10(value) - floor) / span if value > 0 else 0.0 for value in values]
