"""The catalogue of everything that can be said: the only place with titles and explanations.

A code is never reused; a retired one stays here, marked.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of problem. `E` stops a build, `W` does not."""

    id: str
    title: str
    explanation: str
    is_retired: bool = False

    @property
    def is_error(self) -> bool:
        """Whether a net with this problem is not built."""
        return self.id.startswith("E")


CATALOGUE: dict[str, Code] = {}


def _code(id: str, title: str, explanation: str) -> Code:
    assert id not in CATALOGUE, id
    CATALOGUE[id] = Code(id, title, " ".join(explanation.split()))
    return CATALOGUE[id]


# 00 syntax
UNEXPECTED = _code(
    "E0001",
    "this does not belong here",
    """The text does not follow the grammar at this place. The message names what was found and what could stand
    here. A statement ends at the end of its line or at `;`, and a chain goes on where a line ends in `->` or the
    next one begins with it.""",
)
NEVER_CLOSED = _code(
    "E0002",
    "a bracket is never closed",
    """The file ends, or another bracket closes, before the bracket that is shown. Every `{`, `[` and `(` needs its
    partner; indentation usually shows where it is missing.""",
)
UNKNOWN_CHARACTER = _code(
    "E0003",
    "this character is not part of the language",
    """Outside of strings and comments a program is made of letters, digits, `_` and the signs of the grammar.
    Typographic quotes and arrows, pasted from a document, are the usual cause: write `"` and `->`.""",
)

UNFINISHED = _code(
    "E0004",
    "this is not finished",
    """The line ends, and what stands before needs more: a step after `->`, a value after `=`, a shape after `::`.""",
)

# 01 names
NO_SUCH_OPERATOR = _code(
    "E0101",
    "there is no such operator",
    """Lower-case names in a chain are operators, and this one is not in the operator table. `archdsl ops` lists all
    of them.""",
)
NO_SUCH_NAME = _code(
    "E0102",
    "there is no such name",
    """An expression uses a name that is neither a parameter of the model, nor a quantity of the stream (`channels`,
    `height`, `width`, `shape`), nor a function of the language.""",
)
NO_SUCH_MODEL = _code(
    "E0103",
    "there is no such model",
    """`--model` names a model that the file does not define. A file may hold many models; names count upper and lower
    case, and without `--model` the last model of the file is taken.""",
)

NO_SUCH_LABEL = _code(
    "E0104",
    "there is no such label",
    """`@label` means what came out of the step of this name. The step has to stand above, in the same body or in one
    that encloses it: what a submodule or a block has inside cannot be seen from outside.""",
)
NO_SUCH_BLOCK = _code(
    "E0105",
    "there is no such block",
    """Capitalised names are blocks, macros and models: those of this file, wherever they stand in it, and those that
    it imports.""",
)
NOT_A_STEP = _code(
    "E0106",
    "this value is no step",
    """A name in a chain stands for an operator, a block, or a tensor that was given as an argument. Numbers and lists
    belong into arguments.""",
)

