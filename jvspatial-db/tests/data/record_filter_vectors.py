"""Records what a MongoDB 6.0 server answers, for tests/it/filter_vectors.rs.

Keeps the groups that `filter_vectors.json` already has, replaces those that this script made before
(they carry a name), and appends to the refusals. Needs pymongo.

    python3 record_filter_vectors.py mongodb://127.0.0.1:27017/
"""

import json
import pathlib
import random
import struct
import sys

import bson
import pymongo
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, SON, Timestamp, json_util
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from bson.regex import Regex

FILE = pathlib.Path(__file__).with_name("filter_vectors.json")
OPTIONS = json_util.JSONOptions(json_mode=json_util.JSONMode.CANONICAL)
NAN, INFINITY = float("nan"), float("inf")


class Old:
    """A value of a kind that the driver does not make: its type, its bytes and its Extended JSON."""

    def __init__(self, kind, payload, text):
        self.kind, self.payload, self.text = kind, payload, text


def string(text):
    return struct.pack("<i", len(text) + 1) + text.encode() + b"\0"


SYMBOL = Old(b"\x0e", string("a"), '{"$symbol":"a"}')
UNDEFINED = Old(b"\x06", b"", '{"$undefined":true}')
POINTER = Old(
    b"\x0c", string("a") + bytes(12), '{"$dbPointer":{"$ref":"a","$id":{"$oid":"%s"}}}' % ("0" * 24)
)

# One or more of each kind of value.
KINDS = [
    MinKey(), None, 0, 1, 4, -3, Int64(5), Int64(2**63 - 1), Int64(-(2**63)), 2.0, 5.9, -5.9, -0.5, NAN,
    INFINITY, 1e19, Decimal128("5"), Decimal128("5.9"), Decimal128("-0.5"), Decimal128("1E+19"),
    Decimal128("9223372036854775807.9"), Decimal128("NaN"), "", "a", "A", "xay", "a\n", "b\na", "é", "É",
    {}, {"b": 1}, {"b": [1, 5]}, {"0": {"b": 1}}, [], [1], [1, 5], [None], ["a"], ["b", "A"], [[1, 5]],
    [[1, 5], 4], [[]], [{}], [{"b": 1}], [{"b": 1}, {"b": 5}], [{"b": 1, "c": 5}], [{"b": [1, 5]}], [[{"b": 1}]],
    [{"0": 1}], [[[1]]], [Regex("a", "")], Binary(b""), Binary(b"a", 5), ObjectId("0" * 24), False, True,
    DatetimeMS(0), DatetimeMS(5), Timestamp(0, 1), Regex("a", ""), Regex("a", "i"), Code("a"),
    Code("a", {"b": 1}), MaxKey(),
]
NO_REGEX = [value for value in KINDS if not isinstance(value, Regex)]

# One of each kind, as an operand.
SAMPLES = [
    MinKey(), UNDEFINED, None, 1, Int64(2**62), 2.0, Decimal128("2"), "a", SYMBOL, {"b": 1}, [1], Binary(b"a"),
    ObjectId("0" * 24), True, DatetimeMS(5), Timestamp(0, 1), Regex("a", ""), POINTER, Code("a"), Code("a", {"b": 1}),
    MaxKey(),
]

