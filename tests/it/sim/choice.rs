//! What a seed decides before it begins: which commands its clients send, and to what server.

use fastrand::Rng;

use super::ROWS;
use super::model::Row;
use crate::harness::Kvd;

/// How much more often a favourite command is sent.
const FAVOURITE_WEIGHT: u32 = 20;

/// Half of the seeds do mostly what one table says, to get far into it. It is streams every other
/// time: they have the most to remember.
pub fn favourite(rng: &mut Rng) -> Option<usize> {
    match rng.u32(..4) {
        0 => ROWS.iter().position(|rows| rows[0].name == "xadd"),
        1 => Some(rng.usize(..ROWS.len())),
        _ => None,
    }
}

/// The kind of keys that are a favourite.
pub fn favourite_kind(favourite: Option<usize>) -> Option<char> {
    match ROWS[favourite?][0].name {
        "get" | "setbit" => Some('s'),
        "pfadd" => Some('p'),
        "hset" | "hexpire" => Some('h'),
        "lpush" => Some('l'),
        "sadd" => Some('t'),
        "zadd" => Some('z'),
        "xadd" => Some('x'),
        "geoadd" => Some('g'),
        _ => None,
    }
}

/// What clients send: each row as often as it weighs, those of a favourite table more often, and so
/// those of transactions, which show what counts as a change. Without a favourite it is now and
/// then commands on few types, to get further with these.
pub fn commands(kvd: &Kvd, rng: &mut Rng, favourite: Option<usize>) -> Vec<&'static Row> {
    let is_narrow = favourite.is_none() && rng.bool();
    let mut commands = Vec::new();
    for (index, rows) in ROWS.iter().enumerate() {
        let is_of_all = ["del", "multi"].contains(&rows[0].name);
        let times = match favourite {
            Some(favourite) if favourite == index => FAVOURITE_WEIGHT,
            Some(_) if rows[0].name == "multi" => FAVOURITE_WEIGHT / 2,
            None if is_narrow && !is_of_all && rng.bool() => 0,
            _ => 1,
        };
        for row in *rows {
            let known = kvd.engine().registry.lookup(row.name.as_bytes()).is_some();
            let weight = if known { row.weight * times } else { 0 };
            commands.extend(std::iter::repeat_n(row, weight as usize));
        }
    }
    commands
}

/// A configuration: few or many shards, collections that turn large early or late.
pub fn options(rng: &mut Rng) -> Vec<(&'static str, &'static str)> {
    let mut options = vec![
        ("databases", "3"),
        ("shards", ["1", "1", "2", "16", "64"][rng.usize(..5)]),
        ("rdb-format", ["valkey", "redis"][rng.usize(..2)]),
    ];
    if rng.bool() {
        options.extend([
            ("hash-max-listpack-entries", "4"),
            ("hash-max-listpack-value", "30"),
            ("set-max-intset-entries", "4"),
            ("set-max-listpack-entries", "6"),
            ("zset-max-listpack-entries", "4"),
            ("list-max-listpack-size", "3"),
            ("stream-node-max-entries", "3"),
        ]);
    }
    if rng.bool() {
        options.push(("hll-sparse-max-bytes", "60"));
    }
    options
}
