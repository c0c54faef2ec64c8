"""Snapshots and their loading."""
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from peer import Pinger, Server, ask, fill


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
