//! The documentation of every command, by Redis's groups: data only.
