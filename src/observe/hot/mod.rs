//! Which keys are used most, and which are the biggest: always on, in fixed memory.
//!
//! Owns the counts of commands, bytes and time by key ([`HotKeys`]), the session that HOTKEYS START
//! opens ([`session`]) and the tables of the biggest keys ([`big`]). It looks at commands after
//! they ran and changes nothing about them or their keys.
//!
//! **Sampling.** A command costs one decrement; when the count is at zero it is looked at closely.
//! The distance to the next such command is random with a mean of `1 / chance`, so that no rhythm
//! of commands hides from it, and what a sampled command cost counts `1 / chance` times. While
//! there is little to do every command is sampled; from about [`SAMPLES_A_SECOND`] on the distance
//! doubles until `hotkeys-sampling-percentage` is reached, which is never gone below. A command
//! that took [`HEAVY_NS`] or moved [`HEAVY_BYTES`] is always looked at and counts once: the rare
//! dear command would be missed otherwise. Neither way of counting is biased.
//!
//! **Counting.** [`summary`]: Space-Saving (Metwally, Agrawal, El Abbadi, 2005), with weights. One
//! summary serves all three orders: a key's weight is the sum of its shares of calls, bytes and
//! time, in the measure of the window before. So a key with more than `3 /
//! `[`summary::TRACKED_MIN`] of any of the three is in it, unless the measure has changed a lot.
//! What is told of a key is what was counted since it came in: what it did before is not guessed.
//!
//! **Windows.** Counts go into a live window; after `hotkeys-window-seconds` it becomes the one
//! that is reported, and a new one begins. Figures are rates over what the window really took.
//!
//! **What counts.** Every key that a command of a client names: hits and misses, reads, writes and
//! deletions, within transactions too. A script counts as one command on the keys it declares. Keys
//! share the bytes and the time of their command. Not counted: expiry, eviction, loading, and
//! whatever a script does inside.
//!
//! Limits: [`NAME_BYTES_MAX`] bytes a name (longer ones are counted in INFO and not listed), at
//! most [`summary::TRACKED_MAX`] keys a window, [`KEYS_A_COMMAND`] keys of one command (a random
//! choice stands for the rest).

pub mod big;
pub mod session;
pub mod summary;

use crate::config::Config;
use crate::dispatch::keys::KeyRefs;
use crate::dispatch::table::WRITE;
use crate::engine::Engine;
use crate::random::Rng;
use crate::store::db::Key;
use crate::store::hash::HashState;
use crate::store::keyspace::Keyspace;
use crate::store::value::Kind;
use crate::time::Now;

use super::Ran;

use big::{BigKey, BigKeys};
use session::Session;
use summary::{Cost, Order, Scale, Summary, Tracked};

/// Longer names are not listed: memory is fixed, and a part of a name would name another key.
pub const NAME_BYTES_MAX: usize = 512;
/// Of a command with more keys a choice of about so many is counted, for all of them.
pub const KEYS_A_COMMAND: usize = 16;
/// A command that took this long is never missed: long enough that looking at it is nothing.
pub const HEAVY_NS: u64 = 200_000;
/// Nor is one whose request or reply has so many bytes.
pub const HEAVY_BYTES: usize = 64 * 1024;
/// Above this rate fewer commands are sampled: a thousandth of a processor.
pub const SAMPLES_A_SECOND: u64 = 10_000;

/// After so many samples it is decided whether there are too many or too few.
const SAMPLES_A_PACE: u32 = 256;
/// How long they should take.
const PACE_NS: u64 = SAMPLES_A_PACE as u64 * 1_000_000_000 / SAMPLES_A_SECOND;
/// A window that took so many times its length says nothing about a moment, and is dropped.
const OVERLONG: u64 = 2;

/// A command ran that is due, or that may be heavy.
pub(super) fn look(engine: &mut Engine, ran: &Ran<'_>) {
    // What waits now counts when it has been served.
    let counts = !ran.in_script && engine.effects.wait.is_none() && !engine.is_loading();
    let data = Data {
        keyspace: &engine.keyspace,
        hasher: &engine.hasher,
    };
    engine.hot.look(ran, engine.boundary_ns, counts, &data);
}

