"""Server CPU per command, throughput and latency of loads that all servers understand."""
import csv
import hashlib
import io
import multiprocessing
import selectors
import socket
import statistics
import subprocess
import time

from peer import Server, ask, encode, pipeline

SUBSCRIBERS = 1_000
SCRIPT = (b"redis.call('SET', KEYS[1], ARGV[1]) redis.call('INCR', KEYS[2]) "
          b"return redis.call('GET', KEYS[1])")
MULTI = b"".join([encode("MULTI"), *(encode("SET", f"key:{i}", "x" * 32) for i in range(10)),
                  encode("EXEC")])
MULTI_REPLY = b"+OK\r\n" + 10 * b"+QUEUED\r\n" + b"*10\r\n" + 10 * b"+OK\r\n"


class Bench:
    """A load of redis-benchmark's, after `prepare` has filled the server."""

    def __init__(self, name, flags, count, prepare=None):
        self.name, self.flags, self.count, self.prepare = name, flags, count, prepare

    def run(self, server, scale):
        count = int(self.count * scale)
        out = subprocess.run(
            ["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-n", str(count),
             "--csv", *self.flags.split()], capture_output=True, text=True)
        rows = [r for r in csv.reader(io.StringIO(out.stdout)) if len(r) > 6]
        return count, *(float(rows[-1][i]) for i in (1, 4, 6))


class Exchange:
    """The same bytes and replies over and over, on some connections in turn."""

    def __init__(self, name, request, reply, batch, count):
        self.name, self.prepare, self.count = name, None, count
        self.request, self.wanted, self.batch = request * batch, len(reply) * batch, batch

    def run(self, server, scale):
        sockets = [server.connect() for _ in range(10)]
        rounds = int(self.count * scale) // (self.batch * len(sockets))
        start = time.time()
        for _ in range(rounds):
            for s in sockets:
                s.sendall(self.request)
            for s in sockets:
                left = self.wanted
                while left:
                    left -= len(s.recv(left))
        count = rounds * self.batch * len(sockets)
        return count, count / (time.time() - start), 0.0, 0.0


class Publish(Bench):
    """PUBLISH to a thousand subscribers, who read in a process of their own."""

    def run(self, server, scale):
        reader = multiprocessing.Process(target=self.read, args=(server.port,), daemon=True)
        reader.start()
        with server.connect() as s:
            while ask(s, "PUBLISH", "other", "x") != b":%d\r\n" % SUBSCRIBERS:
                time.sleep(0.05)
        got = super().run(server, scale)
        reader.terminate()
        reader.join()
        return got

    @staticmethod
    def read(port):
        poll = selectors.DefaultSelector()
        for _ in range(SUBSCRIBERS):
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(encode("SUBSCRIBE", "channel", "other"))
            poll.register(s, selectors.EVENT_READ)
        while True:
            for key, _ in poll.select():
                key.fileobj.recv(1 << 16)


def sets(s):
    for key, low in (("set:a", 0), ("set:b", 5_000)):
        pipeline(s, (encode("SADD", key, *(f"member:{i}" for i in range(at, at + 1_000)))
                     for at in range(low, low + 10_000, 1_000)))
    pipeline(s, (encode("SADD", "set", *("%012d" % i for i in range(at, at + 1_000)))
                 for at in range(0, 1_000_000, 1_000)))


def sorted_set(s):
    pipeline(s, (encode("ZADD", "zset", *(w for i in range(at, at + 1_000)
                                          for w in (i, "member:%012d" % i)))
                 for at in range(0, 1_000_000, 1_000)))


def lists(s):
    pipeline(s, (encode("RPUSH", key, *("element:%d" % i for i in range(1_000)))
                 for key in ("list", *("mylist" for _ in range(2_000)))))


def hashes(s):
    pipeline(s, [encode("HSET", "hash", *(w for i in range(100) for w in (f"field:{i}", "x" * 10)))])


def streams(s):
    pipeline(s, (encode("XADD", "stream", f"{i}-1", "field", "value") for i in range(1, 100_001)))


