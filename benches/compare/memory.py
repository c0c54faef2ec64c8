"""Resident memory: bytes a key, of collections, of an idle connection."""
import time

from peer import Server, ask, encode, fill

SIZES = (1_000_000, 1_500_000, 2_000_000, 3_000_000)
IDLE_CONNECTIONS = 5_000


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