/// A few times a second.
pub fn tick(engine: &mut Engine) {
    engine.hot.tick(engine.now);
    end_session_in_time(engine);
    if !engine.is_loading() {
        engine.hot.big.walk(
            &engine.keyspace,
            &*engine.clock,
            engine.now.unix_ms,
            engine.effects.dirty,
        );
    }
}

/// The biggest keys of a type, as they are now.
pub fn big_keys(engine: &Engine, kind: Kind) -> Vec<BigKey> {
    let unix_ms = engine.now.unix_ms;
    engine.hot.big.list(kind, &engine.keyspace, unix_ms)
}

/// Ends a session whose time is up.
pub fn end_session_in_time(engine: &mut Engine) {
    let unix_ms = engine.now.unix_ms;
    if let Some(session) = engine.hot.session.as_deref_mut()
        && session.is_overdue(unix_ms)
    {
        session.end(unix_ms, engine.machine.usage());
    }
}

/// A window of time and what was counted in it.
#[derive(Debug)]
pub struct Window {
    /// By key.
    pub summary: Summary,
    /// Of all keys.
    pub total: Cost,
    /// Commands that were looked at.
    pub samples: u64,
    /// When it began, monotonic microseconds.
    began_us: u64,
    /// How long it took, microseconds; 0 while it is live, and if there was none.
    pub took_us: u64,
}

impl Window {
    fn new(now_us: u64, tracked: usize) -> Window {
        Window {
            summary: Summary::new(tracked),
            total: Cost::default(),
            samples: 0,
            began_us: now_us,
            took_us: 0,
        }
    }

    /// A count as a rate.
    pub fn per_second(&self, count: u64) -> u64 {
        match self.took_us {
            0 => 0,
            us => (u128::from(count) * 1_000_000 / u128::from(us)) as u64,
        }
    }

    fn clear(&mut self, now_us: u64) {
        self.summary.clear();
        self.total = Cost::default();
        self.samples = 0;
        self.began_us = now_us;
        self.took_us = 0;
    }
}

/// What is counted of keys. See the module's text.
#[derive(Debug)]
pub struct HotKeys {
    /// Commands until the next one that is looked at. Its zero is all the hot path sees.
    countdown: u32,
    /// What it began with; while every command is due, commands until the next sample.
    left: u32,
    /// Every command is due: a session looks at all.
    every: bool,
    /// The mean distance between samples.
    gap: u32,
    /// What it grows to.
    gap_max: u32,
    /// Samples since the pace was last looked at, and when that was.
    paced: u32,
    paced_ns: u64,
    /// Keys shown; 0 counts nothing.
    top: usize,
    window_us: u64,
    live: Window,
    done: Window,
    scale: Scale,
    rng: Rng,
    /// Uses of keys whose names were too long.
    pub skipped_names: u64,
    /// HOTKEYS START.
    pub session: Option<Box<Session>>,
    /// The biggest keys.
    pub big: BigKeys,
}

impl HotKeys {
    /// Nothing counted, nothing to count before [`HotKeys::configure`].
    pub fn new(rng: Rng) -> HotKeys {
        HotKeys {
            countdown: 1,
            left: 1,
            every: false,
            gap: 1,
            gap_max: 1,
            paced: 0,
            paced_ns: 0,
            top: 0,
            window_us: 0,
            live: Window::new(0, 0),
            done: Window::new(0, 0),
            scale: Scale::all(&Cost::default()),
            rng,
            skipped_names: 0,
            session: None,
            big: BigKeys::default(),
        }
    }

    /// Counts a command that is not heavy. Whether it is one to look at: the whole cost of the
    /// others.
    #[inline]
    pub fn count_down(&mut self) -> bool {
        self.countdown = self.countdown.wrapping_sub(1);
        self.countdown == 0
    }

