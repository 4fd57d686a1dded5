"""Makes src/embedders/built-in/{vocabulary.txt,vectors.bin}: word vectors whose sums agree with a sentence embedder.

Usage: make-word-vectors.py MODEL_FOLDER WORDNET_FOLDER OUTPUT_FOLDER
MODEL_FOLDER has model.onnx and tokenizer.json of all-MiniLM-L6-v2 (`spool models pull` puts them into
data/models/all-minilm-l6-v2). WORDNET_FOLDER has WordNet 3.0's data.noun and so on (Debian: wordnet-base).
Needs the packages numpy, onnxruntime and tokenizers, and about half an hour of two cores.
"""

import random
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

WIDTH = 128
EPOCHS, BATCH, STEP = 4, 512, 0.01
HELD_OUT = 2000
# How fast the weight of a word falls with its frequency, at the start.
RARITY = 1e-4
KEPT = re.compile(r"(##)?[a-z0-9\u00aa-\u024f\u0370-\u03ff]+")


def sentences(folder):
    """Each entry of WordNet as 'words: gloss', and its examples, in random order."""
    texts = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text(encoding="utf-8").splitlines():
            if line.startswith(" "):
                continue
            head, gloss = line.split(" | ", 1)
            fields = head.split(" ")
            words = [fields[4 + 2 * at].replace("_", " ").split("(")[0] for at in range(int(fields[3], 16))]
            texts.append(", ".join(words) + ": " + gloss.strip().split('; "')[0])
            texts += re.findall(r'"([^"]{20,})"', gloss)
    random.Random(1).shuffle(texts)
    return texts


def unit(rows):
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)


def teach(session, lists):
    """The model's vector of each list of token ids: the mean of its last states."""
    vectors = np.zeros((len(lists), 384), np.float32)
    order = sorted(range(len(lists)), key=lambda at: len(lists[at]))
    for start in range(0, len(order), 32):
        batch = order[start : start + 32]
        longest = max(len(lists[at]) for at in batch)
        ids = np.zeros((len(batch), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, at in enumerate(batch):
            ids[row, : len(lists[at])] = lists[at]
            mask[row, : len(lists[at])] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, feeds)[0]
        vectors[batch] = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    return unit(vectors)


def train(words, lists, goals):
    """Adam on the cosine between the sum of a text's word vectors and its goal; returns the words that were seen."""
    mean, square = np.zeros_like(words), np.zeros_like(words)
    order = np.random.default_rng(0).permutation(len(lists))
    held_out, order = order[:HELD_OUT], order[HELD_OUT:]

    def sums(batch):
        flat = np.concatenate([lists[at] for at in batch])
        rows = np.repeat(np.arange(len(batch)), [len(lists[at]) for at in batch])
        total = np.zeros((len(batch), WIDTH), np.float32)
        np.add.at(total, rows, words[flat])
        return flat, rows, total

    for epoch in range(EPOCHS):
        np.random.default_rng(epoch + 1).shuffle(order)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            flat, rows, total = sums(batch)
            length = np.linalg.norm(total, axis=1, keepdims=True) + 1e-9
            own, goal = total / length, goals[batch]
            slope = -(goal - own * (own * goal).sum(1, keepdims=True)) / length
            used, place = np.unique(flat, return_inverse=True)
            change = np.zeros((len(used), WIDTH), np.float32)
            np.add.at(change, place, slope[rows])
            mean[used] = 0.9 * mean[used] + 0.1 * change
            square[used] = 0.99 * square[used] + 0.01 * change * change
            words[used] -= STEP * mean[used] / (np.sqrt(square[used]) + 1e-6)
        agreement = (unit(sums(held_out)[2]) * goals[held_out]).sum(1).mean()
        print(f"epoch {epoch}: cosine of texts held out {agreement:.4f}", flush=True)
    return np.unique(np.concatenate(lists))


def main(model, wordnet, output):
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(64)
    session = onnxruntime.InferenceSession(str(model / "model.onnx"))
    pieces = [piece for piece, _ in sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])]
    kept = [at for at, piece in enumerate(pieces) if KEPT.fullmatch(piece)]
    texts = sentences(wordnet)
    print(f"{len(texts)} texts, {len(kept)} pieces", flush=True)

    goals = teach(session, [encoding.ids for encoding in tokenizer.encode_batch(texts)])
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    alone = teach(session, [[first, at, last] for at in range(len(pieces))])
    axes = np.linalg.svd((goals - goals.mean(0))[::5], full_matrices=False)[2][:WIDTH].T
    goals = unit((goals - goals.mean(0)) @ axes).astype(np.float32)

    rank = np.arange(len(pieces)) + 2
    frequency = (1 / rank) / (1 / rank).sum()
    words = unit((alone - alone.mean(0)) @ axes) * (RARITY / (RARITY + frequency))[:, None]
    words = words.astype(np.float32)
    untrained = words.copy()
    allowed = set(kept)
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    lists = [[at for at in encoding.ids if at in allowed] for encoding in encodings]
    full = [at for at, ids in enumerate(lists) if ids]
    seen = train(words, [lists[at] for at in full], goals[full])

    growth = np.linalg.norm(words[seen], axis=1).mean() / np.linalg.norm(untrained[seen], axis=1).mean()
    rest = np.setdiff1d(np.arange(len(pieces)), seen)
    words[rest] = untrained[rest] * growth
    words /= np.abs(words).max()
    table = bytearray()
    for at in kept:
        scale = np.float32(max(np.abs(words[at]).max() / 127, 1e-9))
        table += scale.tobytes() + np.round(words[at] / scale).astype(np.int8).tobytes()
    (output / "vectors.bin").write_bytes(table)
    (output / "vocabulary.txt").write_text("\n".join(pieces[at] for at in kept), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
