#!/usr/bin/env python3
"""Verifies a ledger of countersign from the description of its format in docs/ledger.md, and from nothing else.

    ledger_verify.py DIR [--key NAME+ID+BASE64] [--checkpoint FILE]...

Exits with 0 where it is intact, 8 where it was tampered with, 4 where that cannot be told. Needs Python 3.8, no packages.
"""
import argparse, base64, hashlib, json, os, re, sys

# Ed25519 (RFC 8032), verification alone, with affine coordinates: slow and short.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    g, h = 2 * t1 * t2 * D, 2 * z1 * z2
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def decode(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * I % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def encode(point):
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
NEUTRAL = encode((0, 1, 1, 0))


def signed(key, message, signature):
    a, r, s = decode(key), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or NEUTRAL in (encode(times(8, a)), encode(times(8, r))):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    minus_a = (P - a[0], a[1], 1, P - a[3])
    return encode(add(times(s, BASE), times(k, minus_a))) == signature[:32]


class Tampered(Exception):
    """Something is not what it was."""


class Untold(Exception):
    """There is nothing to compare with."""


def require(holds, place, what):
    if not holds:
        raise Tampered(f"{place}: {what}")


def unbase64(text, place):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Tampered(f"{place}: no base64") from None
    require(base64.b64encode(data).decode() == text, place, "not the one form of base64")
    return data


def read(*path):
    try:
        with open(os.path.join(*path), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def parse_key(text, place):
    parts = text.split("+", 2)
    require(len(parts) == 3, place, "no key")
    data = unbase64(parts[2], place)
    ident = hashlib.sha256(parts[0].encode() + b"\n" + data).digest()[:4]
    require(len(data) == 33 and data[0] == 1 and ident.hex() == parts[1], place, "no Ed25519 key")
    return parts[0], ident, data[1:]


def parse_note(note, key, place):
    name, ident, public = key
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise Tampered(f"{place}: not UTF-8") from None
    body, blank, signatures = text.partition("\n\n")
    lines = body.split("\n")
    require(blank and len(lines) == 3 and signatures.endswith("\n"), place, "no checkpoint")
    if lines[0] != name:
        raise Untold(f"{place} is of {lines[0]}")
    require(re.fullmatch("0|[1-9][0-9]*", lines[1]), place, "no size")
    ours = []
    for line in signatures[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^ ]+) ([^ ]+)", line)
        require(match, place, "no signature line")
        data = unbase64(match[2], place)
        if match[1] == name and data[:4] == ident:
            ours.append(signed(public, (body + "\n").encode(), data[4:]))
    require(ours and all(ours), place, "not signed by the key of the ledger")
    return int(lines[1]), unbase64(lines[2], place)


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    while len(leaves) > 1:
        pairs = [node(a, b) for a, b in zip(leaves[::2], leaves[1::2])]
        leaves = pairs + leaves[len(pairs) * 2:]
    return leaves[0]


def once(pairs):
    require(len({name for name, _ in pairs}) == len(pairs), "an entry", "a key stands twice")
    return dict(pairs)


FIELDS = ["v", "seq", "prev", "time", "boot", "mono", "host", "actor", "type", "body"]


def entries(folder):
    names = sorted(name for name in os.listdir(folder) if re.fullmatch(r"\d{8}\.jsonl", name))
    require(names == [f"{n:08}.jsonl" for n in range(len(names))] and names, "segments", "one is missing")
    for name in names:
        *lines, tail = read(folder, name).split(b"\n")
        require(not tail or name == names[-1], name, "it ends within a line")
        yield from lines


def walk(folder, key):
    leaves, blobs, anchors, before = [], {}, [], {"time": ""}
    for seq, line in enumerate(entries(folder)):
        place = f"entry {seq}"
        try:
            entry = json.loads(line.decode(), object_pairs_hook=once)
        except ValueError:
            raise Tampered(f"{place}: no JSON") from None
        require(isinstance(entry, dict) and list(entry) in (FIELDS, FIELDS + ["att"]), place, "other keys")
        require(entry["v"] == 1 and entry["seq"] == str(seq), place, "another version or number")
        prev = base64.b64encode(leaves[-1]).decode() if leaves else ""
        require(entry["prev"] == prev, place, "it was written after another line")
        shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        require(re.fullmatch(shape, entry["time"]) and entry["time"] >= before["time"], place, "its time")
        require(entry["host"] == before.get("host", entry["host"]), place, "another host")
        if seq == 0:
            opened = entry["body"].get("origin"), parse_key(entry["body"].get("key", ""), place)
            require(entry["type"] == "log.opened" and opened == (key[0], key), place, "another ledger")
        if entry["type"] == "checkpoint.anchored" and entry["body"]["origin"] == key[0]:
            anchors.append((int(entry["body"]["size"]), unbase64(entry["body"]["root"], place), place))
        blobs.update({one["sha256"]: int(one["size"]) for one in entry.get("att", [])})
        leaves.append(hashlib.sha256(b"\x00" + line).digest())
        before = entry
    return leaves, blobs, anchors


def verify(folder, pinned, outside):
    text = read(folder, "key.pub")
    if text is None and pinned is None:
        raise Untold("there is no key")
    if text is not None:
        text = text.decode("utf-8", "replace")
        require(text.endswith("\n"), "key.pub", "it does not end with its line")
    key = parse_key(pinned or text[:-1], "key")
    require(text is None or parse_key(text[:-1], "key.pub") == key, "key.pub", "another key")
    claims = [(name, read(name)) for name in outside]
    own = read(folder, "checkpoint")
    claims += [("checkpoint", own)] if own is not None else []
    if not claims:
        raise Untold("there is no checkpoint")
    if any(note is None for _, note in claims):
        raise Untold("a checkpoint cannot be read")
    claims = [(*parse_note(note, key, name), name) for name, note in claims]
    leaves, blobs, anchors = walk(folder, key)
    for size, claimed, place in claims + anchors:
        require(size <= len(leaves), place, f"{size} entries, and there are {len(leaves)}")
        require(root(leaves[:size]) == claimed, place, "another root")
    for name, size in blobs.items():
        data = read(folder, "blobs", "sha256", name[:2], name)
        require(data is not None and len(data) == size, f"blob {name}", "missing, or another size")
        require(hashlib.sha256(data).hexdigest() == name, f"blob {name}", "other bytes")
    return f"{key[0]}, {len(leaves)} entries, root {base64.b64encode(root(leaves)).decode()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--key")
    parser.add_argument("--checkpoint", action="append", default=[])
    asked = parser.parse_args()
    try:
        print("intact:", verify(asked.folder, asked.key, asked.checkpoint))
        return 0
    except (Tampered, KeyError, TypeError, AttributeError, ValueError) as found:
        print("tampered:", repr(found))
        return 8
    except (Untold, OSError) as found:
        print("cannot tell:", found)
        return 4


if __name__ == "__main__":
    sys.exit(main())
