"""Records what a MongoDB server makes of updates, into update_vectors.json beside this file.

Run it with the address of a server whose database `updates` may be written, for example
`python3 record_update_vectors.py mongodb://127.0.0.1:27017/`. The vectors were recorded from 6.0.5.

A case is {"u": update, "b": fields before, "a": fields after, "m": nModified}, or {"u", "b",
"refused": the server's code}. The fields stand under `context` in the stored document. What
`$currentDate` stores is replaced by one fixed time, which the replay gives to the update.
"""

import datetime
import os
import sys

import pymongo
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions
from bson.json_util import CANONICAL_JSON_OPTIONS, dumps
from bson.son import SON

UTC = datetime.timezone.utc
NOW = datetime.datetime(2001, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)

KINDS = [
    0, -7, 2147483647, Int64(5), Int64(2**63 - 1), Int64(-(2**63)), 0.0, -0.0, 1.5, 0.1, 1e300,
    float("nan"), float("inf"), float("-inf"), Decimal128("0"), Decimal128("1.10"),
    Decimal128("-2E+40"), Decimal128("NaN"), Decimal128("Infinity"), Decimal128("1E-6176"),
    Decimal128("9.999999999999999999999999999999999E+6144"), "", "text", True, False, None,
    ObjectId("5f0000000000000000000001"), datetime.datetime(2000, 1, 1, tzinfo=UTC),
    Binary(b"ab", 0), Binary(b"0123456789abcdef", 4), Regex("b", "i"), Timestamp(7, 1), MinKey(),
    MaxKey(), Code("x"), Code("x", SON([("s", 1)])), [], [1], [3, 1, 2], [None], [[1], []],
    SON(), SON([("a", 1)]), SON([("b", SON([("c", [1])]))]), [SON([("x", 2)]), SON([("x", 1)])],
]
NUMBERS = [k for k in KINDS if isinstance(k, (int, float, Decimal128)) and not isinstance(k, bool)]


def by_kind():
    """Each operator on each kind of value, and with each kind of operand."""
    for kind in KINDS:
        for update in [
            {"$set": {"v": 1}}, {"$unset": {"v": 1}}, {"$inc": {"v": 1}}, {"$mul": {"v": 2}},
            {"$min": {"v": 1}}, {"$max": {"v": 1}}, {"$currentDate": {"v": True}},
            {"$rename": {"v": "w"}}, {"$rename": {"w": "v"}}, {"$push": {"v": 1}},
            {"$addToSet": {"v": 1}}, {"$pull": {"v": 1}}, {"$pop": {"v": 1}},
            {"$setOnInsert": {"v": 1}}, {"$set": {"v.a": 1}}, {"$set": {"v.0": 1}},
            {"$unset": {"v.a": 1}}, {"$unset": {"v.0": 1}}, {"$rename": {"v.a": "w"}},
            {"$rename": {"w": "v.a"}}, {"$set": {"v.2.x": 1}}, {"$pull": {"v.a": 1}},
        ]:
            yield SON([("v", kind), ("w", 3)]), update
        for operator in ["$set", "$unset", "$inc", "$mul", "$min", "$max", "$setOnInsert", "$pop",
                         "$currentDate", "$rename", "$push", "$addToSet"]:
            yield SON(), {operator: {"v": kind}}
            yield SON([("v", 1)]), {operator: {"v": kind}}
            yield SON([("v", [1, "text"])]), {operator: {"v": kind}}
        for modifier in ["$each", "$position", "$slice", "$sort"]:
            yield SON([("v", [1, 2, 3])]), {"$push": {"v": SON({"$each": [0], modifier: kind})}}
        yield SON([("v", kind)]), {"$set": {"v": kind}}
        yield SON([("v", [kind, 0.5, kind])]), {"$addToSet": {"v": kind}}
        yield SON([("v", [2, 1])]), {"$push": {"v": SON({"$each": [kind], "$sort": 1})}}
        yield SON([("v", [kind, 7])]), {"$pop": {"v": -1}}
        if not isinstance(kind, Regex):
            yield SON([("v", [kind, 0.5, kind])]), {"$pull": {"v": kind}}
            for operator in ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]:
                yield SON([("v", [kind, 0, "t", [kind]])]), {"$pull": {"v": {operator: kind}}}
            yield SON([("v", [kind, 0])]), {"$pull": {"v": {"$in": [kind]}}}
            yield SON([("v", [SON([("x", kind)]), SON([("x", 0)])])]), {"$pull": {"v": {"x": kind}}}
    for left in NUMBERS:
        for right in NUMBERS:
            for operator in ["$inc", "$mul"]:
                yield SON([("v", left)]), {operator: {"v": right}}
    for left in KINDS:
        for right in KINDS[::5]:
            for operator in ["$min", "$max"]:
                yield SON([("v", left)]), {operator: {"v": right}}


