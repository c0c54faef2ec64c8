#!/usr/bin/env python3
"""kvd beside redis-server and valkey-server: the same loads, in turns, on the same machine.

usage: benches/compare [--kvd PATH] [--rounds N] [--scale X] [--only PART,...]

cpu      server CPU per command of strings, throughput, latency
types    the same for lists, sets, hashes, sorted sets, streams
talk     the same for PUBLISH to a thousand subscribers, scripts, transactions
memory   resident bytes a key and of an idle connection
collections  resident memory of collections, many small ones and single large ones
pauses   the worst wait of a client that pings while a server fills, expires and flushes millions
bgsave   memory, throughput and worst wait while 5 million keys are saved under writes
load     how long such a file takes to load
aof      CPU per SET with appendfsync everysec to that without, throughput with always
cache    hit rate and CPU with memory for a tenth of the keys
evict    CPU that evicting a key adds to a SET

Every figure is also printed as a ratio to the first peer found, since times of a shared machine
mean nothing by themselves. Servers are pinned to one core and the load to another; servers take
turns and medians are printed. Needs redis-benchmark; peers that are not installed are skipped with
a line. All traffic stays on 127.0.0.1.
"""
import argparse
import shutil

import aof
import cache
import disk
import memory
import pauses
import speed
from peer import find_valkey


def main():
    parts = {
        "cpu": lambda: speed.run_speed(speed.STRINGS, programs, args.rounds, args.scale),
        "types": lambda: speed.run_speed(speed.TYPES, programs, args.rounds, args.scale),
        "talk": lambda: speed.run_speed(speed.TALK, programs, args.rounds, args.scale),
        "memory": lambda: memory.run_memory(programs),
        "collections": lambda: memory.run_collections(programs),
        "pauses": lambda: pauses.run_pauses(programs, args.scale),
        "bgsave": lambda: disk.run_bgsave(programs, args.scale),
        "load": lambda: disk.run_load(programs, args.scale),
        "aof": lambda: aof.run_aof(programs, args.rounds, args.scale),
        "cache": lambda: cache.run_cache(programs, args.scale),
        "evict": lambda: cache.run_eviction(programs, args.rounds, args.scale),
    }
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvd", default="target/release/kvd")
    parser.add_argument("--peers", default="valkey,redis")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default=",".join(parts))
    args = parser.parse_args()
    programs = []
    for name, program in (("valkey", find_valkey()), ("redis", shutil.which("redis-server")),
                          ("kvd", args.kvd)):
        if name != "kvd" and name not in args.peers.split(","):
            continue
        if program:
            programs.append((name, program))
        else:
            print(f"skipped: no {name} here")
    for part in args.only.split(","):
        parts[part]()


main()
