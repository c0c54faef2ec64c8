//! Reading a value of any type and encoding since Redis 1, from input that may come in pieces.
//!
//! Packed encodings are one string and are taken in whole; anything else comes element by element,
//! so that no more of the input is needed at a time than one element. What an element adds is what
//! the input held: counts are compared, never believed.

use bytes::Bytes;

use super::input::{Input, Text};
use super::packed::{ziplist, zipmap};
use super::stream_reader::StreamReader;
use super::{Family, NO_EXPIRY, NODE_PACKED, NODE_PLAIN, Read, Stop, kind};
use crate::config::Config;
use crate::resp::LARGE_BULK;
use crate::resp::number::{parse_f64, parse_i64};
use crate::store::hash::HashState;
use crate::store::types::hash::{FieldTtl, Hash, HashContext, HashLimits, NEVER_EXPIRED};
use crate::store::types::list::{End, List, ListLimits};
use crate::store::types::listpack::{Entry, IntBuf, Listpack, Malformed};
use crate::store::types::set::{Set, SetLimits};
use crate::store::types::zset::{ZSet, ZSetLimits};
use crate::store::value::Value;

/// What reading values needs to know.
#[derive(Clone, Copy, Debug)]
pub struct LoadContext<'a> {
    /// The process's hasher.
    pub hasher: &'a HashState,
    /// How long a list's nodes may be.
    pub lists: ListLimits,
    /// When sets are packed.
    pub sets: SetLimits,
    /// When hashes are packed.
    pub hashes: HashLimits,
    /// When sorted sets are packed.
    pub zsets: ZSetLimits,
    /// The time, in Unix milliseconds.
    pub now_ms: i64,
    /// Hash fields (and, in files, keys) whose time has come are left out. Replicas and the base
    /// of an append-only file keep them: what follows says when they go.
    pub drops_expired: bool,
}

impl<'a> LoadContext<'a> {
    /// As the configuration has it.
    pub fn new(
        config: &Config,
        hasher: &'a HashState,
        now_ms: i64,
        drops_expired: bool,
    ) -> LoadContext<'a> {
        LoadContext {
            hasher,
            lists: ListLimits {
                max_listpack_size: config.list_max_listpack_size,
                ..ListLimits::default()
            },
            sets: SetLimits {
                max_intset_entries: config.set_max_intset_entries as usize,
                max_listpack_entries: config.set_max_listpack_entries as usize,
                max_listpack_value: config.set_max_listpack_value as usize,
            },
            hashes: HashLimits {
                max_listpack_entries: config.hash_max_listpack_entries as usize,
                max_listpack_value: config.hash_max_listpack_value as usize,
            },
            zsets: ZSetLimits {
                max_listpack_entries: config.zset_max_listpack_entries as usize,
                max_listpack_value: config.zset_max_listpack_value as usize,
            },
            now_ms,
            drops_expired,
        }
    }

    /// For hashes while they are put together: nothing is hidden.
    fn hash(&self) -> HashContext<'a> {
        HashContext {
            state: self.hasher,
            limits: self.hashes,
            now_ms: NEVER_EXPIRED,
        }
    }
}

/// A value in the making. See the module's text.
#[derive(Debug)]
pub struct ValueReader(Part);

#[derive(Debug)]
enum Part {
    /// One string is to come.
    String,
    /// One string is to come, which is a whole collection.
    Packed(u8),
    /// As before, and in front of it a time that says nothing that the fields do not say.
    TimeAndPacked,
    /// A number of elements is to come, or (once it came) the elements.
    Elements(Option<u64>, Elements),
    Stream(Box<StreamReader>),
    Done(Option<Value>),
}

#[derive(Debug)]
enum Elements {
    List(List),
    Nodes(List, NodeForm),
    Set(Set),
    ZSet(ZSet, ScoreForm),
    Hash(Hash, Times),
}

#[derive(Clone, Copy, Debug)]
enum NodeForm {
    Ziplist,
    ListpackOrPlain,
}

