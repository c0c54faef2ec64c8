"""A cache with memory for a tenth of its keys: hit rate under a Zipf load, CPU, the bound kept.

And what evicting a key adds to a SET of a new one.
"""
import bisect
import itertools
import random
import statistics

from peer import Server, ask, encode
from speed import Bench, measure

KEYS = 500_000
MAXMEMORY = KEYS // 10 * 90
READS = 1_000_000


def zipf(exponent, seed):
    """Ranks drawn with probability 1 / rank ** exponent, which lie scattered among the keys."""
    chance = random.Random(seed)
    sums = list(itertools.accumulate(1 / (i + 1) ** exponent for i in range(KEYS)))
    names = list(range(KEYS))
    chance.shuffle(names)
    return [names[bisect.bisect(sums, chance.random() * sums[-1])] for _ in range(READS)]


def run_cache(programs, scale):
    print(f"\n{KEYS:,} keys, Zipf, maxmemory for about a tenth: hits of reads that SET what they miss")
    draws = zipf(0.99, 1)[:int(READS * scale)]
    for policy in ("allkeys-lru", "allkeys-lfu", "allkeys-random"):
        base = None
        for name, program in programs:
            server = Server(name, program)
            s = server.connect()
            empty = int(server.info(s, "used_memory"))
            ask(s, "CONFIG", "SET", "maxmemory", empty + MAXMEMORY)
            ask(s, "CONFIG", "SET", "maxmemory-policy", policy)
            hits, counted, most = 0, 0, 0
            u0, s0 = server.cpu()
            for at in range(0, len(draws), 100):
                keys = [b"key:%012d" % i for i in draws[at:at + 100]]
                found = mget(s, keys)
                missed = {k for k, is_hit in zip(keys, found) if not is_hit}
                if at > len(draws) // 4:  # Warm by then.
                    hits += sum(found)
                    counted += len(found)
                if missed:
                    s.sendall(b"".join(encode("SET", k, b"x" * 32) for k in missed))
                    left = 5 * len(missed)
                    while left:
                        left -= len(s.recv(left))
                if at % 10_000 == 0:
                    most = max(most, int(server.info(s, "used_memory")) - empty)
            u1, s1 = server.cpu()
            cpu, rate = u1 + s1 - u0 - s0, hits / counted
            base = base or (cpu, rate)
            print(f"{policy:14} {name:8} hits {rate:6.2%} x{rate / base[1]:4.3f}"
                  f"  keys {int(ask(s, 'DBSIZE')[1:]):7}  CPU {cpu:5.2f} s x{cpu / base[0]:4.2f}"
                  f"  most memory {most / MAXMEMORY:6.1%} of the bound", flush=True)
            server.stop()


NEW_KEYS = Bench("SET", "-t set -P 16 -c 50 -r 2000000000 -d 32", 1_500_000)
FULL_BYTES = 80_000_000


def run_eviction(programs, rounds, scale):
    print("\nwhat evicting a key adds to a SET of a new one (CPU, microseconds)")
    for policy in ("allkeys-lru", "allkeys-lfu"):
        added = {name: [] for name, _ in programs}
        for (name, program) in list(programs) * rounds:
            server = Server(name, program)
            s = server.connect()
            without = sum(measure(server, NEW_KEYS, scale)[:2])
            ask(s, "FLUSHALL", "SYNC")
            bound = int(server.info(s, "used_memory")) + FULL_BYTES
            ask(s, "CONFIG", "SET", "maxmemory-policy", policy, "maxmemory", bound)
            measure(server, NEW_KEYS, scale)
            added[name].append(sum(measure(server, NEW_KEYS, scale)[:2]) - without)
            server.stop()
        base = None
        for name, times in added.items():
            median = statistics.median(times)
            base = base or median
            print(f"{policy:14} {name:8} {median:6.2f} x{median / base:4.2f}", flush=True)


def mget(s, keys):
    """Which of the keys hold a value of 32 bytes."""
    s.sendall(encode("MGET", *keys))
    got, at, found = b"", 0, []
    while len(found) <= len(keys):
        end = got.find(b"\r\n", at)
        if end < 0:
            got += s.recv(1 << 16)
            continue
        if not found:  # The head of the array, counted as a key that was found.
            found.append(True)
            at = end + 2
        elif got[at:end] == b"$-1":
            found.append(False)
            at = end + 2
        else:
            while len(got) < end + 36:
                got += s.recv(1 << 16)
            found.append(True)
            at = end + 36
    return found[1:]
