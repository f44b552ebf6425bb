"""The attention of a text, for all layers and heads, on one page"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert.see.page import embedded, escaped, page
from ptbert_models.parts.evaluation import evaluating

_LONGEST = 256  # tokens; a page with more of them would be too large to be of use
_STYLE = """
.grid { display: grid; gap: 2px;
  grid-template-columns: max-content repeat(var(--heads), minmax(16px, 48px)); }
.grid span { font-size: .7rem; color: var(--quiet); align-self: center; padding-right: 4px;
  text-align: right; }
.grid button { padding: 0; border: 1px solid var(--faint); border-radius: 3px; aspect-ratio: 1;
  background: none; cursor: pointer; min-width: 0; }
.grid button[aria-pressed=true] { outline: 2px solid rgb(var(--strong)); }
.grid canvas { width: 100%; height: 100%; display: block; image-rendering: pixelated; }
.words { display: flex; flex-wrap: wrap; gap: 4px; }
.words button { font: .95rem ui-monospace, monospace; border: 1px solid var(--faint);
  border-radius: 4px; padding: 4px 6px; color: var(--ink); cursor: pointer; background: none;
  max-width: 100%; overflow-wrap: anywhere; }
.words button[aria-pressed=true] { outline: 2px solid rgb(var(--strong)); }
"""
_SCRIPT = """
const data = JSON.parse(document.getElementById("attention").textContent);
const raw = atob(data.weights), L = data.tokens.length;
const weight = (n, h, q, k) => raw.charCodeAt(((n * data.heads + h) * L + q) * L + k) / 255;
const strong = () => getComputedStyle(document.documentElement).getPropertyValue("--strong");
let layer = 0, head = 0, word = 0;
const grid = document.getElementById("grid"), words = document.getElementById("words");
const told = document.getElementById("told");
grid.style.setProperty("--heads", data.heads);
const draw = (canvas, n, h) => {
  canvas.width = canvas.height = L;
  const paper = canvas.getContext("2d"), rgb = strong();
  for (let q = 0; q < L; q++) for (let k = 0; k < L; k++) {
    paper.fillStyle = `rgba(${rgb}, ${Math.sqrt(weight(n, h, q, k))})`;
    paper.fillRect(k, q, 1, 1);
  }
};
const buttons = [];
for (let n = 0; n < data.layers; n++) {
  const name = document.createElement("span");
  name.textContent = n + 1;
  grid.append(name);
  for (let h = 0; h < data.heads; h++) {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    button.setAttribute("aria-label", `layer ${n + 1}, head ${h + 1}`);
    button.title = `layer ${n + 1}, head ${h + 1}`;
    button.onclick = () => { layer = n; head = h; show(); };
    button.append(canvas);
    grid.append(button);
    buttons.push({ button, canvas, n, h });
  }
}
const chips = data.tokens.map((token, q) => {
  const button = document.createElement("button");
  button.textContent = token;
  button.onclick = () => { word = q; show(); };
  words.append(button);
  return button;
});
const show = () => {
  for (const { button, n, h } of buttons)
    button.setAttribute("aria-pressed", n === layer && h === head);
  chips.forEach((chip, k) => {
    const share = weight(layer, head, word, k);
    chip.style.background = `rgba(${strong()}, ${share})`;
    chip.title = `${(share * 100).toFixed(1)}%`;
    chip.setAttribute("aria-pressed", k === word);
  });
  told.textContent =
    `Layer ${layer + 1}, head ${head + 1}: what ${data.tokens[word]} attends to. ` +
    "Choose another head above, or another token below.";
};
const all = () => { buttons.forEach(({ canvas, n, h }) => draw(canvas, n, h)); show(); };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
all();
"""


class Attention(NamedTuple):
    """The attention weights of one text.

    Args:
        tokens: the L tokens, special ones too.
        weights: (N, H, L, L), for each layer and head how much each token (row) attends to each
            (column); rows sum to 1.
    """

    tokens: list[str]
    weights: Tensor

    def page(self, title: str = "Attention") -> str:
        """Return a page that shows all heads, and for a chosen one what each token attends to.

        Args:
            title: of the page.
        """
        layers, heads = self.weights.shape[:2]
        shares = (self.weights.float() * 255).round().clamp(0, 255).to(torch.uint8)
        data = {
            "tokens": self.tokens,
            "layers": layers,
            "heads": heads,
            "weights": base64.b64encode(shares.cpu().numpy().tobytes()).decode(),
        }
        body = (
            f"<p>{layers} layers (rows), {heads} heads (columns), {len(self.tokens)} tokens. In "
            "each square a row is a token, and its strong columns are what it attends to.</p>\n"
            '<div class="grid" id="grid"></div>\n<h2>One head</h2>\n<p id="told"></p>\n'
            f'<div class="words" id="words"></div>\n{embedded("attention", data)}'
            f"<noscript><p>{escaped(' '.join(self.tokens))}</p>"
            "<p>The squares are drawn by a script in this file.</p></noscript>"
        )
        return page(title, body, style=_STYLE, script=_SCRIPT)


def attention_of(model: Any, tokenizer: Any, text: str, text_pair: str | None = None) -> Attention:
    """Return the attention weights of a text, or of a pair of texts for BERT.

    Args:
        model: a BERT, GPT or GPT-2 that was made with ``output_attentions=True``. It runs in
            evaluation mode, and is afterwards as it was.
        tokenizer: the tokenizer with the model's vocabulary.
        text: of at most 256 tokens.
        text_pair: the second text, for BERT.

    Raises:
        TypeError: if the model gives no attention weights.
        ValueError: if the text has no tokens or too many.
    """
    inner = getattr(model, "transformer", None)  # of GPT and GPT-2 with a head
    if not any(getattr(each, "output_attentions", False) for each in (model, inner)):
        raise TypeError(
            f"{type(model).__name__} gives no attention weights; load a BERT, GPT or GPT-2 with "
            "from_pretrained(..., output_attentions=True)"
        )
    ids = tokenizer.encode(text) if text_pair is None else tokenizer.encode(text, text_pair)
    if not 1 <= len(ids) <= _LONGEST:
        raise ValueError(f"the text has {len(ids)} tokens; give one of 1 to {_LONGEST}")
    device = next(model.parameters()).device
    arguments = {"input_ids": torch.tensor([ids], device=device)}
    if text_pair is not None:
        first = len(tokenizer.encode(text))
        kinds = [int(place >= first) for place in range(len(ids))]
        arguments["token_type_ids"] = torch.tensor([kinds], device=device)
    with torch.no_grad(), evaluating(model):
        layers = model(**arguments)[0]
    return Attention(tokenizer.convert_ids_to_tokens(ids), torch.cat(list(layers)).cpu())
