#!/usr/bin/env python3
"""Checks an audit record with nothing but Python's standard library: docs/audit-format.md in code.

    verify.py DIRECTORY [CHAIN [HEAD:SEQ]]

DIRECTORY is a checkout of the audit repository. Prints one line per chain; exit code 0: it holds, 1: it does not, 2: it could not be checked.
"""
import hashlib, json, os, re, sys

LINE, TEXT, KEY, DEPTH, INTEGER = 65536, 1024, 64, 10, 2**53 - 1
LINES, BYTES = 1000, 1_000_000
FIELDS = {"action", "actor", "causation", "details", "prev", "project", "seq", "target", "ts", "v"}
ACTORS = {"person", "bot", "agent", "system", "unknown"}
CHAIN = re.compile(r"system|prj_[0-9a-f]{32}")
SEGMENT = re.compile(r"projects/(%s)/([0-9]{12})\.jsonl" % CHAIN.pattern)


class Broken(Exception):
    pass


def demand(holds, reason):
    if not holds:
        raise Broken(reason)


def check_value(value, depth=1):
    """The subset of JSON in which every encoder agrees."""
    demand(depth <= DEPTH or not isinstance(value, (dict, list)), "too deep")
    if isinstance(value, dict):
        for key, member in value.items():
            plain = all(" " <= c <= "~" and c not in '"\\' for c in key)
            demand(plain and 1 <= len(key) <= KEY, "a key is not plain ASCII")
            check_value(member, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_value(item, depth + 1)
    elif isinstance(value, str):
        demand(len(value.encode()) <= TEXT, "a text is too long")
    elif isinstance(value, int):  # true and false are integers to Python, and small ones
        demand(abs(value) <= INTEGER, "an integer is too large")
    else:
        demand(value is None, "a number is not an integer")


def is_number(value):
    return type(value) is int and value >= 0


def parse(raw):
    demand(len(raw) <= LINE, "the line is too long")
    try:
        entry = json.loads(raw.decode())
        check_value(entry)
        canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Broken(f"not JSON: {error}")
    demand(raw == canonical, "not in canonical form")
    demand(isinstance(entry, dict) and set(entry) == FIELDS, "not the fields of the format")
    demand(type(entry["v"]) is int and entry["v"] == 1, "not version 1")
    actor = entry["actor"]
    demand(isinstance(actor, dict) and set(actor) == {"id", "type"}, "not an actor")
    demand(isinstance(actor["id"], str) and actor["id"] and actor["type"] in list(ACTORS), "not an actor")
    action = entry["action"]
    demand(isinstance(action, str) and re.fullmatch("[!-~]{1,64}", action), "not an action")
    demand(is_number(entry["seq"]) and is_number(entry["ts"]), "seq and ts are integers from 0")
    demand(isinstance(entry["details"], dict), "the details are not an object")
    demand(all(entry[name] is None or isinstance(entry[name], str) for name in ("target", "causation")), "not a text")
    demand(isinstance(entry["project"], str) and isinstance(entry["prev"], str), "not a text")
    return entry


class Chain:
    def __init__(self, name, remembered):
        self.name, self.remembered = name, remembered
        self.next, self.head, self.peaks = 0, "0" * 64, []

    def segment(self, first, data):
        """Takes a file; on a problem raises Broken with the line's number in front."""
        demand(first == self.next, f"1: begins at {first}, due is {self.next}")
        lines = data.split(b"\n")
        demand(lines.pop() == b"", f"{len(lines) + 1}: no line feed at the end")
        demand(lines, "1: empty")
        for number, raw in enumerate(lines, 1):
            try:
                self.accept(raw)
            except Broken as broken:
                raise Broken(f"{number}: {broken}")
        demand(len(lines) <= LINES and len(data) <= BYTES, "1: the file is too large")

    def accept(self, raw):
        entry = parse(raw)
        demand(entry["project"] == self.name, "belongs to another chain")
        demand(entry["seq"] == self.next, f"seq {entry['seq']}, due is {self.next}")
        demand(entry["prev"] == self.head, "prev is not the hash of the line before")
        head = hashlib.sha256(raw).hexdigest()
        demand(not self.remembered or self.remembered[1] != self.next or self.remembered[0] == head, "not the remembered hash")
        self.grow(hashlib.sha256(b"\0" + raw).digest())
        self.head = head

    def grow(self, node):
        """RFC 6962: joins the full subtrees that the new leaf completes."""
        size, self.next = self.next, self.next + 1
        while size & 1:
            node = hashlib.sha256(b"\1" + self.peaks.pop() + node).digest()
            size >>= 1
        self.peaks.append(node)

    def root(self):
        if not self.peaks:
            return hashlib.sha256().hexdigest()
        node = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            node = hashlib.sha256(b"\1" + left + node).digest()
        return node.hex()


def files(directory):
    for folder, folders, names in os.walk(directory):
        for name in names + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, directory).replace(os.sep, "/"), path


def main(directory, only=None, remembered=None):
    if remembered:
        head, seq = remembered.split(":")
        remembered = (head, int(seq))
    chains, broken = {}, {}
    holds = True
    inside = f"projects/{only}/" if only else "projects/"
    for path, place in sorted(files(directory)):
        if not path.startswith(inside):
            continue
        named = SEGMENT.fullmatch(path)
        if not named or os.path.islink(place) or not os.path.isfile(place):
            print("MISPLACED", path)
            holds = False
            continue
        name = named[1]
        chain = chains.setdefault(name, Chain(name, remembered))
        if name not in broken:
            try:
                with open(place, "rb") as file:
                    chain.segment(int(named[2]), file.read())
            except Broken as problem:
                broken[name] = f"{path}:{problem}"
    for name, chain in chains.items():
        if name not in broken and remembered and chain.next <= remembered[1]:
            broken[name] = f"ends before the remembered entry {remembered[1]}"
        holds = holds and name not in broken
        print("BROKEN" if name in broken else "OK", name, chain.next, chain.head, chain.root(), broken.get(name, ""))
    if holds and not chains:
        print("no record here")
        return 2
    return 0 if holds else 1


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4 or not os.path.isdir(sys.argv[1]):
        print(__doc__)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