TEXTS = [
    "", "a", "A", "b", "\n", "a\n", "\na", "a\nb", "a\n\n", "\n\n", "a\r\n", "\r", "a\rb", "ab", "aab", "é", "É",
    "aé", "aéa", "a b", " a", "1", "_", "k", "K", "\u212a", "s", "ſ", "ß", "ẞ", "ς", "Σ", "-", "#", "a#b",
    "a{2}", "a.b", "\x01", "\x0b", "\x85", "\xa0", "\u2028", "é\n", "b\na\n", "a\0b", "ab\nab", "😀", "٣", "ABC\n",
    "[a]", "a_1", "\\", "8", "a8", "91",
]
PATTERNS = [
    "a", "^a", "a$", "^a$", "a$\\n", "a\\Z", "a\\z", "\\Aa", "\\Ga", "^", "$", "^$", "\\n^", "\\n$", "\\r$", "a.b",
    "a.$", ".", "\\N", "^.$", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\h", "\\H", "\\v", "\\V", "\\b", "\\B", "\\bé",
    "a\\b", "[[:alpha:]]", "[[:^alpha:]]", "[[:space:]]", "[[:punct:]]", "[[:upper:]]", "[[:lower:]]", "[^a]",
    "[^a-z]", "[]a]", "[a-]", "[\\d-a]", "[\\b]", "[^\\d\\D]", "[a&&b]", "k", "[k]", "[^k]", "[a-z]", "s", "ß", "σ",
    "é", "\\x{e9}", "\\xe9", "\\101", "\\0", "\\x01", "\\x{1F600}", "\\o{101}", "\\cA", "\\p{L}", "\\p{Lu}", "\\P{Lu}",
    "\\p{^Lu}", "\\p{L&}", "\\pN", "\\p{Greek}", "[\\p{Lu}_]", "\\p{Any}", "a b", "a\\ b", "a #\nb", "a[ ]b", "a {2}",
    "a{2}", "a{,2}", "a{", "a*?b", "(a|b)+", "(?:^a)", "(?i)A", "(?i:A)b", "(a(?i)b|B)", "(?m)^a", "(?s).a",
    "(?x) a b", "(?#c)a", "a(?#c)+", "\\Qa.b\\E", "\\Q[a]\\E", "[\\Qa]\\E]", "(?<n>a)", "(?P<n>a)", "(?'n'a)", "(?|a|b)",
    "a||b", "()", "a{0}", "\\Ka", "\\E", "\\\\", "\\_", "\\.",
    "\\8", "^\\91", "[\\8]", "(a)\\8", "\\18", "\\p{Zl}", "[^\\p{Zp}]",
]


def documents_of(values):
    return [{}] + [{"a": value} for value in values]


def operators():
    """Each operator with each kind of operand, on each kind of value."""
    filters = [{"a": {"$eq": value}} for value in KINDS] + [{"a": value} for value in KINDS]
    for name in ["$ne", "$gt", "$gte", "$lt", "$lte"]:
        filters += [{"a": {name: value}} for value in NO_REGEX]
    for name in ["$in", "$nin"]:
        filters += [{"a": {name: [value]}} for value in KINDS]
        filters += [{"a": {name: [value, "a", Regex("b", "i")]}} for value in KINDS[::7]]
    filters += [{"a": {"$all": [value]}} for value in KINDS]
    filters += [{"a": {"$elemMatch": {"$eq": value}}} for value in KINDS]
    filters += [{"a": {"$elemMatch": {name: value}}} for name in ["$ne", "$gte"] for value in NO_REGEX[::3]]
    filters += [{"a": {"$all": rest}} for rest in [
        [], [1, 5], [5, 1], [[1, 5], 4], [1, 1], [None, 1], [Regex("a", "i"), "b"],
        [{"$elemMatch": {"b": 1}}], [{"$elemMatch": {"b": 1}}, {"$elemMatch": {"b": 5}}],
        [{"$elemMatch": {"$gt": 1}}, {"$elemMatch": {"$lt": 5}}], [{"$elemMatch": {}}],
    ]]
    inner = [
        {}, {"b": 1}, {"b": None}, {"b": {"$gt": 0, "$lt": 5}}, {"b": 1, "c": 5}, {"0": 1}, {"0": {"$exists": True}},
        {"0.b": 1}, {"0.0": 1}, {"b": {"$elemMatch": {"$gt": 1}}}, {"b": {"$size": 2}}, {"$or": [{"b": 1}, {"b": 5}]},
        {"$and": [{"b": 1}, {"b": 5}]}, {"$nor": [{"b": 1}]}, {"b": {"$exists": False}}, {"b.0": 1},
        {"$gt": 1, "$lt": 5}, {"$gt": 1}, {"$gte": 5, "$mod": [2, 1]}, {"$exists": True}, {"$exists": False},
        {"$in": [1, None]}, {"$nin": [1]}, {"$nin": []}, {"$in": []}, {"$in": [Regex("a", "i"), 1]},
        {"$not": {"$gt": 1}}, {"$not": {"$gt": 1, "$lt": 9}}, {"$not": {"$not": {"$gt": 1}}}, {"$not": Regex("a", "")},
        {"$type": "array"}, {"$type": ["object", "number"]}, {"$size": 2}, {"$size": 0}, {"$elemMatch": {"$gt": 1}},
        {"$elemMatch": {"b": 1}}, {"$elemMatch": {}}, {"$all": [1]}, {"$all": [[1, 5]]}, {"$regex": "a"},
        SON([("$options", "i"), ("$regex", "a")]), {"$not": {"$elemMatch": {"$gt": 1}}}, {"$all": [Regex("a", ""), "a"]},
        {"$all": [{"$elemMatch": {"b": 1}}]}, {"$not": {"$in": [1, Regex("a", "")]}},
    ]
    filters += [{path: {"$elemMatch": rest}} for path in ["a", "a.0", "a.b"] for rest in inner]
    filters += [{"a": {"$not": {"$elemMatch": rest}}} for rest in inner[::4]]
    sizes = [0, 1, 2, Int64(2), 2.0, -0.0, Decimal128("2"), Decimal128("2.0"), Decimal128("-0"), 2**31 - 1]
    filters += [{path: {"$size": size}} for path in ["a", "a.0", "a.b"] for size in sizes]
    pairs = [
        [4, 0], [4, 1], [4, -1], [-4, 1], [4, 3], [4, -3], [4.9, 1.9], [Decimal128("4.9"), Decimal128("1.9")], [1, 0],
        [-1, 0], [1, -0.9], [Int64(4), Int64(0)], [Int64(-(2**63)), 0], [Int64(2**63 - 1), 0],
        [Decimal128("9223372036854775807.9"), 0], [-9.223372036854775808e18, 0], [2, 1],
    ]
    filters += [{"a": {"$mod": pair}} for pair in pairs] + [{"a": {"$not": {"$mod": [2, 1]}}}, {"a.b": {"$mod": [2, 1]}}]
    expressions = [Regex("a", ""), Regex("a", "i"), Regex("^a$", "m"), Regex("", "")]
    for regex in expressions:
        filters += [
            {"a": {"$not": regex}}, {"a": {"$regex": regex}}, {"a.0": regex}, {"a": {"$in": [regex, 4]}},
            {"a": {"$nin": [regex, None]}}, {"a": {"$not": {"$eq": regex}}}, {"a": [regex]},
        ]
    filters += [
        {"a": {"$regex": "a", "$options": options}} for options in ["", "i", "im", "mi", "x", "s", "u", "ii", "imsx"]
    ]
    filters += [{"a": {"$regex": "a", "$gt": "b"}}, {"a": {"$not": {"$regex": "A", "$options": "i"}}}]
    return documents_of(KINDS), filters


