//! The turn: what the server does, over and over, from the first connection to the last.
//!
//! Owns the order of things and the fairness between connections. The engine decides everything
//! else: it is handed bytes ([`Engine::receive`], [`Engine::resume`]) and asked whom to write to
//! ([`Engine::next_dirty`]), whom to go on with ([`Engine::next_ready`]), when to wake
//! ([`Engine::next_deadline`]) and when to end ([`Engine::take_exit`]).
//!
//! Connections that send little are read together before any of it runs ([`super::reads`]).
//! Nothing is written while commands run: replies leave in the flush at the end of the turn, once
//! a connection, when what they answer for has been written to the log. Two queues, both first in,
//! first out, hold what one turn leaves to the next: connections to be served (unread bytes, or
//! commands beyond the budget) and connections to be flushed (beyond their share). While one of
//! them holds anything, the poll does not wait.
//!
//! A command costs no system call but the poll (shared), the read and the write. Where many busy
//! clients are caught up with, the loop sleeps for a moment before it polls ([`engine::pace`]).
//!
//! [`engine::pace`]: crate::engine::pace

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mio::{Events, Poll, Waker};
use rustix::thread::set_current_timer_slack;
use rustix::time::{ClockId, clock_getres};

use crate::client::Served;
use crate::dispatch::execute::serve_waiting;
use crate::engine::Engine;
use crate::engine::busy::WhileBusy;
use crate::engine::clients::{ClientKey, Closing};
use crate::engine::tick::{COMMANDS_BUDGET_NS, TurnStats};
use crate::persist::aof::LogState;

use super::connection::{Connections, Filled, Flushed};
use super::reads::{Reads, Unrun};
use super::rebind::{Rebinder, SharedListeners};
use super::signal::SignalSource;
use super::token::Source;

/// Events taken from the kernel at once. It hands out the rest in the next turns, in order.
const EVENTS_PER_TURN: usize = 1024;

/// Connections accepted in one turn: 15 us each, so that a storm of them takes half a millisecond
/// from those who are already there.
const ACCEPTS_PER_TURN: usize = 32;

/// Connections flushed in one turn: what a message to 100,000 subscribers may take from the others
/// before they are served again.
const FLUSHES_PER_TURN: usize = 1024;

/// Bytes read from all connections in one turn: many that upload large values must not keep the
/// others waiting, although no command of theirs uses up the time budget.
const READ_BYTES_PER_TURN: usize = 4 * 1024 * 1024;

/// What a turn may give to work that nobody asked for.
const HOUSEKEEPING_US_MAX: u64 = 1_000;

/// The poll, before there is a loop: threads that the engine needs get their waker from it.
pub struct Poller {
    poll: Poll,
    waker: Arc<Waker>,
}

impl Poller {
    /// A poll that watches nothing but its waker.
    pub fn new() -> io::Result<Poller> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), Source::Waker.token())?);
        Ok(Poller { poll, waker })
    }

    /// Lets these listeners, which the loop is to have, be opened anew while it runs.
    ///
    /// # Errors
    /// The poll cannot be shared.
    pub fn rebinder(&self, listeners: &SharedListeners) -> io::Result<Rebinder> {
        let registry = self.poll.registry().try_clone()?;
        Ok(Rebinder::new(Rc::clone(listeners), registry))
    }

    #[cfg(test)]
    pub(super) fn registry(&self) -> &mio::Registry {
        self.poll.registry()
    }

    /// Makes the loop run a turn, from any thread.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }
}

/// The server: an engine and its sockets.
pub struct EventLoop {
    engine: Box<Engine>,
    sockets: Box<Sockets>,
}

impl EventLoop {
    /// Puts a server together. Without `signals` those of the process are left alone.
    pub fn new(
        engine: Box<Engine>,
        poller: Poller,
        listeners: SharedListeners,
        signals: Option<SignalSource>,
    ) -> io::Result<EventLoop> {
        Ok(EventLoop {
            engine,
            sockets: Box::new(Sockets::new(poller, listeners, signals)?),
        })
    }

