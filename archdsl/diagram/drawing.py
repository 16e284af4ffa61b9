"""The pipeline of a drawing: model (boxes and edges), then layout (columns); `render` makes DOT and images of it."""

from collections.abc import Mapping

from archdsl.diagram.layout.columns import fits, in_columns
from archdsl.diagram.model import facts
from archdsl.diagram.model.build import Look, build
from archdsl.diagram.model.detail import Detail
from archdsl.diagram.model.outline import outlines
from archdsl.diagram.spec import Diagram, Direction
from archdsl.ir.graph import CheckedGraph, Path
from archdsl.passes.assign import assigned


def diagram(
    graph: CheckedGraph,
    *,
    detail: Detail = Detail(),  # noqa: B008
    look: Look = Look(),  # noqa: B008
    direction: Direction = "TB",
    columns: int | None = None,
    fields: Mapping[Path, str] | None = None,
) -> Diagram:
    """Return the drawing of a model, as deep as it fits on a page unless `detail` sets the depth.

    Args:
        graph: The model.
        detail: The level of detail.
        look: The options for texts.
        direction: The direction of data flow.
        columns: The maximum number of columns; None uses as many as the drawing needs to fit on a page.
        fields: The receptive fields from `facts.receptive_fields`, to avoid computing them again.

    Raises:
        NoSuchPart: `detail` names a submodule that the model does not have.
    """
    graph = assigned(graph)
    fields = facts.receptive_fields(graph) if fields is None else fields
    found = None
    for outline in outlines(graph, detail):
        found = in_columns(build(graph, outline, look=look, direction=direction, fields=fields), columns)
        if columns is not None or fits(found):
            break
    assert found
    return found
