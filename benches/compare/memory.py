"""Resident memory: bytes a key, of collections, of an idle connection."""
import itertools
import time

from peer import Server, ask, encode, fill, pipeline

SIZES = (1_000_000, 1_500_000, 2_000_000, 3_000_000)
IDLE_CONNECTIONS = 5_000


COLLECTIONS = [  # name, requests that make them
    ("1M hashes of 5", lambda: (
        encode("HSET", f"hash:{i}", *(w for n in range(5) for w in (f"field:{n}", f"value:{n}")))
        for i in range(1_000_000))),
    ("100k lists of 20", lambda: (
        encode("RPUSH", f"list:{i}", *(f"element:{n}" for n in range(20))) for i in range(100_000))),
    ("100k sets of 10 integers", lambda: (
        encode("SADD", f"set:{i}", *range(i, i + 10)) for i in range(100_000))),
    ("100k streams of 10", lambda: (
        encode("XADD", f"stream:{i}", f"{n + 1}-1", "field", "value")
        for i in range(100_000) for n in range(10))),
    ("a sorted set of 1M", lambda: (
        encode("ZADD", "zset", i, "member:%07d" % i) for i in range(1_000_000))),
    ("a hash of 1M", lambda: (
        encode("HSET", "hash", "field:%07d" % i, "value:%07d" % i) for i in range(1_000_000))),
    ("a set of 1M", lambda: (
        encode("SADD", "set", "member:%07d" % i) for i in range(1_000_000))),
]


def run_collections(programs):
    print("\nresident memory of collections (MiB)")
    for what, requests in COLLECTIONS:
        base = None
        for name, program in programs:
            server = Server(name, program)
            empty = server.rss()
            with server.connect() as s:
                made = requests()
                while part := list(itertools.islice(made, 10_000)):
                    pipeline(s, part)
            time.sleep(1.5)
            grown = (server.rss() - empty) / (1 << 20)
            base = base or grown
            print(f"{what:26} {name:8} {grown:7.1f} x{grown / base:4.2f}", flush=True)
            server.stop()


def run_memory(programs):
    print("\nresident bytes a key (16-byte key, 32-byte value) at", *SIZES)
    base = None
    for tail in ((), ("EX", "86400")):
        for name, program in programs:
            server = Server(name, program)
            empty, at, got = server.rss(), 0, []
            with server.connect() as s:
                for size in SIZES:
                    fill(s, at, size, *tail)
                    at = size
                    time.sleep(1.5)
                    got.append((server.rss() - empty) / size)
            mean = sum(got) / len(got)
            base = mean if name == programs[0][0] else base
            print(f"{'with a TTL' if tail else 'plain':10} {name:8}",
                  " ".join(f"{g:6.1f}" for g in got), f" mean {mean:6.1f} x{mean / base:4.2f}")
            server.stop()
    for name, program in programs:
        server = Server(name, program)
        empty = server.rss()
        sockets = [server.connect() for _ in range(IDLE_CONNECTIONS)]
        ask(sockets[-1], "PING")
        print(f"idle connection {name:8} {(server.rss() - empty) / IDLE_CONNECTIONS:6.0f} B")
        for s in sockets:
            s.close()
        server.stop()
