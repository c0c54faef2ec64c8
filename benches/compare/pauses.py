"""What a client that only pings has to wait while others keep the server busy."""
import time

from peer import Pinger, Server, ask, encode, fill


def run_pauses(programs, scale):
    keys = int(10_000_000 * scale)
    print(f"\nworst wait of a pinging client (ms) while {keys:,} keys are filled, KEYS looks at all, "
          f"{keys // 10:,} expire in one second, and all are flushed")
    for name, program in programs:
        server = Server(name, program)
        s, pinger = server.connect(), Pinger(server)
        fill(s, 0, keys)
        filled = pinger.take()
        ask(s, "KEYS", "*99999")
        listed = pinger.take()
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
        print(f"{name:8} fill {filled:7.1f}  KEYS {listed:7.1f}  expire {expired:7.1f} ({left} left after 2 s)"
              f"  flush {flushed:7.1f}  {' '.join(longest)}")
        server.stop()
