"""Token streams as loraedge dumps them, and as Transformers takes them.

A line of a stream file is one optimizer step (of a validation file: any part of
the set): a JSON list of micro batches, each

    {"ids": [T], "weights": [T], "positions": [T], "documents": [[start, end], …]}

weights[t] weighs the loss of the token after t, so it is already shifted; it
is 0 at a document's last token and on padding. documents are half open and in order;
what lies outside them is padding. "targets" [T] may be given too (-1 = none) and
must then say the same. A step's loss is the weighted sum over all of
its micro batches divided by the sum of all weights.
"""

import json

import torch

IGNORED = -100


def read_steps(path, limit=None):
    steps = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if limit is not None and len(steps) >= limit:
                break
            if line.strip():
                steps.append([micro_batch(m, f"{path}:{number}") for m in json.loads(line)])
    return steps


def micro_batch(m, where):
    """Tensors [T]: ids, labels (shifted, IGNORED = none), weights, positions; documents."""
    ids = torch.tensor(m["ids"])
    weights = torch.tensor(m["weights"], dtype=torch.float32)
    positions = torch.tensor(m["positions"])
    documents = [(a, b) for a, b in m["documents"]]
    labels = torch.full_like(ids, IGNORED)
    inside = torch.zeros(len(ids), dtype=torch.bool)
    for start, end in documents:
        labels[start : end - 1] = ids[start + 1 : end]
        inside[start:end] = True
        if positions[start:end].tolist() != list(range(end - start)):
            raise SystemExit(f"{where}: the positions of document {start}:{end} do not count from 0")
    if (weights[labels == IGNORED] != 0).any():
        raise SystemExit(f"{where}: a weight is not 0 at a document's last token or on padding: are weights shifted?")
    if "targets" in m:
        targets = torch.tensor(m["targets"])
        if (targets[weights != 0] != labels[weights != 0]).any():
            raise SystemExit(f"{where}: targets are not the next tokens of the documents")
    # A pad at position 0 is to Transformers a document of one token.
    positions = torch.where(inside, positions, torch.zeros_like(positions))
    labels = torch.where(weights != 0, labels, torch.full_like(labels, IGNORED))
    return {"ids": ids, "labels": labels, "weights": weights, "positions": positions, "documents": documents}


def tokens(step):
    """Tokens of a step that are not padding."""
    return sum(end - start for m in step for start, end in m["documents"])


def trained(step):
    """Sum of a step's weights, the N that its loss is divided by."""
    return sum(float(m["weights"].double().sum()) for m in step)


def weighted_sum(model, m, only_trained=False):
    """Sum of weight * cross entropy of a packed micro batch.

    Without an attention mask Transformers finds the documents in the positions
    and lets none see another. only_trained: logits of trained positions alone.
    """
    keep = (m["labels"] != IGNORED).nonzero().flatten()
    more = {"logits_to_keep": keep} if only_trained else {}
    logits = model(input_ids=m["ids"][None], position_ids=m["positions"][None], use_cache=False, **more).logits[0]
    labels, weights = m["labels"], m["weights"]
    if only_trained:
        labels, weights = labels[keep], weights[keep]
    ce = torch.nn.functional.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="none")
    return (ce * weights).sum()


def separate_sum(model, m):
    """The same with every document in a row of its own: what packing is checked against."""
    total = torch.zeros(())
    for start, end in m["documents"]:
        logits = model(input_ids=m["ids"][None, start:end], use_cache=False).logits[0]
        ce = torch.nn.functional.cross_entropy(
            logits.float(), m["labels"][start:end], ignore_index=IGNORED, reduction="none"
        )
        total = total + (ce * m["weights"][start:end]).sum()
    return total
