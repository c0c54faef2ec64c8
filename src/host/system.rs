//! What INFO says about machine and process: facts that stay, and figures that are read when asked.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::system::{sysinfo, uname};

pub use crate::observe::machine::{ProcessUsage, SystemFacts};

impl SystemFacts {
    /// Asks the operating system.
    pub fn read() -> SystemFacts {
        let name = uname();
        let parts = [name.sysname(), name.release(), name.machine()];
        let parts: Vec<_> = parts.iter().map(|part| part.to_string_lossy()).collect();
        let executable = std::env::current_exe().unwrap_or_default();
        let info = sysinfo();
        SystemFacts {
            os: parts.join(" "),
            arch_bits: usize::BITS,
            pid: std::process::id(),
            executable: executable.display().to_string(),
            total_memory_bytes: info.totalram as u64 * u64::from(info.mem_unit),
        }
    }
}

impl ProcessUsage {
    /// Asks the operating system. What cannot be read is 0.
    pub fn read() -> ProcessUsage {
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: u64 = field(&statm, 1);
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let (cpu_user_us, cpu_system_us) = cpu_times_us(&stat, clock_ticks_per_second());
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        ProcessUsage {
            rss_bytes: pages * page_size() as u64,
            cpu_user_us,
            cpu_system_us,
            // The listing itself has one open.
            open_files: files.saturating_sub(1) as u32,
        }
    }
}

fn field<T: std::str::FromStr + Default>(text: &str, index: usize) -> T {
    text.split_whitespace()
        .nth(index)
        .and_then(|word| word.parse().ok())
        .unwrap_or_default()
}

/// User and system time in the text of /proc/self/stat. The second field is the program's name in
/// parentheses, and may hold blanks and parentheses itself.
fn cpu_times_us(stat: &str, ticks_per_second: u64) -> (u64, u64) {
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return (0, 0);
    };
    let microseconds = |ticks: u64| ticks * 1_000_000 / ticks_per_second.max(1);
    (microseconds(field(rest, 11)), microseconds(field(rest, 12)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_and_usage_are_plausible() {
        let facts = SystemFacts::read();
        assert!(facts.os.starts_with("Linux "), "{}", facts.os);
        assert!(facts.total_memory_bytes > 1 << 20);
        assert_eq!(facts.pid, std::process::id());
        let usage = ProcessUsage::read();
        assert!(usage.rss_bytes > 0 && usage.rss_bytes < facts.total_memory_bytes);
        assert!(usage.open_files >= 3);
    }

    #[test]
    fn processor_times_follow_the_name() {
        let stat = "1 (a) b) c) S 0 1 1 0 -1 0 0 0 0 0 250 130 0 0 20 0";
        assert_eq!(cpu_times_us(stat, 100), (2_500_000, 1_300_000));
        assert_eq!(cpu_times_us("", 100), (0, 0));
    }
}
