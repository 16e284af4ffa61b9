"""Post-processing of SVG from Graphviz: title, description, fonts, and no parts that vary between engines."""

from xml.etree import ElementTree

from archdsl.diagram.arial import FAMILY, advance

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_AIR = "\u00a0 "


class NotSvg(Exception):
    """The output of an engine is not SVG."""


def finished(
    svg: bytes, *, title: str | None = None, description: str | None = None, style: str | None = None
) -> bytes:
    """Return an SVG with a title, a description and CSS, without comments and the engine's version.

    Raises:
        NotSvg: The input is not well-formed SVG.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise NotSvg(str(error)) from None
    if root.tag != f"{{{_SVG}}}svg":
        raise NotSvg(f"the root is {root.tag}")
    words = (("title", title or _title(root)), ("desc", description), ("style", style))
    _move_tooltips(root)
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


def _move_tooltips(root: ElementTree.Element) -> None:
    """Move tooltips from links to `<title>`, which all browsers show, and remove links without an address."""
    for group in list(root.iter(f"{{{_SVG}}}g")):
        for holder in list(group):
            anchor = holder.find(f"{{{_SVG}}}a")
            if anchor is None:
                continue
            # Graphviz sets ids such as `a_c1`, which could also be the id of an operator.
            holder.attrib.pop("id", None)
            words, title = anchor.attrib.pop(f"{{{_XLINK}}}title", None), group.find(f"{{{_SVG}}}title")
            if words and title is not None:
                title.text = words
            if f"{{{_XLINK}}}href" not in anchor.attrib:
                place = list(group).index(holder)
                group[place : place + 1] = list(anchor)


def _keep_width(text: ElementTree.Element) -> None:
    """Set the length that a text was laid out with, as the font that shows it may be wider."""
    words = text.text or ""
    if text.get("text-anchor") == "middle":
        # These spaces only kept the text away from its edge during layout.
        words = text.text = words.strip(_AIR)
    bold = text.get("font-weight") == "bold"
    text.set("textLength", f"{advance(words, float(text.get('font-size', '14')), bold=bold):.1f}")
    text.set("lengthAdjust", "spacingAndGlyphs")
    text.attrib.pop("font-family", None)
    if words == " ".join(words.split()):
        text.attrib.pop(_SPACE, None)


def _title(root: ElementTree.Element) -> str | None:
    return root.findtext(f"{{{_SVG}}}g/{{{_SVG}}}title")
