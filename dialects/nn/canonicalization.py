"""Rewrites of nn ops into simpler ones, exact for every input."""

from __future__ import annotations

from xdsl.pattern_rewriter import RewritePattern

PATTERNS: dict[str, tuple[RewritePattern, ...]] = {}
"""Op name -> its patterns."""
