//! The protocol: requests in, replies out. Bytes to arguments, values to bytes.
//!
//! - [`request`]: the incremental parser of what clients send, and its [`Batch`].
//! - [`args`]: the arguments of one command, wherever they come from.
//! - [`reply`]: the RESP2 and RESP3 encoder, and the [`Outbox`] it writes into.
//! - [`decode`]: the decoder of replies, for scripts and tests.
//! - [`number`], [`glob`]: the text rules that every family shares.
//!
//! Everything here faces bytes that a stranger chose, so nothing here may panic: `unwrap`, `expect`
//! and indexing are denied. Nothing here knows sockets, keys or clocks.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod args;
pub mod decode;
pub mod glob;
pub mod number;
pub mod reply;
pub mod request;

pub use args::{Args, OwnedArgs, Span, Taken};
pub use decode::Value;
pub use reply::{Outbox, Protocol, Reply};
pub use request::{Batch, LargeBulk, Limits, Parsed, ProtocolError, RequestParser, State};

/// From this size on a string has a buffer of its own ([`bytes::Bytes`]): it is gathered there as
/// it arrives, moved into the store and out of it, and leaves by vectored write. Below it, a copy
/// is cheaper than the bookkeeping. The one threshold for requests, values and replies.
pub const LARGE_BULK: usize = 16 * 1024;
