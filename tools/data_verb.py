"""`tenonc data`: draw a data set, or convert a published one, into a file of arrays."""

from __future__ import annotations

import argparse
from pathlib import Path

from .verb import Verb, add_debug


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=("glyphs", "cifar10"), help="which data set")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the drawn ones (default: 0)")
    parser.add_argument(
        "--source", metavar="PATH", help="of cifar10: the folder or .tar.gz that was downloaded"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE.npz", help="file for the arrays")
    add_debug(parser)


def data(arguments: argparse.Namespace) -> None:
    """Make the arrays and write them."""
    from ..compiler.atomic import check_file, write_file
    from ..dialects.errors import UsageError
    from .data import save
    from .tables import print_table, progress

    path = Path(arguments.output)
    if path.suffix != ".npz":
        raise UsageError(f"the output is '{path.name}', expected a name that ends in .npz")
    check_file(path)
    with progress(arguments.name) as step:
        if arguments.name == "glyphs":
            from .data.glyphs import glyphs

            step("drawing")
            made = glyphs(arguments.seed)
        else:
            from .data.cifar import cifar10

            if arguments.source is None:
                raise UsageError("cifar10 needs --source, the folder or archive that was downloaded")
            step("reading")
            made = cifar10(arguments.source)
    write_file(path, lambda file: save(made, file))
    rows = [
        (name, str(len(split.labels)), "x".join(map(str, split.images.shape[1:])))
        for name, split in made.splits()
    ]
    print_table(str(path), ("split", "images", "of"), rows)


VERB = Verb(
    "data",
    "draw images of digits, or convert CIFAR-10, for training and pruning",
    "tenonc data glyphs -o glyphs.npz",
    _configure,
    data,
)
