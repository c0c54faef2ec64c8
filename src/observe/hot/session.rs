//! What HOTKEYS START begins: every command is looked at until HOTKEYS STOP or the end of its time,
//! and the result stays until HOTKEYS RESET.
//!
//! Words, figures and limits are those of Redis 8.6. A session counts for itself: what is always on
//! goes on beside it.

use crate::observe::machine::ProcessUsage;
use crate::random::Rng;
use crate::store::db::Key;

use super::summary::{Cost, Order, Scale, Summary, TRACKED_MIN, Tracked};

/// COUNT goes up to this.
pub const COUNT_MAX: u32 = 64;
/// COUNT if nobody says.
pub const COUNT_DEFAULT: u32 = 10;
/// DURATION goes up to this, in seconds.
pub const DURATION_S_MAX: u32 = 1_000_000;
/// Keys tracked for one that is shown.
const TRACKED_FOR_ONE: usize = 10;

/// What HOTKEYS START asks for.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// METRICS CPU.
    pub cpu: bool,
    /// METRICS NET.
    pub net: bool,
    /// COUNT.
    pub count: u32,
    /// DURATION in milliseconds; 0 is until it is stopped.
    pub duration_ms: i64,
    /// SAMPLE: one of so many commands.
    pub ratio: u32,
}

/// A session. See the module's text.
#[derive(Debug)]
pub struct Session {
    /// What was asked for.
    pub settings: Settings,
    /// By key.
    pub summary: Summary,
    /// Of all commands with keys.
    pub total: Cost,
    /// Of those that were sampled.
    pub sampled: Cost,
    /// When it began, Unix milliseconds.
    pub began_ms: i64,
    /// How long it took and what it used, once it has ended.
    ended: Option<(i64, ProcessUsage)>,
    /// What the process had used when it began.
    usage: ProcessUsage,
}

impl Session {
    /// Begins one.
    pub fn new(settings: Settings, unix_ms: i64, usage: ProcessUsage) -> Session {
        let tracked = settings.count as usize * TRACKED_FOR_ONE;
        Session {
            settings,
            summary: Summary::new(tracked.max(TRACKED_MIN)),
            total: Cost::default(),
            sampled: Cost::default(),
            began_ms: unix_ms,
            ended: None,
            usage,
        }
    }

    /// Whether it still counts.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether its time is up but it has not been told.
    pub fn is_overdue(&self, unix_ms: i64) -> bool {
        let duration_ms = self.settings.duration_ms;
        self.is_active() && duration_ms > 0 && unix_ms - self.began_ms >= duration_ms
    }

    /// Ends it; what it has counted stays.
    pub fn end(&mut self, unix_ms: i64, usage: ProcessUsage) {
        let duration_ms = match self.is_overdue(unix_ms) {
            true => self.settings.duration_ms,
            false => unix_ms - self.began_ms,
        };
        self.ended = Some((duration_ms, usage));
    }

    /// How long it took so far, in milliseconds, and what the process used meanwhile: milliseconds
    /// in user mode and in the kernel. `now` is what it has used up to now.
    pub fn extent(&self, unix_ms: i64, now: ProcessUsage) -> (i64, [u64; 2]) {
        let (duration_ms, used) = self.ended.unwrap_or((unix_ms - self.began_ms, now));
        let ms = |now_us: u64, then_us: u64| now_us.saturating_sub(then_us) / 1_000;
        let user_ms = ms(used.cpu_user_us, self.usage.cpu_user_us);
        let system_ms = ms(used.cpu_system_us, self.usage.cpu_system_us);
        (duration_ms, [user_ms, system_ms])
    }

    /// The keys that come first in an order.
    pub fn ranked(&self, order: Order) -> Vec<&Tracked> {
        self.summary.ranked(order, self.settings.count as usize)
    }

    /// A command ran. If it is one of the sample its keys are to be counted.
    pub(super) fn takes(&mut self, command: &Cost, rng: &mut Rng) -> Option<&mut Session> {
        self.total.add(command);
        let ratio = self.settings.ratio as usize;
        if ratio > 1 && rng.below(ratio) > 0 {
            return None;
        }
        self.sampled.add(command);
        Some(self)
    }

    /// Counts a key of such a command. What is not asked for weighs nothing.
    pub(super) fn count(&mut self, key: &Key<'_>, db: u32, cost: &Cost) {
        let scale = match (self.settings.cpu, self.settings.net) {
            (true, false) => Scale::only(Order::Cpu),
            (false, true) => Scale::only(Order::Net),
            _ => Scale::all(&self.sampled),
        };
        self.summary.count(key, db, cost, &scale);
    }
}