#[derive(Clone, Copy, Debug)]
enum ScoreForm {
    Text,
    Binary,
}

/// How the times of fields are written, if they are.
#[derive(Clone, Copy, Debug)]
enum Times {
    None,
    /// Behind the value, in milliseconds; -1 for none.
    Behind,
    /// Before the name, in milliseconds; 0 for none.
    Before,
    /// Before the name, counted from the earliest, which is 1; 0 for none. The earliest comes
    /// before the number of fields.
    After(Option<i64>),
}

impl ValueReader {
    /// A reader of a value of type `number`.
    pub(super) fn new(number: u8, family: Family) -> Read<ValueReader> {
        let elements = |elements| Part::Elements(None, elements);
        let hash = |times| elements(Elements::Hash(Hash::new(), times));
        let zset = |form| elements(Elements::ZSet(ZSet::new(), form));
        let nodes = |form| elements(Elements::Nodes(List::new(), form));
        Ok(ValueReader(match number {
            kind::STRING => Part::String,
            kind::LIST => elements(Elements::List(List::new())),
            kind::SET => elements(Elements::Set(Set::new())),
            kind::ZSET => zset(ScoreForm::Text),
            kind::ZSET_2 => zset(ScoreForm::Binary),
            kind::HASH => hash(Times::None),
            kind::LIST_QUICKLIST => nodes(NodeForm::Ziplist),
            kind::LIST_QUICKLIST_2 => nodes(NodeForm::ListpackOrPlain),
            kind::HASH_ZIPMAP
            | kind::LIST_ZIPLIST
            | kind::SET_INTSET
            | kind::ZSET_ZIPLIST
            | kind::HASH_ZIPLIST
            | kind::HASH_LISTPACK
            | kind::ZSET_LISTPACK
            | kind::SET_LISTPACK => Part::Packed(number),
            kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => stream(number),
            // Nobody else gave these a meaning, and files of kvd may be in either numbering.
            kind::REDIS_STREAM_4 | kind::REDIS_STREAM_5 => stream(number),
            kind::VALKEY_HASH_2 if family == Family::Valkey => hash(Times::Behind),
            kind::REDIS_HASH_TIMES_PRE_GA if family == Family::Redis => hash(Times::Before),
            kind::REDIS_HASH_LISTPACK_TIMES_PRE_GA if family == Family::Redis => {
                Part::Packed(number)
            }
            kind::REDIS_HASH_TIMES if family == Family::Redis => hash(Times::After(None)),
            kind::REDIS_HASH_LISTPACK_TIMES if family == Family::Redis => Part::TimeAndPacked,
            _ => return Err(Stop::Bad(refusal(number, family))),
        }))
    }

    /// Takes in as much as there is. `Ok` when the value is complete; after [`Stop::More`] the
    /// input is behind the last whole element.
    pub(super) fn read(&mut self, input: &mut Input<'_>, cx: &LoadContext<'_>) -> Read<()> {
        loop {
            if let Part::Done(_) = self.0 {
                return Ok(());
            }
            let start = input.at;
            if let Err(stop) = self.part(input, cx) {
                input.at = start;
                return Err(stop);
            }
        }
    }

    /// The value, once it is complete; none if it is a collection without elements.
    pub fn finish(self) -> Option<Value> {
        match self.0 {
            Part::Done(value) => value,
            _ => None,
        }
    }

