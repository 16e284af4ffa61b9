"""What a drawing needs once Graphviz has made SVG of it: a name, a description, fonts, and nothing that varies."""

from xml.etree import ElementTree

from archdsl.diagram.render.arial import FAMILY, advance

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_AIR = "\u00a0 "


class NotSvg(Exception):
    """What an engine gave is no SVG."""


def finished(
    svg: bytes, *, title: str | None = None, description: str | None = None, style: str | None = None
) -> bytes:
    """Return an SVG of Graphviz as an image with a title, without comments and version."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise NotSvg(str(error)) from None
    if root.tag != f"{{{_SVG}}}svg":
        raise NotSvg(f"the root is {root.tag}")
    words = (("title", title or _title(root)), ("desc", description), ("style", style))
    _tell_facts(root)
    for text in root.iter(f"{{{_SVG}}}text"):
        _keep_width(text)
    root.set("font-family", FAMILY)
    root.set("class", "archdsl")
    root.set("role", "img")
    for place, (tag, said) in enumerate((tag, said) for tag, said in words if said):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}")
        element.text, element.tail = said, "\n"
        root.insert(place, element)
    whole: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole + b"\n"


def _tell_facts(root: ElementTree.Element) -> None:
    """Make titles of the tooltips, which only some browsers show where they are, and drop links that lead nowhere."""
    for group in list(root.iter(f"{{{_SVG}}}g")):
        for holder in list(group):
            anchor = holder.find(f"{{{_SVG}}}a")
            if anchor is None:
                continue
            # Graphviz calls it `a_c1`, which could be the id of an operator.
            holder.attrib.pop("id", None)
            words, title = anchor.attrib.pop(f"{{{_XLINK}}}title", None), group.find(f"{{{_SVG}}}title")
            if words and title is not None:
                title.text = words
            if f"{{{_XLINK}}}href" not in anchor.attrib:
                place = list(group).index(holder)
                group[place : place + 1] = list(anchor)


def _keep_width(text: ElementTree.Element) -> None:
    """Give a text the length that it was laid out with, as the face that shows it may be wider."""
    words = text.text or ""
    if text.get("text-anchor") == "middle":
        # What keeps it away from its edge has done so.
        words = text.text = words.strip(_AIR)
    bold = text.get("font-weight") == "bold"
    text.set("textLength", f"{advance(words, float(text.get('font-size', '14')), bold=bold):.1f}")
    text.set("lengthAdjust", "spacingAndGlyphs")
    text.attrib.pop("font-family", None)
    if words == " ".join(words.split()):
        text.attrib.pop(_SPACE, None)


def _title(root: ElementTree.Element) -> str | None:
    return root.findtext(f"{{{_SVG}}}g/{{{_SVG}}}title")
