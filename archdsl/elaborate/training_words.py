"""Words of training loops that are no parts of a net: losses, optimisers and switches of training."""

_LOSSES = frozenset({
    "bce", "bceloss", "bcewithlogits", "bcewithlogitsloss", "binarycrossentropy",
    "binarycrossentropywithlogits", "categoricalcrossentropy", "contrastiveloss", "cosineembeddingloss",
    "crossentropy", "crossentropyloss", "ctcloss", "diceloss", "euclideanloss", "focalloss", "hinge",
    "hingeloss", "huberloss", "kldiv", "kldivergence", "kldivloss", "l1loss", "loss", "mae",
    "marginrankingloss", "meanabsoluteerror", "meansquarederror", "mse", "mseloss", "multilabelmarginloss",
    "nll", "nllloss", "poissonnllloss", "sigmoidcrossentropyloss", "smoothl1loss", "softmaxcrossentropy",
    "softmaxcrossentropywithlogits", "softmaxwithloss", "sparsecategoricalcrossentropy",
    "sparsesoftmaxcrossentropywithlogits", "tripletloss", "tripletmarginloss",
})  # fmt: skip
_TRAINING = frozenset({
    "adadelta", "adagrad", "adam", "adamax", "adamw", "backward", "batchsize", "callbacks", "compile",
    "criterion", "dataloader", "earlystopping", "epochs", "evaluate", "fit", "lars", "lbfgs", "learningrate",
    "lr", "lrscheduler", "momentumoptimizer", "nadam", "nograd", "optimiser", "optimizer", "radam", "rmsprop",
    "scheduler", "sgd", "solver", "train", "trainer", "weightdecay", "zerograd",
})  # fmt: skip
_SWITCHES = frozenset({
    "deterministic", "evaluation", "istraining", "test", "train", "training", "userunningaverage",
})  # fmt: skip


def about_step(name: str) -> tuple[str, str] | None:
    """Return the text under a step that is a part of training, and the help; None for any other name."""
    word = _plain(name)
    if word in _LOSSES:
        help = "end the net with its scores and remove this step; `archdsl build --train` writes a loop with a loss"
        return "a loss compares outputs with targets, so it belongs in the training loop", help
    if word in _TRAINING:
        help = "remove it; `archdsl build --train` writes a training script with an optimiser"
        return "this belongs in the training loop: a net has no optimiser, data or schedule", help
    return None


def about_argument(name: str) -> str | None:
    """Return the help for an argument that switches training on or off; None for any other name."""
    if _plain(name) not in _SWITCHES:
        return None
    return f"remove `{name}`: `net.train()` and `net.eval()` of the generated module switch training on and off"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