LIST = SON([("v", [4, 1, 3])])
DOCS = SON([("v", [SON([("x", 2), ("y", 1)]), 5, SON([("x", 1), ("y", 2)]), SON([("x", 1)]), "s"])])
NESTED = SON([("d", SON([("e", SON([("f", 1)])), ("l", [SON([("m", 1)]), [5, 6]])])), ("z", 0)])


def by_rule():
    """Paths, conflicts, modifiers and what is refused."""
    for position in [0, 1, 2, 3, 9, -1, -2, -9]:
        for slice in [None, 0, 1, 2, 9, -1, -2, -9]:
            for sort in [None, 1, -1]:
                clauses = SON([("$each", [9, 0]), ("$position", position)])
                if slice is not None:
                    clauses["$slice"] = slice
                if sort is not None:
                    clauses["$sort"] = sort
                yield LIST, {"$push": {"v": clauses}}
    for sort in [SON([("x", 1)]), SON([("x", -1), ("y", 1)]), SON([("y", -1)]), SON([("x.0", 1)]),
                 SON(), SON([("x", 2)]), SON([("x..y", 1)]), SON([("", 1)]), 2, "x", 1, -1]:
        for each in [[], [SON([("x", 0)])]]:
            yield DOCS, {"$push": {"v": SON([("$each", each), ("$sort", sort)])}}
    for push in [SON([("$each", [])]), SON([("$each", []), ("$slice", 2)]),
                 SON([("$each", []), ("$slice", 3)]), SON([("$each", []), ("$sort", 1)]),
                 SON([("$slice", 1), ("$each", [2])]), SON([("$each", [1]), ("$other", 1)]),
                 SON([("a", 1), ("$each", [1])]), SON([("$each", 1)])]:
        for document in [SON(), LIST, SON([("v", [])]), SON([("v", [1, 2, 3])]), SON([("v", 1)])]:
            yield document, {"$push": {"v": push}}
    for each in [[], [1, 1.0, 4], [SON([("x", 2), ("y", 1)])], [SON([("y", 1), ("x", 2)])]]:
        for document in [SON(), LIST, DOCS]:
            yield document, {"$addToSet": {"v": {"$each": each}}}
    yield LIST, {"$addToSet": {"v": SON([("$each", [1]), ("$slice", 1)])}}
    for condition in [{"x": 1}, {"x": {"$gt": 1}}, {"x": 1, "y": 2}, {"y": None}, {}, {"$gt": 2},
                      {"$or": [{"x": 2}, {"y": 2}]}, {"$nor": [{"x": 2}]}, {"$exists": True},
                      {"$in": [5, "s"]}, {"$nin": [5]}, {"$type": "string"}, {"$gte": 3, "$lt": 6},
                      {"$gt": 1, "x": 1}, {"x": 1, "$gt": 1}, {"$not": {"$gt": 1}}, {"$foo": 1}]:
        yield DOCS, {"$pull": {"v": condition}}
    for path in ["d", "d.e", "d.e.f", "d.e.g", "d.e.f.g", "d.l", "d.l.0", "d.l.0.m", "d.l.0.n",
                 "d.l.1.0", "d.l.1.3", "d.l.5", "d.l.5.x", "d.l.01", "d.l.x", "d.l.-1", "q.r.s",
                 "q.0", "z", "z.y", "d.l.1.x", "d.l.0.0"]:
        for operator, operand in [("$set", 7), ("$unset", 1), ("$inc", 2), ("$mul", 3), ("$min", 0),
                                  ("$max", "m"), ("$currentDate", True), ("$push", 1),
                                  ("$addToSet", 6), ("$pull", 5), ("$pop", -1), ("$rename", "w.x"),
                                  ("$rename", "d.e.h"), ("$setOnInsert", 1)]:
            yield NESTED, {operator: {path: operand}}
        yield NESTED, {"$rename": {"z": path}}
        yield NESTED, {"$rename": {"missing": path}}
    for first, second in [("a", "a"), ("a", "a.b"), ("a.b", "a"), ("a.b", "a.c"), ("a.0", "a.0.b"),
                          ("a", "ab"), ("a.b.c", "a.b.d")]:
        yield SON(), SON([("$set", {first: 1}), ("$inc", {second: 1})])
        yield SON([("s", 1)]), SON([("$set", {first: 1}), ("$rename", {"s": second})])
        yield SON(), SON([("$set", {first: 1}), ("$rename", {second: "t"})])
    yield SON([("z", 1)]), {"$set": SON((n, 1) for n in ["b", "a", "10", "9", "01", "0", "-", "c.z", "c.a"])}
    yield SON([("v", [])]), {"$set": SON([("v.10", 1), ("v.2", 2)])}
    yield SON([("v", [])]), {"$set": {"v.1500001": 1}}
    yield SON([("v", [])]), SON([("$set", {"v.1": 1}), ("$rename", {"v.0": "w"})])
    yield SON([("x", [])]), SON([("$set", {"x.1": 1}), ("$rename", {"x.0": "b"})])
    for source, target in [("a", "a"), ("a", "a.b"), ("a.b", "a"), ("a", ""), ("a", "b.")]:
        yield SON([("a", 1)]), {"$rename": {source: target}}
    yield SON([("a", 1), ("b", 2), ("c", 3)]), {"$rename": SON([("a", "c"), ("b", "d")])}
    yield SON([("a", 1), ("b", 2)]), {"$rename": SON([("a", "b"), ("b", "c")])}
    yield SON(), {"$currentDate": {"v": {"$type": "timestamp"}}}
    yield SON(), {"$currentDate": {"v": {"$type": "date"}}}
    yield SON(), {"$currentDate": {"v": {"$type": "day"}}}
    yield SON(), {"$currentDate": {"v": SON([("$type", "date"), ("x", 1)])}}
    yield SON(), {"$set": {}}
    for path in [".a", "a.", "a..b"]:
        yield SON(), {"$set": {path: 1}}
    yield SON(), {"$foo": {"a": 1}}
    yield SON(), SON([("$set", {"a": 1}), ("b", 2)])
    yield SON(), {"$set": 1}


