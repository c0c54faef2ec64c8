//! A walk over all keys for one client (KEYS), which goes on from turn to turn.
//!
//! The command is run again in every turn until its walk has come to the end. Its client, whose
//! next commands wait, keeps what was found so far.

use crate::resp::reply::{Mark, Outbox};

/// A walk under way.
#[derive(Debug, Default)]
pub struct Walk {
    /// The cursor of the scan.
    pub cursor: u64,
    /// The reply as far as it is known, and where its head is to be.
    pub reply: Outbox,
    /// The head of the reply, which is written last.
    pub head: Option<Mark>,
    /// Keys found.
    pub found: usize,
    /// The time that earlier turns have taken, nanoseconds.
    pub spent_ns: u64,
}
