"""TikZ of pictures of tensors."""

from math import ceil
from typing import assert_never

from archdsl.base.latex import escaped
from archdsl.diagram.render.theme import LIGHT, Theme
from archdsl.diagram.wording import clean
from archdsl.views.latex import framed
from archdsl.views.scene import Arrow, DrawnVolume, Face, Scene, Text
from archdsl.views.volumes_svg import shaded

_SIZES = {True: r"\bfseries\fontsize{10}{11}\selectfont", False: r"\fontsize{8}{9}\selectfont"}


def to_tikz(scene: Scene, theme: Theme = LIGHT) -> str:
    """Return a picture as a LaTeX file; its points are TeX's big points."""
    colours: dict[str, str] = {}
    lines = [line for volume in scene.volumes for line in _volume(volume, theme, colours)]
    lines += [_shape(each, theme, colours) for each in scene.legend]
    defined = [f"\\definecolor{{{name}}}{{HTML}}{{{colour[1:]}}}" for colour, name in colours.items()]
    # An invisible page, so that the picture has the size of the SVG.
    page = f"\\path[use as bounding box] (0,0) rectangle ({scene.width:.2f},{scene.height:.2f});"
    options = "x=1bp,y=-1bp,line join=round,inner sep=0pt,font=\\sffamily"
    body = "\n".join(["{" + "%", *defined, f"\\begin{{tikzpicture}}[{options}]", page, *lines, "\\end{tikzpicture}}"])
    paper = f"paperwidth={ceil(scene.width) + 4}bp,paperheight={ceil(scene.height) + 24}bp,margin=2bp"
    return framed(body, name=escaped(clean(scene.name)), packages=("tikz",), paper=paper)


def _volume(volume: DrawnVolume, theme: Theme, colours: dict[str, str]) -> list[str]:
    shapes: list[Face | Text | Arrow] = [*volume.faces, *volume.texts, *([volume.arrow] if volume.arrow else [])]
    return [_shape(shape, theme, colours) for shape in shapes]


def _shape(shape: Face | Text | Arrow, theme: Theme, colours: dict[str, str]) -> str:
    match shape:
        case Face():
            paint = theme.families[shape.family]
            fill = _colour(shaded(paint.fill, paint.stroke, theme.page, shape.shade), colours)
            points = " -- ".join(f"({x:.2f},{y:.2f})" for x, y in shape.points)
            return f"\\filldraw[fill={fill},draw={_colour(paint.stroke, colours)},line width=0.8bp] {points} -- cycle;"
        case Text():
            colour = _colour(theme.ink if shape.bold else theme.small, colours)
            style = f"anchor=base,text={colour},font=\\sffamily{_SIZES[shape.bold]}"
            return f"\\node[{style}] at ({shape.x:.2f},{shape.y:.2f}) {{{escaped(clean(shape.words))}}};"
        case Arrow():
            edge = _colour(theme.edge, colours)
            ends = f"({shape.x:.2f},{shape.y:.2f}) -- ({shape.end:.2f},{shape.y:.2f})"
            return f"\\draw[-latex,draw={edge},line width=1.1bp] {ends};"
        case _:
            assert_never(shape)


def _colour(colour: str, colours: dict[str, str]) -> str:
    """Return the name of a colour; a new colour is added to `colours`."""
    return colours.setdefault(colour, f"archdsl{len(colours)}")
