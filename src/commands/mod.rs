//! The commands, one file per family.

pub mod docs;