def kinds():
    """Each operator with an operand of each kind, on values of each kind; what is refused is kept as such."""
    names = [
        "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$type", "$regex", "$mod", "$size", "$all",
        "$elemMatch", "$not",
    ]
    filters = [{"a": value} for value in SAMPLES]
    filters += [{"a": {name: value}} for name in names for value in SAMPLES]
    filters += [{"a": {name: [value]}} for name in ["$in", "$nin", "$type", "$all"] for value in SAMPLES]
    filters += [{"a": {"$mod": pair}} for value in SAMPLES for pair in [[value, 0], [2, value]]]
    filters += [{"a": {"$regex": "a", "$options": value}} for value in ["i", *SAMPLES]]
    filters += [{"a": {"$elemMatch": {"$eq": value}}} for value in SAMPLES]
    filters += [{"a": {"$not": {"$eq": value}}} for value in SAMPLES]
    for name in ["$and", "$or", "$nor"]:
        filters += [{name: value} for value in SAMPLES] + [{name: [{"a": value}]} for value in SAMPLES]
    old = [SYMBOL, UNDEFINED, POINTER]
    values = KINDS + old + [[value] for value in old] + [{"b": value} for value in old]
    return documents_of(values), filters


def expressions():
    """Each construct of a regular expression with each option, on many texts."""
    filters = [{"a": {"$regex": pattern}} for pattern in PATTERNS]
    for options in ["i", "m", "s", "x", "imsx"]:
        filters += [{"a": {"$regex": pattern, "$options": options}} for pattern in PATTERNS]
    return documents_of(TEXTS), filters