    fn part(&mut self, input: &mut Input<'_>, cx: &LoadContext<'_>) -> Read<()> {
        match &mut self.0 {
            Part::Done(_) => {}
            Part::String => self.0 = Part::Done(Some(string_value(input.string()?))),
            Part::Packed(number) => {
                let number = *number;
                let text = input.string()?;
                self.0 = Part::Done(packed(number, text.bytes(&mut IntBuf::new()), cx)?);
            }
            Part::TimeAndPacked => {
                input.fixed()?;
                self.0 = Part::Packed(kind::REDIS_HASH_LISTPACK_TIMES);
            }
            Part::Elements(left, elements) => match left {
                None => {
                    if let Elements::Hash(_, Times::After(earliest)) = elements {
                        *earliest = Some(input.fixed()?);
                    }
                    *left = Some(input.length()?);
                }
                Some(0) => self.0 = Part::Done(elements.finish(cx)),
                Some(left) => {
                    elements.read(input, cx)?;
                    *left -= 1;
                }
            },
            Part::Stream(reader) => {
                if let Some(stream) = reader.part(input, cx.now_ms)? {
                    self.0 = Part::Done(Some(Value::Stream(Box::new(stream))));
                }
            }
        }
        Ok(())
    }
}

impl Elements {
    /// Takes in one element.
    fn read(&mut self, input: &mut Input<'_>, cx: &LoadContext<'_>) -> Read<()> {
        let mut buffer = IntBuf::new();
        match self {
            Elements::List(list) => {
                let text = input.string()?;
                list.push(End::Tail, text.bytes(&mut buffer), cx.lists);
            }
            Elements::Nodes(list, NodeForm::Ziplist) => {
                let text = input.string()?;
                push_ziplist(list, text.bytes(&mut buffer), cx)?;
            }
            Elements::Nodes(list, NodeForm::ListpackOrPlain) => match input.length()? {
                NODE_PLAIN => match input.string()?.bytes(&mut buffer) {
                    [] => return Err(Stop::bad("Quicklist integrity check failed")),
                    text => list.append_plain(text),
                },
                NODE_PACKED => {
                    let text = input.string()?;
                    list.append_listpack(text.bytes(&mut buffer))
                        .map_err(|_| Stop::bad("Listpack integrity check failed"))?;
                }
                _ => return Err(Stop::bad("Quicklist integrity check failed")),
            },
            Elements::Set(set) => {
                let text = input.string()?;
                if !set.insert(text.bytes(&mut buffer), cx.hasher, cx.sets) {
                    return Err(Stop::bad("Duplicate set members detected"));
                }
            }
            Elements::ZSet(zset, form) => {
                let member = input.string()?;
                let score = match form {
                    ScoreForm::Binary => input.double()?,
                    ScoreForm::Text => text_score(input)?,
                };
                if score.is_nan() {
                    return Err(Stop::bad("Zset with NAN score detected"));
                }
                let member = member.bytes(&mut buffer);
                if zset.insert(member, score, cx.zsets, cx.hasher).is_some() {
                    return Err(Stop::bad("Duplicate zset fields detected"));
                }
            }
            Elements::Hash(hash, times) => read_field(hash, *times, input, cx)?,
        }
        Ok(())
    }

    fn finish(&mut self, cx: &LoadContext<'_>) -> Option<Value> {
        match self {
            Elements::List(list) => finished_list(list),
            Elements::Nodes(list, _) => {
                list.settle(cx.lists);
                finished_list(list)
            }
            Elements::Set(set) if set.is_empty() => None,
            Elements::Set(set) => Some(Value::Set(std::mem::take(set))),
            Elements::ZSet(zset, _) => finished_zset(std::mem::take(zset)),
            Elements::Hash(hash, _) => finished_hash(std::mem::take(hash)),
        }
    }
}

fn stream(number: u8) -> Part {
    Part::Stream(Box::new(StreamReader::new(number)))
}

/// Why a type is not read.
fn refusal(number: u8, family: Family) -> std::borrow::Cow<'static, str> {
    let what = match (number, family) {
        (kind::MODULE_PRE_GA | kind::MODULE_2, _) => "The value of a module",
        (kind::REDIS_ARRAY, Family::Redis) => "An array, a type of Redis 8.8,",
        (kind::REDIS_HASH_TEMPLATE_FIRST..=kind::REDIS_HASH_TEMPLATE_LAST, Family::Redis) => {
            "A hash with a template, an encoding of Redis 8.10,"
        }
        (kind::REDIS_GCRA, Family::Redis) => "A rate limiter, a type of Redis,",
        _ => return format!("Unknown RDB encoding type {number}").into(),
    };
    format!("{what} cannot be loaded (type {number})").into()
}

