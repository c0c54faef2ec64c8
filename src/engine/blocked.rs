//! Clients that wait for keys: who waits for what, since when, until when.
//!
//! A blocked client keeps its command. When one of its keys may serve it the dispatcher runs the
//! command again; if it still cannot be served it keeps its place. Clients are served in the
//! order of their arrival per key. This module holds the tables; running commands is not its job.

use std::collections::{BTreeMap, VecDeque};

use crate::resp::args::OwnedArgs;
use crate::resp::reply::Reply;
use crate::store::hash::{HashState, Set};
use crate::store::value::Kind;

use super::clients::ClientKey;
use super::key_map::KeyMap;

/// What a client that waited in vain is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutReply {
    /// A null array: BLPOP, BZPOPMIN, XREAD, and BLMOVE, which answers null inside EXEC.
    NullArray,
    /// The integer 0 or what was reached (WAIT).
    Int(i64),
    /// An array of two integers: WAITAOF.
    Ints([i64; 2]),
}

impl TimeoutReply {
    /// Answers it.
    pub fn write(self, reply: &mut Reply<'_>) {
        match self {
            TimeoutReply::NullArray => reply.null_array(),
            TimeoutReply::Int(n) => reply.int(n),
            TimeoutReply::Ints(numbers) => {
                reply.array(numbers.len());
                numbers.into_iter().for_each(|n| reply.int(n));
            }
        }
    }
}

/// A handler's wish to block its client.
#[derive(Clone, Debug)]
pub struct BlockRequest {
    /// The keys waited for, in the order of the command. Empty: waits for time only.
    pub keys: Vec<Box<[u8]>>,
    /// The type that serves the command; a key of another type does not wake the client.
    pub kind: Option<Kind>,
    /// Also woken when the key is deleted or changes type (XREADGROUP).
    pub wakes_on_delete: bool,
    /// When to give up: milliseconds from now; 0: never.
    pub timeout_ms: u64,
    /// What to answer then.
    pub on_timeout: TimeoutReply,
    /// When time alone may serve the command, milliseconds from now: XREADGROUP CLAIM waits for
    /// entries to become old.
    pub retry_after_ms: Option<u64>,
    /// The command that is run again, where it is not what the client sent: XREAD waits for what
    /// follows the last entry there was when it began to wait.
    pub retry_as: Option<OwnedArgs>,
}

/// Each of these keys once, in their order: there may be as many as fit into a request.
pub fn distinct<'a>(hasher: &HashState, keys: impl Iterator<Item = &'a [u8]>) -> Vec<Box<[u8]>> {
    let mut seen = Set::with_hasher(hasher.clone());
    keys.filter(|key| seen.insert(*key))
        .map(Box::from)
        .collect()
}

/// What a blocked client waits for.
#[derive(Debug)]
pub struct BlockedOn {
    /// The request of the handler.
    pub request: BlockRequest,
    /// The database in which the keys are waited for.
    pub db: u32,
    /// The command, to be run again.
    pub args: OwnedArgs,
    /// When to give up, on the monotonic clock in microseconds.
    pub deadline_us: Option<u64>,
    /// When to run the command again whatever has happened, on the same clock.
    pub retry_us: Option<u64>,
    /// Place in every queue: clients are served in the order of this number.
    pub ticket: u64,
}

type WaitKey = (u32, Box<[u8]>);

/// Everybody who waits.
#[derive(Debug)]
pub struct Blocked {
    waiting: KeyMap<BTreeMap<u64, ClientKey>>,
    deadlines: BTreeMap<(u64, u64), ClientKey>,
    retries: BTreeMap<(u64, u64), ClientKey>,
    ready: VecDeque<WaitKey>,
    ready_set: Set<WaitKey>,
    clients: usize,
    next_ticket: u64,
}

impl Blocked {
    /// Nobody waits.
    pub fn new(hasher: HashState) -> Blocked {
        Blocked {
            waiting: KeyMap::new(hasher.clone()),
            deadlines: BTreeMap::new(),
            retries: BTreeMap::new(),
            ready: VecDeque::new(),
            ready_set: Set::with_hasher(hasher),
            clients: 0,
            next_ticket: 0,
        }
    }

    /// Number of blocked clients.
    pub fn len(&self) -> usize {
        self.clients
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.clients == 0
    }

