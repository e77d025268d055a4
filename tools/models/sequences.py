"""Networks over sequences: transformers in three shapes, and a recurrent tagger."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention; `causal` hides what comes later."""

    mask: Tensor

    def __init__(self, width: int, heads: int, tokens: int, causal: bool = False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        hidden = torch.full((tokens, tokens), -1e9).triu(1) if causal else torch.zeros(0)
        self.register_buffer("mask", hidden, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.reshape(batch, tokens, self.heads, width // self.heads).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5
        if self.causal:
            scores = scores + self.mask
        mixed = scores.softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))


def _feed_forward(width: int, activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), activation, nn.Linear(4 * width, width))


class PostNormBlock(nn.Module):
    """BERT's encoder layer: the norm follows each sum."""

    def __init__(self, width: int, heads: int, tokens: int):
        super().__init__()
        self.attention = Attention(width, heads, tokens)
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.feed_forward = _feed_forward(width, nn.GELU())
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention_norm(x + self.attention(x))
        return self.norm(x + self.feed_forward(x))


class PreNormBlock(nn.Module):
    """The layer of GPT-2 and ViT: the norm comes before each branch."""

    def __init__(self, width: int, heads: int, tokens: int, causal: bool, approximate: str = "none"):
        super().__init__()
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, tokens, causal)
        self.feed_forward = _feed_forward(width, nn.GELU(approximate))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.norm(x))


def bert(layers: int = 12, width: int = 768, heads: int = 12, tokens: int = 128) -> nn.Module:
    """BERT's encoder from embeddings to hidden states."""
    return nn.Sequential(*(PostNormBlock(width, heads, tokens) for _ in range(layers)))


def gpt2_block(width: int = 768, heads: int = 12, tokens: int = 128) -> nn.Module:
    """One decoder block of GPT-2 with its causal mask and the tanh form of GELU."""
    return PreNormBlock(width, heads, tokens, causal=True, approximate="tanh")


class VisionTransformer(nn.Module):
    """ViT-Tiny: patches of 16x16, a class token, learned positions."""

    def __init__(self, width: int = 192, heads: int = 3, layers: int = 12, size: int = 224, patch: int = 16):
        super().__init__()
        tokens = (size // patch) ** 2 + 1
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, tokens, width))
        blocks = (PreNormBlock(width, heads, tokens, causal=False) for _ in range(layers))
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.head = nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.blocks(x)[:, 0])


class Tagger(nn.Module):
    """Scores of `tags` for each of a row of word numbers, by a bidirectional LSTM."""

    def __init__(self, words: int = 1000, width: int = 64, hidden: int = 128, tags: int = 16):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, tags)

    def forward(self, words: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.embedding(words))
        return self.head(hidden).log_softmax(-1)