# 02 arguments and values
NO_SUCH_ARGUMENT = _code(
    "E0201",
    "the operator takes no such argument",
    """An argument is given by a name that the operator does not have. The message lists those that it has; `archdsl
    ops NAME` explains them.""",
)
MISSING_ARGUMENT = _code(
    "E0202",
    "an argument is missing",
    """The operator needs an argument that is not given and has no default. A default can also come from a `set`
    statement above.""",
)
WRONG_VALUE = _code(
    "E0203",
    "the argument takes another kind of value",
    """An argument was given a value that it cannot use, such as a string where a number is needed.""",
)
OUT_OF_RANGE = _code(
    "E0204",
    "the value is out of range",
    """A number is below or above what the argument can be: a window of side 0, a dropout rate over 1.""",
)
TOO_MANY_ARGUMENTS = _code(
    "E0205",
    "too many arguments without a name",
    """Only the leading arguments of an operator may be given by position, as many as a reader can tell apart. Give
    the others by name: `conv(8, 3, padding = 1)`.""",
)
GIVEN_TWICE = _code(
    "E0206",
    "the argument is given twice",
    """The same argument stands twice in a call, by name or by position and by name.""",
)
CANNOT_COMPUTE = _code(
    "E0207",
    "this cannot be computed",
    """The operands of an expression do not go together (a number plus a string), a division of integers by `/`
    leaves a remainder, something is divided by zero, or an index is out of range. `//` divides and rounds down.""",
)
AMBIGUOUS_PADDING = _code(
    "E0208",
    "`same` padding has to be said more precisely",
    """`same` means three things: PyTorch's `padding="same"` (only at stride 1), TensorFlow's (uneven on even sizes,
    depends on the stride) and "half the kernel on both sides". Only the last two differ in what they compute, so
    the language names them: `half` and `tf_same`.""",
)
TABLE_DOES_NOT_FIT = _code(
    "E0209",
    "the table does not fit the layer",
    """A connection table needs a row for every output map, which lists input maps counted from 0; a table of
    targets needs a row for every output unit, with a cell for every feature.""",
)
BAD_COUNT = _code(
    "E0210",
    "a step cannot be repeated this often",
    """`* n` repeats a step n times, each with weights of its own; n is a whole number and at least 0.""",
)

NO_SUCH_FUNCTION = _code(
    "E0211",
    "there is no such function",
    """Expressions know a few functions: `range`, `enumerate`, `zip`, `len`, `min`, `max`, `sum`, `abs`, `round`,
    `floor`, `ceil` and `make_divisible`.""",
)
NO_DEFAULT = _code(
    "E0212",
    "the parameter has no value",
    """A parameter of a model that has no default has to be given: `--set classes=10`.""",
)

NOT_A_LIST = _code(
    "E0213",
    "this cannot be gone through",
    """`for` goes through the items of a list: `for i in range(4)`, `for n in [3, 4, 6]`. With several names each item
    has as many parts: `for i, n in enumerate(depths)`.""",
)
NO_ARGUMENT_FOR_BLOCK = _code(
    "E0214",
    "the block is not called as it is defined",
    """A parameter of a block without a default needs an argument, and arguments that the block does not have cannot be
    given.""",
)
BAD_NAME = _code(
    "E0215",
    "this does not make a name",
    """A computed label such as `layer{i + 1}` is put together of whole numbers and strings, and has to be a name then:
    letters, digits and `_`.""",
)

# 03 shapes
SHAPE_DIFFERS = _code(
    "E0301",
    "the shape is another one than stated",
    """`:: 6x14x14` states the shape at that point, and it is checked. Either the statement or one of the steps
    before it is wrong; the message shows the last step that changed the shape.""",
)
WINDOW_DOES_NOT_FIT = _code(
    "E0302",
    "the window does not fit the input",
    """A window of side k on a map of side n with p cells of padding on both sides and stride s has floor((n + 2p -
    k)/s) + 1 positions along an axis (a dilated window spans d*(k-1) + 1). Here that is below 1: the map has become
    smaller than the window. Add padding, use a smaller kernel, or shrink the map less before.""",
)
WRONG_RANK = _code(
    "E0303",
    "the stream has another number of axes",
    """An operator works on streams of a certain rank: `conv` on maps (channels and one to three axes), `linear` on
    vectors. `flatten` turns maps into a vector.""",
)
NOT_DIVISIBLE = _code(
    "E0304",
    "the channels do not split into equal groups",
    """With `groups = g` the input channels and the output channels are both cut into g equal parts, so g has to
    divide both numbers.""",
)
WRONG_AXES = _code(
    "E0305",
    "an argument has another number of axes than the map",
    """An argument that is given per axis, such as `3x1`, needs one number for every axis of the map: two for
    images, one for sequences, three for volumes.""",
)
PADDING_TOO_LARGE = _code(
    "E0306",
    "the padding is larger than half of the window",
    """A pool whose padding is more than half of its window would have windows that hold no pixel at all; PyTorch
    refuses it.""",
)
BAD_SHAPE = _code(
    "E0307",
    "this is not a shape",
    """A shape is a list of sizes, each a whole number of at least 1: `3x224x224`, `400`, or `[3, h = 224, w =
    224]`.""",
)

