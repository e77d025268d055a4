"""`tenonc cache`: what compiled models are kept, where, and how to be rid of them."""

from __future__ import annotations

import argparse

from ..dialects.errors import TenonError
from .verb import Verb, add_debug


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, summary in (
        ("show", "list the compiled models, the last used first"),
        ("clear", "remove them"),
        ("path", "print the folder"),
    ):
        action = actions.add_parser(name, help=summary)
        action.add_argument("--cache", metavar="FOLDER", help="the cache (default: the user's)")
        if name == "clear":
            action.add_argument("--tuned", action="store_true", help="and forget what tuning has found")
        add_debug(action)


def cache(arguments: argparse.Namespace) -> None:
    """Show, clear or name the cache."""
    from ..compiler.cache.folder import FolderError
    from ..compiler.cache.settings import Settings
    from .failures import standard_output

    settings = Settings.of(arguments.cache or True)
    if settings is None:
        raise TenonError("the cache is off: TENONC_CACHE is 'off'")
    try:
        if arguments.what == "path":
            with standard_output():
                print(settings.root)
        elif arguments.what == "clear":
            removed = settings.artifacts().clear()
            removed += settings.tuned().clear() if arguments.tuned else 0
            with standard_output():
                print(f"{settings.root}: {removed:,} bytes removed")
        else:
            _show(settings)
    except FolderError as error:
        raise TenonError(str(error)) from error


def _show(settings) -> None:
    import time

    from ..compiler.cache.listing import listed
    from .tables import print_table

    found = listed(settings)
    total = sum(one.size for one in found)
    tuned = len(settings.tuned().found())
    title = f"{settings.root}: {total:,} of at most {settings.limit:,} bytes, {tuned} kernels were tuned"
    now = time.time()
    rows = [(m.model, m.target, f"{m.size:,}", _ago(now - m.used), m.version, m.key[:12]) for m in found]
    print_table(title, ("model", "target", "bytes", "last used", "tenonc", "key"), rows)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"


VERB = Verb(
    "cache",
    "show or clear the cache of compiled models",
    "tenonc cache show",
    _configure,
    cache,
)
