//! One test binary. Every test speaks RESP: to an engine in this process, with a clock of its
//! own, or to the real binary.

mod client;
mod command;
mod config;
mod corpus;
mod harness;
mod info;
mod process;
mod protocol;
mod seams;
mod sim;
mod string;
mod tidy;
mod zset;
