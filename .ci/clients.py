"""Libraries from PyPI against the server on the port given: each through its own flow."""

import datetime
import sys
import time

import redis
from celery import Celery, chord, group
from celery.contrib.testing.worker import start_worker
from limits import parse, storage, strategies
from rq import Queue, Retry, SimpleWorker
from rq.registry import FailedJobRegistry, ScheduledJobRegistry

# The worker finds its functions by importing this file.
sys.dont_write_bytecode = True
PORT = int(sys.argv[1])


def double(number):
    return number * 2


def total(numbers):
    return sum(numbers)


def refuse():
    raise ValueError("never")


def flaky(key):
    if redis.Redis(port=PORT).incr(key) < 3:
        raise ValueError("not yet")
    return "done"


def job_queue():
    connection = redis.Redis(port=PORT)
    queue = Queue("python", connection=connection)
    jobs = [queue.enqueue("clients.double", number) for number in range(5)]
    failed = queue.enqueue("clients.refuse")
    retried = queue.enqueue("clients.flaky", "flaky", retry=Retry(max=3))
    delayed = queue.enqueue_in(datetime.timedelta(hours=1), "clients.double", 9)
    assert len(queue) == 7
    SimpleWorker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")
    assert [job.latest_result().return_value for job in jobs] == [0, 2, 4, 6, 8]
    assert failed.get_status() == "failed" and failed.id in FailedJobRegistry(queue=queue)
    assert retried.latest_result().return_value == "done"
    assert delayed.id in ScheduledJobRegistry(queue=queue)
    assert len(queue) == 0


def task_queue():
    url = f"redis://127.0.0.1:{PORT}/1"
    app = Celery("python", broker=url, backend=url)
    app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
    doubled = app.task(double, name="double")
    added = app.task(total, name="total")
    refused = app.task(refuse, name="refuse")

    @app.task(bind=True, max_retries=3)
    def retried(self):
        if self.request.retries < 2:
            raise self.retry(countdown=0)
        return self.request.retries

    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
        jobs = group(doubled.s(number) for number in range(5))()
        assert jobs.get(timeout=20) == [0, 2, 4, 6, 8]
        assert chord((doubled.s(number) for number in range(5)), added.s())().get(timeout=20) == 20
        assert (doubled.s(3) | doubled.s()).apply_async(countdown=0.2).get(timeout=20) == 12
        assert retried.delay().get(timeout=20) == 2
        failed = refused.delay()
        try:
            failed.get(timeout=20)
            raise AssertionError("no error")
        except ValueError as error:
            assert str(error) == "never"
        assert failed.failed()


def rate_limiter():
    store = storage.storage_from_string(f"redis://127.0.0.1:{PORT}")
    limit = parse("2/second")
    for strategy in (strategies.FixedWindowRateLimiter, strategies.MovingWindowRateLimiter):
        limiter = strategy(store)
        hits = 0
        while limiter.hit(limit, strategy.__name__):
            hits += 1
        assert 2 <= hits <= 4, hits
        time.sleep(1.05)
        assert limiter.hit(limit, strategy.__name__)


def lock():
    for protocol in (2, 3):
        client = redis.Redis(port=PORT, protocol=protocol)
        held = client.lock("python:lock", timeout=5)
        assert held.acquire(blocking=False)
        assert not client.lock("python:lock", timeout=5).acquire(blocking=False)
        held.extend(10)
        assert client.pttl("python:lock") > 5_000
        held.release()
        assert not client.exists("python:lock")


if __name__ == "__main__":
    flows = {
        "rq": job_queue,
        "celery": task_queue,
        "limits": rate_limiter,
        "redis-py lock": lock,
    }
    for name, flow in flows.items():
        flow()
        print(f"{name}: ok")
