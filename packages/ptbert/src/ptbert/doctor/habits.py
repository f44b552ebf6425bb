"""Habits of programs of 2019 with models, tokenizers and optimizers, and what they mean today"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ptbert.doctor import releases
from ptbert.doctor.expressions import attribute, keyword, text_of
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.program import Program

_BARE_GPT = frozenset({"GPT2Model", "OpenAIGPTModel"})
_FIRST_LABELS = 3  # their position
_BERT_HEADS = {  # the labels with which they return the loss alone, if all are given
    "BertForSequenceClassification": ("labels",),
    "BertForTokenClassification": ("labels",),
    "BertForMultipleChoice": ("labels",),
    "BertForMaskedLM": ("masked_lm_labels",),
    "BertForNextSentencePrediction": ("next_sentence_label",),
    "BertForPreTraining": ("masked_lm_labels", "next_sentence_label"),
    "BertForQuestionAnswering": ("start_positions", "end_positions"),
}
_LATER_OUTPUTS = frozenset(
    {"logits", "loss", "last_hidden_state", "pooler_output", "hidden_states", "attentions"}
)
# What objects of later libraries have, and those of ptbert do not; tests compare.
LATER = {
    "tokenizer": {
        "encode_plus": "encode, or encode_batch for many texts",
        "batch_encode_plus": "encode_batch",
        "prepare_for_model": "encode",
        "build_inputs_with_special_tokens": "encode, which adds them",
        "cls_token_id": "vocab[cls_token]",
        "sep_token_id": "vocab[sep_token]",
        "mask_token_id": "vocab[mask_token]",
        "pad_token_id": "vocab[pad_token]",
        "get_vocab": "vocab",
        "batch_decode": "decode, once for each text",
        "model_max_length": "max_len",
    },
    "model": {
        "gradient_checkpointing_enable": "gradient_checkpointing = True",
        "num_parameters": "sum(p.numel() for p in model.parameters())",
        "base_model": "the attribute bert or transformer",
    },
}

# Methods that some release had and ptbert does not have, with what to do; tests compare.
GONE = {
    "backward_compatible": "leave it out; it changed nothing",
    "set_tied": "call tie_weights()",
    "whitespace_tokenize": "import the function of that name from tokenization",
}


def is_model(kind: str) -> bool:
    """Whether a class of the library is a whole model, and not a part, tokenizer or optimizer."""
    return kind.endswith(("Model", "LM")) or kind.startswith("BertFor")


def models(program: Program) -> Iterator[Finding]:
    """Yield what programs do with models, and what it means."""
    yield from _absent_results(program)
    yield from _outputs(program)
    yield from _arguments(program)
    yield from _without_eval(program)
    yield from _missing_methods(program)


def _absent_results(program: Program) -> Iterator[Finding]:
    """A program that asks whether ``from_pretrained`` returned None.

    One that sets the variable to None itself asks whether it has loaded the model yet, and one that
    asks an argument, whether it was given.
    """
    for node in program.nodes:
        if not isinstance(node, ast.Compare) or program.variables.is_given(node.left):
            continue
        values = program.variables.values_of(node.left)
        is_loaded = any(
            attribute(each) == "from_pretrained" and program.kind_of(each) for each in values
        )
        if any(map(_is_none, node.comparators)) and is_loaded and not any(map(_is_none, values)):
            yield program.found(
                node,
                Effect.DIFFERS,
                "from_pretrained raises an OSError where it returned None",
                "catch the OSError",
            )


def _outputs(program: Program) -> Iterator[Finding]:
    results: set[str] = set()
    seen: set[str] = set()
    for node in program.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            kind = program.kind_of(node.value.func)
            if kind is None:
                continue
            target = node.targets[0]
            if isinstance(target, ast.Name):
                key = program.variables.key(target)
                if key not in seen and _is_result(program, target):
                    results.add(key)
                seen.add(key)
            elif isinstance(target, ast.Tuple) and _has_labels(node.value, kind):
                yield program.found(
                    node,
                    Effect.STOPS,
                    f"with labels {kind} returns the loss alone",
                    "unpack nothing; call it without labels for the scores",
                )
    for node in program.nodes:
        if isinstance(node, ast.Attribute) and node.attr in _LATER_OUTPUTS:
            is_name = isinstance(node.value, ast.Name)
            of_result = is_name and program.variables.key(node.value) in results
            of_call = isinstance(node.value, ast.Call) and program.kind_of(node.value.func)
            if of_result or of_call:
                yield program.found(
                    node,
                    Effect.STOPS,
                    f".{node.attr} is of a later library; models return tensors and tuples",
                    "unpack the outputs, in the order of the documentation",
                )
    calls: list[tuple[ast.AST, str]] = [*program.calls_of_objects(*_BARE_GPT)]
    for node, kind in calls or _handed_on(program):
        yield program.found(
            node,
            Effect.NOTE,
            f"{kind} returns the last layer's hidden states (a tensor, to April 2019) or a list of "
            "those of all layers (June)",
            "ptbert run gives the tensor, ptbert run --release june and ptbert itself the list",
        )
        break
    for call, _ in program.calls_of_objects("TransfoXLLMHeadModel"):
        if len(call.args) > 1 or keyword(call, "target") is not None:
            yield program.found(
                call,
                Effect.DIFFERS,
                "the losses of TransfoXLLMHeadModel are in the order of the tokens, not by cluster",
                "change nothing, unless the program sorts them itself",
            )
            break


def _is_result(program: Program, variable: ast.Name) -> bool:
    """Whether a variable is what models return, wherever it is set."""
    given = program.variables.values_of(variable)
    return all(isinstance(each, ast.Call) and program.kind_of(each.func) for each in given)


def _handed_on(program: Program) -> Iterator[tuple[ast.AST, str]]:
    """Where a bare GPT is a base, an item or an argument, so that its calls cannot be seen."""
    seen = {id(each.func) for each in program.calls}
    seen |= {id(each.value) for each in program.nodes if isinstance(each, ast.Attribute)}
    for node in program.nodes:
        if isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in seen:
            kind = program.class_of(node)
            if kind in _BARE_GPT and isinstance(node.ctx, ast.Load):
                yield node, kind


def _has_labels(call: ast.Call, kind: str) -> bool:
    labels = _BERT_HEADS.get(kind, ())
    given = [
        call.args[place] if place < len(call.args) else keyword(call, name)
        for place, name in enumerate(labels, _FIRST_LABELS)
    ]
    return bool(given) and all(each is not None and not _is_none(each) for each in given)


def _arguments(program: Program) -> Iterator[Finding]:
    bert = [name for name in releases.classes() if name in _BERT_HEADS or name == "BertModel"]
    for call, kind in program.calls_of_objects(*bert):
        second = ast.unparse(call.args[1]).lower() if len(call.args) > 1 else ""
        if "mask" in second and not re.search("seg|type", second) and not second.startswith("none"):
            yield program.found(
                call,
                Effect.NOTE,
                f"the second argument of {kind} is token_type_ids, and here it is called a mask",
                "pass it as attention_mask=",
            )
    for call, _ in program.calls_of_objects():
        if (mask := keyword(call, "head_mask")) is not None and not _is_none(mask):
            yield program.found(
                call,
                Effect.NOTE,
                "in head_mask 1 keeps a head and 0 removes it, as the code of 2019 did",
                "compare with what the program wants; the documentation of 2019 said the reverse",
            )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _without_eval(program: Program) -> Iterator[Finding]:
    """A program that uses a loaded model and never leaves training mode, in any of its files."""
    if _chooses_mode(program):
        return
    for call, kind in program.calls_of_objects():
        if not is_model(kind):
            continue
        name = ast.unparse(call.func)
        values = program.variables.values_of(call.func)
        if any(attribute(each) == "from_pretrained" for each in values):
            if any(map(_chooses_mode, program.beside)):
                return
            yield program.found(
                call,
                Effect.NOTE,
                f"{name} is used in training mode, so dropout changes its outputs at each call",
                f"call {name}.eval() before",
            )
            return


def _chooses_mode(program: Program) -> bool:
    methods = {attribute(call) for call in program.calls}
    return not methods.isdisjoint({"eval", "train", "backward", "step"})


def _missing_methods(program: Program) -> Iterator[Finding]:
    """Methods and attributes of later libraries, and the few of 2019 that are gone."""
    told = set()
    for node in program.nodes:
        if not isinstance(node, ast.Attribute) or node.attr in told:
            continue
        kind = program.kind_of(node.value)
        if kind is None:
            continue
        if node.attr in GONE and releases.arguments_of(releases.classes()[kind], kind, node.attr):
            told.add(node.attr)
            what = f"{kind}.{node.attr} is not in ptbert"
            yield program.found(node, Effect.STOPS, what, GONE[node.attr])
        part = "tokenizer" if kind.endswith("Tokenizer") else "model"
        if node.attr in LATER[part] and not isinstance(node.ctx, ast.Store):
            told.add(node.attr)
            yield program.found(
                node,
                Effect.STOPS,
                f"{kind}.{node.attr} is of a later library",
                f"use {LATER[part][node.attr]}",
            )


def tokenizers(program: Program) -> Iterator[Finding]:
    """Yield what programs do with tokenizers, and what it means."""
    for call in program.calls:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else call
        is_loading = attribute(call) == "from_pretrained"
        if is_loading and program.class_of(owner) == "BertTokenizer":
            yield from _casing(program, call)
        if attribute(call) == "tokenize" and call.args and _is_bert(program, call):
            yield from _special_tokens(program, call)
    for node in program.nodes:
        yield from _edited_tables(program, node)


def _casing(program: Program, call: ast.Call) -> Iterator[Finding]:
    name = text_of(call.args[0]) if call.args else None
    given = keyword(call, "do_lower_case")
    if name is None or given is not None or len(call.args) > 1:
        return
    is_cased = "cased" in name.lower().replace("uncased", "")
    if is_cased and (re.search(r"[/\\]", name) or name.startswith(".")):
        yield program.found(
            call,
            Effect.DIFFERS,
            "2019 lower-cased all text for a cased vocabulary in a folder; now the folder's "
            "tokenizer_config.json decides",
            "say do_lower_case=False, or True for what 2019 did",
        )


def _is_bert(program: Program, call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return owner is not None and program.kind_of(owner) == "BertTokenizer"


def _special_tokens(program: Program, call: ast.Call) -> Iterator[Finding]:
    text = text_of(call.args[0]) or ""
    glued = re.search(r"\S\[(MASK|SEP|CLS|UNK|PAD)\]|\[(MASK|SEP|CLS|UNK|PAD)\]\S", text)
    if glued:
        token = f"[{glued.group(1) or glued.group(2)}]"
        yield program.found(
            call,
            Effect.NOTE,
            f"{token} is no token if other characters touch it; it is cut into pieces, as in 2019",
            f"put a space on both sides of {token}",
        )


def _edited_tables(program: Program, node: ast.AST) -> Iterator[Finding]:
    """A program that adds names to the dictionaries of published models."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        table: ast.AST = node.value
    elif isinstance(node, ast.Attribute) and node.attr == "update":
        table = node.value
    else:
        return
    named = program.library_name(table)
    if named and named[1].endswith("_MAP"):
        yield program.found(
            node,
            Effect.DIFFERS,
            f"an entry that is added to {named[1]} has no effect",
            "give from_pretrained the path or the address",
        )