STRINGS = [
    Bench("SET P=1", "-c 50 -P 1 -r 1000000 -d 32 -t set", 500_000),
    Bench("GET P=1", "-c 50 -P 1 -r 1000000 -d 32 -t get", 500_000),
    Bench("SET P=16", "-c 50 -P 16 -r 1000000 -d 32 -t set", 1_500_000),
    Bench("GET P=16", "-c 50 -P 16 -r 1000000 -d 32 -t get", 1_500_000),
    Bench("INCR P=16", "-c 50 -P 16 -r 1000000 -t incr", 1_500_000),
    Bench("MSET P=16", "-c 50 -P 16 -r 1000000 -d 32 -t mset", 300_000),
    Bench("SET P=64", "-c 50 -P 64 -r 1000000 -d 32 -t set", 2_000_000),
    Bench("GET P=64", "-c 50 -P 64 -r 1000000 -d 32 -t get", 2_000_000),
    Bench("INCR P=64", "-c 50 -P 64 -r 1000000 -t incr", 2_000_000),
]
TYPES = [
    Bench("LPUSH P=64", "-c 50 -P 64 -t lpush", 1_000_000),
    Bench("RPOP P=64", "-c 50 -P 64 -t rpop", 1_000_000, lists),
    Bench("SADD P=64", "-c 50 -P 64 -r 1000000 -t sadd", 1_000_000),
    Bench("HSET P=64", "-c 50 -P 64 -r 1000000 -t hset", 1_000_000),
    Bench("ZADD P=64", "-c 50 -P 64 -r 1000000 -t zadd", 1_000_000),
    Bench("ZPOPMIN P=64", "-c 50 -P 64 -r 1000000 -t zpopmin", 1_000_000),
    Bench("XADD P=64", "-c 50 -P 64 xadd log * field value", 500_000),
    Bench("LRANGE 100", "-c 50 -P 16 lrange list 400 499", 200_000, lists),
    Bench("LRANGE 600", "-c 50 -P 16 lrange list 200 799", 40_000),
    Bench("SINTER 10k", "-c 10 sinter set:a set:b", 1_000, sets),
    Bench("SRANDMEMBER", "-c 50 -P 64 srandmember set", 1_000_000),
    Bench("SRANDMEMBER 10", "-c 50 -P 16 srandmember set 10", 200_000),
    Bench("ZRANGE rank", "-c 50 -P 16 zrange zset 500000 500099", 100_000, sorted_set),
    Bench("ZRANGE score", "-c 50 -P 16 -r 1000000 zrange zset __rand_int__ +inf byscore limit 0 100",
          100_000),
    Bench("ZRANK", "-c 50 -P 64 -r 1000000 zrank zset member:__rand_int__", 500_000),
    Bench("ZSCORE", "-c 50 -P 64 -r 1000000 zscore zset member:__rand_int__", 500_000),
    Bench("HGETALL 100", "-c 50 -P 16 hgetall hash", 100_000, hashes),
    Bench("HGET", "-c 50 -P 64 hget hash field:70", 1_000_000),
    Bench("XRANGE 100", "-c 50 -P 16 -r 100000 xrange stream __rand_int__ + count 100", 100_000,
          streams),
]
TALK = [
    Publish("PUBLISH 1000", "-c 1 -P 16 publish channel 32-bytes-of-message-for-everyone", 4_000),
    Bench("EVALSHA", "-c 50 -P 16 -r 100000 evalsha " + hashlib.sha1(SCRIPT).hexdigest() +
          " 2 key:__rand_int__ counter value", 500_000, lambda s: ask(s, "SCRIPT", "LOAD", SCRIPT)),
    Exchange("MULTI 10 SET", MULTI, MULTI_REPLY, 16, 100_000),
]


def measure(server, load, scale):
    """User and system microseconds a command, requests a second, p50 and p99 in milliseconds."""
    if load.prepare:
        with server.connect() as s:
            load.prepare(s)
    u0, s0 = server.cpu()
    count, *rest = load.run(server, scale)
    u1, s1 = server.cpu()
    return 1e6 * (u1 - u0) / count, 1e6 * (s1 - s0) / count, *rest


def run_speed(loads, programs, rounds, scale):
    got = {}
    for _ in range(rounds):
        for name, program in programs:
            server = Server(name, program)
            for load in loads:
                got.setdefault((load.name, name), []).append(measure(server, load, scale))
            server.stop()
    print("\nserver CPU per command (user + system, microseconds), requests/s, p50 and p99 (ms)")
    for load in loads:
        base = [statistics.median(x) for x in zip(*got[load.name, programs[0][0]])]
        for name, _ in programs:
            user, system, rate, p50, p99 = (
                statistics.median(x) for x in zip(*got[load.name, name]))
            total = (user + system) / (base[0] + base[1])
            print(f"{load.name:14} {name:8} {user:7.2f} + {system:5.2f} = {user + system:7.2f}"
                  f"  user x{user / max(base[0], 0.01):4.2f} total x{total:4.2f}"
                  f"  {rate / 1e3:7.1f}k x{rate / base[2]:4.2f}  p50 {p50:6.2f}  p99 {p99:6.2f}",
                  flush=True)
