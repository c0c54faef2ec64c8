//! What is shared between clients.

pub mod context;