    /// Serves until the engine ends the server; returns the exit code. Tells `on_ready` when the
    /// data is loaded.
    pub fn run(mut self, on_ready: impl FnOnce()) -> io::Result<i32> {
        self.sockets.sleeps_exactly = sleep_exactly();
        let mut timeout = Some(Duration::ZERO);
        let mut on_ready = Some(on_ready);
        loop {
            if !self.engine.is_loading()
                && let Some(on_ready) = on_ready.take()
            {
                on_ready();
            }
            timeout = self.turn(timeout)?;
            if let Some(code) = self.engine.take_exit() {
                return Ok(code);
            }
        }
    }

    /// One turn. Returns how long the next one may wait for events.
    fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Option<Duration>> {
        let EventLoop { engine, sockets } = self;
        sockets.wait(engine, timeout)?;
        engine.begin_turn();
        let started_ns = engine.boundary_ns;
        sockets.sort_events(engine);
        sockets.accept(engine);
        sockets.serve(engine);
        let has_slices = engine.has_slices();
        let is_clock_due = has_slices || engine.boundary_ns == started_ns;
        let served_ns = match is_clock_due {
            true => engine.clock.mono_ns(),
            // The last command ended just now.
            false => engine.boundary_ns,
        };
        let commands_us = served_ns.saturating_sub(started_ns) / 1_000;
        let (housekeeping_us, now_ns) = match has_slices {
            true => housekeep(engine, served_ns),
            false => {
                engine.tick();
                (0, served_ns)
            }
        };
        serve_waiting(engine);
        sockets.queue_unparked(engine);
        sockets.flush(engine);
        engine.turn_stats(&TurnStats {
            commands_us,
            housekeeping_us,
        });
        Ok(sockets.timeout(engine, now_ns / 1_000))
    }
}

/// Lets this thread's sleeps end when they should, not when it suits the kernel, which otherwise
/// adds up to 50 us. Whether it has timers for that.
fn sleep_exactly() -> bool {
    let resolution = clock_getres(ClockId::Monotonic);
    let is_fine = resolution.tv_sec == 0 && resolution.tv_nsec <= 1_000;
    is_fine && set_current_timer_slack(NonZeroU64::new(1)).is_ok()
}

/// One tick with work to do. Returns how long it took, in microseconds, and what time it is then.
/// Where it took longer than a turn may give to what nobody asked for, the thread's own clock
/// decides whether it worked or was interrupted: on a shared machine wall time lies.
fn housekeep(engine: &mut Engine, started_ns: u64) -> (u64, u64) {
    let cpu_before_us = engine.clock.thread_cpu_us();
    engine.tick();
    let now_ns = engine.clock.mono_ns();
    let took_us = now_ns.saturating_sub(started_ns) / 1_000;
    if took_us <= HOUSEKEEPING_US_MAX {
        return (took_us, now_ns);
    }
    let cpu_us = engine.clock.thread_cpu_us().saturating_sub(cpu_before_us);
    (took_us.min(cpu_us), now_ns)
}

/// Everything but the engine. Kept apart from it, so that a running command can have the other
/// connections served.
pub struct Sockets {
    poll: Poll,
    /// Keeps the waker's descriptor open.
    _waker: Arc<Waker>,
    events: Events,
    signals: Option<SignalSource>,
    listeners: SharedListeners,
    connections: Connections,
    /// Connections to be served, in the order in which they became ready.
    ready: VecDeque<ClientKey>,
    /// Connections to be flushed.
    unflushed: VecDeque<ClientKey>,
    /// Nothing may leave before the log says so: its thread wakes the loop.
    is_held: bool,
    /// A sleep of microseconds takes microseconds.
    sleeps_exactly: bool,
    /// Empty while it is lent to the running commands.
    reads: Reads,
}

impl Sockets {
    fn new(
        poller: Poller,
        listeners: SharedListeners,
        mut signals: Option<SignalSource>,
    ) -> io::Result<Sockets> {
        let registry = poller.poll.registry();
        listeners.borrow_mut().register(registry)?;
        if let Some(signals) = &mut signals {
            signals.register(registry)?;
        }
        Ok(Sockets {
            poll: poller.poll,
            _waker: poller.waker,
            events: Events::with_capacity(EVENTS_PER_TURN),
            signals,
            listeners,
            connections: Connections::default(),
            ready: VecDeque::new(),
            unflushed: VecDeque::new(),
            is_held: false,
            sleeps_exactly: false,
            reads: Reads::default(),
        })
    }

