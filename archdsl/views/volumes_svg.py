"""SVG of pictures of tensors."""

from html import escape
from typing import assert_never

from archdsl.diagram.arial import FAMILY, advance
from archdsl.diagram.render.theme import LIGHT, Theme
from archdsl.diagram.wording import clean
from archdsl.views.scene import Arrow, DrawnVolume, Face, Scene, Text


def to_svg(scene: Scene, theme: Theme = LIGHT) -> str:
    """Return a picture as SVG with a title and a description."""
    wide, high = _number(scene.width), _number(scene.height)
    volumes = "\n".join(_volume(volume, theme) for volume in scene.volumes)
    legend = "\n".join(_shape(each, theme) for each in scene.legend)
    head = f'width="{wide}pt" height="{high}pt" viewBox="0 0 {wide} {high}"'
    font = f'font-family="{escape(FAMILY)}" text-anchor="middle"'
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" class="archdsl volumes" role="img" {head} {font}>
<title>{_escaped(scene.name)}</title>
<desc>{_escaped(scene.description)}</desc>
<rect width="{wide}" height="{high}" fill="{theme.page}"/>
{volumes}
<g class="legend">
{legend}
</g>
</svg>
"""


def _volume(volume: DrawnVolume, theme: Theme) -> str:
    shapes: list[Face | Text | Arrow] = [*volume.faces, *volume.texts, *([volume.arrow] if volume.arrow else [])]
    inner = "\n".join(_shape(shape, theme) for shape in shapes)
    facts = "\n".join(_escaped(each) for each in volume.facts.split(" || "))
    head = f'<g id="{_escaped(volume.id)}" class="volume {volume.kind}">'
    return f"{head}<title>{facts}</title>\n{inner}\n</g>"


def _shape(shape: Face | Text | Arrow, theme: Theme) -> str:
    match shape:
        case Face():
            paint = theme.families[shape.family]
            points = " ".join(f"{_number(x)},{_number(y)}" for x, y in shape.points)
            fill = shaded(paint.fill, paint.stroke, theme.page, shape.shade)
            return (f'<polygon points="{points}" fill="{fill}" stroke="{paint.stroke}" stroke-width="0.8" '
                    f'stroke-linejoin="round"/>')  # fmt: skip
        case Text():
            weight = ' font-weight="bold"' if shape.bold else ""
            colour = theme.ink if shape.bold else theme.small
            place = f'x="{_number(shape.x)}" y="{_number(shape.y)}" font-size="{_number(shape.size)}"'
            length = _number(advance(clean(shape.words), shape.size, bold=shape.bold))
            room = f'textLength="{length}" lengthAdjust="spacingAndGlyphs"'
            return f'<text {place} {room}{weight} fill="{colour}">{_escaped(shape.words)}</text>'
        case Arrow():
            x, y, end = _number(shape.x), _number(shape.y), _number(shape.end - 5)
            head = " ".join(f"{_number(shape.end - back)},{_number(shape.y + side)}" for back, side in _HEAD)
            line = f'<path d="M{x},{y}H{end}" stroke="{theme.edge}" stroke-width="1.1" fill="none"/>'
            return f'<g class="data">{line}<polygon points="{head}" fill="{theme.edge}"/></g>'
        case _:
            assert_never(shape)


_HEAD = ((0, 0), (7, -2.8), (7, 2.8))


def shaded(fill: str, stroke: str, page: str, shade: float) -> str:
    """Mix a fill with the colour of the page, or with its stroke if `shade` is negative."""
    other, part = (page, shade) if shade > 0 else (stroke, -shade)
    pairs = ((int(fill[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(one + (two - one) * part):02X}" for one, two in pairs)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _escaped(text: str) -> str:
    return escape(clean(text))
