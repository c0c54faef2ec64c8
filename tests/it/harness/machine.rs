//! The machine of a test: its memory is what the test says, its sleep moves the test's clock, and
//! its only file is a configuration in memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use kvd::config::Config;
use kvd::observe::machine::{AllocatorStats, Ineffective, Machine, ProcessUsage, SystemFacts};

use super::local::Time;

/// See the module's text. Clones are the same machine.
#[derive(Clone)]
pub struct TestMachine {
    clock: Rc<Cell<Time>>,
    facts: SystemFacts,
    /// The memory in use.
    pub used_bytes: Rc<Cell<u64>>,
    /// The configuration file.
    pub config_file: Rc<RefCell<Vec<u8>>>,
    /// An option that cannot be put into effect.
    pub refuses: Rc<Cell<Option<&'static str>>>,
}

impl TestMachine {
    pub fn new(clock: Rc<Cell<Time>>) -> TestMachine {
        TestMachine {
            clock,
            facts: SystemFacts {
                os: "Test 1.0".to_owned(),
                pid: 1,
                total_memory_bytes: 1 << 30,
                ..SystemFacts::default()
            },
            used_bytes: Rc::new(Cell::new(1 << 20)),
            config_file: Rc::default(),
            refuses: Rc::default(),
        }
    }
}

impl Machine for TestMachine {
    fn facts(&self) -> &SystemFacts {
        &self.facts
    }

    fn used_bytes(&self) -> u64 {
        self.used_bytes.get()
    }

    fn allocator_name(&self) -> &str {
        "test"
    }

    fn allocator(&self) -> AllocatorStats {
        let used = self.used_bytes.get();
        AllocatorStats {
            allocated: used,
            active: used,
            resident: used,
            retained: 0,
        }
    }

    fn usage(&self) -> ProcessUsage {
        ProcessUsage {
            rss_bytes: self.used_bytes.get() * 2,
            cpu_user_us: 1_500_000,
            cpu_system_us: 500_000,
            open_files: 10,
        }
    }

    fn purge(&mut self) {}

    fn malloc_stats(&self) -> String {
        "a report".to_owned()
    }

    fn apply(&mut self, _: &mut Config, changed: &[&'static str]) -> Result<(), Ineffective> {
        match self.refuses.get().filter(|option| changed.contains(option)) {
            None => Ok(()),
            Some(option) => Err(Ineffective {
                option,
                reason: "not on this machine".into(),
            }),
        }
    }

    fn read_config(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.config_file.borrow().clone())
    }

    fn replace_config(&mut self, _: &str, text: &[u8]) -> Result<(), String> {
        *self.config_file.borrow_mut() = text.to_vec();
        Ok(())
    }

    fn secret(&mut self, buffer: &mut [u8]) {
        buffer.fill(7);
    }

    fn sleep(&mut self, time: Duration) {
        let now = self.clock.get();
        self.clock.set(Time {
            unix_ms: now.unix_ms + time.as_millis() as i64,
            mono_ns: now.mono_ns + time.as_nanos() as u64,
            ..now
        });
    }
}
