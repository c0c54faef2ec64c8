"""What the append-only file costs: CPU under everysec, throughput under always."""
import statistics

from peer import Server
from speed import Bench

ON = ("--appendonly", "yes", "--appendfsync")
# No rewrite by itself: it would be measured in some rounds and not in others.
PLAIN = ("--auto-aof-rewrite-percentage", "0")
EVERYSEC = [
    Bench("SET P=1", "-c 50 -P 1 -r 1000000 -d 32 -t set", 300_000),
    Bench("SET P=16", "-c 50 -P 16 -r 1000000 -d 32 -t set", 1_500_000),
]
ALWAYS = Bench("SET always", "-c 50 -P 1 -r 1000000 -d 32 -t set", 200_000)


def run(program, name, bench, scale, *options):
    """CPU microseconds a command, and commands a second."""
    server = Server(name, program, *PLAIN, *options)
    before = sum(server.cpu())
    count, rate = bench.run(server, scale)[:2]
    cpu = 1e6 * (sum(server.cpu()) - before) / count
    server.stop()
    return cpu, rate


def run_aof(programs, rounds, scale):
    costs, rates = {}, {}
    for _ in range(rounds):
        for bench in EVERYSEC:
            for name, program in programs:
                for state, options in (("off", ()), ("on", (*ON, "everysec"))):
                    cpu, _ = run(program, name, bench, scale, *options)
                    costs.setdefault((bench.name, name, state), []).append(cpu)
        for name, program in programs:
            rates.setdefault(name, []).append(run(program, name, ALWAYS, scale, *ON, "always")[1])
    print("\nserver CPU per SET (microseconds) without an append-only file and with everysec")
    for bench in EVERYSEC:
        for name, _ in programs:
            off, on = (statistics.median(costs[bench.name, name, state]) for state in ("off", "on"))
            print(f"{bench.name:10} {name:8} {off:6.2f} then {on:6.2f}  x{on / max(off, 0.01):4.2f}")
    print("\nSETs a second of 50 clients with appendfsync always, on the same disk")
    base = statistics.median(rates[programs[0][0]])
    for name, _ in programs:
        rate = statistics.median(rates[name])
        print(f"{name:8} {rate:8.0f}  x{rate / base:4.2f}")