MERGE_DIFFERS = _code(
    "E0308",
    "the streams do not go together",
    """Branches that are added have one shape. Branches that are concatenated agree in all axes but the one along which
    they are put, which is that of the channels unless `axis` says otherwise.""",
)
RESIDUAL_DIFFERS = _code(
    "E0309",
    "the residual does not fit its shortcut",
    """The result of a `residual` is added to what went into it, so both have one shape. `project { … }` brings what
    went in to the other shape, and is taken only where they differ.""",
)
SHARE_DIFFERS = _code(
    "E0310",
    "the weights do not fit here",
    """`share @label` applies a module once more with the same weights, so the stream needs the sizes that the weights
    were made for.""",
)
NO_INDICES = _code(
    "E0311",
    "the step reads another kind of numbers",
    """Some operators look vectors up by indices, which only an input can hold: steps compute real numbers. An input
    that one of them reads holds whole numbers, so no step that computes with real numbers can read it too.""",
)

# 04 structure and naming
LABEL_TWICE = _code(
    "E0401",
    "two steps have the same name",
    """Labels become names of submodules, so each may stand once in its `{ }`. A repeated step takes its label
    along: repeat it without a label inside of `[ ]`, where children are numbered.""",
)
RESERVED_NAME = _code(
    "E0402",
    "this name cannot be used in a Python module",
    """Labels, inputs, parameters and models become names in the generated module. A keyword of Python, an attribute
    of `nn.Module` (`forward`, `training`, `type`, …) or a name that the module itself needs (`torch`, `nn`, `self`,
    `device`, `dtype`) would break it.""",
)
NO_INPUT = _code(
    "E0403",
    "the model has no input",
    """A model says what comes in before it says what happens: `input image: 1x32x32`.""",
)
NO_STEPS = _code(
    "E0404",
    "the model computes nothing",
    """A model needs at least one step after its input, such as `fc: linear(10)`; a step that is repeated 0 times does
    not count.""",
)
DEFINED_TWICE = _code(
    "E0405",
    "the name is defined twice",
    """Two models of a file, two parameters of a model or two inputs have the same name.""",
)
INPUT_TOO_LATE = _code(
    "E0406",
    "the input has to come first",
    """Data flows down the page: `input` stands before the first step of a model, and there only.""",
)
CATALOGUE["E0407"] = Code(
    "E0407",
    "a second input has nowhere to go",
    "Retired: a model may have several inputs since blocks take tensors and `@name` reads them.",
    is_retired=True,
)
LABEL_IN_NUMBERED = _code(
    "E0408",
    "a label has no meaning in `[ ]`",
    """The children of `[ … ]` are numbered by position, as in `nn.Sequential`. Write `{ … }` for children that are
    called by their labels.""",
)
NEEDS_LABEL = _code(
    "E0409",
    "a numbered submodule needs a label",
    """`[ … ]` makes a submodule, and outside of another `[ … ]` its name can only come from a label: `features: [ …
    ]`.""",
)
LABEL_ON_GROUP = _code(
    "E0410",
    "a label has no meaning on `( )`",
    """`( … )` only takes steps together, for example to repeat them; it makes no level of names. `{ … }` and `[ …
    ]` do.""",
)