def optimizers(program: Program) -> Iterator[Finding]:
    """Yield what programs do with optimizers and schedules, and what it means."""
    schedules_here = []
    for call in program.calls:
        made = program.class_of(call.func)
        if made in {"BertAdam", "OpenAIAdam"}:
            schedules_here += [call] if keyword(call, "t_total") is not None else []
            yield from _warmup(program, call, made)
        if attribute(call) == "get_lr" and len(call.args) == 2:
            yield from _second_argument(program, call)
    if schedules_here:
        yield from _rates_by_hand(program)


def _warmup(program: Program, call: ast.Call, made: str) -> Iterator[Finding]:
    total, warmup = keyword(call, "t_total"), keyword(call, "warmup")
    is_open = len(call.args) > 2 or any(each.arg is None for each in call.keywords)
    if warmup is not None and not is_open and (total is None or ast.unparse(total) == "-1"):
        yield program.found(
            call,
            Effect.NOTE,
            f"warmup= of {made} does nothing without t_total=; the rate is constant",
            "give t_total= the number of updates",
        )


def _second_argument(program: Program, call: ast.Call) -> Iterator[Finding]:
    second = ast.unparse(call.args[1])
    owner = program.kind_of(call.func.value) if isinstance(call.func, ast.Attribute) else None
    if owner and owner.endswith("Schedule") and "warmup" in second:
        yield program.found(
            call,
            Effect.NOTE,
            f"the second argument of get_lr is nowarn, so {second} changes nothing",
            "leave it out; the schedule has its warmup already",
        )


def _rates_by_hand(program: Program) -> Iterator[Finding]:
    """Rates set in ``param_groups`` although the optimizer has a schedule."""
    by_option = {
        id(inner)
        for node in program.nodes
        if isinstance(node, ast.If) and "fp16" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in program.nodes:
        if not isinstance(node, ast.Assign) or id(node) in by_option:
            continue
        for target in node.targets:
            is_rate = isinstance(target, ast.Subscript) and text_of(target.slice) == "lr"
            values = [node.value, *program.variables.values_of(node.value)]
            words = " ".join(ast.unparse(each) for each in values if isinstance(each, ast.expr))
            if is_rate and any(word in words for word in ("warmup", "get_lr")):
                yield program.found(
                    node,
                    Effect.NOTE,
                    "the rate is set by hand, and the optimizer's own schedule multiplies it again",
                    "leave out this line, or t_total= and warmup= of the optimizer",
                )
