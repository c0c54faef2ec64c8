//! What the server asks of the machine it runs on, beside time, randomness and the disk.
//!
//! The core names no allocator, no `/proc` and no file: it reads figures as values and hands over
//! what the process itself has to do. `host::machine` answers for an operating system; tests have
//! a double whose figures stand still.

use std::time::Duration;

use crate::config::{Config, Reason};

/// What does not change while the process lives.
#[derive(Clone, Debug, Default)]
pub struct SystemFacts {
    /// Name, release and machine: `Linux 6.1.0 x86_64`.
    pub os: String,
    /// Width of an address.
    pub arch_bits: u32,
    /// Process id.
    pub pid: u32,
    /// The program's file.
    pub executable: String,
    /// Memory of the machine.
    pub total_memory_bytes: u64,
}

/// What the process uses at this moment. Reading it may open files: for INFO and the cron, not for
/// a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Memory that is in use and not swapped out.
    pub rss_bytes: u64,
    /// Processor time in user mode, all threads.
    pub cpu_user_us: u64,
    /// Processor time in the kernel, all threads.
    pub cpu_system_us: u64,
    /// Open files.
    pub open_files: u32,
}

/// The allocator's own accounts, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocatorStats {
    /// In use, as the allocator rounds sizes up.
    pub allocated: u64,
    /// In pages that hold something in use.
    pub active: u64,
    /// In pages that are backed by memory.
    pub resident: u64,
    /// Kept from the operating system for later use.
    pub retained: u64,
}

/// An option whose value is valid but cannot be put into effect.
#[derive(Debug)]
pub struct Ineffective {
    /// The option's primary name.
    pub option: &'static str,
    /// Why; empty if there is nothing to say.
    pub reason: Reason,
}

/// The machine. See the module's text.
pub trait Machine {
    /// What does not change.
    fn facts(&self) -> &SystemFacts;

    /// The bytes in use by data and everything else, exact to the allocator's size classes. Cheap
    /// enough for every command.
    fn used_bytes(&self) -> u64;

    /// The name of the allocator, with its version.
    fn allocator_name(&self) -> &str;

    /// The allocator's accounts. Costs tens of microseconds.
    fn allocator(&self) -> AllocatorStats;

    /// What the process uses.
    fn usage(&self) -> ProcessUsage;

    /// Gives unused memory back to the operating system.
    fn purge(&mut self);

    /// The allocator's report about itself, for people.
    fn malloc_stats(&self) -> String;

    /// Puts the options about the process (log, limits, working directory, sockets) into effect.
    /// May bring a value into its final form.
    ///
    /// # Errors
    /// The first that cannot be; the caller takes the change back and calls again.
    fn apply(&mut self, config: &mut Config, changed: &[&'static str]) -> Result<(), Ineffective>;

    /// Reads the configuration file.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_config(&mut self, path: &str) -> Result<Vec<u8>, String>;

    /// Replaces the configuration file, so that a crash leaves the old or the new one.
    ///
    /// # Errors
    /// What the operating system says.
    fn replace_config(&mut self, path: &str, text: &[u8]) -> Result<(), String>;

    /// Bytes that nobody can predict: passwords.
    fn secret(&mut self, buffer: &mut [u8]);

    /// Stops the only thread for a while: DEBUG SLEEP.
    fn sleep(&mut self, time: Duration);
}

/// A machine whose figures stand still and that takes every option: for tests and benchmarks of
/// the core.
#[derive(Debug, Default)]
pub struct StillMachine {
    /// What it says of itself.
    pub facts: SystemFacts,
    /// What it says is in use.
    pub used_bytes: u64,
}

impl Machine for StillMachine {
    fn facts(&self) -> &SystemFacts {
        &self.facts
    }

    fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    fn allocator_name(&self) -> &str {
        "none"
    }

    fn allocator(&self) -> AllocatorStats {
        AllocatorStats::default()
    }

    fn usage(&self) -> ProcessUsage {
        ProcessUsage::default()
    }

    fn purge(&mut self) {}

    fn malloc_stats(&self) -> String {
        String::new()
    }

    fn apply(&mut self, _: &mut Config, _: &[&'static str]) -> Result<(), Ineffective> {
        Ok(())
    }

    fn read_config(&mut self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path}: there are no files here"))
    }

    fn replace_config(&mut self, path: &str, _: &[u8]) -> Result<(), String> {
        Err(format!("{path}: there are no files here"))
    }

    fn secret(&mut self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn sleep(&mut self, _: Duration) {}
}