BAD_OUTPUT = _code(
    "E0411",
    "this output is not possible",
    """An output has a name, which is the label of its first step, and belongs to the model that is built:
    `output aux: linear(10) when training`. Its chain does not move the stream.""",
)
SEVERAL_STREAMS = _code(
    "E0412",
    "there are several streams here",
    """After a `group` or a `split` several streams flow side by side. `concat`, `add`, `mul` or `stack` makes one of
    them, and another `group` with as many names goes on with all.""",
)
NO_SUCH_DEVICE = _code(
    "E0413",
    "there is no such device",
    """`on` names a device that the model has declared: `devices gpu0, gpu1` at its top.""",
)
EMPTY_MERGE = _code(
    "E0414",
    "there is nothing to merge",
    """A merge has branches in braces, one statement each, or takes the streams of a `group` or a `split`.""",
)
MISPLACED = _code(
    "E0415",
    "this cannot stand here",
    """Some statements have their place: `input`, `output` and `devices` in a model, not in a part of it; `exchange`
    in a `group`.""",
)

# 05 limits
TOO_MANY_OPERATIONS = _code(
    "E0501",
    "the net has too many operations",
    """Unfolding stops at a bound, so that a slip such as `* 1000000000` ends in a message. `--max-operations`
    raises it, and with it how long lists and files may be.""",
)
TOO_DEEP = _code(
    "E0502",
    "this is nested too deeply",
    """Blocks, brackets and expressions may be nested to a bounded depth, so that no file can exhaust the memory of a
    reader. A block that calls itself needs an `if` that ends it. `--max-nesting` raises the bound on how deep
    blocks and brackets unfold; the brackets of a file (100) and expressions (80) have bounds of their own.""",
)
NUMBER_TOO_LARGE = _code(
    "E0503",
    "the number is too large",
    """Whole numbers stay below 2 to the power of 63, as sizes do in PyTorch, and so does the number of elements that a
    shape has. A list has at most as many items as a net may have operations: `--max-operations` raises both.""",
)
SOURCE_TOO_LARGE = _code(
    "E0504",
    "the file is too large",
    """An architecture that a person wrote fits in a few pages; a file with more than 40 characters for each operation
    that a net may have is taken for a mistake. `--max-operations` raises the bound.""",
)

# 06 files
FILE_NOT_FOUND = _code(
    "E0601",
    "there is no such file or gallery name",
    """FILE is a path to an `.arch` file, `-` for standard input, or the name of a net of the gallery, such as
    `lenet5`.""",
)
FILE_NOT_READABLE = _code(
    "E0602",
    "the file cannot be read",
    """The path is a directory, or the system does not allow it to be read.""",
)
FILE_NOT_TEXT = _code(
    "E0603",
    "the file is not text",
    """An `.arch` file is UTF-8 text. A drawing, a checkpoint or a file in another encoding was named by mistake, or
    has to be converted.""",
)
NO_MODEL = _code(
    "E0604",
    "the file holds no model",
    """A file that is checked or built defines at least one model: `model Name { input x: 3x32x32 … }`.""",
)

OUTSIDE_ROOT = _code(
    "E0605",
    "the import leaves the project",
    """Imports are relative to the file, and stay within the project: the nearest folder above the main file that holds
    a `pyproject.toml` or a `.git`, else the folder of the main file.""",
)
NOT_IN_FILE = _code(
    "E0606",
    "the imported file has no such name",
    """`from "file" import Name` takes a block, a macro or a model that the file defines itself.""",
)
IMPORT_CYCLE = _code(
    "E0607",
    "the files import each other",
    """A file imports another one that imports it, directly or by others. Put what both need into a third file.""",
)

# 07 asserts
ASSERT_FAILED = _code(
    "E0701",
    "the assertion does not hold",
    """`assert` states something about the net, and it is checked whenever the net is. `params` and `macs` are the
    totals of the model; the message shows both sides of a comparison.""",
)
ASSERT_NOT_TRUTH = _code(
    "E0702",
    "an assertion has to be true or false",
    """The expression after `assert` gives a number or something else, and no truth value: compare it with
    something.""",
)

# W01 waste
PIXELS_UNREAD = _code(
    "W0103",
    "the stride leaves pixels unused",
    """The window's last position ends before the map does, so its last rows and columns are never read. An input of
    another size, or padding, makes it fit.""",
)

