//! The whole of a stream, and what of it is left after a replay.

use super::groups::maybe_int;
use super::{Group, Id, Pending, Stream, entry_value, id_text, id_value};
use crate::harness::{Client, Value};
use crate::sim::model::{Data, Model};
use crate::words;

/// What the whole check compares of XINFO STREAM FULL. Left out are how entries are kept, and when
/// consumers were seen and active: that is not kept over a replay of commands, which do not tell
/// it.
const OF_STREAM: [&str; 6] = [
    "length",
    "last-generated-id",
    "max-deleted-entry-id",
    "entries-added",
    "recorded-first-entry-id",
    "entries",
];
const OF_GROUP: [&str; 6] = [
    "name",
    "last-delivered-id",
    "entries-read",
    "lag",
    "pel-count",
    "pending",
];
const OF_CONSUMER: [&str; 3] = ["name", "pel-count", "pending"];

fn fields(got: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| got.field(name).clone()).collect()
}

impl Stream {
    /// Whether a reply of XINFO STREAM FULL COUNT 0 tells of this stream.
    pub fn is_told_by(&self, got: &Value) -> bool {
        let Value::Array(_) = got else {
            return false;
        };
        let group = |got: &Value| {
            let consumers = got.field("consumers").items().iter();
            let consumers = consumers.map(|got| Value::Array(fields(got, &OF_CONSUMER)));
            let mut told = fields(got, &OF_GROUP);
            told.push(Value::Array(consumers.collect()));
            Value::Array(told)
        };
        let mut told = fields(got, &OF_STREAM);
        told.extend(got.field("groups").items().iter().map(group));
        told == self.whole()
    }

    fn whole(&self) -> Vec<Value> {
        let entries = self.entries.iter().map(|(id, f)| entry_value(*id, f));
        let mut whole = vec![
            Value::Int(self.entries.len() as i64),
            id_value(self.last),
            id_value(self.max_deleted),
            Value::Int(self.added as i64),
            id_value(self.first()),
            Value::Array(entries.collect()),
        ];
        let groups = self.groups.iter();
        whole.extend(groups.map(|(name, group)| self.whole_group(name, group)));
        whole
    }

    fn whole_group(&self, name: &[u8], group: &Group) -> Value {
        let delivery = |pending: &Pending| [Value::Int(pending.time), Value::Int(pending.count)];
        let pending = group.pending.iter().map(|(id, pending)| {
            let owner = vec![id_value(*id), Value::Bulk(pending.consumer.clone())];
            Value::Array([owner, delivery(pending).to_vec()].concat())
        });
        let consumers = group.consumers.iter().map(|name| {
            let own = group.of(name).map(|(id, pending)| {
                Value::Array([vec![id_value(*id)], delivery(pending).to_vec()].concat())
            });
            let own: Vec<Value> = own.collect();
            Value::Array(vec![
                Value::Bulk(name.clone()),
                Value::Int(own.len() as i64),
                Value::Array(own),
            ])
        });
        Value::Array(vec![
            Value::Bulk(name.to_vec()),
            id_value(group.last),
            maybe_int(group.read.map(|read| read as i64)),
            maybe_int(self.lag(group)),
            Value::Int(group.pending.len() as i64),
            Value::Array(pending.collect()),
            Value::Array(consumers.collect()),
        ])
    }
}

/// After a replay: a base of commands cannot say that a message is pending which was not in its
/// stream any more. What is left of those only the server knows.
pub fn settle(model: &mut Model, client: &Client) {
    for db in 0..model.dbs.len() {
        client.cmd(&format!("SELECT {db}"));
        for (key, entry) in &mut model.dbs[db] {
            let Data::Stream(stream) = &mut entry.data else {
                continue;
            };
            for (name, group) in &mut stream.groups {
                let is_told = |id: &Id| {
                    let id = id_text(*id);
                    let words = words!["XPENDING", key, name, id, id, "1"];
                    matches!(client.cmd_words(&words), Value::Array(rows) if !rows.is_empty())
                };
                group
                    .pending
                    .retain(|id, pending| !pending.is_orphan || is_told(id));
            }
        }
    }
}
