"""The catalogue of diagnostics: the code, the title and the explanation of each.

Codes are never reused; a retired one stays in the catalogue and is marked.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A diagnostic: an error (`E0001`), which prevents a build, or a warning (`W0103`).

    `help` is the instruction where a message has none of its own.
    """

    id: str
    title: str
    explanation: str
    help: str | None = None
    is_retired: bool = False

    @property
    def is_error(self) -> bool:
        """Whether the diagnostic is an error."""
        return self.id.startswith("E")


CATALOGUE: dict[str, Code] = {}


def _code(id: str, title: str, explanation: str, help: str | None = None) -> Code:
    assert id not in CATALOGUE, id
    CATALOGUE[id] = Code(id, title, " ".join(explanation.split()), help)
    return CATALOGUE[id]


# 00 syntax
UNEXPECTED = _code(
    "E0001",
    "unexpected text",
    """The text does not follow the grammar here. The message shows the text found and the text expected. A
    statement ends at the end of its line or at `;`. A chain continues on the next line if its line ends in `->` or
    the next line begins with it.""",
)
NEVER_CLOSED = _code(
    "E0002",
    "a bracket is never closed",
    """The file ends, or another bracket closes, before the bracket that the message shows. Add the missing `}`, `]`
    or `)`. The indentation usually shows where.""",
)
UNKNOWN_CHARACTER = _code(
    "E0003",
    "this character is not part of the language",
    """Outside strings and comments, use only letters, digits, `_` and the signs of the grammar. Text that is
    pasted from a document often contains typographic quotes and arrows: replace them by `"` and `->`.""",
)

UNFINISHED = _code(
    "E0004",
    "the statement is incomplete",
    """The line ends where more is needed: a step after `->`, a value after `=`, or a shape after `::`.""",
)

FOREIGN_SYNTAX = _code(
    "E0005",
    "this is the syntax of another language",
    """A net is written as chains of steps, `conv(8, 3) -> relu -> maxpool(2)`, without classes, functions, assignments
    or indices. The stream flows from one statement to the next; `label:` names a step, and `@label` is its result. The
    message shows how archdsl writes the statement, if it can tell.""",
)
KEYWORD_MISSPELT = _code(
    "E0006",
    "this is not a keyword",
    """A statement begins with a word that resembles a keyword, and continues as if it were one. The keywords of
    statements are `input`, `output`, `devices`, `set`, `assert`, `for`, `if`, `else`, `residual`, `project`, `group`,
    `on` and `share`; those of files are `model`, `block`, `macro`, `import` and `from`.""",
)

# 01 names
NO_SUCH_OPERATOR = _code(
    "E0101",
    "there is no such operator",
    """A lower-case name in a chain must be an operator. `archdsl ops` lists all operators.""",
)
NO_SUCH_NAME = _code(
    "E0102",
    "there is no such name",
    """A name in an expression must be a parameter, a variable, a property of the current tensor (`channels`,
    `height`, `width`, `shape`) or a function of the language.""",
)
NO_SUCH_MODEL = _code(
    "E0103",
    "there is no such model",
    """`--model` names a model that the file does not define. Names are case-sensitive. Without `--model`, the last
    model of the file is used.""",
)

NO_SUCH_LABEL = _code(
    "E0104",
    "there is no such label",
    """`@label` is the result of the step with this label. The step must come earlier, in the same body or in an
    enclosing one; labels inside a submodule or a block are not visible from outside.""",
)
NO_SUCH_BLOCK = _code(
    "E0105",
    "there is no such block",
    """A capitalised name must be a block, a macro or a model. It can be defined anywhere in the file, or
    imported.""",
)
NAME_TOO_LONG = _code(
    "E0110",
    "the name is too long",
    """A name has at most 255 characters, with the expressions in a computed label. Names become the keys of a
    state_dict, and parts of longer names.""",
    help="choose a shorter name",
)
TOO_MANY_NAMES = _code(
    "E0111",
    "there are too many names or arguments",
    """A definition has at most 1,000 parameters, a call 1,000 arguments, a model 1,000 inputs, 1,000 outputs and 1,000
    devices. Give a list as one argument instead.""",
    help="declare fewer of them",
)
TOO_MANY_AXES = _code(
    "E0112",
    "the shape has too many axes",
    """A shape has at most 63 axes: with the batch, a tensor of PyTorch has at most 64.""",
    help="join axes: `flatten` or `reshape` make one of several",
)
NOT_A_STEP = _code(
    "E0106",
    "this value is not a step",
    """A step of a chain must be an operator, a block, or a parameter of a block that holds a tensor. Numbers and
    lists can only be arguments.""",
    help="pass an operator or a block, or use the value as an argument of a step",
)

