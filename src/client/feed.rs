//! Runs what a client sent.
//!
//! The commands of one read are parsed together, what they need is touched ([`super::ahead`]), and
//! then they run one by one.

use bytes::Bytes;

use crate::dispatch::execute::{Flow, execute};
use crate::dispatch::lookup;
use crate::engine::Engine;
use crate::engine::buffers::{Ahead, Inbox};
use crate::engine::busy::WhileBusy;
use crate::engine::clients::{ClientKey, Closing, SessionGates};
use crate::resp::LARGE_BULK;
use crate::resp::args::OwnedArgs;
use crate::resp::reply::{Outbox, Reply};
use crate::resp::request::{LargeBulk, Limits, ProtocolError, State};

use super::Served;

/// Commands parsed ahead of their turn: enough to overlap cache misses, few enough that what is
/// warmed is still in the cache when its command runs.
const BATCH_COMMANDS_MAX: usize = 64;

/// How a run over some input ended: how much of it is done with, and why it stopped.
type Run = (usize, Served);

impl Engine {
    /// Takes bytes of a client and runs the commands in them, as far as the turn's time goes.
    /// A command that takes long has `busy` serve the others meanwhile.
    pub fn receive(&mut self, key: ClientKey, bytes: &[u8], busy: &mut dyn WhileBusy) -> Served {
        let bytes = match self.take_in(key, bytes) {
            Ok(bytes) => bytes,
            Err(progress) => return progress,
        };
        let Some(client) = self.clients.find_mut(key) else {
            return Served::Closing;
        };
        let waits = client.is_blocked() || client.postponed.is_some();
        if client.large.is_none() && client.inbox.is_empty() && !waits {
            let (consumed, progress) = self.run(key, bytes, busy);
            return self.keep(key, bytes.get(consumed..).unwrap_or_default(), progress);
        }
        client.inbox.push(bytes);
        if client.is_blocked() {
            return self.check_inbox(key, Served::Parked);
        }
        self.resume(key, busy)
    }

