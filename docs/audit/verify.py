#!/usr/bin/env python3
"""Verifies a bundle of Portolan's event log: no network, no database, nothing trusted but the public key.

    python3 verify.py BUNDLE --key KEYFILE [--checkpoints FILE] [--json]

Written from README.md beside it, apart from the code that makes bundles. Needs Python 3.9 and `cryptography` (Ed25519).
Exit code: 0 everything fits, 1 something does not, 64 bad usage.
"""

import argparse
import base64
import binascii
import hashlib
import json
import os
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CHANGES_TAG = b"portolan/changes/v1\0"
CONTEXT_TAG = b"portolan/context/v1\0"
NAMED = 10


class Fail(Exception):
    """The first thing that does not fit."""

    def __init__(self, kind, what, revision=None, until=None):
        super().__init__(what)
        self.kind, self.what, self.revision, self.until = kind, what, revision, until


# ---- hashes


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


class Tree:
    """The right edge of an RFC 6962 tree: (level, hash) of its perfect subtrees, largest first."""

    def __init__(self):
        self.size, self.edge = 0, []

    def push(self, level, root):
        self.size += 1 << level
        while self.edge and self.edge[-1][0] == level:
            root = sha256(b"\1", self.edge.pop()[1], root)
            level += 1
        self.edge.append((level, root))

    def root(self):
        if not self.edge:
            return sha256()
        root = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            root = sha256(b"\1", left, root)
        return root


def cover(start, end):
    """Levels of the fewest perfect, aligned subtrees that cover the leaves start..end, from the left."""
    levels = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        levels.append(level)
        start += 1 << level
    return levels


# ---- signed notes and checkpoints


def read_keys(text):
    """{(name, id): public key} of a file of verifier keys."""
    keys = {}
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, key_id, encoded = line.split("+", 2)
        key = base64.b64decode(encoded, validate=True)
        if len(key) != 33 or key[0] != 1 or sha256(name.encode(), b"\n", key)[:4].hex() != key_id:
            raise ValueError("this is no Ed25519 verifier key of the form NAME+ID+KEY")
        keys[name, bytes.fromhex(key_id)] = Ed25519PublicKey.from_public_bytes(key[1:])
    if not keys:
        raise ValueError("there is no verifier key in the file")
    return keys


def notes_of(text):
    """The notes of a file, in order: a paragraph of text, then a paragraph of signatures."""
    paragraphs = [paragraph.strip("\n") for paragraph in text.split("\n\n")]
    return [
        f"{body}\n\n{signatures}\n"
        for body, signatures in zip(paragraphs, paragraphs[1:])
        if signatures.startswith("\u2014") and not body.startswith("\u2014")
    ]