NESTED_STEPS = _code(
    "E0107",
    "a step is written as an argument",
    """Steps follow each other in a chain: `conv(8, 3) -> relu`, not `relu(conv(8, 3))`. The arguments of an operator
    are numbers and words, not tensors.""",
)

# 02 arguments and values
NO_SUCH_ARGUMENT = _code(
    "E0201",
    "the operator has no such argument",
    """The operator does not have an argument of this name. The message lists its arguments; `archdsl ops NAME`
    explains them.""",
)
MISSING_ARGUMENT = _code(
    "E0202",
    "an argument is missing",
    """The operator needs a value for this argument, which has no default. Give it in the call, or in a `set`
    statement above.""",
)
WRONG_VALUE = _code(
    "E0203",
    "the argument has the wrong type",
    """The argument does not accept a value of this type, such as a string for a number.""",
)
OUT_OF_RANGE = _code(
    "E0204",
    "the value is out of range",
    """The number is too small or too large for the argument, such as a window of size 0 or a dropout rate above
    1.""",
)
TOO_MANY_ARGUMENTS = _code(
    "E0205",
    "too many positional arguments",
    """Only the first arguments of an operator may be given without names. Give the others by name: `conv(8, 3,
    padding = 1)`.""",
)
GIVEN_TWICE = _code(
    "E0206",
    "the argument is given twice",
    """The call gives the same argument twice: by name, or by position and by name.""",
    help="remove one of the two",
)
CANNOT_COMPUTE = _code(
    "E0207",
    "this cannot be computed",
    """The operands of an expression have incompatible types (a number plus a string), `/` of integers leaves a
    remainder, a divisor is 0, or an index is out of range. `//` divides and rounds down.""",
)
AMBIGUOUS_PADDING = _code(
    "E0208",
    "`same` padding is ambiguous",
    """Frameworks use `same` for three rules: PyTorch's `padding="same"` (for stride 1 only), TensorFlow's padding
    (uneven for even sizes, and dependent on the stride), and half the kernel on both sides. At stride 1 and with odd
    kernels they agree. Write `half` for the last and `tf_same` for TensorFlow's.""",
)
TABLE_DOES_NOT_FIT = _code(
    "E0209",
    "the table does not fit the layer",
    """A connection table needs one row for each output channel, with the numbers of its input channels, counted from
    0. A table of targets needs one row for each output, with one cell for each feature.""",
    help="change the table, or the number of channels of the input",
)
BAD_COUNT = _code(
    "E0210",
    "invalid number of repetitions",
    """`* n` repeats a step n times, each with its own weights. n must be an integer of at least 0.""",
)

NO_SUCH_FUNCTION = _code(
    "E0211",
    "there is no such function",
    """Expressions can call `range`, `enumerate`, `zip`, `len`, `min`, `max`, `sum`, `abs`, `round`, `floor`, `ceil`
    and `make_divisible`.""",
)
NO_DEFAULT = _code(
    "E0212",
    "the parameter has no value",
    """A parameter of a model without a default needs a value: `--set classes=10`.""",
)

NOT_A_LIST = _code(
    "E0213",
    "`for` needs a list",
    """`for` iterates over a list: `for i in range(4)`, `for n in [3, 4, 6]`. With several names, each item must have
    as many parts: `for i, n in enumerate(depths)`.""",
)
NO_ARGUMENT_FOR_BLOCK = _code(
    "E0214",
    "the arguments do not match the block",
    """A block needs an argument for each parameter without a default, and accepts no others.""",
)
BAD_NAME = _code(
    "E0215",
    "this is not a valid name",
    """A computed label such as `layer{i + 1}` must result in a name: letters, digits and `_`. Its values must be
    integers or strings.""",
    help="write one name of letters, digits and `_`",
)
TENSOR_AS_ARGUMENT = _code(
    "E0220",
    "a tensor cannot be an argument here",
    """An operator reads one tensor, the stream; its arguments are numbers, words and initialisers. Only `concat`,
    `add`, `mul` and `stack` read several tensors: one from each branch. Blocks take tensors as arguments.""",
)

