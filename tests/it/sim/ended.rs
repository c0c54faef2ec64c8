//! Keys and fields whose time has come, of which only the server knows whether they are there yet.

use super::compare::bytes_of;
use super::model::Model;
use super::world::SNAPSHOT_TURNS_MAX;
use crate::harness::{Client, Kvd, request};

/// After the clock was set back: keys whose time had come may be there again.
pub fn revive(model: &mut Model, client: &Client) {
    for db in 0..model.dbs.len() {
        client.cmd(&format!("SELECT {db}"));
        let again: Vec<Vec<u8>> = model.limbo[db]
            .iter()
            .filter(|(_, entry)| entry.expire_at.is_some_and(|at| at > model.now_ms))
            .map(|(key, _)| key.clone())
            .collect();
        for key in again {
            if client.cmd_words(&[&b"EXISTS"[..], key.as_slice()]).int() == 1 {
                model.revive(db, &key);
            } else {
                model.limbo[db].remove(&key);
            }
        }
    }
    let now_ms = model.now_ms;
    for (db, key, fields) in model.with_ended_fields() {
        client.cmd(&format!("SELECT {db}"));
        let ended = std::mem::take(&mut fields.ended);
        for (name, field) in ended {
            if field.expire_at.is_none_or(|at| at <= now_ms) {
                fields.ended.insert(name, field);
            } else if client.cmd_words(&[&b"HEXISTS"[..], key, &name]).int() == 1 {
                fields.live.insert(name, field);
            }
        }
    }
    model.end_fields();
}

/// Has a server remove the fields of a hash that have ended: by a command that changes nothing
/// else, and as it may leave some, several times. Time passes if a snapshot has it wait.
pub fn remove_ended(kvd: &Kvd, client: &Client, key: &[u8]) {
    client.send_raw(&request(&[&b"HDEL"[..], key, b"no such field"]).repeat(4));
    for _ in 0..SNAPSHOT_TURNS_MAX {
        if !client.is_postponed() {
            break;
        }
        kvd.advance_ms(1);
    }
}

/// Has a server remove all fields that have ended.
pub fn remove_all_ended(kvd: &Kvd, client: &Client, databases: usize) {
    for db in 0..databases {
        client.cmd(&format!("SELECT {db}"));
        for key in client.cmd("KEYS *").items() {
            remove_ended(kvd, client, &bytes_of(key));
        }
        client.take();
    }
}