    /// Takes over the options. What was counted under other ones ends; the window that is shown
    /// stays, as in Valkey.
    pub fn configure(&mut self, config: &Config, now_us: u64) {
        self.big.resize(config.bigkeys_top_k as usize);
        let top = config.hotkeys_top_k as usize;
        let window_us = u64::from(config.hotkeys_window_seconds) * 1_000_000;
        let gap_max = 100 / config.hotkeys_sampling_percentage.max(1);
        if (top, window_us, gap_max) != (self.top, self.window_us, self.gap_max) {
            let tracked = summary::tracked_for(top);
            self.live = Window::new(now_us, tracked);
            if top == 0 || self.done.summary.capacity() == 0 {
                self.done = Window::new(now_us, tracked);
            }
            self.top = top;
            self.window_us = window_us;
            self.gap_max = gap_max;
            self.gap = self.gap.min(gap_max);
        }
        self.draw();
    }

    /// How many keys are shown; 0 if none are counted.
    pub fn top(&self) -> usize {
        self.top
    }

    /// The mean number of commands for which one is sampled.
    pub fn one_in(&self) -> u32 {
        self.gap
    }

    /// The last window that ended.
    pub fn window(&self) -> &Window {
        &self.done
    }

    /// The keys of the last window that come first in an order.
    pub fn ranked(&self, order: Order, count: usize) -> Vec<&Tracked> {
        self.done.summary.ranked(order, count.min(self.top))
    }

    /// HOTKEYS RESET without a session.
    pub fn reset(&mut self, now_us: u64) {
        self.live.clear(now_us);
        self.done.clear(now_us);
    }

    /// A database was emptied.
    pub fn forget_database(&mut self, db: u32) {
        self.live.summary.forget_database(db);
        self.done.summary.forget_database(db);
        self.big.forget_database(db);
    }

    /// HOTKEYS START.
    pub fn begin_session(&mut self, session: Session) {
        self.session = Some(Box::new(session));
        self.left = self.countdown;
        self.every = true;
        self.set_countdown();
    }

    /// A few times a second: ends the window that is over. Samples that do not come are not waited
    /// for.
    pub fn tick(&mut self, now: Now) {
        self.rotate(now.mono_us);
        let now_ns = now.mono_us.saturating_mul(1_000);
        if self.gap > 1 && now_ns.saturating_sub(self.paced_ns) > 2 * PACE_NS {
            self.gap /= 2;
            self.begin_pace(now_ns);
            if !self.every && self.countdown > 2 * self.gap {
                self.draw();
            }
        }
    }

    /// Ends the live window if its time is over.
    pub fn rotate(&mut self, now_us: u64) {
        let took_us = now_us.saturating_sub(self.live.began_us);
        if self.top == 0 || took_us < self.window_us {
            return;
        }
        std::mem::swap(&mut self.live, &mut self.done);
        self.live.clear(now_us);
        if self.live.summary.capacity() != self.done.summary.capacity() {
            self.live = Window::new(now_us, self.done.summary.capacity());
        }
        self.done.took_us = took_us;
        if self.done.total.calls > 0 {
            self.scale = Scale::all(&self.done.total);
        }
        if took_us > OVERLONG * self.window_us {
            self.done.clear(now_us);
        }
    }

    /// Looks at a command that has run: because it is due, or because it may be heavy. What
    /// `counts` not only has its turn.
    fn look(&mut self, ran: &Ran<'_>, now_ns: u64, counts: bool, data: &Data<'_>) {
        let is_heavy = ran.took_ns >= HEAVY_NS
            || ran.args.wire_bytes_at_most().max(ran.reply_bytes) >= HEAVY_BYTES;
        // It is zero if that was why; else somebody wants to see more than what is heavy.
        let is_due = self.countdown == 0 || (!is_heavy && self.count_down());
        let stands_for = if is_due { self.step(now_ns) } else { 0 };
        let weight = if is_heavy { 1 } else { stands_for };
        if !counts || (weight == 0 && !self.has_active_session()) {
            return;
        }
        let keys = &ran.found.command.keys;
        if let Some(at) = keys.only() {
            self.count(ran, (weight, is_heavy), [1, 1], std::iter::once(at), data);
            return;
        }
        let mut refs = KeyRefs::new();
        keys.extract(ran.args, &mut refs);
        if refs.is_empty() {
            return;
        }
        // One of each so many keys, from the first or a later one on.
        let step = refs.len().div_ceil(KEYS_A_COMMAND);
        let first = self.rng.below(step);
        let chosen = refs.iter().skip(first).step_by(step);
        let chosen = chosen.map(|found| found.index as usize);
        let many = [refs.len() as u64, step as u64];
        self.count(ran, (weight, is_heavy), many, chosen, data);
    }

