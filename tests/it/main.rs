//! One test binary. Every test speaks RESP: to an engine in this process, with a clock of its
//! own, or to the real binary.

mod acl;
mod aof;
mod audit;
mod bitmap;
mod client;
mod command;
mod config;
mod corpus;
mod dump;
mod generic;
mod geo;
mod harness;
mod hash;
mod hotkeys;
mod hyperloglog;
mod info;
mod keys;
mod limits;
mod oracle;
mod persist;
mod process;
mod protocol;
mod script;
mod seams;
mod server;
mod set;
mod sim;
mod slowlog;
mod sort;
mod stream;
mod string;
mod tidy;
mod tracking;
mod web;
mod zset;