/// A string as it is stored.
pub(super) fn string_value(text: Text<'_>) -> Value {
    match text {
        Text::Int(number) => Value::Int(number),
        Text::Owned(bytes) if bytes.len() >= LARGE_BULK => {
            Value::Large(Box::new(Bytes::from(bytes)))
        }
        Text::Slice(bytes) if bytes.len() >= LARGE_BULK => {
            Value::Large(Box::new(Bytes::copy_from_slice(bytes)))
        }
        text => {
            let bytes = text.to_vec();
            match parse_i64(&bytes) {
                Some(number) => Value::Int(number),
                None => Value::Str(bytes.into()),
            }
        }
    }
}

/// A score as Redis before 3.2 wrote it.
fn text_score(input: &mut Input<'_>) -> Read<f64> {
    match input.byte()? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => {
            let text = input.take(usize::from(len))?;
            // Old servers may have written what underflows, and blanks in front.
            let text = text.trim_ascii();
            let score = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
            score.ok_or(Stop::bad("A score is no number"))
        }
    }
}

fn read_field(
    hash: &mut Hash,
    times: Times,
    input: &mut Input<'_>,
    cx: &LoadContext<'_>,
) -> Read<()> {
    let before = match times {
        Times::Before | Times::After(_) => input.length()?,
        Times::None | Times::Behind => 0,
    };
    let (name, value) = (input.string()?, input.string()?);
    let expire_at = match times {
        Times::None => None,
        Times::Before => time(before)?,
        Times::After(_) if before == 0 => None,
        Times::After(earliest) => {
            let after = i64::try_from(before - 1).ok();
            let at = after.and_then(|after| earliest?.checked_add(after));
            time(at.and_then(|at| u64::try_from(at).ok()).unwrap_or(u64::MAX))?
        }
        Times::Behind => match input.fixed()? {
            NO_EXPIRY => None,
            at if at < NO_EXPIRY => return Err(Stop::bad("A field expires before all time")),
            at => Some(at),
        },
    };
    let (mut one, mut two) = (IntBuf::new(), IntBuf::new());
    add_field(
        hash,
        name.bytes(&mut one),
        value.bytes(&mut two),
        expire_at,
        cx,
    )
}

/// A time in milliseconds, 0 for none.
fn time(at: u64) -> Read<Option<i64>> {
    let at = i64::try_from(at).map_err(|_| Stop::bad("A field's time is out of range"))?;
    Ok((at != 0).then_some(at))
}

fn add_field(
    hash: &mut Hash,
    name: &[u8],
    value: &[u8],
    expire_at: Option<i64>,
    cx: &LoadContext<'_>,
) -> Read<()> {
    if cx.drops_expired && expire_at.is_some_and(|at| at <= cx.now_ms) {
        return Ok(());
    }
    if !hash.set(name, value, FieldTtl::Clear, cx.hash()) {
        return Err(Stop::bad("Duplicate hash fields detected"));
    }
    if let Some(at) = expire_at {
        hash.expire_field(name, at, cx.hash());
    }
    Ok(())
}

