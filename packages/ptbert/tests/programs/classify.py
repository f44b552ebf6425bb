"""Fine-tune a classifier with BertAdam, save it, load it again and evaluate it."""

import argparse
import json
import os

import torch
from pytorch_pretrained_bert.file_utils import (
    CONFIG_NAME,
    PYTORCH_PRETRAINED_BERT_CACHE,
    WEIGHTS_NAME,
)
from pytorch_pretrained_bert.modeling import BertConfig, BertForSequenceClassification
from pytorch_pretrained_bert.optimization import BertAdam, WarmupLinearSchedule
from pytorch_pretrained_bert.tokenization import BertTokenizer
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

TEXTS = [
    ("a cat sleeps on the mat .", 0),
    ("the cat sleeps in a drawer .", 0),
    ("the key is in the drawer .", 1),
    ("a key is on the mat .", 1),
] * 4


def encode(tokenizer, text, length):
    tokens = ["[CLS]", *tokenizer.tokenize(text)[: length - 2], "[SEP]"]
    ids = tokenizer.convert_tokens_to_ids(tokens)
    padding = [0] * (length - len(ids))
    return ids + padding, [1] * len(ids) + padding, [0] * length


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bert_model", required=True)
    parser.add_argument("--output_dir", required=True)
    parser.add_argument("--num_train_epochs", default=3.0, type=float)
    parser.add_argument("--learning_rate", default=5e-5, type=float)
    parser.add_argument("--warmup_proportion", default=0.1, type=float)
    args = parser.parse_args()
    torch.manual_seed(0)

    tokenizer = BertTokenizer.from_pretrained(args.bert_model, do_lower_case=True)
    cache_dir = PYTORCH_PRETRAINED_BERT_CACHE / "distributed_-1"
    model = BertForSequenceClassification.from_pretrained(
        args.bert_model, cache_dir=cache_dir, num_labels=2
    )
    features = [encode(tokenizer, text, 12) for text, _ in TEXTS]
    tensors = [torch.tensor(column, dtype=torch.long) for column in zip(*features, strict=True)]
    data = TensorDataset(*tensors, torch.tensor([label for _, label in TEXTS]))
    loader = DataLoader(data, sampler=RandomSampler(data), batch_size=4)
    steps = int(len(loader) * args.num_train_epochs)

    no_decay = ["bias", "LayerNorm.bias", "LayerNorm.weight"]
    named = list(model.named_parameters())
    groups = [
        {
            "params": [p for n, p in named if not any(part in n for part in no_decay)],
            "weight_decay": 0.01,
        },
        {
            "params": [p for n, p in named if any(part in n for part in no_decay)],
            "weight_decay": 0.0,
        },
    ]
    optimizer = BertAdam(
        groups, lr=args.learning_rate, warmup=args.warmup_proportion, t_total=steps
    )
    warmup_linear = WarmupLinearSchedule(warmup=args.warmup_proportion, t_total=steps)

    model.train()
    losses, rates, planned = [], [], []
    for _ in range(int(args.num_train_epochs)):
        for input_ids, input_mask, segment_ids, label_ids in loader:
            loss = model(input_ids, segment_ids, input_mask, label_ids)
            loss.backward()
            rates.append(optimizer.get_lr()[0])
            lr = args.learning_rate * warmup_linear.get_lr(len(losses), args.warmup_proportion)
            planned.append(lr)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())

    to_save = model.module if hasattr(model, "module") else model
    torch.save(to_save.state_dict(), os.path.join(args.output_dir, WEIGHTS_NAME))
    to_save.config.to_json_file(os.path.join(args.output_dir, CONFIG_NAME))
    tokenizer.save_vocabulary(args.output_dir)

    config = BertConfig(os.path.join(args.output_dir, CONFIG_NAME))
    again = BertForSequenceClassification(config, num_labels=2)
    again.load_state_dict(torch.load(os.path.join(args.output_dir, WEIGHTS_NAME)))
    again.eval()
    with torch.no_grad():
        logits = again(*[tensors[i] for i in (0, 2, 1)])
    right = logits.argmax(dim=1) == torch.tensor([label for _, label in TEXTS])
    results = {
        "accuracy": right.float().mean().item(),
        "losses": losses,
        "rates": rates,
        "planned": planned,
    }
    with open(os.path.join(args.output_dir, "results.json"), "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main()
