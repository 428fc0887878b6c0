"""Does with a server what programs do that use Python's etcd clients, and writes down what they get to see: one line per step, without
what differs from server to server. Run against two servers it must write the same twice.

Usage: main.py HOST:PORT [CA CERTIFICATE KEY]. Without certificates the server is an etcd.
"""

import asyncio
import logging
import os
import sys
import threading

import aetcd
import aetcd.client
import etcd3
import grpc

PATIENCE = 60
HOST, PORT = sys.argv[1].split(":")
FILES = sys.argv[2:]


def say(*what):
    print(*what, flush=True)


def kv(found):
    return found and (found.key, found.value, found.create_revision, found.mod_revision, found.version)


def channel(target, options):
    if not FILES:
        return grpc.aio.insecure_channel(target, options=options)
    ca, certificate, key = (open(name, "rb").read() for name in FILES)
    return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(ca, key, certificate), options=options)


def authority():
    return {"grpc.ssl_target_name_override": "localhost"} if FILES else {}


def value_of(found):
    return getattr(found, "value", None)


async def over_grpc():
    # The library knows connections without TLS only.
    aetcd.client.rpc.insecure_channel = channel
    async with aetcd.Client(HOST, int(PORT), timeout=PATIENCE, options=authority(), connect_wait_timeout=PATIENCE) as client:
        watching = await client.watch_prefix(b"py/", prev_kv=True)
        seen = asyncio.Queue()

        async def watch():
            async for event in watching:
                await seen.put((event.kind, kv(event.kv), event.prev_kv and event.prev_kv.value))

        task = asyncio.create_task(watch())
        for key, value in [(b"py/b", b"1"), (b"py/a", b"2"), (b"py/a", b"3")]:
            await client.put(key, value, prev_kv=True)
        say("get", kv(await client.get(b"py/a")))
        say("none", await client.get(b"py/none"))
        for key in [item for item in await client.get_prefix(b"py/", sort_order="descend", sort_target="version")]:
            say("prefix", kv(key))
        say("replace", await client.replace(b"py/a", b"3", b"4"), await client.replace(b"py/a", b"3", b"5"))
        done, answers = await client.transaction(
            compare=[client.transactions.value(b"py/a") == b"4", client.transactions.version(b"py/a") > 2],
            success=[client.transactions.put(b"py/c", b"t"), client.transactions.get(b"py/c")],
            failure=[client.transactions.delete(b"py/a")],
        )
        say("transaction", done, len(answers))
        lease = await client.lease(600)
        await client.put(b"py/l", b"x", lease=lease)
        info = await client.get_lease_info(lease.id)
        say("lease", info.grantedTTL, list(info.keys), 0 < info.TTL <= 600)
        await lease.refresh()
        await lease.revoke()
        say("deleted", (await client.delete_prefix(b"py/")).deleted)
        for _ in range(10):
            say("watched", *await asyncio.wait_for(seen.get(), PATIENCE))
        await watching.cancel()
        task.cancel()
        say("members", len([member async for member in client.members()]))
        status = await client.status()
        say("status", bool(status.version), status.db_size > 0)
        async with client.lock(b"py/lock", ttl=60) as lock:
            say("locked", await lock.is_acquired())


def over_json():
    if FILES:
        # Requests asks the environment before the session.
        os.environ["REQUESTS_CA_BUNDLE"] = FILES[0]
    tls = {"protocol": "https", "cert": tuple(FILES[1:]), "verify": FILES[0]} if FILES else {}
    client = etcd3.Client(HOST, int(PORT), timeout=PATIENCE, server_version="3.4.0", cluster_version="3.4.0", **tls)
    say("version", bool(client.version().etcdserver))
    say("health", client.health())
    for key, value in [("js/b", "1"), ("js/a", "2"), ("js/a", "3")]:
        before = client.put(key, value, prev_kv=True).prev_kv
        say("put", key, value_of(before))
    found = client.range("js/", prefix=True, sort_order="DESCEND", sort_target="KEY")
    say("range", found.count, [(item.key, item.value, item.version) for item in found.kvs])
    say("limited", client.range("js/", prefix=True, limit=1).more, client.range("js/", prefix=True, count_only=True).count)
    txn = client.Txn()
    txn.compare(txn.key("js/a").value == "3")
    txn.success(txn.put("js/t", "yes"))
    txn.success(txn.range("js/t"))
    txn.failure(txn.put("js/t", "no"))
    done = txn.commit()
    say("transaction", done.succeeded, done.responses[1].response_range.kvs[0].value)
    lease = client.lease_grant(600)
    say("granted", lease.TTL)
    client.put("js/l", "x", lease=lease.ID)
    left = client.lease_time_to_live(lease.ID, keys=True)
    say("lease", left.grantedTTL, left.keys, 0 < left.TTL <= 600)
    say("kept", client.lease_keep_alive_once(lease.ID).TTL)
    for name, call in [
        ("revoke nothing", lambda: client.lease_revoke(12345)),
        ("empty key", lambda: client.put("", "x")),
        ("future", lambda: client.range("js/a", revision=10**6)),
    ]:
        try:
            say(name, call())
        except etcd3.errors.Etcd3Exception as error:
            say(name, type(error).__name__, error.error)
    events, arrived = [], threading.Event()
    watcher = client.Watcher("js/", prefix=True, prev_kv=True, start_revision=found.header.revision - 1)

    def note(event):
        events.append((event.type.name, event.key, event.value, event.mod_revision, value_of(event.prev_kv)))
        if event.key == b"js/end":
            arrived.set()

    watcher.onEvent(note)
    watcher.runDaemon()
    client.lease_revoke(lease.ID)
    client.delete_range("js/b", prev_kv=True)
    client.put("js/end", "x")
    assert arrived.wait(PATIENCE), "the watch ends where it should"
    watcher.stop()
    for event in events:
        say("watched", *event)
    say("members", len(client.member_list().members))
    say("status", bool(client.status().version))
    client.close()


logging.disable(logging.CRITICAL)
say("== grpc")
asyncio.run(over_grpc())
say("== json")
over_json()