def mixtures():
    """Random filters over nested documents, from a fixed seed."""
    random.seed(20)
    scalars = [0, 1, 2, Int64(1), 1.0, Decimal128("1"), "a", "ab", "A", None, True, Regex("a", ""), NAN, "a\n"]

    def value(depth):
        kind = random.random()
        if depth == 0 or kind < 0.5:
            return random.choice(scalars)
        if kind < 0.8:
            return [value(depth - 1) for _ in range(random.randint(0, 3))]
        return {random.choice("ab01"): value(depth - 1) for _ in range(random.randint(0, 2))}

    def path():
        names = [random.choice("ab")] + [random.choice("ab01") for _ in range(random.choice([0, 0, 1, 2]))]
        return ".".join(names)

    def tests(depth):
        made = {}
        for _ in range(random.choice([1, 1, 2])):
            name = random.choice(["$eq", "$gt", "$lte", "$in", "$nin", "$size", "$mod", "$all", "$elemMatch", "$not",
                                  "$regex", "$type", "$exists"])
            if name in ["$in", "$nin", "$all"]:
                made[name] = [value(1) for _ in range(random.randint(0, 3))]
            elif name == "$size":
                made[name] = random.randint(0, 3)
            elif name == "$mod":
                made[name] = [random.choice([1, 2, -2, 3.5]), random.randint(-1, 2)]
            elif name == "$regex":
                made[name] = random.choice(["a", "^a$", "b|A", "."])
            elif name == "$type":
                made[name] = random.choice(["array", "number", "string", "object"])
            elif name == "$exists":
                made[name] = random.random() < 0.5
            elif name in ["$elemMatch", "$not"] and depth:
                made[name] = condition(depth - 1) if name == "$elemMatch" and random.random() < 0.5 else tests(depth - 1)
            elif name == "$eq":
                made[name] = value(2)
            else:
                made["$gt"] = random.choice([0, 1, "a", [1], {}, None])
        return made

    def condition(depth):
        made = {}
        for _ in range(random.choice([1, 1, 2])):
            if depth and random.random() < 0.25:
                made[random.choice(["$and", "$or", "$nor"])] = [condition(depth - 1) for _ in range(2)]
            else:
                made[path()] = tests(depth)
        return made

    documents = [{name: value(3) for name in random.sample("ab0", 2)} for _ in range(60)]
    return documents, [condition(2) for _ in range(500)]


REFUSED = [
    {"a": rest} for rest in [
        {"$ne": Regex("a", "")}, {"$gt": Regex("a", "")}, {"$lte": Regex("a", "")}, {"$regex": 5}, {"$regex": None},
        {"$regex": "a", "$options": 5}, {"$regex": "a", "$options": "g"}, {"$regex": "a", "$options": "I"},
        {"$options": "i"}, SON([("$regex", Regex("a", "i")), ("$options", "m")]), Regex("a", "l"),
        {"$in": [Regex("(", "")]}, {"$in": [Regex("a", "l")]}, {"$not": {"$options": "i"}}, {"$regex": "a", "b": 1},
        {"$all": 1}, {"$all": None}, {"$all": {}}, {"$all": [{"$gt": 1}]}, {"$all": [{"$elemMatch": {}}, 5]},
        {"$all": [5, {"$elemMatch": {}}]}, {"$all": [{"$elemMatch": {}}, {}]}, {"$all": [{"$elemMatch": 5}]},
        {"$all": [{"$regex": "a"}]}, {"$elemMatch": 1}, {"$elemMatch": None}, {"$elemMatch": []}, {"$elemMatch": "a"},
        {"$elemMatch": Regex("a", "")}, {"$elemMatch": {"$or": [{"$gt": 1}]}}, {"$elemMatch": {"b": 1, "$gt": 1}},
        {"$elemMatch": SON([("$gt", 1), ("b", 1)])}, {"$elemMatch": SON([("$gt", 1), ("$or", [{"b": 1}])])},
        {"$elemMatch": {"$foo": 1}}, {"$elemMatch": {"$where": "1"}}, {"$elemMatch": {"$expr": True}},
        {"$elemMatch": {"$text": {"$search": "a"}}}, {"$size": -1}, {"$size": Int64(-1)}, {"$size": 2.5},
        {"$size": Decimal128("2.5")}, {"$size": NAN}, {"$size": INFINITY}, {"$size": Decimal128("NaN")}, {"$size": "2"},
        {"$size": None}, {"$size": True}, {"$size": [2]}, {"$size": {}}, {"$size": Int64(2**31)}, {"$size": 1e19},
        {"$mod": 4}, {"$mod": None}, {"$mod": {}}, {"$mod": []}, {"$mod": [4]}, {"$mod": [4, 0, 0]}, {"$mod": [0, 0]},
        {"$mod": [0.5, 0]}, {"$mod": [Decimal128("-0.5"), 0]}, {"$mod": ["4", 0]}, {"$mod": [4, "0"]}, {"$mod": [4, None]},
        {"$mod": [True, 0]}, {"$mod": [4, False]}, {"$mod": [NAN, 0]}, {"$mod": [4, INFINITY]}, {"$mod": [1e19, 0]},
        {"$mod": [4, Decimal128("1E+19")]}, {"$mod": [Decimal128("NaN"), 0]}, {"$mod": [9.223372036854775807e18, 0]},
        {"$not": {"$comment": "x"}}, {"$maxDistance": 1}, {"$within": 1}, {"$not": [1]},
    ]
] + [
    {"a": {"$regex": pattern}} for pattern in [
        "(", "a)", "(a", ")", "[", "[a", "[]", "[z-a]", "[a-\\d]", "[a-[:digit:]]", "*", "+a", "?", "{2}", "a**", "a{2}{3}",
        "^*", "$+", "\\b?", "\\z*", "a{2,1}", "a{65536}", "\\", "[\\]", "\\1", "\\c", "\\cé", "\\o", "\\x{}", "\\x{zz}",
        "\\x{d800}", "\\x{110000}", "\\u0041", "\\U", "\\L", "\\l", "\\N{a}", "[\\N]", "[:alpha:]", "[[:foo:]]", "[[.a.]]",
        "[[=a=]]", "\\p", "\\p{Foo}", "\\p{greek}", "\\p{Grek}", "\\p{Adlam}", "\\p{ Lu }", "\\p{}", "(?z)a", "(?i", "(?", "(?<", "(?<1>a)",
        "(?<n>a)(?<n>b)", "(?P=n)", "(?1)", "(?R)", "\\g1", "\\k<n>", "(?#", "(?i)*", "\\Qa", "\\K*", "(?x)a #", "a\0",
    ]
]


