//! From a parsed request to settled effects: table, gates, `execute`.

pub mod docs;
pub mod execute;
pub mod gates;
pub mod keys;
pub mod lookup;
pub mod table;
