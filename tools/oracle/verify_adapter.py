"""Ask PEFT what an adapter folder says.

    python verify_adapter.py BASE ADAPTER 1 5 7 …            prints each position's best token
    python verify_adapter.py BASE ADAPTER 1 5 7 … --save F   writes ids and logits [T, vocab] to F
    python verify_adapter.py BASE ADAPTER --compare F        reads ids and logits from F, which
                                                             another program wrote: exit 1 if
                                                             they are more than 1e-4 apart

ADAPTER is a PEFT folder, or - for the base alone. F is safetensors; where it
has positions [T] that start again at 0, each start is a document of its own.
"""

import argparse
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM


def load(base, adapter):
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
    if adapter != "-":
        model = PeftModel.from_pretrained(model, adapter)
    return model.eval()


@torch.no_grad()
def logits_of(model, ids, positions=None):
    """[T, vocab]; each document goes through the model by itself."""
    starts = [0] if positions is None else (positions == 0).nonzero().flatten().tolist()
    rows = [
        model(input_ids=ids[None, a:b].long(), use_cache=False).logits[0]
        for a, b in zip(starts, starts[1:] + [len(ids)])
    ]
    return torch.cat(rows)


def unused(adapter, model):
    """Tensors of the adapter's file that PEFT did not take."""
    if adapter == "-":
        return []
    taken = {n.replace(".default", "") for n, _ in model.named_parameters()}
    return sorted(set(load_file(f"{adapter}/adapter_model.safetensors")) - taken)


def compare(model, path, tolerance):
    given = load_file(path)
    ours = given["logits"].double()
    theirs = logits_of(model, given["ids"].flatten(), given.get("positions")).double()
    if ours.shape != theirs.shape:
        print(f"{path} has logits {list(ours.shape)}, PEFT {list(theirs.shape)}")
        return 1
    difference = ours - theirs
    by_norm = float(difference.norm() / theirs.norm())
    by_element = float(difference.abs().max() / theirs.abs().max())
    same = float((ours.argmax(-1) == theirs.argmax(-1)).double().mean())
    print(f"relative difference: {by_norm:.2e} by norm, {by_element:.2e} largest element; best token equal at {same:.2%}")
    worst = max(by_norm, by_element)
    return 0 if worst <= tolerance else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("adapter")
    parser.add_argument("ids", type=int, nargs="*")
    parser.add_argument("--save", metavar="F")
    parser.add_argument("--compare", metavar="F")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    if bool(args.ids) == bool(args.compare):
        parser.error("give either token ids or --compare")
    torch.set_num_threads(args.threads)
    model = load(args.base, args.adapter)
    if left := unused(args.adapter, model):
        sys.exit(f"PEFT does not take {len(left)} tensors of {args.adapter}: {', '.join(left[:4])} …")
    if args.compare:
        sys.exit(compare(model, args.compare, args.tolerance))
    ids = torch.tensor(args.ids, dtype=torch.int32)
    logits = logits_of(model, ids)
    if args.save:
        save_file({"ids": ids, "logits": logits.contiguous()}, args.save)
    for i, row in zip(args.ids, logits):
        print(f"{i}\t{int(row.argmax())}\t{float(row.max()):.6f}")


if __name__ == "__main__":
    main()
