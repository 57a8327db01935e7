"""Bar charts as SVG, readable on light and on dark paper. Pure; no dependency."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

_WIDTH = 760
_LEFT, _RIGHT = 300, 120
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
    """Bars of one measure, on one scale that begins at zero."""

    title: str
    bars: Sequence[Bar] = field(default_factory=list)
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
    lines = [
        f'<text class="title" x="16" y="{top + 18}">{escape(panel.title)}</text>',
        f'<text class="note" x="16" y="{top + 35}">{escape(panel.note)}</text>',
    ]
    largest = max((bar.value for bar in panel.bars), default=0.0)
    for place, bar in enumerate(panel.bars):
        length = (_WIDTH - _LEFT - _RIGHT) * bar.value / largest if largest > 0 else 0.0
        y = top + _TITLE + place * _ROW
        kind = "bar ours" if bar.is_ours else "bar"
        middle = y + _BAR - 3
        lines += [
            f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3"/>',
            f'<text x="{_LEFT + length + 8:.1f}" y="{middle}">{escape(bar.text)}</text>',
        ]
    return lines
