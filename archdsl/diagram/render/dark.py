"""CSS rules that replace the colours of the light theme by those of the dark theme."""

from archdsl.diagram.render.theme import DARK, LIGHT, Paint, Theme


def dark_rules(within: str = "") -> str:
    """Return the rules as CSS; `within` is a selector with a trailing space that limits them."""
    rules = []
    for light, dark in colours(LIGHT, DARK).items():
        # Graphviz writes white as a name.
        names = [light, "white"] if light == LIGHT.page.lower() else [light]
        for attribute in ("fill", "stroke"):
            selectors = ",".join(f'{within}[{attribute}="{name}" i]' for name in names)
            rules.append(f"{selectors}{{{attribute}:{dark}}}")
    return "\n".join(rules) + "\n"


def colours(light: Theme, dark: Theme) -> dict[str, str]:
    """Return the dark colour for each light colour; the themes map each light colour to a single dark one."""
    names = ("page", "ink", "small", "edge", "segment", "crossing")
    pairs: list[tuple[str, str]] = [(getattr(light, name), getattr(dark, name)) for name in names]
    paints: list[tuple[Paint, Paint]] = [
        (light.top_level, dark.top_level),
        (light.nested, dark.nested),
        (light.badge, dark.badge),
    ]
    paints += zip(light.devices, dark.devices, strict=True)
    paints += [(paint, dark.families[name]) for name, paint in light.families.items()]
    for one, other in paints:
        pairs += [(one.fill, other.fill), (one.stroke, other.stroke), (one.ink, other.ink)]
    return {one.lower(): other.lower() for one, other in pairs}