# 03 shapes
SHAPE_DIFFERS = _code(
    "E0301",
    "the shape differs from the stated one",
    """`:: 6x14x14` states the shape at this point, and archdsl checks it. Either the statement or an earlier step is
    wrong; the message shows the last step that changed the shape.""",
)
WINDOW_DOES_NOT_FIT = _code(
    "E0302",
    "the window does not fit the input",
    """A window of size k with padding p and stride s has floor((n + 2p - k)/s) + 1 positions along an axis of size n;
    a dilated window spans d*(k-1) + 1 pixels. Here the result is below 1: the map is smaller than the window.
    Add padding, use a smaller kernel, or reduce the strides before it.""",
)
WRONG_RANK = _code(
    "E0303",
    "the input has the wrong number of axes",
    """An operator needs an input with a certain number of axes: `conv` needs maps (channels and one to three axes),
    `linear` vectors or sequences. `flatten` turns a map into a vector.""",
)
NOT_DIVISIBLE = _code(
    "E0304",
    "the channels are not divisible",
    """The channels, features or heads cannot be divided into this number of equal parts. With `groups = g`, g must
    divide both the number of input channels and the number of output channels.""",
    help="choose a number that divides the channels",
)
WRONG_AXES = _code(
    "E0305",
    "an argument has the wrong number of axes",
    """A value for each axis, such as `3x1`, needs one number for every axis of the map: two for images, one for
    signals, three for volumes.""",
)
PADDING_TOO_LARGE = _code(
    "E0306",
    "the padding is larger than half of the window",
    """PyTorch rejects a pool whose padding is more than half of its window, because some windows would contain
    no pixel.""",
)
BAD_SHAPE = _code(
    "E0307",
    "this is not a shape",
    """A shape is a list of sizes, which are integers of at least 1: `3x224x224`, `400`, or `[3, h = 224, w =
    224]`.""",
)

MERGE_DIFFERS = _code(
    "E0308",
    "the inputs of the merge do not fit together",
    """Branches that are added must have equal shapes. Branches that are concatenated must have equal shapes, except
    along the axis that `concat` joins (channels by default).""",
)
RESIDUAL_DIFFERS = _code(
    "E0309",
    "the residual does not fit its shortcut",
    """`residual` adds its result to its input, so both must have the same shape. `project { … }` adapts the shape of
    the input; it is used only where the shapes differ.""",
)
SHARE_DIFFERS = _code(
    "E0310",
    "the weights do not fit here",
    """`share @label` applies the same module again, so its input must have the sizes for which the weights were
    made.""",
    help="apply it to a stream of the same shape, or write another layer",
)
NO_INDICES = _code(
    "E0311",
    "the input has the wrong data type",
    """`embedding` reads integer indices. Only an input of the model can hold indices, because all other steps compute
    real numbers. Steps that compute with real numbers cannot read an input of indices.""",
)

# 04 structure and naming
LABEL_TWICE = _code(
    "E0401",
    "two steps have the same name",
    """Labels become names of submodules, so each may occur once in its `{ }`. To repeat a step, omit the label and
    use `[ ]`, which numbers its children.""",
)
RESERVED_NAME = _code(
    "E0402",
    "this name cannot be used in a Python module",
    """Labels, inputs, parameters and models become names in the generated module. Keywords of Python, attributes of
    `nn.Module` (`forward`, `training`, `type`, …) and `nn.Sequential` (`append`, `pop`, …), and names that the module
    uses (`torch`, `nn`, `self`, `device`, `dtype`) are reserved. Outputs become fields of a named tuple, which has
    `count` and `index` already.""",
)
NO_INPUT = _code(
    "E0403",
    "the model has no input",
    """A model must declare its input before its first step: `input image: 1x32x32`.""",
)
NO_STEPS = _code(
    "E0404",
    "the model has no steps",
    """A model needs at least one step after its input, such as `fc: linear(10)`. A step that is repeated 0 times does
    not count.""",
)
DEFINED_TWICE = _code(
    "E0405",
    "the name is defined twice",
    """Two models of the file, two parameters of a model or two inputs have the same name.""",
    help="choose another name for one of them",
)
INPUT_TOO_LATE = _code(
    "E0406",
    "the input must come first",
    """All inputs of a model must come before its first step: `input image: 1x32x32`.""",
)
CATALOGUE["E0407"] = Code(
    "E0407",
    "a second input has nowhere to go",
    "Retired: a model may have several inputs since blocks take tensors and `@name` reads them.",
    is_retired=True,
)
LABEL_IN_NUMBERED = _code(
    "E0408",
    "`[ ]` does not take labels",
    """The children of `[ … ]` are numbered by position, as in `nn.Sequential`. Use `{ … }` for children with
    labels.""",
)
NEEDS_LABEL = _code(
    "E0409",
    "a numbered submodule needs a label",
    """`[ … ]` creates a submodule. Outside another `[ … ]`, it needs a label for its name: `features: [ … ]`.""",
)
LABEL_ON_GROUP = _code(
    "E0410",
    "`( )` does not take a label",
    """`( … )` only groups steps, for example to repeat them; it creates no submodule. Use `{ … }` or `[ … ]` for a
    submodule with a label.""",
)

