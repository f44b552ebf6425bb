"""Continue a text with GPT-2, feeding one token at a time beside the past."""

import json
import os
import sys

import torch
import torch.nn.functional as F
from pytorch_pretrained_bert import GPT2LMHeadModel, GPT2Tokenizer


def top_k_logits(logits, k):
    smallest = torch.topk(logits, k)[0][:, -1, None]
    return torch.where(logits < smallest, torch.full_like(logits, -1e10), logits)


def sample(model, context, length, use_past):
    torch.manual_seed(0)
    output, fed, past = context, context, None
    with torch.no_grad():
        for _ in range(length):
            logits, presents = model(fed, past=past)
            chances = F.softmax(top_k_logits(logits[:, -1, :] / 0.7, 5), dim=-1)
            token = torch.multinomial(chances, num_samples=1)
            output = torch.cat((output, token), dim=1)
            fed, past = (token, presents) if use_past else (output, None)
    return output[0].tolist()


def main(model_name, output_dir):
    encoder = GPT2Tokenizer.from_pretrained(model_name)
    model = GPT2LMHeadModel.from_pretrained(model_name)
    model.eval()
    context = torch.tensor(encoder.encode("The key"), dtype=torch.long).unsqueeze(0)
    with_past, without = (sample(model, context, 20, use_past) for use_past in (True, False))
    results = {
        "context": context[0].tolist(),
        "with_past": with_past,
        "without": without,
        "text": encoder.decode(with_past),
    }
    with open(os.path.join(output_dir, "results.json"), "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