def encode(value):
    if isinstance(value, Old):
        return value.text
    if isinstance(value, list):
        return "[%s]" % ",".join(map(encode, value))
    if isinstance(value, dict):
        return "{%s}" % ",".join(f"{json.dumps(name, ensure_ascii=False)}:{encode(inner)}" for name, inner in value.items())
    return json_util.dumps(value, json_options=OPTIONS, separators=(",", ":"), ensure_ascii=False)


def wire(fields):
    """A document as its bytes, in which there may be old kinds of values."""
    def element(name, value):
        if isinstance(value, Old):
            return value.kind + name.encode() + b"\0" + value.payload
        if isinstance(value, list):
            return b"\x04" + name.encode() + b"\0" + body({str(at): item for at, item in enumerate(value)})
        if isinstance(value, dict):
            return b"\x03" + name.encode() + b"\0" + body(value)
        return bson.encode({name: value})[4:-1]

    def body(fields):
        elements = b"".join(element(name, value) for name, value in fields.items())
        return struct.pack("<i", len(elements) + 5) + elements + b"\0"

    return RawBSONDocument(body(fields))


def record(collection, name, documents, filters, refused=None):
    collection.drop()
    collection.insert_many([wire(dict(document, _id=number)) for number, document in enumerate(documents)])
    cases = []
    for condition in filters:
        try:
            found = {document["_id"] for document in collection.find(wire(condition), {"_id": 1})}
        except pymongo.errors.OperationFailure:
            # Those made by chance are no loss: the refusals below are chosen.
            if refused is not None and encode(condition) not in refused:
                refused.append(encode(condition))
            continue
        cases.append((encode(condition), "".join("01"[number in found] for number in range(len(documents)))))
    collection.drop()
    lines = ",\n".join(map(encode, documents)), ",\n".join(f'[{condition},"{answer}"]' for condition, answer in cases)
    return '{"name":"%s","documents":[\n%s],\n"cases":[\n%s]}' % (name, *lines)


def main():
    collection = pymongo.MongoClient(sys.argv[1]).filters.vectors
    text = FILE.read_text(encoding="utf-8")
    old = json.loads(text)
    compact = {"separators": (",", ":"), "ensure_ascii": False}
    groups = []
    for group in old["groups"]:
        if "name" in group:
            continue
        documents = ",\n".join(json.dumps(document, **compact) for document in group["documents"])
        cases = ",\n".join(json.dumps(case, **compact) for case in group["cases"])
        groups.append('{"documents":[\n%s],\n"cases":[\n%s]}' % (documents, cases))
    for make in [operators, expressions, mixtures]:
        groups.append(record(collection, make.__name__, *make()))
    refused = [json.dumps(condition, **compact) for condition in old["refused"]]
    groups.append(record(collection, "kinds", *kinds(), refused))
    for condition in REFUSED:
        try:
            list(collection.find(condition))
        except (pymongo.errors.OperationFailure, pymongo.errors.InvalidDocument):
            encoded = encode(condition)
            if encoded not in refused:
                refused.append(encoded)
        else:
            sys.exit(f"the server accepts {condition}")
    FILE.write_text('{"groups":[\n%s\n],\n"refused":[\n%s]}\n' % (",\n".join(groups), ",\n".join(refused)), encoding="utf-8")


main()