BAD_OUTPUT = _code(
    "E0411",
    "invalid output",
    """An output needs a name, which becomes the label of its first step, and must be part of the model that is built:
    `output aux: linear(10) when training`. Its chain does not change the current tensor.""",
)
SEVERAL_STREAMS = _code(
    "E0412",
    "there are several tensors here",
    """A `group` or a `split` gives several tensors. Merge them with `concat`, `add`, `mul` or `stack`, or continue
    with another `group` of as many names.""",
)
NO_SUCH_DEVICE = _code(
    "E0413",
    "there is no such device",
    """`on` needs a device that the model declares at its top: `devices gpu0, gpu1`.""",
)
EMPTY_MERGE = _code(
    "E0414",
    "there is nothing to merge",
    """A merge needs branches in braces, one statement for each, or the results of a `group` or a `split`.""",
)
MISPLACED = _code(
    "E0415",
    "this is not allowed here",
    """Some statements are allowed in certain bodies only: `input`, `output` and `devices` in the body of the model,
    `exchange` in the body of a `group`.""",
)
NO_TOWER_PROCESSES = _code(
    "E0416",
    "the model cannot run one process for each tower",
    """`build --parallel towers` runs each tower of one `group` in a process of its own. The towers begin at the inputs,
    exchange their streams with `exchange`, and are merged once, with `concat` or `add`. Only the first process runs
    the steps after the merge. All towers use what they exchange, because all processes take part in the backward pass
    of an exchange.""",
)
TOWERS_NOT_FUSED = _code(
    "E0417",
    "the towers cannot be fused",
    """`build --fuse-towers` makes one grouped layer of the layers that have the same position in all towers of a
    `group`. All towers need the same steps with the same arguments and sizes, and each step needs a grouped form.""",
)
NO_STAGES = _code(
    "E0418",
    "the model cannot be cut into these pipeline stages",
    """`build --parallel pipeline` cuts the model into consecutive stages. It does not cut a block on one device, the
    towers of a group, or the steps between two uses of the same weights. Without `--stages`, each device is a stage,
    so the model must not return to a device.""",
)
UNLABELLED_STEP = _code(
    "E0419",
    "this step does not take a label",
    """`share` and `@name` repeat or read a module that has a name already, and `on` makes no submodule. To name a
    result, write a labelled `identity` after it: `share @encoder -> right: identity`. The names of a `group` follow
    its keyword.""",
)

# 05 limits
TOO_MANY_OPERATIONS = _code(
    "E0501",
    "the net has too many operations",
    """The number of operations is limited, so that a mistake such as `* 1000000000` gives an error.
    `--max-operations` raises the limit, and with it those on lists and files.""",
)
TOO_DEEP = _code(
    "E0502",
    "this is nested too deeply",
    """The depth of blocks, brackets and expressions is limited, so that no file can exhaust the memory. A block that
    calls itself needs an `if` that ends the recursion. `--max-nesting` raises the limit on blocks and brackets of the
    net; the limits on brackets of a file (100), on expressions (80) and on the branches of an `if` (80) are fixed.""",
    help="take parts of it out into parameters or blocks",
)
NUMBER_TOO_LARGE = _code(
    "E0503",
    "the number is too large",
    """Integers and the number of elements of a shape must be below 2 to the power of 63, as in PyTorch. A list may
    have as many items as a net may have operations; `--max-operations` raises both limits.""",
    help="use a smaller number",
)
SOURCE_TOO_LARGE = _code(
    "E0504",
    "the file is too large",
    """A file may have, with its imports, 40 bytes for each operation that a net may have. `--max-operations` raises
    both limits.""",
)

