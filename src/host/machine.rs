//! [`Machine`] for an operating system: jemalloc's accounts, `/proc`, the log, limits and the
//! configuration file.
//!
//! The process has to run on jemalloc (`main` says so); without it the figures of the allocator
//! are 0. Built on the thread that runs the server: the exact count of used memory is that
//! thread's own, and what the disk thread holds is not in it.

use std::io;
use std::time::Duration;

use tikv_jemalloc_ctl::thread::{self, ThreadLocal};
use tikv_jemalloc_ctl::{Access, AsName, arenas, epoch, stats, version};

use super::Entropy;
use super::error_text;
use super::files;
use super::limits::{self, OomScore};
use super::log::LogControl;
use super::os::OsEntropy;
use crate::config::Config;
use crate::config::load::Files;
use crate::observe::machine::{AllocatorStats, Ineffective, Machine, ProcessUsage, SystemFacts};

/// Listens where a configuration says from now on; on failure where it did before.
pub type Listen = Box<dyn Fn(&Config) -> io::Result<()>>;

/// The machine of an operating system.
pub struct OsMachine {
    facts: SystemFacts,
    log: LogControl,
    oom_score: OomScore,
    allocated: Option<ThreadLocal<u64>>,
    deallocated: Option<ThreadLocal<u64>>,
    allocator_name: String,
    /// Listens where the configuration says: `net` can.
    listen: Option<Listen>,
}

impl OsMachine {
    /// The machine, on whose log the server runs.
    pub fn new(facts: SystemFacts, log: LogControl) -> OsMachine {
        let name = version::read().unwrap_or_default();
        let release = name.split(['-', '\0']).next().unwrap_or_default();
        OsMachine {
            facts,
            log,
            oom_score: OomScore::default(),
            allocated: thread::allocatedp::read().ok(),
            deallocated: thread::deallocatedp::read().ok(),
            allocator_name: format!("jemalloc-{release}"),
            listen: None,
        }
    }

    /// Names who listens elsewhere when the configuration changes.
    pub fn set_listen(&mut self, listen: Listen) {
        self.listen = Some(listen);
    }
}

impl Machine for OsMachine {
    fn facts(&self) -> &SystemFacts {
        &self.facts
    }

    #[inline]
    fn used_bytes(&self) -> u64 {
        let (Some(allocated), Some(deallocated)) = (self.allocated, self.deallocated) else {
            return 0;
        };
        let own = allocated.get().wrapping_sub(deallocated.get()) as i64;
        own.max(0) as u64
    }

    fn allocator_name(&self) -> &str {
        &self.allocator_name
    }

    fn allocator(&self) -> AllocatorStats {
        // Fails only without jemalloc; then the figures are those of nothing.
        let _ = epoch::advance();
        let figure = |result: Result<usize, _>| result.map_or(0, |bytes| bytes as u64);
        AllocatorStats {
            allocated: figure(stats::allocated::read()),
            active: figure(stats::active::read()),
            resident: figure(stats::resident::read()),
            retained: figure(stats::retained::read()),
        }
    }

    fn usage(&self) -> ProcessUsage {
        ProcessUsage::read()
    }

    /// A decay time of zero makes an arena give back its unused pages at once.
    fn purge(&mut self) {
        let count = arenas::narenas::read().unwrap_or(0).min(ARENAS_MAX);
        for name in DECAY_NAMES.iter().take(count as usize) {
            let name = name.name();
            let before: Result<isize, _> = name.read();
            if let Ok(before) = before {
                // An arena that was never used has no decay time: nothing to purge.
                let _ = name.write(0isize);
                let _ = name.write(before);
            }
        }
    }

    fn malloc_stats(&self) -> String {
        let figures = self.allocator();
        // They were brought up to date by the line above.
        let mapped = stats::mapped::read().unwrap_or(0);
        let metadata = stats::metadata::read().unwrap_or(0);
        format!(
            "___ Begin {} statistics ___\nAllocated: {}, active: {}, metadata: {metadata}, resident: \
             {}, mapped: {mapped}, retained: {}\nArenas: {}\nIn use: {}\n--- End statistics ---\n",
            self.allocator_name,
            figures.allocated,
            figures.active,
            figures.resident,
            figures.retained,
            arenas::narenas::read().unwrap_or(0),
            self.used_bytes(),
        )
    }

    fn apply(&mut self, config: &mut Config, changed: &[&'static str]) -> Result<(), Ineffective> {
        for option in changed {
            self.apply_one(config, option)
                .map_err(|reason| Ineffective {
                    option,
                    reason: reason.into(),
                })?;
        }
        Ok(())
    }

    fn read_config(&mut self, path: &str) -> Result<Vec<u8>, String> {
        files::OsFiles
            .read(path)
            .map_err(|error| error_text(&error))
    }

    fn replace_config(&mut self, path: &str, text: &[u8]) -> Result<(), String> {
        files::replace(path, text).map_err(|error| error_text(&error))
    }

    fn secret(&mut self, buffer: &mut [u8]) {
        OsEntropy.fill(buffer);
    }

    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Arenas that [`OsMachine::purge`] looks at: jemalloc has four a processor, and one thread uses
/// one of them.
const ARENAS_MAX: u32 = 4;

const DECAY_NAMES: [&[u8]; ARENAS_MAX as usize] = [
    b"arena.0.dirty_decay_ms\0",
    b"arena.1.dirty_decay_ms\0",
    b"arena.2.dirty_decay_ms\0",
    b"arena.3.dirty_decay_ms\0",
];

impl OsMachine {
    fn apply_one(&mut self, config: &mut Config, option: &str) -> Result<(), String> {
        match option {
            "loglevel" => self.log.set_level(config.loglevel),
            "log-format" | "log-timestamp-format" => self
                .log
                .set_format(config.log_format, config.log_timestamp_format),
            "oom-score-adj" | "oom-score-adj-values" => self
                .oom_score
                .apply(config.oom_score_adj, config.oom_score_adj_values, false)
                .map_err(|error| {
                    tracing::warn!(%error, "oom_score_adj cannot be set");
                    "Failed to set current oom_score_adj. Check server logs.".to_owned()
                })?,
            "maxclients" => raise_clients(config.maxclients)?,
            "dir" => {
                config.dir = files::enter_dir(&config.dir).map_err(|error| error_text(&error))?;
            }
            "port" => self.listen(config, "Unable to listen on this port. Check server logs.")?,
            "bind" => self.listen(config, "Failed to bind to specified addresses.")?,
            "tcp-keepalive" => self.listen(config, "Unable to set it. Check server logs.")?,
            _ => {}
        }
        Ok(())
    }

    fn listen(&self, config: &Config, failed: &str) -> Result<(), String> {
        let Some(listen) = &self.listen else {
            return Ok(());
        };
        listen(config).map_err(|_| failed.to_owned())
    }
}

fn raise_clients(wanted: u32) -> Result<(), String> {
    match limits::raise_open_files(wanted) {
        Ok(fits) if fits >= wanted => Ok(()),
        Ok(fits) => Err(format!(
            "The operating system is not able to handle the specified number of clients, try with \
             {fits}"
        )),
        Err(text) => Err(text),
    }
}
