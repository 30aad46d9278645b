"""Records how MongoDB sorts: `python3 sort_vectors.py <mongodb url> [seed [groups]] > sort_vectors.json`.

Each group has documents and cases; a case has a sort and the numbers of the documents in the order in which
the server returned them, ties by number, or null where it refused. Random groups follow the chosen ones.
"""
import datetime
import json
import random
import sys

from bson import (SON, Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp, json_util)
from pymongo import MongoClient
from pymongo.errors import OperationFailure

client = MongoClient(sys.argv[1])
notes = client["sorts"]["sort_vectors"]
random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 60

OID = ObjectId("507f1f77bcf86cd799439011")
DATE = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
SCALARS = [
    None, True, False, 0, 1, -1, 2, Int64(2**53), Int64(2**53 + 1), Int64(2**63 - 1), Int64(-(2**63)), 1.0, 1.5, -0.0,
    float("nan"), float("inf"), float("-inf"), float(2**53), 9.223372036854775807e18, 5e-324, Decimal128("1"),
    Decimal128("1.5"), Decimal128("NaN"), Decimal128("Infinity"), Decimal128("-Infinity"), Decimal128("1E+30"), "", "a",
    "A", "ab", "b", "\u00e4", "\U0001f600", "10", "9", Binary(b""), Binary(b"a"), Binary(b"ab"), Binary(b"a", 5),
    OID, ObjectId("507f1f77bcf86cd799439012"), DATE, datetime.datetime(1960, 1, 1, tzinfo=datetime.timezone.utc),
    Timestamp(1, 1), Timestamp(1, 2), Regex("a"), Regex("a", "i"), Regex("b"), Code("x"), Code("x", {"a": 1}),
    MinKey(), MaxKey(),
]
CONTAINERS = [
    {}, {"a": 1}, {"a": 1, "b": 1}, {"b": 1}, {"a": "x"}, {"a": None}, [], [1], [1, 2], [2, 1], [[]], [[1]], [[1, 2], 3],
    [None], ["a", 1], [{}], [{"a": 1}], [{"a": 2}, {"a": 0}], [{"b": 1}], [1, {"a": 3}], [[{"a": 1}]],
    [MinKey()], [MaxKey()], [True, "z"], {"a": []}, {"a": [3, 1]}, [{"a": [3, 1]}, {"a": [2]}], {"a": {"b": 1}},
    [{"a": {"b": 2}}], [{"a": []}],
]
NAMES = ["a", "b", "c", "0", "1"]


def value(depth):
    kind = random.random()
    if depth == 0 or kind < 0.35:
        return random.choice([1, 2, 3, None, "x", "y", 1.5, True]) if random.random() < 0.7 else random.choice(SCALARS)
    if kind < 0.65:
        return [value(depth - 1) for _ in range(random.choice([0, 1, 1, 2, 2, 3]))]
    return fields(depth - 1)


def fields(depth):
    names = random.sample(NAMES if random.random() < 0.3 else NAMES[:3], random.choice([0, 1, 2, 2, 3]))
    return {name: value(depth) for name in names}


def path():
    return ".".join(random.choice(NAMES if random.random() < 0.4 else NAMES[:3]) for _ in range(random.choice([1, 1, 2, 2, 3])))


def sort():
    return {path(): random.choice([1, -1]) for _ in range(random.choice([1, 1, 1, 2, 2, 3]))}


def group(documents, sorts):
    notes.drop()
    notes.insert_many([SON([("_id", n), ("context", d)]) for n, d in enumerate(documents)])
    cases = []
    for keys in sorts:
        spec = SON((f"context.{name}", direction) for name, direction in keys.items())
        try:
            answer = [d["_id"] for d in notes.find({}, {"_id": 1}).sort([*spec.items(), ("_id", 1)])]
        except OperationFailure:
            answer = None
        cases.append([dict(spec), answer])
    return {"documents": documents, "cases": cases}


groups = []
base = [{}] + [{"a": v} for v in SCALARS + CONTAINERS]
groups.append(group(base, [{"a": 1}, {"a": -1}, {"a.a": 1}, {"a.a": -1}, {"a.0": 1}, {"a.0": -1}, {"a.a.b": 1}, {"b": -1}]))
groups.append(group([{"a": v, "b": n % 3} for n, v in enumerate(SCALARS)],
                    [{"b": 1, "a": 1}, {"b": -1, "a": 1}, {"b": 1, "a": -1}, {"a": 1, "b": -1}, {"a": -1, "b": -1}]))
for _ in range(ROUNDS):
    documents = [fields(3) for _ in range(random.choice([2, 3, 5, 8]))]
    groups.append(group(documents, [sort() for _ in range(8)]))
notes.drop()

print('{"groups":[')
print(",\n".join(json_util.dumps(g, json_options=json_util.CANONICAL_JSON_OPTIONS, separators=(",", ":")) for g in groups))
print("]}")