    /// Notes that bytes came from a client, and hands back those that are for its parser. `Err` if
    /// there is nothing to run.
    #[inline]
    fn take_in<'a>(&mut self, key: ClientKey, bytes: &'a [u8]) -> Result<&'a [u8], Served> {
        self.stats.input_bytes += bytes.len() as u64;
        self.stats.reads += 1;
        let now_us = self.now.mono_us;
        let Some(client) = self.clients.find_mut(key) else {
            return Err(Served::Closing);
        };
        self.pace.note(now_us, client.active_us);
        client.active_us = now_us;
        client.input_bytes += bytes.len() as u64;
        if client.closing != Closing::No {
            return Err(Served::Closing);
        }
        if client.gates.has(SessionGates::WEB) {
            return Err(self.receive_web(key, bytes));
        }
        let Some(large) = client.large.as_mut() else {
            return Ok(bytes);
        };
        let taken = match large.put(bytes) {
            Ok(taken) => taken,
            Err(error) => return Err(self.protocol_error(key, error)),
        };
        let is_complete = large.is_complete();
        let progress = self.check_inbox(key, Served::Idle);
        if !is_complete || progress == Served::Closing {
            return Err(progress);
        }
        Ok(bytes.get(taken..).unwrap_or_default())
    }

    /// Takes bytes of a client and runs no command: [`Self::resume`] will. Who reads metrics is
    /// answered.
    pub fn put_off(&mut self, key: ClientKey, bytes: &[u8]) -> Served {
        match self.take_in(key, bytes) {
            Ok(bytes) => self.keep(key, bytes, Served::More),
            Err(progress) => progress,
        }
    }

    /// Goes on with what lies in a client's inbox.
    pub fn resume(&mut self, key: ClientKey, busy: &mut dyn WhileBusy) -> Served {
        let Some(client) = self.clients.find_mut(key) else {
            return Served::Closing;
        };
        if client.closing != Closing::No {
            return Served::Closing;
        }
        if client.is_blocked() {
            return Served::Parked;
        }
        if client.postponed.is_some()
            && let Some(progress) = self.run_postponed(key, busy)
        {
            return self.check_inbox(key, progress);
        }
        let Some(client) = self.clients.find_mut(key) else {
            return Served::Closing;
        };
        let mut inbox = std::mem::take(&mut client.inbox);
        if client
            .large
            .as_ref()
            .is_some_and(|large| large.is_complete())
        {
            let progress = self.run_large(key, &mut inbox, busy);
            if progress != Served::Idle {
                self.put_back(key, inbox);
                return progress;
            }
        }
        let (consumed, progress) = self.run(key, &inbox, busy);
        inbox.consume(consumed);
        self.put_back(key, inbox);
        self.check_inbox(key, progress)
    }

    /// Runs the commands of `input` until something stops them.
    fn run(&mut self, key: ClientKey, input: &[u8], busy: &mut dyn WhileBusy) -> Run {
        let mut ahead = self.ahead.take().unwrap_or_default();
        let mut out = self.take_outbox(key);
        let mut at = 0;
        let run = loop {
            let rest = input.get(at..).unwrap_or_default();
            let Some(client) = self.clients.find_mut(key) else {
                break (at, Served::Closing);
            };
            let strange = client.gates.has(SessionGates::UNAUTHENTICATED);
            let limits = Limits {
                bulk_bytes_max: self.config.proto_max_bulk_len as usize,
                authenticated: !strange,
            };
            let commands_max = if strange { 1 } else { BATCH_COMMANDS_MAX };
            let parsed = client
                .parser
                .parse_batch(rest, &limits, &mut ahead.batch, commands_max);
            let db = client.db;
            self.look_ahead(db, &mut ahead, rest);
            let (done, stopped) = self.run_batch(key, &ahead, rest, &mut out, busy);
            if let Some(progress) = stopped {
                break (at + done, progress);
            }
            at += parsed.consumed;
            match parsed.state {
                State::More => {}
                State::Drained | State::Partial => break (at, Served::Idle),
                State::NeedLarge { head, wanted } => {
                    break self.begin_large(key, input, at, head, wanted);
                }
                State::Failed(error) => {
                    self.give_outbox(key, std::mem::take(&mut out));
                    break (input.len(), self.protocol_error(key, error));
                }
            }
        };
        self.give_outbox(key, out);
        self.ahead = Some(ahead);
        run
    }

    /// Runs the commands of a batch. `Some` if they did not all run: how many bytes of the input
    /// did, and why the next command did not.
    fn run_batch(
        &mut self,
        key: ClientKey,
        Ahead { batch, rows }: &Ahead,
        input: &[u8],
        out: &mut Outbox,
        busy: &mut dyn WhileBusy,
    ) -> (usize, Option<Served>) {
        for i in 0..batch.len() {
            let found = rows.get(i).copied().flatten();
            let flow = execute(self, key, found, batch.args(i, input), out, busy);
            let stopped = match flow {
                Flow::Done if i + 1 < batch.len() && self.boundary_ns >= self.budget_end_ns => {
                    Some(Served::More)
                }
                Flow::Done => None,
                Flow::Parked => Some(Served::Parked),
                Flow::Postponed => Some(Served::Parked),
                Flow::GoesOn => Some(Served::More),
                Flow::Closing => Some(Served::Closing),
            };
            if stopped.is_some() {
                let done = match flow {
                    Flow::Postponed | Flow::GoesOn => batch.start(i),
                    _ => batch.end(i),
                };
                if let Some(client) = self.clients.find_mut(key) {
                    client.parser.reset();
                }
                return (done, stopped);
            }
        }
        (0, None)
    }

    /// A large last argument has begun: what came of it goes to a buffer of its own.
    fn begin_large(
        &mut self,
        key: ClientKey,
        input: &[u8],
        at: usize,
        head: usize,
        wanted: usize,
    ) -> Run {
        let mut large = LargeBulk::new(wanted);
        let body = input.get(at + head..).unwrap_or_default();
        if let Err(error) = large.put(body) {
            return (input.len(), self.protocol_error(key, error));
        }
        if let Some(client) = self.clients.find_mut(key) {
            client
                .inbox
                .push(input.get(at..at + head).unwrap_or_default());
            client.large = Some(Box::new(large));
        }
        (input.len(), Served::Idle)
    }

    /// Runs the command whose large last argument is complete; `inbox` begins with its other
    /// arguments.
    fn run_large(&mut self, key: ClientKey, inbox: &mut Inbox, busy: &mut dyn WhileBusy) -> Served {
        let Some(client) = self.clients.find_mut(key) else {
            return Served::Closing;
        };
        let Some(large) = client.large.take() else {
            return Served::Idle;
        };
        let value: Bytes = large.complete();
        let mut ahead = self.ahead.take().unwrap_or_default();
        client.parser.finish_large(value, &mut ahead.batch);
        let mut out = self.take_outbox(key);
        self.look_up(&mut ahead, inbox);
        let (_, stopped) = self.run_batch(key, &ahead, inbox, &mut out, busy);
        self.give_outbox(key, out);
        if let Some(client) = self.clients.find_mut(key)
            && (client.is_paused || client.walk.is_some())
        {
            client.postponed = Some(Box::new(OwnedArgs::from(ahead.batch.args(0, inbox))));
        }
        let head = ahead.batch.end(0);
        inbox.consume(head);
        ahead.batch.clear();
        self.ahead = Some(ahead);
        stopped.unwrap_or(Served::Idle)
    }

    /// Runs the command that CLIENT PAUSE held back, or that goes on. Where the client can go on
    /// afterwards, nothing is returned.
    fn run_postponed(&mut self, key: ClientKey, busy: &mut dyn WhileBusy) -> Option<Served> {
        let args = self.clients.find_mut(key)?.postponed.take()?;
        let mut out = self.take_outbox(key);
        let found = lookup::find(&self.registry, args.as_args());
        let flow = execute(self, key, found, args.as_args(), &mut out, busy);
        self.give_outbox(key, out);
        match flow {
            Flow::Done => None,
            Flow::Parked => Some(Served::Parked),
            Flow::Closing => Some(Served::Closing),
            Flow::Postponed | Flow::GoesOn => {
                self.clients.find_mut(key)?.postponed = Some(args);
                Some(match flow {
                    Flow::GoesOn => Served::More,
                    _ => Served::Parked,
                })
            }
        }
    }

    /// Keeps the bytes that could not run yet.
    fn keep(&mut self, key: ClientKey, rest: &[u8], progress: Served) -> Served {
        if rest.is_empty() {
            return progress;
        }
        if let Some(client) = self.clients.find_mut(key) {
            client.inbox.push(rest);
        }
        self.check_inbox(key, progress)
    }

    /// Puts the inbox back that was taken to run it; what `run` kept meanwhile goes behind it.
    fn put_back(&mut self, key: ClientKey, mut inbox: Inbox) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if !client.inbox.is_empty() {
            inbox.push(&client.inbox);
            client.inbox = Inbox::default();
        }
        // An idle connection owns no buffer.
        if !inbox.is_empty() {
            client.inbox = inbox;
        }
    }

    /// Closes a client that keeps more unparsed bytes than it may.
    fn check_inbox(&mut self, key: ClientKey, progress: Served) -> Served {
        let Some(bytes) = self.check_query_limit(key) else {
            return Served::Closing;
        };
        if bytes >= LARGE_BULK {
            self.note_traffic(key);
            self.evict_grown_clients();
        }
        progress
    }

    fn protocol_error(&mut self, key: ClientKey, error: ProtocolError) -> Served {
        let Some(client) = self.clients.find_mut(key) else {
            return Served::Closing;
        };
        let mut line = b"ERR ".to_vec();
        line.extend_from_slice(&error.message());
        Reply::new(&mut client.outbox, client.protocol).error_bytes(&line);
        self.stats.count_error("ERR");
        self.close(key, Closing::AfterFlush);
        Served::Closing
    }

    fn take_outbox(&mut self, key: ClientKey) -> Outbox {
        let Some(client) = self.clients.find_mut(key) else {
            return Outbox::default();
        };
        let mut out = std::mem::take(&mut client.outbox);
        if !out.has_buffer() {
            out.recycle(self.buffers.take());
        }
        out
    }

    /// Gives the outbox back. What others pushed to this client meanwhile comes after its replies.
    fn give_outbox(&mut self, key: ClientKey, mut out: Outbox) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if !client.outbox.is_empty() {
            out.append(&mut client.outbox);
        }
        if out.is_empty() {
            self.buffers.give(out.take_buffer());
            return;
        }
        let bytes = out.len();
        client.outbox = out;
        self.mark_dirty(key);
        self.check_large_output(key, bytes);
    }
}
