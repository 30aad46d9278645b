"""Records what MongoDB projects: `python3 projection_vectors.py <mongodb url> [seed [groups]] > projection_vectors.json`.

Each group has documents and cases; a case has a projection and what the server returned of each document, or null
where it refused. Random groups follow the chosen ones.
"""
import random
import sys

from bson import SON, json_util
from pymongo import MongoClient
from pymongo.errors import OperationFailure

client = MongoClient(sys.argv[1])
notes = client["sorts"]["projection_vectors"]
random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 60
NAMES = ["a", "b", "c", "0", "_id"]


def value(depth):
    kind = random.random()
    if depth == 0 or kind < 0.3:
        return random.choice([1, 2.5, None, "x", "\u00e4\"\\", True])
    if kind < 0.6:
        return [value(depth - 1) for _ in range(random.choice([0, 1, 2, 3]))]
    return fields(depth - 1)


def fields(depth):
    return SON((name, value(depth)) for name in random.sample(NAMES, random.choice([0, 1, 2, 3, 4])))


def path(top):
    rest = [random.choice(NAMES) for _ in range(random.choice([0, 1, 1, 2, 3]))]
    return ".".join(([top] if random.random() < 0.9 else []) + rest) or top


def nested(depth, flag):
    if depth == 0 or random.random() < 0.5:
        return random.choice([flag, flag, float(flag), bool(flag)])
    return SON((random.choice(NAMES), nested(depth - 1, flag)) for _ in range(random.choice([0, 1, 1, 2])))


def projection():
    flag = random.choice([0, 1])
    spec = SON()
    for _ in range(random.choice([0, 1, 1, 2, 2, 3])):
        here = flag if random.random() < 0.95 else 1 - flag
        spec[path("context")] = nested(2, here) if random.random() < 0.3 else here
    if random.random() < 0.3:
        spec["_id"] = random.choice([0, 1, True, False])
    return spec


def group(documents, projections):
    notes.drop()
    notes.insert_many([SON([("_id", f"o.Doc.{n:04}"), ("entity", "Doc"), ("context", d)]) for n, d in enumerate(documents)])
    cases = []
    for spec in projections:
        try:
            answer = list(notes.find({}, spec).sort("_id", 1))
        except OperationFailure:
            answer = None
        cases.append([spec, answer])
    return {"documents": documents, "cases": cases}


D = [SON(a=1, b=SON(c=2, d=3), e=[1, SON(f=1, g=2), [SON(f=3), 4], []]), SON(), SON(b=5), SON(b=[SON(c=1, d=[SON(c=2)])])]
FIXED = [
    {}, {"_id": 0}, {"_id": 1}, {"_id": 0, "entity": 0}, {"_id": 1, "entity": 0}, {"entity": 1}, {"context": 1}, {"context": 0},
    {"context.a": 1}, {"context.a": 0}, {"context.a": 1, "_id": 0}, {"context.a": 1, "context.b": 0}, {"context.a": {}},
    {"context": {}}, {"context": {"a": 1, "b": {"c": 1}}}, {"context": {"b.c": 1}}, {"context.b": 1, "context.b.c": 1},
    {"context.b.c": 1, "context.b": 1}, {"context.b.c": 1, "context.b": {"d": 1}}, {"context.b.c": 1, "context.b": {"c": 1}},
    {"context.e.f": 1}, {"context.e.f": 0}, {"context.e.0": 1}, {"context.e.0": 0}, {"_id.x": 1}, {"_id.x": 0},
    {"context.a": 1, "_id.x": 0}, {"context.a": 0, "_id.x": 1}, {"context": {"_id": 0, "a": 1}}, {"": 1}, {"context.": 1},
    {".a": 1}, {"a..b": 1}, {"$a": 1}, {"context.$a": 1}, {"context.a": float("nan")}, {"context.a": -0.0}, {"context.a": -3},
    {"zz": 1}, {"zz": 0}, {"entity": 1, "context.a": 0}, {"_id": True, "entity": False},
]
groups = [group(D, [SON(spec) for spec in FIXED])]
for _ in range(ROUNDS):
    groups.append(group([fields(4) for _ in range(3)], [projection() for _ in range(8)]))
notes.drop()

print('{"groups":[')
print(",\n".join(json_util.dumps(g, json_options=json_util.CANONICAL_JSON_OPTIONS, separators=(",", ":")) for g in groups))
print("]}")