    /// Number of keys that somebody waits for.
    pub fn keys(&self) -> usize {
        self.waiting.len()
    }

    /// The clients that wait for each key, by their place in the queue.
    pub fn queues(&self) -> impl Iterator<Item = &BTreeMap<u64, ClientKey>> {
        self.waiting.values()
    }

    /// Number of clients that wait with a timeout.
    pub fn timeouts(&self) -> usize {
        self.deadlines.len()
    }

    /// A place at the end of every queue.
    pub fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Puts a client at its place in the queue of each of its keys.
    pub fn enqueue(&mut self, client: ClientKey, on: &BlockedOn) {
        self.clients += 1;
        for key in &on.request.keys {
            let queue = self.waiting.get_or_default(on.db, key);
            queue.insert(on.ticket, client);
        }
        if let Some(deadline) = on.deadline_us {
            self.deadlines.insert((deadline, on.ticket), client);
        }
        if let Some(retry) = on.retry_us {
            self.retries.insert((retry, on.ticket), client);
        }
    }

    /// The command of a client has been run again, in vain: when to do so next.
    pub fn retry_later(&mut self, client: ClientKey, on: &mut BlockedOn, retry_us: Option<u64>) {
        if let Some(before) = std::mem::replace(&mut on.retry_us, retry_us) {
            self.retries.remove(&(before, on.ticket));
        }
        if let Some(retry) = retry_us {
            self.retries.insert((retry, on.ticket), client);
        }
    }

    /// Takes a client out of every queue.
    pub fn dequeue(&mut self, on: &BlockedOn) {
        self.clients -= 1;
        for key in &on.request.keys {
            if let Some(queue) = self.waiting.get_mut(on.db, key) {
                queue.remove(&on.ticket);
                if queue.is_empty() {
                    self.waiting.remove(on.db, key);
                }
            }
        }
        if let Some(deadline) = on.deadline_us {
            self.deadlines.remove(&(deadline, on.ticket));
        }
        if let Some(retry) = on.retry_us {
            self.retries.remove(&(retry, on.ticket));
        }
    }

    /// Remembers that a key changed, if somebody waits for it.
    pub fn key_changed(&mut self, db: u32, key: &[u8]) {
        if self.waiting.get(db, key).is_none() {
            return;
        }
        let entry: WaitKey = (db, key.into());
        if self.ready_set.insert(entry.clone()) {
            self.ready.push_back(entry);
        }
    }

    /// Every waited-for key of a database may have changed (SWAPDB, FLUSHDB).
    pub fn database_changed(&mut self, db: u32) {
        let waited = self.waiting.of_database(db);
        let mut keys: Vec<WaitKey> = waited.map(|(key, _)| (db, key.into())).collect();
        keys.sort();
        for key in keys {
            if self.ready_set.insert(key.clone()) {
                self.ready.push_back(key);
            }
        }
    }

    /// The next key that may serve somebody, and who waits for it, first come first.
    pub fn next_ready(&mut self) -> Option<(u32, Box<[u8]>, Vec<ClientKey>)> {
        while let Some(entry) = self.ready.pop_front() {
            self.ready_set.remove(&entry);
            if let Some(queue) = self.waiting.get(entry.0, &entry.1) {
                let clients = queue.values().copied().collect();
                return Some((entry.0, entry.1, clients));
            }
        }
        None
    }

    /// The next deadline, on the monotonic clock in microseconds.
    pub fn next_deadline(&self) -> Option<u64> {
        self.deadlines.first_key_value().map(|((at, _), _)| *at)
    }

    /// A client whose deadline has passed.
    pub fn next_timed_out(&self, mono_us: u64) -> Option<ClientKey> {
        let ((at, _), client) = self.deadlines.first_key_value()?;
        (*at <= mono_us).then_some(*client)
    }

    /// When the next command is to be run again, on the monotonic clock in microseconds.
    pub fn next_retry(&self) -> Option<u64> {
        self.retries.first_key_value().map(|((at, _), _)| *at)
    }

    /// A client whose command is to be run again by now.
    pub fn take_retry(&mut self, mono_us: u64) -> Option<ClientKey> {
        let first = self.retries.first_entry()?;
        (first.key().0 <= mono_us).then(|| first.remove())
    }
}
