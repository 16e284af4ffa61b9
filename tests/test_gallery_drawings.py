"""Drawings of all gallery nets: no overlaps, no cut texts, no avoidable crossings."""

from dataclasses import replace

import pytest
from built import NAMES, net
from measure import Picture, Text, backward, crossings, faults, measured

from archdsl.diagram import FULL, Detail, diagram
from archdsl.diagram.model.outline import PAGE
from archdsl.diagram.spec import Direction

# Nets that differ only in widths have the same layout; one of each kind is enough.
SAME = {
    "alexnet_onnx", "convnext_base", "convnext_large", "densenet161", "densenet169", "densenet201", "mobilenetv1_025",
    "mobilenetv1_050", "mobilenetv1_075", "resnet32", "resnet44", "resnet56", "resnet110", "resnet101", "resnet152",
    "wide_resnet101_2", "resnext101_32x8d", "resnext101_64x4d", "se_resnet101", "se_resnet152", "shufflenet_g1",
    "shufflenet_g2", "shufflenet_g4", "shufflenet_g8", "shufflenetv2_x0_5", "shufflenetv2_x1_5", "shufflenetv2_x2_0",
    "vit_l_16", "vit_b_32", "vgg11_bn", "vgg13_bn", "vgg16_bn", "wrn_28_10",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SAME])
def test_a_drawing_of_the_gallery_has_no_faults(name: str) -> None:
    drawing = diagram(net(name))
    # Towers cannot be closed.
    assert len(drawing.boxes) <= PAGE + 15
    found, wrong = measured(drawing)
    assert wrong == []
    # Lanes that exchange tensors have one crossing per exchange in any order.
    crossing = [pair for pair in crossings(found) if not all("exchange" in edge for edge in pair)]
    assert crossing == []


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "inception_v3", "alexnet_2012"])
def test_a_drawing_from_left_to_right_has_no_faults(name: str) -> None:
    assert measured(diagram(net(name), direction="LR"))[1] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["densenet121", "efficientnet_b0", "fcn_8s", "fpn", "fractalnet20", "googlenet", "gpt2", "inception_v3",
     "inception_v4", "mobilenet_v3_small", "regnety_400mf", "resnet50", "shufflenetv2_x1_0", "squeezenet1_0", "unet",
     "unet_2015", "vgg19", "xception"],
)  # fmt: skip
def test_every_operator_is_drawn_without_faults(name: str) -> None:
    found, wrong = measured(diagram(net(name), detail=Detail(depth=FULL)))
    assert wrong == [] and crossings(found) == []


def test_shortcuts_that_enter_at_the_left_go_along_the_left() -> None:
    drawing = diagram(net("unet"), detail=Detail(depth=FULL))
    assert drawing.mirrored and not diagram(net("unet")).mirrored
    found, wrong = measured(drawing)
    trunk = next(box for box in found.boxes if box.id == "inc.double_conv.0")
    arcs = [edge for edge in found.edges if edge.kind == "edge skip"]
    assert wrong == [] and len(arcs) == 4 and all(arc.area[0] < trunk.area[0] for arc in arcs)
    assert found.frames and all(0 <= x <= found.size[0] + 9 for frame in found.frames for x in frame.area[::2])


@pytest.mark.parametrize(
    ("name", "part"),
    [("resnet50", "layer2"), ("googlenet", "inception4a"), ("inception_v4", "stem"), ("densenet121", "denselayer2"),
     ("shufflenetv2_x1_0", "stage2"), ("gpt2", "h.0"), ("efficientnet_b0", "features.2"),
     ("unet", "up3")],
)  # fmt: skip
def test_a_part_has_no_faults(name: str, part: str) -> None:
    found, wrong = measured(diagram(net(name), detail=Detail(only=part)))
    assert wrong == [] and crossings(found) == []


@pytest.mark.parametrize(
    ("name", "part"),
    [("resnet50", "layer1.0"), ("resnet50", "layer1.1"), ("gpt2", "h.0"), ("preactresnet164", "layer2.0"),
     ("googlenet", "inception4a"), ("inception_v3", "Mixed_6b")],
)  # fmt: skip
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_a_frame_holds_its_shortcuts_and_branches_in_order(name: str, part: str, direction: Direction) -> None:
    found, wrong = measured(diagram(net(name), detail=Detail(only=part), direction=direction))
    assert wrong == [] and crossings(found) == []


def test_the_measure_sees_what_is_wrong() -> None:
    drawing = diagram(net("googlenet"))
    found, wrong = measured(drawing)
    assert wrong == []
    first, second, *others = found.boxes
    assert len(found.edges) == len(drawing.edges)
    ends = {edge.id: {edge.source, edge.target} for edge in drawing.edges}

    def seen(changed: Picture, frames: dict[str, str] | None = None) -> str:
        return " ".join(faults(changed, frames or {}, ends))

    assert "boxes overlap" in seen(replace(found, boxes=[first, replace(second, area=first.area), *others]))
    long = Text("x" * 90, (first.area[0], first.area[1], first.area[2] + 300, first.area[3]))
    assert "text leaves its box" in seen(replace(found, boxes=[replace(first, texts=(long,)), *found.boxes[1:]]))
    line = (first.area[:2], second.area[2:])
    edge = replace(found.edges[5], line=tuple((line[0][0] + n, line[0][1] + 3 * n) for n in range(90)))
    assert "goes through" in seen(replace(found, edges=[edge]))
    assert "leaves" in seen(found, {first.id: second.id})
    assert backward(replace(found, edges=[replace(edge, line=edge.line[::-1])])) == [edge.id]
    crossed = replace(edge, line=((0.0, 0.0), (10.0, 10.0))), replace(edge, line=((0.0, 10.0), (10.0, 0.0)))
    assert crossings(replace(found, edges=[replace(one, area=(0, 0, 10, 10)) for one in crossed])) != []
