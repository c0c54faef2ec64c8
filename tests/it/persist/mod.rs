//! What is kept on disk: snapshots under writes, failed and cancelled ones, restarts, and the files
//! of real peers.

mod check;
mod contents;
mod directory;
mod faults;
mod fill;
mod kill;
mod peers;
mod process;
mod reload;
mod replay;
mod snapshot;
mod trouble;

use crate::harness::{Client, Kvd};

/// Lets time pass until the save under way has ended.
fn wait_for_save(kvd: &Kvd) {
    while kvd.engine().is_saving() || kvd.engine().persist.saves.is_scheduled {
        kvd.advance_ms(10);
    }
}

/// A field of INFO persistence.
fn info(client: &Client, field: &str) -> String {
    let text = client.text("INFO persistence");
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let value = line.and_then(|rest| rest.strip_prefix(':'));
    value
        .unwrap_or_else(|| panic!("no {field} in {text}"))
        .to_owned()
}