BIAS_BEFORE_NORM = _code(
    "W0104",
    "the bias has no effect",
    """A batch normalisation takes the mean of each channel off, and with it every constant that was added before; it
    adds one of its own. Parameters and memory are saved with `bias = false`. A comment `# allow W0104` at the end of
    the line turns this warning off there, and on a line of its own in the whole file.""",
)
ACTIVATION_TWICE = _code(
    "W0105",
    "two activations follow each other",
    """Nothing is learned between two activations, so the second one only bends what the first one left; after `relu`
    a second `relu` does nothing. Usually a layer was left out between them, or an activation copied. `# allow W0105`
    turns this off.""",
)
DEAD_STEP = _code(
    "W0106",
    "the result of this step is never used",
    """No output depends on what comes out here: the stream was restarted by `@label` behind it, and nobody reads it.
    It costs time and memory all the same, and its weights never learn. `# allow W0106` turns this off.""",
)

# W02 names
UNLABELLED = _code(
    "W0201",
    "an operator with parameters has no label",
    """The operator's weights are stored under its own name, numbered if there are several, so that adding a layer
    before it renames them and saved weights no longer load. Give it a label: `fc1: linear(84)`. In `[ ]` children
    are numbered on purpose.""",
)

# W03 unused
UNUSED_PARAMETER = _code(
    "W0301",
    "the parameter is never used",
    """A parameter of the model has no influence on it: no step reads it (assertions do not count). Use it, or leave it
    out.""",
)
UNUSED_SET = _code(
    "W0302",
    "the default is never used",
    """A `set` statement gives defaults for the calls below it, and no call of this operator follows.""",
)

UNUSED_INPUT = _code(
    "W0303",
    "the input is never used",
    """The stream begins with the first input; the others are used as `@name`. This one is not.""",
)

UNUSED_BLOCK = _code(
    "W0304",
    "the block is never used, so it is not checked",
    """What a block does depends on the stream and the arguments that it gets, so its body is checked where a model uses
    it, and no model of this file does. In a file without models, which others import, blocks are not warned of.""",
)

# W04 what a training meets
DROPOUT_BEFORE_NORM = _code(
    "W0401",
    "dropout stands before a batch normalisation",
    """While training, dropout changes the variance of what follows, and the normalisation keeps that variance for
    evaluation, where dropout does nothing: then it divides by the wrong number (Li et al.: Understanding the
    disharmony between dropout and batch normalization by variance shift, 2019). Put dropout behind the last
    normalisation. `# allow W0401` turns this off.""",
)
NARROW_RECTIFIED = _code(
    "W0402",
    "a narrow layer is rectified",
    """A layer brings many channels to few, at most a quarter, cuts off what is negative, and then widens again: what
    it cut off is lost to all that follows (Sandler et al.: MobileNetV2, 2018, section 3.1). A 1x1 convolution that
    narrows is fine where the stream also goes another way, as in the bottlenecks of ResNet and the branches of
    Inception, and where no activation follows, as in MobileNetV2. `# allow W0402` turns this off.""",
)
FIELD_TOO_SMALL = _code(
    "W0403",
    "the last convolution does not see the whole input",
    """Each pixel of the last map sees only a part of the input, and behind it only a mean is taken: the net adds up
    local opinions, and no layer can relate distant parts. `archdsl summary` shows the receptive field of every step.
    `# allow W0403` turns this off.""",
)
SOFTMAX_AT_END = _code(
    "W0404",
    "the net ends in a softmax",
    """`nn.CrossEntropyLoss` of PyTorch takes scores and computes the logarithm of the softmax itself; with a softmax
    before it the gradients nearly vanish. Leave it out, and take `softmax` of the scores where probabilities are
    wanted, or end in `log_softmax` and train with `nn.NLLLoss`. `# allow W0404` turns this off.""",
)

# W07 assertions
ASSERT_OVERRIDDEN = _code(
    "W0701",
    "the assertion does not hold with these settings",
    """The assertions of a file speak of its models with their own defaults. Where `--set` gives a parameter another
    value, one that does not hold is a warning.""",
)
