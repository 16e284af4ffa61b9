"""Themes: all colours of drawings."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours of a box: its fill, frame and text."""

    fill: str
    stroke: str
    ink: str


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a drawing; `families` also has `io` for inputs and outputs, and `block` for closed submodules."""

    name: str
    page: str
    ink: str
    small: str
    edge: str
    segment: str
    crossing: str
    top_level: Paint
    nested: Paint
    badge: Paint
    devices: tuple[Paint, ...]
    families: Mapping[str, Paint]


def _families(ink: str, paints: str) -> dict[str, Paint]:
    """Parse a table of lines `family fill stroke [ink]`."""
    rows = [line.split() for line in paints.strip().splitlines()]
    return {name: Paint(fill, stroke, *own or [ink]) for name, fill, stroke, *own in rows}


LIGHT = Theme(
    name="light",
    page="#FFFFFF",
    ink="#1F2933",
    small="#404D5A",
    edge="#4A5561",
    segment="#4A5866",
    crossing="#C2410C",
    top_level=Paint("#F6F8FA", "#C3CCD6", "#1F2933"),
    nested=Paint("#FFFFFF", "#C3CCD6", "#1F2933"),
    badge=Paint("#1F2933", "#1F2933", "#FFFFFF"),
    devices=(
        Paint("#EAF2FB", "#1F6FB2", "#1F2933"),
        Paint("#FDF1E1", "#B7700B", "#1F2933"),
        Paint("#E9F6EF", "#1D7A4E", "#1F2933"),
        Paint("#F7ECF3", "#9B3A78", "#1F2933"),
    ),
    families=_families(
        "#1F2933",
        """
        convolution    #AEC6EC #2B5597
        linear         #EBB0B9 #97304A
        pooling        #BCEFCB #1D7A4E
        activation     #FFE49C #94690A
        normalisation  #D3D8E0 #5C6877
        merge          #1F2933 #1F2933 #FFFFFF
        other          #FFFFFF #7B8794
        io             #FFFFFF #3E4C59
        block          #E4EAF2 #3E4C59
        """,
    ),
)

DARK = Theme(
    name="dark",
    page="#10161D",
    ink="#F2F5F8",
    small="#DCE3EA",
    edge="#93A1B0",
    segment="#BCC6D1",
    crossing="#FF9A5C",
    top_level=Paint("#18202A", "#3B4754", "#F2F5F8"),
    nested=Paint("#10161D", "#3B4754", "#F2F5F8"),
    badge=Paint("#F2F5F8", "#F2F5F8", "#10161D"),
    devices=(
        Paint("#14263A", "#6FB1E8", "#F2F5F8"),
        Paint("#33260F", "#E9AE55", "#F2F5F8"),
        Paint("#14291E", "#8ADBAA", "#F2F5F8"),
        Paint("#2D1A27", "#D48DB8", "#F2F5F8"),
    ),
    families=_families(
        "#F2F5F8",
        """
        convolution    #304A71 #9CB9EA
        linear         #66343F #EDA3AF
        pooling        #2F6B49 #8ADBAA
        activation     #7A6114 #F2CC5E
        normalisation  #525C66 #B4BEC9
        merge          #F2F5F8 #F2F5F8 #10161D
        other          #10161D #8895A3
        io             #10161D #CBD5E0
        block          #27313D #CBD5E0
        """,
    ),
)

MONO = Theme(
    name="mono",
    page="#FFFFFF",
    ink="#000000",
    small="#2F3B47",
    edge="#1F2933",
    segment="#4A5866",
    crossing="#000000",
    top_level=Paint("#FFFFFF", "#8A949E", "#000000"),
    nested=Paint("#FFFFFF", "#8A949E", "#000000"),
    badge=Paint("#1F2933", "#1F2933", "#FFFFFF"),
    devices=(
        Paint("#FFFFFF", "#1F2933", "#000000"),
        Paint("#F1F2F4", "#1F2933", "#000000"),
        Paint("#E3E6E9", "#1F2933", "#000000"),
        Paint("#D5D9DE", "#1F2933", "#000000"),
    ),
    families=_families(
        "#000000",
        """
        convolution    #C4C9CF #1F2933
        linear         #B4BAC2 #1F2933
        pooling        #E6E9ED #1F2933
        activation     #FFFFFF #1F2933
        normalisation  #F3F4F6 #6B7682
        merge          #1F2933 #1F2933 #FFFFFF
        other          #FFFFFF #67727E
        io             #FFFFFF #3E4C59
        block          #FFFFFF #3E4C59
        """,
    ),
)

THEMES: Mapping[str, Theme] = {theme.name: theme for theme in (LIGHT, DARK, MONO)}
