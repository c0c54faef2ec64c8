//! hyperloglog
