//! What a run did, for whoever looks into it.

use std::collections::VecDeque;

/// What is remembered for a report.
const TRACE_LINES: usize = 40;

/// Says, if the test fails, where it was.
pub struct Trace {
    pub seed: u64,
    verbose: bool,
    lines: VecDeque<String>,
}

impl Trace {
    pub fn new(seed: u64, verbose: bool) -> Trace {
        Trace {
            seed,
            verbose,
            lines: VecDeque::new(),
        }
    }

    pub fn add(&mut self, line: String) {
        if self.verbose {
            eprintln!("{line}");
        }
        self.lines.push_back(line);
        if self.lines.len() > TRACE_LINES {
            self.lines.pop_front();
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.verbose {
            let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
            let seed = self.seed;
            eprintln!("{}\nreplay with KVD_SEED={seed}", lines.join("\n"));
        }
    }
}

/// Bytes as they are reported.
pub fn show(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(160)].escape_ascii().to_string();
    if bytes.len() > 160 {
        format!("{shown}.. ({} bytes)", bytes.len())
    } else {
        shown
    }
}
