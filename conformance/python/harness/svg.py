"""Reads what a job diagram shows: boxes with their labels, and the two kinds of arrows.

Knows only what the documentation promises (V-2 to V-7): labels are text, arrows have one of two colours, and the
dependency arrows are dashed. Geometry is not looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

SUBTASK_EDGE = "#170206"
DEPENDENCY_EDGE = "#9B1A47"

FILL = {
    "QUEUED": "#FFF0F5",
    "RUNNING": "#AFEEEE",
    "COMPUTED": "#F0FFF0",
    "FAILED": "#FA8072",
    "FAILED_OPTIONAL": "#FA8072",
    "SKIPPED": "#FCF3AE",
}

_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


@dataclass
class Styled:
    """An element with the style that applies to it: its own, its classes', and its ancestors'."""

    element: ElementTree.Element
    style: dict[str, str]

    @property
    def tag(self) -> str:
        return self.element.tag.rpartition("}")[2]


class Diagram:
    """One parsed SVG document."""

    def __init__(self, svg: str) -> None:
        """Parse the document; it must be well-formed XML with `svg` as its root (V-1)."""
        root = ElementTree.fromstring(svg)
        assert root.tag.rpartition("}")[2] == "svg", root.tag
        sheet = "".join(style.text or "" for style in root.iter() if style.tag.endswith("style"))
        self._classes: dict[str, dict[str, str]] = {}
        for selectors, body in _RULE.findall(sheet):
            for selector in selectors.split(","):
                if name := re.fullmatch(r"\s*\.([\w-]+)\s*", selector):
                    self._classes.setdefault(name[1], {}).update(_declarations(body))
        self._elements = list(self._styled(root, {}))

    def labels(self) -> list[str]:
        """The text of each text element, lines joined by line breaks, in document order."""
        return [_lines(one.element) for one in self._elements if one.tag == "text"]

    def edges(self, colour: str) -> list[Styled]:
        """The lines drawn in the colour of one kind of arrow; arrow heads are filled shapes and do not count."""
        return [
            one
            for one in self._elements
            if one.tag in ("path", "line", "polyline") and one.style.get("stroke", "").upper() == colour.upper()
        ]

    def subtask_edges(self) -> list[Styled]:
        return self.edges(SUBTASK_EDGE)

    def dependency_edges(self) -> list[Styled]:
        return self.edges(DEPENDENCY_EDGE)

    def boxes(self, fill: str) -> list[Styled]:
        """The shapes filled with the colour of a state."""
        shapes = ("rect", "path", "polygon")
        return [
            one for one in self._elements if one.tag in shapes and one.style.get("fill", "").upper() == fill.upper()
        ]

    def _styled(self, element: ElementTree.Element, inherited: dict[str, str]) -> Iterator[Styled]:
        if element.tag.rpartition("}")[2] in ("defs", "marker", "style", "title", "desc"):
            return
        style = dict(inherited)
        for name in ("fill", "stroke", "stroke-dasharray", "opacity"):
            if name in element.attrib:
                style[name] = element.attrib[name]
        for name in element.attrib.get("class", "").split():
            style.update(self._classes.get(name, {}))
        style.update(_declarations(element.attrib.get("style", "")))
        yield Styled(element, style)
        for child in element:
            yield from self._styled(child, style)


def is_dashed(one: Styled) -> bool:
    return one.style.get("stroke-dasharray", "none") not in ("none", "", "0")


def _declarations(text: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in text.split(";"))
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _lines(text: ElementTree.Element) -> str:
    spans = [child for child in text if child.tag.endswith("tspan")]
    if not spans:
        return "".join(text.itertext()).strip()
    return "\n".join("".join(span.itertext()) for span in spans).strip()
