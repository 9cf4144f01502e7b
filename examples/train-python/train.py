#!/usr/bin/python3
"""Learns the next action of a release from the last three, with pandas and scikit-learn, inside the training room.

    fairtrace room run --release R --grant G --code examples/train-python -- /usr/bin/python3 /code/train.py

Reads the release's CSV shards as they lie under /release, writes metrics.json (figures) and model.json (weights). There is no network, so the
machine of the room needs the libraries: apt install python3-pandas python3-sklearn.
"""
import json
import os
import sys
from pathlib import Path

# Threads count against the room's processes, and each has buffers of its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pandas
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import OneHotEncoder

RELEASE = Path(os.environ.get("FAIRTRACE_RELEASE", "/release"))
OUTPUT = Path(os.environ.get("FAIRTRACE_OUTPUT", "/output"))
CONTEXT = 3
TEST_SHARE = 0.2
MARGIN = 0.05
START = "start"


def read_release(folder: Path) -> tuple[pandas.DataFrame, list[str]]:
    """One row an action; rows of a segment lie side by side, in order of `step`."""
    shards = sorted(folder.rglob("*.csv"))
    if not shards:
        sys.exit("the release holds no CSV")
    # As text: an empty field is an absence, never the number nan.
    rows = pandas.concat(pandas.read_csv(shard, dtype=str, keep_default_na=False) for shard in shards)
    return rows, [str(shard.relative_to(folder)) for shard in shards]


def words(rows: pandas.DataFrame) -> pandas.Series:
    """What is predicted: the action, and what it was done to as coarsely as the release says it."""
    columns = [name for name in ("role", "key", "keys", "text_kind", "direction") if name in rows]
    return rows["kind"].str.cat([rows[name] for name in columns], sep=" ").str.split().str.join(" ")


def examples(rows: pandas.DataFrame) -> pandas.DataFrame:
    table = pandas.DataFrame({"segment": rows["segment"], "next": words(rows)})
    for back in range(1, CONTEXT + 1):
        table[f"before{back}"] = table.groupby("segment")["next"].shift(back).fillna(START)
    # The first action of a segment has nothing before it to be predicted from.
    return table[table["before1"] != START]


def main() -> None:
    rows, shards = read_release(RELEASE)
    table = examples(rows)
    # Segments, not actions: two actions of one segment are never on both sides.
    names = table["segment"].drop_duplicates().sample(frac=1, random_state=1)
    held_out = set(names[: max(1, int(len(names) * TEST_SHARE))])
    is_test = table["segment"].isin(held_out)
    train, test = table[~is_test], table[is_test]
    if train["next"].nunique() < 2 or test.empty:
        sys.exit("too few segments to train and to test")
    before = [f"before{back}" for back in range(1, CONTEXT + 1)]
    encoder = OneHotEncoder(handle_unknown="ignore").fit(train[before])
    model = SGDClassifier(loss="log_loss", random_state=1).fit(encoder.transform(train[before]), train["next"])
    accuracy = float(model.score(encoder.transform(test[before]), test["next"]))
    majority = float((test["next"] == train["next"].mode()[0]).mean())
    metrics = {
        "segments": int(len(names)),
        "actions": int(len(rows)),
        "accuracy": {"model": accuracy, "majority": majority},
        "margin": {"required": MARGIN, "reached": accuracy - majority, "isReached": accuracy - majority >= MARGIN},
        "shards": shards,
    }
    weights = {
        "words": [str(word) for word in model.classes_],
        "context": [[str(word) for word in group] for group in encoder.categories_],
        "coefficients": model.coef_.round(6).tolist(),
        "intercepts": model.intercept_.round(6).tolist(),
    }
    (OUTPUT / "metrics.json").write_text(json.dumps(metrics, indent=1))
    (OUTPUT / "model.json").write_text(json.dumps(weights))
    print(f"accuracy {accuracy:.1%}, majority {majority:.1%}, {len(rows)} actions of {len(shards)} shards")


main()