def open_checkpoint(note, keys):
    """(origin, size, root) of a note that a trusted key has signed under the name of the log."""
    body, _, signatures = note.rpartition("\n\n")
    body += "\n"
    lines = body[:-1].split("\n")
    trusted = False
    for line in signatures[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        if dash != "\u2014" or len(signature) < 5:
            raise ValueError("this is no signed note")
        key = keys.get((name, signature[:4]))
        if key is None:
            continue
        try:
            key.verify(signature[4:], body.encode())
        except InvalidSignature:
            raise ValueError(f"the signature of {name} does not fit the text") from None
        trusted = trusted or name == lines[0]
    if not trusted:
        raise ValueError("the note is signed by no trusted key")
    if len(lines) < 3 or not all(lines):
        raise ValueError("the text is no checkpoint")
    origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    if str(size) != lines[1] or size < 0 or len(root) != 32:
        raise ValueError("the text is no checkpoint")
    return origin, size, root


def open_checkpoints(notes, keys):
    """(origin, {size: root})."""
    origin, roots = None, {}
    for number, note in enumerate(notes, 1):
        try:
            log, size, root = open_checkpoint(note, keys)
        except ValueError as error:
            raise Fail("checkpoint", f"checkpoint number {number}: {error}") from None
        if origin not in (None, log):
            raise Fail("checkpoint", f"checkpoints of two logs: {origin} and {log}")
        if roots.setdefault(size, root) != root:
            raise Fail("checkpoint", f"two signed checkpoints of size {size} with different roots: the log was forked")
        origin = log
    if origin is None:
        raise Fail("checkpoint", "there is no checkpoint")
    return origin, roots


# ---- what accounts for payloads that are gone


def revisions_of(text):
    """[(first, last)] of 17,204,3055..3056."""
    ranges = []
    for part in text.split(","):
        first, _, last = part.partition("..")
        ranges.append((int(first), int(last or first)))
    return ranges


def within(revision, ranges):
    return any(first <= revision <= last for first, last in ranges)


def deed_of(claims):
    """(what, of what) of an entry; None when it accounts for nothing."""
    if claims["outcome"] != "success":
        return None
    resource, action = claims["resource"] or {}, claims["action"]
    kind, name = resource.get("kind"), resource.get("id")
    if action == "audit.prune" and kind == "revisions":
        return "prune", revisions_of(name)
    if action == "audit.erase" and kind == "actor":
        return "erase", name
    if action == "audit.hold" and resource:
        return "hold", (kind, name, claims["gateway_group"])
    if action == "audit.release" and claims["causation_revision"] is not None:
        return "release", claims["causation_revision"]
    return None


def covers(scope, claims):
    """Whether a legal hold covers an event."""
    kind, name, group = scope
    if kind == "actor":
        return claims["actor"]["id"] == name
    if kind == "gateway_group":
        return claims["gateway_group"] == name
    if kind == "revisions":
        return within(claims["revision"], revisions_of(name))
    return claims["resource"] == {"kind": kind, "id": name} and group in (None, claims["gateway_group"])


class Accounts:
    """The deeds of a log by revision."""

    def __init__(self):
        self.deeds, self.released = {}, {}

    def add(self, revision, deed):
        self.deeds[revision] = deed
        if deed[0] == "release":
            self.released.setdefault(deed[1], revision)

    def held(self, at, claims):
        """Whether a hold that was in force at a revision covers an event."""
        return any(
            what == "hold"
            and revision < at
            and self.released.get(revision, at) >= at
            and (revision == claims["revision"] or covers(of, claims))
            for revision, (what, of) in self.deeds.items()
        )

    def account_for(self, payload, claims):
        revision = claims["revision"]
        for at, (what, of) in self.deeds.items():
            allows = (what == "prune" and within(revision, of)) or (
                what == "erase" and payload == "context" and of == claims["actor"]["id"]
            )
            if at > revision and allows and not self.held(at, claims):
                return True
        return False


def in_tree(leaf, index, size, path, root):
    """Whether a leaf is in the tree (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return False
    at, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            value = sha256(b"\1", sibling, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = sha256(b"\1", value, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and value == root


# ---- the bundle


def read(folder, name):
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except OSError as error:
        raise Fail("bundle", f"{name}: {error}") from None


def lines_of(content):
    if not content:
        return []
    return (content[:-1] if content.endswith(b"\n") else content).split(b"\n")


def hashes(header, side, levels):
    found = header[side]
    if len(found) != len(levels):
        raise Fail("bundle", f"bundle.json: {len(found)} hashes where {len(levels)} are needed")
    decoded = [bytes.fromhex(text) for text in found]
    if any(len(value) != 32 for value in decoded):
        raise Fail("bundle", "bundle.json: a hash is none")
    return zip(levels, decoded)


class Verifier:
    def __init__(self, folder, keys, held):
        self.folder = folder
        try:
            self.header = json.loads(read(folder, "bundle.json"))
            first, last, size = (self.header[name] for name in ("from", "to", "tree_size"))
            if self.header["format"] != 1 or not 1 <= first <= last <= size:
                raise ValueError("format or range")
            notes = notes_of(read(folder, "checkpoints.txt").decode())
        except (ValueError, KeyError, TypeError) as error:
            raise Fail("bundle", f"bundle.json: {error}") from None
        self.first, self.last, self.size = first, last, size
        self.origin, own = open_checkpoints(notes, keys)
        if self.origin != self.header["origin"] or max(own) != size:
            raise Fail("checkpoint", f"no checkpoint of {self.header['origin']} of size {size}")
        _, self.roots = open_checkpoints(notes + held, keys)
        self.tree = Tree()
        self.accounts = Accounts()
        self.met = 0
        self.time = None
        self.redacted = {"contexts": 0, "changes": 0, "first": []}

    def run(self):
        for level, value in hashes(self.header, "left", cover(0, self.first - 1)):
            self.tree.push(level, value)
        self.meet()
        self.met = self.tree.size
        self.account()
        while self.tree.size < self.last:
            self.part()
        for level, value in hashes(self.header, "right", cover(self.last, self.size)):
            self.tree.push(level, value)
        root = self.tree.root()
        if self.roots[self.size] != root:
            raise self.rewritten(f"the range does not lead to the signed root of checkpoint {self.size}", self.last)
        return {
            "result": "OK",
            "origin": self.origin,
            "from": self.first,
            "to": self.last,
            "tree_size": self.size,
            "root": base64.b64encode(root).decode(),
            "redacted": self.redacted,
        }

    def account(self):
        for line in lines_of(read(self.folder, "accounts.jsonl")):
            try:
                account = json.loads(line)
                entry, path = account["entry"].encode(), [bytes.fromhex(text) for text in account["path"]]
                claims = json.loads(entry)
                revision, deed = claims["revision"], deed_of(claims)
                good = claims["format"] == 1 and deed and revision >= 1
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise Fail("bundle", f"accounts.jsonl: {error}") from None
            leaf = sha256(b"\0", entry)
            if not good or not in_tree(leaf, revision - 1, self.size, path, self.roots[self.size]):
                raise Fail("bundle", f"accounts.jsonl: revision {revision} is not in the signed tree, or accounts for nothing")
            self.accounts.add(revision, deed)

    def part(self):
        first = self.tree.size + 1
        names = [f"{kind}-{first:016}.jsonl" for kind in ("entries", "payloads")]
        if not all(os.path.exists(os.path.join(self.folder, name)) for name in names):
            raise Fail("gap", "the bundle does not hold this revision", first)
        entries, payloads = (lines_of(read(self.folder, name)) for name in names)
        for entry, payload in zip(entries, payloads):
            if self.tree.size == self.last:
                raise Fail("bundle", f"{names[0]} goes on after revision {self.last}")
            self.event(entry, payload)
        if len(entries) != len(payloads) or not entries:
            raise Fail("gap", "the bundle does not hold this revision", self.tree.size + 1)

    def event(self, entry, payload):
        revision = self.tree.size + 1

        def check(good, kind, what):
            if not good:
                raise Fail(kind, what, revision)

        try:
            line = json.loads(payload)
            leaf = bytes.fromhex(line["leaf"])
            context, changes = (
                opening and (bytes.fromhex(opening["salt"]), opening["payload"].encode())
                for opening in (line["context"], line["changes"])
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Fail("bundle", f"the payload line can't be read: {error}", revision) from None
        check(line["revision"] == revision, "gap", f"expected this revision, found {line['revision']}")
        check(sha256(b"\0", entry) == leaf, "leaf", "the entry is not the one that was hashed")
        try:
            claims = json.loads(entry)
            check(claims["format"] == 1, "entry", f"the entry's format {claims['format']} is not known")
            check(claims["revision"] == revision, "gap", f"the entry is that of revision {claims['revision']}")
            check(claims["epoch"] == self.header["epoch"], "entry", f"the entry belongs to the log {claims['epoch']}")
            time, context_hash, changes_hash = claims["recorded_at"], claims["context"], claims["changes"]
            deed = deed_of(claims)
        except (ValueError, KeyError, TypeError) as error:
            raise Fail("entry", f"the entry can't be read: {error}", revision) from None
        check(self.time is None or time > self.time, "time", "recorded before the event that precedes it")
        self.time = time
        gone = "is gone, and no event accounts for that"
        if context is None:
            check(self.accounts.account_for("context", claims), "missing", f"the context {gone}")
            self.redact("contexts", revision)
        else:
            fits = sha256(CONTEXT_TAG, *context).hex() == context_hash
            check(fits, "context", "the context is not the one that the entry commits to")
        if changes is not None:
            fits = sha256(CHANGES_TAG, *changes).hex() == changes_hash
            check(fits, "changes", "the changes are not those that the entry commits to")
        elif changes_hash is not None:
            check(self.accounts.account_for("changes", claims), "missing", f"the changes {gone}")
            self.redact("changes", revision)
        listed = self.accounts.deeds.get(revision) == deed
        check(listed, "missing", "what the event accounts for is not what is listed")
        self.tree.push(0, leaf)
        self.meet()

    def redact(self, what, revision):
        self.redacted[what] += 1
        first = self.redacted["first"]
        if len(first) < NAMED and first[-1:] != [revision]:
            first.append(revision)

    def meet(self):
        size = self.tree.size
        if size not in self.roots:
            return
        if self.tree.root() != self.roots[size]:
            what = f"the log does not lead to the signed root of checkpoint {size}: it was rewritten"
            raise self.rewritten(what, size)
        self.met = size

    def rewritten(self, what, last):
        first = self.met + 1
        return Fail("root", what, first, last if last > first else None)


def verify(folder, keys, held=()):
    """The verdict as a dictionary."""
    try:
        return Verifier(folder, keys, list(held)).run()
    except Fail as fail:
        return {
            "result": "FAIL",
            "revision": fail.revision,
            "until": fail.until,
            "kind": fail.kind,
            "what": fail.what,
        }


def text_of(verdict):
    if verdict["result"] == "FAIL":
        where = ""
        if verdict["until"]:
            where = f" between revisions {verdict['revision']} and {verdict['until']}"
        elif verdict["revision"]:
            where = f" at revision {verdict['revision']}"
        return f"FAIL{where}: {verdict['what']}"
    text = "OK: revisions {from} to {to} of {origin}, in the signed tree of size {tree_size} with root {root}".format(**verdict)
    redacted = verdict["redacted"]
    if redacted["first"]:
        first = ", ".join(map(str, redacted["first"]))
        text += f"\nREDACTED: {redacted['contexts']} contexts, {redacted['changes']} changes, at {first}"
        text += " \u2026" if len(redacted["first"]) == NAMED else ""
    return text


def main():
    parser = argparse.ArgumentParser(description="Verifies a bundle of Portolan's event log.")
    parser.add_argument("bundle", help="the folder that `portolan audit export` made")
    parser.add_argument("--key", required=True, help="file of trusted verifier keys")
    parser.add_argument("--checkpoints", help="file of checkpoints that you have kept yourself")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    try:
        options = parser.parse_args()
        with open(options.key, encoding="utf-8") as file:
            keys = read_keys(file.read())
        held = []
        if options.checkpoints:
            with open(options.checkpoints, encoding="utf-8", newline="") as file:
                held = notes_of(file.read())
        os.listdir(options.bundle)
    except (OSError, ValueError, binascii.Error) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 64
    except SystemExit as stop:
        return 64 if stop.code else 0
    verdict = verify(options.bundle, keys, held)
    print(json.dumps(verdict) if options.json else text_of(verdict))
    return 0 if verdict["result"] == "OK" else 1


if __name__ == "__main__":
    sys.exit(main())