/// The collection that a string is; none if it is empty.
fn packed(number: u8, bytes: &[u8], cx: &LoadContext<'_>) -> Read<Option<Value>> {
    let bad = |text| move |_: Malformed| Stop::bad(text);
    match number {
        kind::LIST_ZIPLIST => {
            let mut list = List::new();
            push_ziplist(&mut list, bytes, cx)?;
            Ok(finished_list(&mut list))
        }
        kind::SET_INTSET | kind::SET_LISTPACK => {
            let set = if number == kind::SET_INTSET {
                Set::from_intset(bytes, cx.hasher, cx.sets)
                    .map_err(bad("Intset integrity check failed"))?
            } else {
                Set::from_listpack(bytes, cx.hasher, cx.sets)
                    .map_err(bad("Set listpack integrity check failed"))?
            };
            Ok((!set.is_empty()).then_some(Value::Set(set)))
        }
        kind::ZSET_LISTPACK => ZSet::from_listpack(bytes, cx.zsets, cx.hasher)
            .map(finished_zset)
            .map_err(bad("Zset listpack integrity check failed")),
        kind::ZSET_ZIPLIST => zset_ziplist(bytes, cx)
            .map(finished_zset)
            .map_err(bad("Zset ziplist integrity check failed")),
        kind::HASH_LISTPACK => Hash::from_listpack(bytes, cx.hash())
            .map(finished_hash)
            .map_err(bad("Hash listpack integrity check failed")),
        kind::HASH_ZIPLIST => {
            let entries = ziplist(bytes).map_err(bad("Hash ziplist integrity check failed"))?;
            fields(entries.chunks(2).map(<[_]>::to_vec), cx)
        }
        kind::HASH_ZIPMAP => {
            let pairs = zipmap(bytes).map_err(bad("Zipmap integrity check failed"))?;
            let pairs = pairs.into_iter();
            fields(pairs.map(|(f, v)| vec![Entry::Str(f), Entry::Str(v)]), cx)
        }
        _ => {
            let pack =
                Listpack::from_bytes(bytes).map_err(bad("Hash listpack integrity check failed"))?;
            let entries: Vec<_> = pack.iter().collect();
            fields(entries.chunks(3).map(<[_]>::to_vec), cx)
        }
    }
}

/// A hash of names, values and (where there are three) times of 0 or more.
fn fields<'e>(
    fields: impl Iterator<Item = Vec<Entry<'e>>>,
    cx: &LoadContext<'_>,
) -> Read<Option<Value>> {
    let mut hash = Hash::new();
    let (mut one, mut two) = (IntBuf::new(), IntBuf::new());
    for field in fields {
        let (name, value, at) = match *field {
            [name, value] => (name, value, 0),
            [name, value, Entry::Int(at @ 0..)] => (name, value, at as u64),
            _ => return Err(Stop::bad("Hash integrity check failed")),
        };
        let (name, value) = (name.bytes(&mut one), value.bytes(&mut two));
        add_field(&mut hash, name, value, time(at)?, cx)?;
    }
    Ok(finished_hash(hash))
}

fn push_ziplist(list: &mut List, bytes: &[u8], cx: &LoadContext<'_>) -> Read<()> {
    let entries = ziplist(bytes).map_err(|_| Stop::bad("List ziplist integrity check failed"))?;
    let mut buffer = IntBuf::new();
    for entry in entries {
        list.push(End::Tail, entry.bytes(&mut buffer), cx.lists);
    }
    Ok(())
}

fn zset_ziplist(bytes: &[u8], cx: &LoadContext<'_>) -> Result<ZSet, Malformed> {
    let entries = ziplist(bytes)?;
    let mut zset = ZSet::new();
    let (mut one, mut two) = (IntBuf::new(), IntBuf::new());
    for pair in entries.chunks(2) {
        let [member, score] = pair else {
            return Err(Malformed);
        };
        let score = parse_f64(score.bytes(&mut two)).ok_or(Malformed)?;
        let member = member.bytes(&mut one);
        if zset.insert(member, score, cx.zsets, cx.hasher).is_some() {
            return Err(Malformed);
        }
    }
    Ok(zset)
}

fn finished_list(list: &mut List) -> Option<Value> {
    (!list.is_empty()).then(|| Value::List(std::mem::take(list)))
}

fn finished_zset(zset: ZSet) -> Option<Value> {
    (!zset.is_empty()).then(|| Value::ZSet(zset))
}

fn finished_hash(hash: Hash) -> Option<Value> {
    (!hash.is_empty()).then_some(Value::Hash(hash))
}