    /// Waits for events, for at most `timeout`. Where none are there, the poll may begin a moment
    /// later: what comes meanwhile does not have to wake the loop.
    fn wait(&mut self, engine: &mut Engine, timeout: Option<Duration>) -> io::Result<()> {
        let may_pause =
            self.sleeps_exactly && !self.is_held && timeout.is_none_or(|it| !it.is_zero());
        let away = match may_pause {
            true => engine.pace.away(engine.config.poll_pause_us),
            false => None,
        };
        let Some(away) = away else {
            return self.poll(timeout);
        };
        self.poll(Some(Duration::ZERO))?;
        if !self.events.is_empty() {
            return Ok(());
        }
        engine.stats.pauses += 1;
        thread::sleep(timeout.map_or(away, |it| it.min(away)));
        self.poll(timeout.map(|it| it.saturating_sub(away)))
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            // A turn without events is harmless, and the next one computes the timeout afresh.
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// How long the next poll may wait; `None` is for ever.
    fn timeout(&self, engine: &Engine, now_us: u64) -> Option<Duration> {
        let has_work = !self.ready.is_empty() || !self.unflushed.is_empty();
        if has_work && !self.is_held {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            engine.next_deadline(),
            self.listeners.borrow().next_accept_us(),
        ];
        let next_us = deadlines.into_iter().flatten().min()?;
        Some(Duration::from_micros(next_us.saturating_sub(now_us)))
    }

    /// Notes what the events say. Nothing is read or written here.
    fn sort_events(&mut self, engine: &mut Engine) {
        for event in self.events.iter() {
            match Source::of(event.token()) {
                Source::Connection(key) => {
                    let Some(connection) = self.connections.find(key) else {
                        continue;
                    };
                    let ended = event.is_read_closed() || event.is_error();
                    let readable = event.is_readable() || ended;
                    if readable && connection.on_readable(ended) && !connection.in_ready_queue {
                        connection.in_ready_queue = true;
                        self.ready.push_back(key);
                    }
                    let writable = event.is_writable() || event.is_write_closed();
                    if writable
                        && connection.on_writable(self.poll.registry(), event.token())
                        && !connection.in_flush_queue
                    {
                        connection.in_flush_queue = true;
                        self.unflushed.push_back(key);
                    }
                }
                Source::Listener(place) => self.listeners.borrow_mut().set_ready(place),
                // The tick of this turn collects what the other thread has done.
                Source::Waker => {}
                Source::Signals => {
                    if let Some(signal) =
                        self.signals.as_mut().and_then(SignalSource::take_shutdown)
                    {
                        engine.signal_shutdown(signal);
                    }
                }
            }
        }
        // Nested turns poll again before the outer one is over: an event is sorted once.
        self.events.clear();
    }

    fn accept(&mut self, engine: &mut Engine) {
        for _ in 0..ACCEPTS_PER_TURN {
            let accepted = self.listeners.borrow_mut().accept(engine.mono_us());
            let Some((mut stream, endpoint)) = accepted else {
                return;
            };
            let key = match engine.connect(endpoint) {
                Ok(key) => key,
                Err(words) => {
                    stream.refuse(&words, self.reads.room());
                    continue;
                }
            };
            match stream.register(self.poll.registry(), Source::Connection(key).token()) {
                Ok(()) => self.connections.insert(key, stream),
                Err(error) => {
                    tracing::warn!(%error, "Cannot watch a new connection, closing it");
                    engine.disconnect(key);
                }
            }
        }
    }

    /// Serves the connections that are ready now. Those that become ready meanwhile, and those
    /// beyond the budget, keep their place for the next turn.
    fn serve(&mut self, engine: &mut Engine) {
        if self.is_held {
            return;
        }
        let mut bytes_left = READ_BYTES_PER_TURN;
        let mut waiting = self.ready.len();
        while waiting > 0 {
            if self.next_has_resume() {
                waiting -= 1;
                self.resume_next(engine);
            } else {
                let mut reads = std::mem::take(&mut self.reads);
                self.read_together(engine, &mut reads, &mut waiting);
                bytes_left = bytes_left.saturating_sub(reads.bytes());
                self.run_together(engine, reads.unrun());
                reads.clear();
                self.reads = reads;
            }
            if bytes_left == 0 || engine.boundary_ns >= engine.budget_end_ns {
                return;
            }
        }
    }

    /// Whether the next connection has commands at hand.
    fn next_has_resume(&mut self) -> bool {
        let connection = self
            .ready
            .front()
            .and_then(|key| self.connections.find(*key));
        connection.is_some_and(|it| it.has_resume())
    }

    /// Reads once from each of the next connections, as long as they send little and none of them
    /// has commands at hand.
    fn read_together(&mut self, engine: &mut Engine, reads: &mut Reads, waiting: &mut usize) {
        while *waiting > 0 && reads.takes_more() {
            let next = self
                .ready
                .front()
                .map(|key| (*key, self.connections.find(*key)));
            let Some((key, connection)) = next else {
                *waiting = 0;
                return;
            };
            if connection.as_ref().is_some_and(|it| it.has_resume()) {
                return;
            }
            self.ready.pop_front();
            *waiting -= 1;
            let Some(connection) = connection else {
                continue;
            };
            connection.in_ready_queue = false;
            if connection.is_running() {
                self.queue_ready(key);
                continue;
            }
            if !connection.has_unread() {
                continue;
            }
            match connection.fill(reads.room()) {
                Filled::Bytes(read) => reads.add(key, read),
                Filled::Nothing => {}
                // The flush closes it, when the replies to what it sent before are out.
                Filled::Ended => self.queue_flush(key),
                Filled::Broken => self.disconnect(engine, key),
            }
        }
    }

    /// Runs what was read together, one connection after the other.
    fn run_together(&mut self, engine: &mut Engine, mut unrun: Unrun<'_>) {
        if unrun.len() > 1 {
            engine.foresee(unrun.clone());
        }
        while let Some((key, bytes)) = unrun.next() {
            let Some(connection) = self.connections.find(key) else {
                continue;
            };
            connection.begin_work();
            let mut others = Others {
                sockets: self,
                unrun: &mut unrun,
            };
            let progress = engine.receive(key, bytes, &mut others);
            if engine.boundary_ns >= engine.budget_end_ns {
                self.put_off(engine, &mut unrun);
            }
            self.settle(key, progress);
        }
    }

    /// Leaves what was read and has not run to the next turn, in which it is first.
    fn put_off(&mut self, engine: &mut Engine, unrun: &mut Unrun<'_>) {
        for (key, bytes) in unrun.rev() {
            match engine.put_off(key, bytes) {
                Served::More => {
                    if let Some(connection) = self.connections.find(key) {
                        connection.set_resume();
                        connection.in_ready_queue = true;
                        self.ready.push_front(key);
                    }
                }
                progress => self.settle(key, progress),
            }
        }
    }

    /// Goes on with the commands at hand of the next connection.
    fn resume_next(&mut self, engine: &mut Engine) {
        let Some(key) = self.ready.pop_front() else {
            return;
        };
        if let Some(connection) = self.connections.find(key) {
            connection.in_ready_queue = false;
            connection.begin_work();
            let progress = engine.resume(key, self);
            self.settle(key, progress);
        }
    }

    /// Notes how far the engine came with a connection's commands.
    fn settle(&mut self, key: ClientKey, progress: Served) {
        let Some(connection) = self.connections.find(key) else {
            return;
        };
        connection.end_work();
        match progress {
            Served::Idle | Served::Parked => {
                if connection.has_unread() {
                    self.queue_ready(key);
                }
            }
            Served::More => {
                connection.set_resume();
                self.queue_ready(key);
            }
            Served::Closing => connection.ignore_input(),
        }
    }

    /// Queues the clients that were blocked or paused and may go on.
    fn queue_unparked(&mut self, engine: &mut Engine) {
        while let Some(key) = engine.next_ready() {
            if let Some(connection) = self.connections.find(key) {
                connection.set_resume();
                self.queue_ready(key);
            }
        }
    }

    /// Writes to every connection that has output, once, and closes those that are done. What
    /// the turn changed is in the log before a byte leaves.
    fn flush(&mut self, engine: &mut Engine) {
        if engine.is_exiting() {
            // Who sees its connection end cannot reach this server again.
            self.listeners.borrow_mut().close();
        }
        let log = engine.write_log();
        self.is_held = log == LogState::Held;
        if self.is_held {
            return;
        }
        self.queue_dirty(engine);
        if log == LogState::Failed {
            // What they asked for is not in the log: they must not be told that it is.
            for key in std::mem::take(&mut self.unflushed) {
                if let Some(connection) = self.connections.find(key) {
                    connection.in_flush_queue = false;
                }
                self.disconnect(engine, key);
            }
        }
        for _ in 0..self.unflushed.len().min(FLUSHES_PER_TURN) {
            let Some(key) = self.unflushed.pop_front() else {
                break;
            };
            self.flush_one(engine, key);
        }
        // Who was marked by a flush or a close must not wait for the next event.
        self.queue_dirty(engine);
    }

    fn queue_dirty(&mut self, engine: &mut Engine) {
        while let Some(key) = engine.next_dirty() {
            self.queue_flush(key);
        }
    }

    fn flush_one(&mut self, engine: &mut Engine, key: ClientKey) {
        let Some(connection) = self.connections.find(key) else {
            return;
        };
        connection.in_flush_queue = false;
        if connection.is_running() {
            // Its outbox is in use further up on the stack.
            self.queue_flush(key);
            return;
        }
        let closing = engine.closing(key);
        if closing == Closing::Now {
            self.disconnect(engine, key);
            return;
        }
        if connection.is_output_blocked() {
            return;
        }
        let Some(outbox) = engine.outbox(key) else {
            return;
        };
        let (written, flushed) = connection.flush(outbox);
        let is_over = connection.has_ended() || closing == Closing::AfterFlush;
        let token = Source::Connection(key).token();
        let is_done = match flushed {
            Flushed::Broken => true,
            Flushed::Blocked => connection
                .wait_for_room(self.poll.registry(), token)
                .is_err(),
            Flushed::All => is_over,
            Flushed::Budget => false,
        };
        if written > 0 {
            engine.flushed(key, written);
        }
        if is_done {
            self.disconnect(engine, key);
        } else if flushed == Flushed::Budget {
            self.queue_flush(key);
        }
    }

    fn disconnect(&mut self, engine: &mut Engine, key: ClientKey) {
        if let Some(connection) = self.connections.find(key)
            && connection.is_running()
        {
            // Its command is further up on the stack.
            engine.close(key, Closing::Now);
            return;
        }
        if let Some(connection) = self.connections.remove(key) {
            connection.close(self.reads.room());
            engine.disconnect(key);
            self.listeners.borrow_mut().descriptor_freed();
        }
    }

    #[inline]
    fn queue_ready(&mut self, key: ClientKey) {
        if let Some(connection) = self.connections.find(key)
            && !connection.in_ready_queue
        {
            connection.in_ready_queue = true;
            self.ready.push_back(key);
        }
    }

    #[inline]
    fn queue_flush(&mut self, key: ClientKey) {
        if let Some(connection) = self.connections.find(key)
            && !connection.in_flush_queue
        {
            connection.in_flush_queue = true;
            self.unflushed.push_back(key);
        }
    }
}

impl WhileBusy for Sockets {
    /// A small turn over all connections but those that have a command running: for a command that
    /// takes long, called from inside of it. The others get their answer (mostly BUSY) and can end
    /// it. No tick, and the time stands still.
    fn serve_others(&mut self, engine: &mut Engine) {
        if self.poll(Some(Duration::ZERO)).is_err() {
            // The turn that the command runs in meets the error again and reports it.
            return;
        }
        // The budget of the turn is long used up by the command that runs.
        let outer_end_ns = engine.budget_end_ns;
        engine.budget_end_ns = engine.clock.mono_ns() + COMMANDS_BUDGET_NS;
        self.sort_events(engine);
        self.accept(engine);
        self.serve(engine);
        self.flush(engine);
        engine.budget_end_ns = outer_end_ns;
    }
}

/// The other connections while one of several that were read together has a command running.
struct Others<'s, 'u, 'b> {
    sockets: &'s mut Sockets,
    unrun: &'u mut Unrun<'b>,
}

impl WhileBusy for Others<'_, '_, '_> {
    fn serve_others(&mut self, engine: &mut Engine) {
        // What ends the command may be among what was read with it.
        self.sockets.put_off(engine, self.unrun);
        self.sockets.serve_others(engine);
    }
}

#[cfg(test)]
mod tests;
