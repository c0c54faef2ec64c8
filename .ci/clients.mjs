// Libraries from npm against the server on the port given: each through its own flow.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import redlock from 'redlock';
import { RateLimiterRedis } from 'rate-limiter-flexible';

const port = Number(process.argv[2]);
const Redlock = redlock.default ?? redlock;

async function bullmq() {
  const connection = { port, maxRetriesPerRequest: null };
  const queue = new Queue('jobs', { connection });
  const events = new QueueEvents('jobs', { connection });
  await events.waitUntilReady();
  let attempts = 0;
  const seen = [];
  const worker = new Worker('jobs', async (job) => {
    seen.push(job.name);
    if (job.name === 'retried' && ++attempts < 3) throw new Error('not yet');
    if (job.name === 'failed') throw new Error('never');
    await job.updateProgress(50);
    return job.data.n * 2;
  }, { connection, concurrency: 2 });
  const started = Date.now();
  const jobs = await queue.addBulk([1, 2, 3].map((n) => ({ name: 'plain', data: { n } })));
  const delayed = await queue.add('delayed', { n: 10 }, { delay: 300 });
  const first = await queue.add('important', { n: 4 }, { priority: 1 });
  const retried = await queue.add('retried', { n: 5 }, { attempts: 3, backoff: 50 });
  const failed = await queue.add('failed', { n: 6 });
  for (const [at, job] of jobs.entries()) {
    assert.equal(await job.waitUntilFinished(events, 10_000), (at + 1) * 2);
  }
  assert.equal(await first.waitUntilFinished(events, 10_000), 8);
  assert.equal(await retried.waitUntilFinished(events, 10_000), 10);
  assert.equal(attempts, 3);
  await assert.rejects(failed.waitUntilFinished(events, 10_000), /never/);
  assert.equal(await delayed.waitUntilFinished(events, 10_000), 20);
  assert.ok(Date.now() - started >= 300, 'the delayed job waited');
  const counts = await queue.getJobCounts('completed', 'failed', 'waiting', 'active', 'delayed');
  assert.deepEqual(counts, { completed: 6, failed: 1, waiting: 0, active: 0, delayed: 0 });
  assert.equal(await (await queue.getJob(failed.id)).getState(), 'failed');
  await queue.pause();
  assert.ok(await queue.isPaused());
  await queue.resume();
  await worker.close();
  await events.close();
  await queue.obliterate({ force: true });
  await queue.close();
}

async function lock() {
  const client = new Redis({ port });
  const locks = new Redlock([client], { retryCount: 0 });
  const held = await locks.acquire(['resource'], 5_000);
  await assert.rejects(locks.acquire(['resource'], 5_000));
  const extended = await held.extend(10_000);
  assert.ok((await client.pttl('resource')) > 5_000);
  await extended.release();
  const again = await locks.acquire(['resource'], 200);
  await sleep(300);
  const after = await locks.acquire(['resource'], 5_000);
  await assert.rejects(again.extend(1_000));
  await after.release();
  assert.equal(await client.exists('resource'), 0);
  await client.quit();
}

async function limiter() {
  const client = new Redis({ port });
  const limits = new RateLimiterRedis({ storeClient: client, points: 3, duration: 1 });
  for (let left = 2; left >= 0; left -= 1) {
    assert.equal((await limits.consume('user')).remainingPoints, left);
  }
  const refused = await limits.consume('user').then(() => null, (refusal) => refusal);
  assert.ok(refused.msBeforeNext > 0 && refused.msBeforeNext <= 1_000);
  await sleep(refused.msBeforeNext + 20);
  assert.equal((await limits.consume('user')).remainingPoints, 2);
  await client.quit();
}

async function ioredis() {
  const client = new Redis({ port });
  await client.set('io', 'a', 'EX', 100);
  assert.equal(await client.get('io'), 'a');
  const pipeline = client.pipeline();
  for (let n = 0; n < 1_000; n += 1) pipeline.set(`io:${n}`, n).get(`io:${n}`);
  const replies = await pipeline.exec();
  assert.ok(replies.every(([error]) => error === null));
  assert.equal(replies[1_999][1], '999');
  client.defineCommand('add', { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], ARGV[1])" });
  assert.equal(await client.add('sum', 5), 5);
  assert.deepEqual(await client.multi().incr('sum').get('sum').exec(), [[null, 6], [null, '6']]);
  const subscriber = client.duplicate();
  const message = new Promise((done) => subscriber.on('message', (_, text) => done(text)));
  await subscriber.subscribe('news');
  assert.equal(await client.publish('news', 'hello'), 1);
  assert.equal(await message, 'hello');
  await subscriber.quit();
  await client.quit();
}

async function nodeRedis(RESP) {
  const client = createClient({ socket: { port }, RESP });
  await client.connect();
  await client.set('node', 'a');
  assert.equal(await client.get('node'), 'a');
  await client.hSet('node:hash', { a: '1', b: '2' });
  assert.deepEqual({ ...(await client.hGetAll('node:hash')) }, { a: '1', b: '2' });
  await client.zAdd('node:zset', [{ score: 1.5, value: 'x' }]);
  assert.equal(await client.zScore('node:zset', 'x'), 1.5);
  const many = await Promise.all(Array.from({ length: 500 }, (_, n) => client.incrBy('node:n', n)));
  assert.equal(many.at(-1) % 124_750, 0);
  assert.deepEqual(await client.multi().set('node', 'b').get('node').exec(), ['OK', 'b']);
  assert.equal(await client.eval('return ARGV[1]', { arguments: ['x'] }), 'x');
  const subscriber = client.duplicate();
  await subscriber.connect();
  const message = new Promise((done) => { subscriber.subscribe('news', done); });
  while ((await client.publish('news', 'hello')) === 0) await sleep(5);
  assert.equal(await message, 'hello');
  await subscriber.close();
  await client.del('node:n');
  await client.close();
}

for (const [name, flow] of Object.entries({
  bullmq, redlock: lock, 'rate-limiter-flexible': limiter, ioredis,
  'node-redis, RESP2': () => nodeRedis(2), 'node-redis, RESP3': () => nodeRedis(3),
})) {
  await flow();
  console.log(`${name}: ok`);
}