    /// Counts a command on so many keys, of which those that are `chosen` stand for so many each.
    #[inline]
    fn count(
        &mut self,
        ran: &Ran<'_>,
        (weight, is_heavy): (u64, bool),
        [keys, each]: [u64; 2],
        chosen: impl Iterator<Item = usize>,
        data: &Data<'_>,
    ) {
        let total = Cost {
            calls: keys,
            bytes: (ran.args.wire_bytes() + ran.reply_bytes) as u64,
            ns: ran.took_ns,
        };
        let one = Cost {
            calls: 1,
            bytes: total.bytes / keys,
            ns: total.ns / keys,
        };
        let mut session = self.session.as_deref_mut().filter(|s| s.is_active());
        session = session.and_then(|session| session.takes(&total, &mut self.rng));
        let is_sample = weight > 0 && self.top > 0;
        if is_sample {
            self.live.samples += 1;
            self.live.total.add(&total.times(weight));
        }
        // What was only read has not grown.
        let measures = weight > 0 && (is_heavy || ran.found.command.flags.contains(WRITE));
        for at in chosen {
            let name = ran.args.at(at);
            if name.len() > NAME_BYTES_MAX {
                self.skipped_names += 1;
                continue;
            }
            let key = Key::new(data.hasher, name);
            if is_sample {
                let cost = one.times(weight * each);
                let summary = &mut self.live.summary;
                summary.count(&key, ran.db, &cost, &self.scale);
            }
            if let Some(session) = session.as_deref_mut() {
                session.count(&key, ran.db, &one.times(each));
            }
            if measures
                && let Some(db) = data.keyspace.db(ran.db as usize)
                && let Some(slot) = db.find(&key)
            {
                self.big.see(db, ran.db, slot);
            }
        }
    }

    fn has_active_session(&self) -> bool {
        self.session.as_deref().is_some_and(Session::is_active)
    }

    /// A command is due: for how many commands it stands as a sample, 0 if it is none.
    fn step(&mut self, now_ns: u64) -> u64 {
        if self.every {
            self.every = self.has_active_session();
            self.left -= 1;
            self.set_countdown();
            if self.left > 0 {
                return 0;
            }
        }
        let stands_for = u64::from(self.gap);
        self.paced += 1;
        if self.paced == SAMPLES_A_PACE {
            let took_ns = now_ns.saturating_sub(self.paced_ns);
            if took_ns < PACE_NS {
                self.gap = self.gap.saturating_mul(2).min(self.gap_max);
            } else if took_ns > 2 * PACE_NS {
                self.gap = (self.gap / 2).max(1);
            }
            self.begin_pace(now_ns);
        }
        self.draw();
        stands_for
    }

    fn begin_pace(&mut self, now_ns: u64) {
        self.paced = 0;
        self.paced_ns = now_ns;
    }

    /// Chooses the next sample: evenly among distances whose mean is the gap.
    fn draw(&mut self) {
        let gap = self.gap as usize;
        self.left = match self.top == 0 && self.big.is_off() {
            true => u32::MAX,
            false => 1 + self.rng.below(2 * gap - 1) as u32,
        };
        self.set_countdown();
    }

    fn set_countdown(&mut self) {
        self.countdown = if self.every { 1 } else { self.left };
    }
}

/// The data, and the hasher of its keys.
struct Data<'a> {
    keyspace: &'a Keyspace,
    hasher: &'a HashState,
}
