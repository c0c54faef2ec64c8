//! What is kept on disk: snapshots under writes, failed and cancelled ones, restarts, and the files
//! of real peers.

mod process;
mod snapshot;

use crate::harness::Client;

/// Waits, in turns, for the end of a save.
fn wait_for_save(client: &Client) {
    while info(client, "rdb_bgsave_in_progress") == "1" {}
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