# 06 files
FILE_NOT_FOUND = _code(
    "E0601",
    "there is no such file or gallery name",
    """FILE is a path to an `.arch` file, `-` for standard input, or the name of a net of the gallery, such as
    `lenet5`.""",
    help="correct the path, which is relative to the folder of this file",
)
FILE_NOT_READABLE = _code(
    "E0602",
    "the file cannot be read",
    """The path is a directory, or you do not have permission to read it.""",
)
FILE_NOT_TEXT = _code(
    "E0603",
    "the file is not text",
    """An `.arch` file must be UTF-8 text. Check that it is not a drawing or a checkpoint, or convert its
    encoding.""",
)
NO_MODEL = _code(
    "E0604",
    "the file has no model",
    """A file that is checked or built must define at least one model: `model Name { input x: 3x32x32 … }`.""",
)

OUTSIDE_ROOT = _code(
    "E0605",
    "the import is outside the project",
    """Imports are relative to the importing file and must stay in the project: the nearest folder above the main file
    with a `pyproject.toml` or a `.git`, else the folder of the main file.""",
)
NOT_IN_FILE = _code(
    "E0606",
    "the imported file has no such name",
    """`from "file" import Name` needs a block, a macro or a model that the file defines itself.""",
)
IMPORT_CYCLE = _code(
    "E0607",
    "the files import each other",
    """A file imports another one that imports it, directly or through others. Move the common definitions to a third
    file.""",
    help="move the blocks that both files need into a third one, and import that",
)
OTHER_PLACEMENT = _code(
    "E0608",
    "the placement is not for this net",
    """A file that `archdsl place -o` writes holds the device of every step, and is valid only for the net that it was
    made for. After a change of the net, or with other settings, run `archdsl place` again.""",
)
OTHER_DEVICE = _code(
    "E0609",
    "the placement contradicts a device in the net",
    """Steps in `on` stay on the device that the net names; a placement only assigns the other steps. Change one of the
    two.""",
)

# 07 asserts
ASSERT_FAILED = _code(
    "E0701",
    "the assertion does not hold",
    """`assert` states a property of the net, which every command checks. `params` and `macs` are the totals of the
    model. The message shows both sides of a comparison.""",
    help="change the net, or the assertion",
)
ASSERT_NOT_TRUTH = _code(
    "E0702",
    "an assertion must be true or false",
    """The expression after `assert` is not a truth value. Compare it with something: `assert params == 61706`.""",
    help="write a comparison, such as `params == 61_706`",
)

# W01 waste
PIXELS_UNREAD = _code(
    "W0103",
    "the stride leaves pixels unused",
    """The last position of the window ends before the map does, so that no window reads the last rows or columns.
    Change the size of the input, or add padding.""",
)

BIAS_BEFORE_NORM = _code(
    "W0104",
    "the bias has no effect",
    """Batch normalisation subtracts the mean of each channel, and with it any bias that was added before; it adds a
    bias of its own. Set `bias = false` to save parameters and memory. A comment `# allow W0104` at the end of the
    line suppresses this warning there; on a line of its own, in the whole file.""",
)
ACTIVATION_TWICE = _code(
    "W0105",
    "two activations follow each other",
    """There is no layer between two activations, so the second one adds little; a second `relu` does nothing. Usually
    a layer is missing, or an activation was copied. `# allow W0105` suppresses this warning.""",
)
DEAD_STEP = _code(
    "W0106",
    "the result of this step is never used",
    """No output depends on this step: `@label` after it continues with another tensor, and nothing reads its result.
    It costs time and memory, and its weights get no gradient. `# allow W0106` suppresses this warning.""",
)

# W02 names
UNLABELLED = _code(
    "W0201",
    "an operator with parameters has no label",
    """The keys of the weights are the operator's name, with a number if there are several. If you insert a layer
    before it, the keys change and saved weights no longer load. Give it a label: `fc1: linear(84)`. In `[ ]`,
    children are numbered on purpose.""",
)

# W03 unused
UNUSED_PARAMETER = _code(
    "W0301",
    "the parameter is never used",
    """No step of the model depends on this parameter (assertions do not count). Use it or remove it.""",
)
UNUSED_SET = _code(
    "W0302",
    "the default is never used",
    """A `set` statement gives defaults for later calls, and no call of this operator follows.""",
)

