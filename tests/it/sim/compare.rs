//! All data of a server beside that of a model.

use std::collections::BTreeSet;

use super::model::{Data, Entry, Model, Words};
use super::trace::show;
use super::want::{Want, int, simple};
use crate::harness::{Client, Value, request};
use crate::words;

/// Where the data of a server is not what a model says.
pub fn difference(model: &Model, client: &Client) -> Option<String> {
    for db in 0..model.dbs.len() {
        client.cmd(&format!("SELECT {db}"));
        let keys = client.cmd("KEYS *").items().iter().map(bytes_of).collect();
        let (got, wanted): (BTreeSet<_>, BTreeSet<_>) =
            (keys, model.dbs[db].keys().cloned().collect());
        if got != wanted {
            let list = |keys: &BTreeSet<Vec<u8>>, others: &BTreeSet<Vec<u8>>| -> Vec<String> {
                keys.difference(others).map(|key| show(key)).collect()
            };
            let (more, less) = (list(&got, &wanted), list(&wanted, &got));
            return Some(format!(
                "database {db} has the keys {more:?}, and lacks {less:?}"
            ));
        }
        let what = different_value(model, client, db);
        if what.is_some() {
            return what;
        }
    }
    None
}

fn different_value(model: &Model, client: &Client, db: usize) -> Option<String> {
    let entries: Vec<_> = model.dbs[db].iter().collect();
    let mut input = Vec::new();
    let mut wants = Vec::new();
    for (key, entry) in &entries {
        for (words, want) in questions(key, entry, model.now_ms) {
            input.extend(request(&words));
            wants.push((key, entry, want));
        }
    }
    client.send_raw(&input);
    let replies = client.take();
    assert_eq!(replies.len(), wants.len());
    let mut pairs = wants.iter().zip(&replies);
    let differs = pairs.find(|((_, _, want), got)| !want.is_met(got, false));
    differs.map(|((key, entry, _), got)| format!("{}: {got:?}, not {entry:?}", show(key)))
}

/// All that is to be known of a key: what to ask, and what it must answer.
fn questions(key: &[u8], entry: &Entry, now_ms: i64) -> Vec<(Words, Want)> {
    let left = entry.expire_at.map_or(-1, |at| at - now_ms);
    let mut questions = vec![
        (words!["TYPE", key], simple(entry.data.kind())),
        (words!["PTTL", key], int(left)),
        (read_all(&entry.data, key), whole(&entry.data)),
    ];
    if let Data::Hash(fields) = &entry.data {
        questions.push(super::hash_times::read_ends(key, fields));
    }
    questions
}

/// The command that reads a whole value.
fn read_all(data: &Data, key: &[u8]) -> Vec<Vec<u8>> {
    match data {
        Data::String(_) | Data::Hll(_) => words!["GET", key],
        Data::Hash(_) => words!["HGETALL", key],
        Data::List(_) => words!["LRANGE", key, "0", "-1"],
        Data::Set(_) => words!["SMEMBERS", key],
        Data::ZSet(_) => words!["ZRANGE", key, "0", "-1", "WITHSCORES"],
        Data::Stream(_) => words!["XINFO", "STREAM", key, "FULL", "COUNT", "0"],
    }
}

/// What it must answer.
fn whole(data: &Data) -> Want {
    match data {
        Data::String(bytes) => Want::Is(Value::Bulk(bytes.clone())),
        Data::Hll(_) => Want::Reads(data.clone(), super::hyperloglogs::read),
        Data::Hash(fields) => super::hashes::all(fields),
        Data::List(items) => super::lists::all(items),
        Data::Set(members) => super::sets::all(members),
        Data::ZSet(members) => Want::Scored(super::zsets::ordered(members)),
        Data::Stream(stream) => Want::Stream(Box::new(stream.clone())),
    }
}

pub fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Bulk(bytes) => bytes.clone(),
        other => panic!("not a key: {other:?}"),
    }
}