def stored(update):
    """The update with its paths below `context`."""
    result = SON()
    for operator, fields in update.items():
        if isinstance(fields, dict):
            fields = SON(("context." + path, operand) for path, operand in fields.items())
            if operator == "$rename":
                fields = SON((p, "context." + o if isinstance(o, str) else o) for p, o in fields.items())
        result[operator] = fields
    return result


def fixed(value):
    """The value with the time of the server replaced."""
    if isinstance(value, datetime.datetime) and value.year > 2020:
        return NOW
    if isinstance(value, Timestamp) and value.time > 1_000_000:
        return Timestamp(int(NOW.timestamp()), 1)
    if isinstance(value, dict) and not isinstance(value, Code):
        return SON((name, fixed(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return [fixed(inner) for inner in value]
    return value


def unstorable(value):
    """Whether the server would store names with dollar signs, which no document of ours has."""
    if isinstance(value, dict):
        return any(name.startswith("$") or unstorable(inner) for name, inner in value.items())
    return isinstance(value, list) and any(unstorable(inner) for inner in value)


def main():
    options = CodecOptions(document_class=SON, tz_aware=True)
    client = pymongo.MongoClient(sys.argv[1])
    collection = client.get_database("updates", codec_options=options)["vectors"]
    cases, seen = [], set()
    for before, update in [*by_kind(), *by_rule()]:
        update = stored(update)
        case = SON([("u", update), ("b", before)])
        collection.replace_one({"_id": 1}, SON([("_id", 1), ("context", before)]), upsert=True)
        try:
            modified = collection.update_one({"_id": 1}, update).modified_count
            after = fixed(collection.find_one({"_id": 1})["context"])
            if unstorable(after):
                continue
            case["a"], case["m"] = after, bool(modified)
        except pymongo.errors.WriteError as error:
            case["refused"] = error.code
        except ValueError:
            # The driver refuses a document without operators by itself.
            case["refused"] = 9
        line = dumps(case, json_options=CANONICAL_JSON_OPTIONS, separators=(",", ":"))
        if line not in seen:
            seen.add(line)
            cases.append(line)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "update_vectors.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(cases) + "\n]\n")
    print(len(cases), "cases,", os.path.getsize(path), "bytes")


main()