UNUSED_INPUT = _code(
    "W0303",
    "the input is never used",
    """The first input is the current tensor at the beginning of the model; the others are read as `@name`. Nothing
    reads this one.""",
)

UNUSED_BLOCK = _code(
    "W0304",
    "the block is never used, so it is not checked",
    """The shapes in a block depend on its input and its arguments, so archdsl checks a block where a model uses it.
    No model of this file uses this one. Files without models, which others import, do not get this warning.""",
)

# W04 training
DROPOUT_BEFORE_NORM = _code(
    "W0401",
    "dropout comes before a batch normalisation",
    """In training, dropout changes the variance of its result. Batch normalisation stores that variance and uses it
    in evaluation, where dropout does nothing: then the variance is wrong (Li et al.: Understanding the disharmony
    between dropout and batch normalization by variance shift, 2019). Move dropout after the last normalisation. `#
    allow W0401` suppresses this warning.""",
)
NARROW_RECTIFIED = _code(
    "W0402",
    "a narrow layer is rectified",
    """A layer reduces the channels to a quarter or less, a rectifier sets negative values to 0, and the next layer
    widens again: the lost values cannot be recovered (Sandler et al.: MobileNetV2, 2018, section 3.1). A narrowing
    1x1 convolution is fine if there is a parallel path, as in the bottlenecks of ResNet and the branches of
    Inception, or if no activation follows, as in MobileNetV2. `# allow W0402` suppresses this warning.""",
)
FIELD_TOO_SMALL = _code(
    "W0403",
    "the last convolution does not see the whole input",
    """Each pixel of the last map depends on a part of the input only, and after it there is only a mean: no layer can
    relate distant parts of the input. `archdsl summary` shows the receptive field of every step. `# allow W0403`
    suppresses this warning.""",
)
SOFTMAX_AT_END = _code(
    "W0404",
    "the net ends in a softmax",
    """PyTorch's `nn.CrossEntropyLoss` expects scores and applies the log-softmax itself; after another softmax, the
    gradients nearly vanish. Remove it and apply `softmax` where you need probabilities, or end in `log_softmax` and
    train with `nn.NLLLoss`. `# allow W0404` suppresses this warning.""",
)

# W05 roles of axes
SEQUENCE_AS_MAP = _code(
    "W0501",
    "a sequence is read as a map",
    """Convolutions, pools and normalisations of channels expect channels first and pixels after them. The stream is a
    sequence of steps and features, or a map with the channels last, so the operator would take its steps for
    channels. PyTorch accepts this because the number of axes fits. Insert `maps`, which turns a sequence into a map,
    or `permute`. `# allow W0501` suppresses this warning.""",
)
MAP_AS_SEQUENCE = _code(
    "W0502",
    "a map is read as a sequence",
    """Recurrent layers and attention expect steps first and features after them. The stream is a map of channels and
    pixels, so the operator would take its channels for steps. PyTorch accepts this because the number of axes fits.
    Insert `tokens`, which makes each pixel a step. `# allow W0502` suppresses this warning.""",
)
ALONG_PIXELS = _code(
    "W0503",
    "a layer acts along the pixels of a map",
    """`linear`, `layernorm` and `rmsnorm` act along the last axis, which in a map holds pixels and not features. Insert
    `flatten` to use all values, `tokens` to use the channels of each position, or `channel_layernorm` for a
    normalisation. `# allow W0503` suppresses this warning.""",
)
ALONG_STEPS = _code(
    "W0504",
    "an operator acts along the steps of a sequence",
    """Without `axis`, `split`, `concat`, `softmax` and the like act along axis 0. It holds the channels of a map, but
    the steps of a sequence. Write the axis: `axis = 1` for features, `axis = 0` for steps.""",
)
OVER_FEATURES = _code(
    "W0505",
    "the pool reduces the features of a sequence",
    """Global pools, and `mean` and `sum` without axes, keep axis 0 and reduce all others. Axis 0 holds the channels of
    a map, but the steps of a sequence. `mean(0)` averages over the steps. `# allow W0505` suppresses this warning.""",
)
ROLES_MEET = _code(
    "W0506",
    "tensors with different axes are merged",
    """The branches have equal sizes, but their axes mean different things: one is a map of channels and pixels, another
    a sequence of steps and features. PyTorch accepts this. `# allow W0506` suppresses this warning.""",
)
WORD_OF_OTHER_ROLE = _code(
    "W0507",
    "the stream has no axis of this name",
    """A map has `channels` and `length`, `height` and `width`, or `depth`, `height` and `width`. A sequence has `steps`
    and `features`, a vector has `features`. Other words are read by position: `channels` is the first axis, `height`
    and `width` are the last two. From version 0.3 on this is an error.""",
)
SIZE_AS_CHANNELS = _code(
    "W0508",
    "the size of a map is used as a number of channels",
    """`length`, `depth`, `height` and `width` are sizes of the current map. Here one of them is the number of channels
    of a layer, so that the layer would change with the size of the image. Most often the block lacks a parameter of
    this name. If the size of the map is meant, write `shape[1]` or `shape[-1]`.""",
)

# W06 habits of other frameworks
CHANNELS_LAST = _code(
    "W0601",
    "the input looks like channels last",
    """Shapes have the channels first, as in PyTorch: `3x224x224`, not `224x224x3` as in TensorFlow. If the first size
    really is the number of channels, `# allow W0601` suppresses this warning.""",
)
BATCH_AXIS = _code(
    "W0602",
    "the input looks as if it had a batch axis",
    """Shapes are those of one sample, without the batch: `3x224x224`, not `1x3x224x224`. The generated module takes
    batches of any size. If the first size really is the number of channels of a volume, `# allow W0602` suppresses
    this warning.""",
)
INPUT_CHANNELS = _code(
    "W0603",
    "the first argument looks like the number of input channels",
    """archdsl takes the number of input channels from the stream, so the first argument of `conv` is the number of
    output channels: PyTorch's `nn.Conv2d(64, 128, 3)` is `conv(128, 3)`. `conv(64, 128, 3)` has 64 output channels, a
    kernel of 128 and a stride of 3. If that is meant, `# allow W0603` suppresses this warning.""",
)

# W08 numbers that are hardly ever meant
DROPS_MOST = _code(
    "W0801",
    "the dropout drops nearly everything",
    """The rate of a dropout is the probability that a value becomes 0. TensorFlow 1 counts the probability to keep a
    value instead. `# allow W0801` suppresses this warning.""",
)
MOMENTUM_REVERSED = _code(
    "W0802",
    "the momentum is that of another framework",
    """In PyTorch, and here, the running statistics become (1 - momentum) * old + momentum * new; in Keras, TensorFlow
    and Caffe, momentum * old + (1 - momentum) * new. Their 0.99 is 0.01 here. `# allow W0802` suppresses this
    warning.""",
)
EPS_TOO_LARGE = _code(
    "W0803",
    "the eps is as large as a variance",
    """A normalisation adds `eps` to the variance so that it never divides by 0. A value that is not small compared with
    1 changes the result. `# allow W0803` suppresses this warning.""",
)
CONSTANT_RESULT = _code(
    "W0804",
    "a softmax over one value is constant",
    """The values of a softmax sum to 1 along its axis. If there is one value, it is 1 for every input, and the layers
    before it get no gradient. `# allow W0804` suppresses this warning.""",
)
DROPOUT_AT_END = _code(
    "W0805",
    "the net ends in a dropout",
    """The dropout sets outputs of the net to 0 at random in training, so the loss compares targets with zeros. `#
    allow W0805` suppresses this warning.""",
)
LINEAR_TWICE = _code(
    "W0806",
    "two linear layers without an activation",
    """The composition of two linear layers is a linear layer. If the size between them is not smaller than their input
    and output, the first one only costs parameters. `# allow W0806` suppresses this warning.""",
)
PIXELS_SKIPPED = _code(
    "W0807",
    "the stride is larger than the window",
    """Windows of size k at a distance s > k skip s - k pixels between them, which no step reads. The arguments of
    `conv` are the channels, the kernel and the stride, in this order. A window of one pixel, as in the shortcuts of
    ResNet, gets no warning. `# allow W0807` suppresses this warning.""",
)
ZERO_WINDOWS = _code(
    "W0808",
    "the padding is as large as the window",
    """Windows that lie in the padding read zeros only, so the border of the result holds constants. `half` pads so
    that the map keeps its size. `# allow W0808` suppresses this warning.""",
)

# W07 assertions
ASSERT_OVERRIDDEN = _code(
    "W0701",
    "the assertion does not hold with these settings",
    """Assertions refer to the defaults of the model's parameters. If `--set` changes a parameter, an assertion that
    does not hold is a warning.""",
)
