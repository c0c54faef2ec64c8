//! Strings as arrays of bits: SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD BITFIELD_RO.
//!
//! The operations on bytes are in `store::types::bits`; strings are changed in place. A string is
//! at most as long as a request may carry: `proto-max-bulk-len`, which is checked on offsets.

use std::borrow::Cow;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::{KeyCtx, built_value};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::{Key, Slot};
use crate::store::types::bits::{self, BitOp, FieldType, Overflow, Unit};
use crate::store::value::{Kind, ValueRef};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("bitcount", -2, READ, BITMAP, RO_ACCESS_1, bitcount, &docs::bitmap::BITCOUNT),
    key("bitfield", -2, WRITE.or(DENYOOM), BITMAP, BITFIELD_KEYS,
        bitfield, &docs::bitmap::BITFIELD),
    key("bitfield_ro", -2, READ.or(FAST), BITMAP, RO_ACCESS_1,
        bitfield_ro, &docs::bitmap::BITFIELD_RO),
    key("bitop", -4, WRITE.or(DENYOOM), BITMAP, BITOP_KEYS, bitop, &docs::bitmap::BITOP),
    key("bitpos", -3, READ, BITMAP, RO_ACCESS_1, bitpos, &docs::bitmap::BITPOS),
    key("getbit", 3, READ.or(FAST), BITMAP, RO_ACCESS_1, getbit, &docs::bitmap::GETBIT),
    key("setbit", 4, WRITE.or(DENYOOM), BITMAP, RW_ACCESS_UPDATE_1,
        setbit, &docs::bitmap::SETBIT),
];

const INVALID_OFFSET: CommandError =
    CommandError::fixed("ERR bit offset is not an integer or out of range");
const INVALID_BIT: CommandError = CommandError::fixed("ERR bit is not an integer or out of range");
const INVALID_TYPE: CommandError = CommandError::fixed(
    "ERR Invalid bitfield type. Use something like i16 u8. \
     Note that u64 is not supported but i64 is.",
);

/// SETBIT key offset value. A bit that is as it should be already changes nothing.
pub fn setbit(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let offset = parse_offset(ctx, args.at(2))?;
    let on = match parse_i64(args.at(3)) {
        Some(bit @ (0 | 1)) => bit == 1,
        _ => return Err(INVALID_BIT),
    };
    let key = ctx.key(args.at(1));
    let found = ctx.write_kind(&key, Kind::String)?;
    let needed = bits::bytes_for(offset);
    let old = match found {
        None => {
            let mut string = vec![0; needed];
            bits::set_bit(&mut string, offset, on);
            ctx.insert(&key, built_value(&mut string));
            false
        }
        Some(slot) => {
            let mut buffer = itoa::Buffer::new();
            let string = text(ctx.db.value(slot), &mut buffer);
            let old = bits::bit(string, offset);
            if old == on && string.len() >= needed {
                ctx.reply.int(old.into());
                return Ok(());
            }
            ctx.edit(slot, needed, |bytes| bits::set_bit(bytes, offset, on));
            old
        }
    };
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, "setbit", key.bytes);
    ctx.reply.int(old.into());
    Ok(())
}

/// GETBIT key offset
pub fn getbit(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let offset = parse_offset(ctx, args.at(2))?;
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::String)?;
    let mut buffer = itoa::Buffer::new();
    let bit = found.is_some_and(|slot| bits::bit(text(ctx.db.value(slot), &mut buffer), offset));
    ctx.reply.int(bit.into());
    Ok(())
}

/// BITCOUNT key [start [end [BYTE|BIT]]]
pub fn bitcount(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let range = BitRange::parse(args, 2)?;
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::String)?;
    let mut buffer = itoa::Buffer::new();
    let count = found.map_or(0, |slot| {
        let string = text(ctx.db.value(slot), &mut buffer);
        bits::count_range(string, range.start, range.end, range.unit)
    });
    ctx.reply.int(count as i64);
    Ok(())
}

/// BITPOS key bit [start [end [BYTE|BIT]]]
pub fn bitpos(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let wanted = match parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)? {
        bit @ (0 | 1) => bit == 1,
        _ => {
            return Err(CommandError::fixed("ERR The bit argument must be 1 or 0."));
        }
    };
    let range = BitRange::parse(args, 3)?;
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::String)?;
    let mut buffer = itoa::Buffer::new();
    let position = match found {
        // What is not there is all zeros.
        None => -i64::from(wanted),
        Some(slot) => {
            let string = text(ctx.db.value(slot), &mut buffer);
            bits::position(string, wanted, range.start, range.end, range.unit)
        }
    };
    ctx.reply.int(position);
    Ok(())
}

/// BITOP AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE destkey key [key ...]
pub fn bitop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let op = BitOp::from_name(args.at(1)).ok_or(CommandError::SYNTAX)?;
    let sources = args.rest(3);
    if op == BitOp::Not && sources.len() != 1 {
        return Err(CommandError::fixed(
            "ERR BITOP NOT must be called with a single source key.",
        ));
    }
    if op.needs_two() && sources.len() < 2 {
        let name = String::from_utf8_lossy(args.at(1)).to_ascii_uppercase();
        return Err(CommandError::new(format!(
            "ERR BITOP {name} must be called with at least two source keys."
        )));
    }
    let keys: Vec<Key<'_>> = sources.iter().map(|bytes| ctx.key(bytes)).collect();
    for key in &keys {
        ctx.read_kind(key, Kind::String)?;
    }
    let result = {
        // Reading one key may have removed, and so moved, others: they are found again.
        let db = &*ctx.db;
        let strings: Vec<Cow<'_, [u8]>> = keys
            .iter()
            .map(|key| match db.find(key).map(|slot| db.value(slot)) {
                Some(ValueRef::Int(n)) => Cow::Owned(itoa::Buffer::new().format(n).into()),
                Some(ValueRef::Str(bytes)) => Cow::Borrowed(bytes),
                Some(ValueRef::Large(bytes)) => Cow::Borrowed(&bytes[..]),
                _ => Cow::Borrowed(&[][..]),
            })
            .collect();
        let strings: Vec<&[u8]> = strings.iter().map(|string| &**string).collect();
        bits::combine(op, &strings)
    };
    let len = result.len();
    store_result(ctx, args.at(2), result);
    ctx.reply.int(len as i64);
    Ok(())
}

/// BITFIELD key [GET type offset] [OVERFLOW WRAP|SAT|FAIL] [SET type offset value]
/// [INCRBY type offset increment] ...
pub fn bitfield(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let steps = parse_steps(ctx, args)?;
    let needed = steps.iter().filter(|step| step.writes()).map(Step::end);
    match needed.max() {
        None => read_fields(ctx, args.at(1), &steps),
        Some(needed) => write_fields(ctx, args.at(1), &steps, needed),
    }
}

/// BITFIELD_RO key [GET type offset] ...
pub fn bitfield_ro(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let steps = parse_steps(ctx, args)?;
    if steps.iter().any(Step::writes) {
        return Err(CommandError::fixed(
            "ERR BITFIELD_RO only supports the GET subcommand",
        ));
    }
    read_fields(ctx, args.at(1), &steps)
}

/// The bytes of a string, an integer's written into the buffer.
#[inline]
fn text<'b, 'a: 'b>(value: ValueRef<'a>, buffer: &'b mut itoa::Buffer) -> &'b [u8] {
    value.string(buffer).unwrap_or_default()
}

fn parse_offset(ctx: &KeyCtx<'_>, argument: &[u8]) -> Result<u64, CommandError> {
    parse_i64(argument)
        .and_then(|offset| u64::try_from(offset).ok())
        .filter(|offset| offset >> 3 < ctx.config.proto_max_bulk_len)
        .ok_or(INVALID_OFFSET)
}

/// What is counted or searched, as the client gave it.
struct BitRange {
    start: i64,
    end: Option<i64>,
    unit: Unit,
}

impl BitRange {
    /// Reads `[start [end [BYTE|BIT]]]` from argument `at` on; without it, all there is.
    fn parse(args: Args<'_>, at: usize) -> Result<BitRange, CommandError> {
        if args.len() > at + 3 {
            return Err(CommandError::SYNTAX);
        }
        let int = |at: usize| {
            args.get(at)
                .map(|argument| parse_i64(argument).ok_or(CommandError::NOT_INTEGER))
                .transpose()
        };
        let start = int(at)?;
        let unit = match args.get(at + 2) {
            None => Unit::Byte,
            Some(unit) if unit.eq_ignore_ascii_case(b"byte") => Unit::Byte,
            Some(unit) if unit.eq_ignore_ascii_case(b"bit") => Unit::Bit,
            Some(_) => return Err(CommandError::SYNTAX),
        };
        Ok(BitRange {
            start: start.unwrap_or(0),
            end: int(at + 1)?,
            unit,
        })
    }
}

/// Stores what BITOP came to; nothing at all removes the key.
fn store_result(ctx: &mut KeyCtx<'_>, key: &[u8], mut result: Vec<u8>) {
    let key = ctx.key(key);
    let found = ctx.write(&key);
    match found {
        None if result.is_empty() => return,
        Some(slot) if result.is_empty() => {
            ctx.delete(slot);
            ctx.notify(EventClass::GENERIC, "del", key.bytes);
        }
        _ => {
            ctx.set(&key, found, built_value(&mut result), false);
            ctx.notify(EventClass::STRING, "set", key.bytes);
        }
    }
    ctx.modified(key.bytes);
}

/// One subcommand of BITFIELD.
struct Step {
    field: FieldType,
    offset: u64,
    action: Action,
}

enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

impl Step {
    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    /// How long a string must be to hold the field.
    fn end(&self) -> usize {
        bits::bytes_for(self.offset + self.field.bits() - 1)
    }

    /// Reads and perhaps writes the field; the answer, if it is not that the value does not fit.
    fn run(&self, bytes: &mut [u8]) -> Option<i64> {
        let old = self.field.read(bytes, self.offset);
        let (new, answer) = match self.action {
            Action::Get => return Some(old),
            Action::Set(value, overflow) => (self.field.fit(value, overflow)?, old),
            Action::Add(by, overflow) => {
                let sum = self.field.add(old, by, overflow)?;
                (sum, sum)
            }
        };
        if new != old {
            self.field.write(bytes, self.offset, new);
        }
        Some(answer)
    }
}

fn parse_steps(ctx: &KeyCtx<'_>, args: Args<'_>) -> Result<Vec<Step>, CommandError> {
    let (mut steps, mut overflow) = (Vec::new(), Overflow::Wrap);
    let mut i = 2;
    while i < args.len() {
        let left = args.len() - i - 1;
        let words = match args.at(i).to_ascii_lowercase().as_slice() {
            b"get" if left >= 2 => 2,
            b"set" | b"incrby" if left >= 3 => 3,
            b"overflow" if left >= 1 => {
                overflow = Overflow::from_name(args.at(i + 1))
                    .ok_or(CommandError::fixed("ERR Invalid OVERFLOW type specified"))?;
                i += 2;
                continue;
            }
            _ => return Err(CommandError::SYNTAX),
        };
        let field = FieldType::parse(args.at(i + 1)).ok_or(INVALID_TYPE)?;
        let offset = parse_field_offset(ctx, args.at(i + 2), field)?;
        let value = || parse_i64(args.at(i + 3)).ok_or(CommandError::NOT_INTEGER);
        let action = match args.at(i)[0].to_ascii_lowercase() {
            b'g' => Action::Get,
            b's' => Action::Set(value()?, overflow),
            _ => Action::Add(value()?, overflow),
        };
        steps.push(Step {
            field,
            offset,
            action,
        });
        i += 1 + words;
    }
    Ok(steps)
}

/// An offset in bits, or behind a `#` in fields of this type.
fn parse_field_offset(
    ctx: &KeyCtx<'_>,
    argument: &[u8],
    field: FieldType,
) -> Result<u64, CommandError> {
    let Some(number) = argument.strip_prefix(b"#") else {
        return parse_offset(ctx, argument);
    };
    parse_i64(number)
        .and_then(|number| u64::try_from(number).ok()?.checked_mul(field.bits()))
        .filter(|offset| offset >> 3 < ctx.config.proto_max_bulk_len)
        .ok_or(INVALID_OFFSET)
}

fn read_fields(ctx: &mut KeyCtx<'_>, key: &[u8], steps: &[Step]) -> CommandResult {
    let key = ctx.key(key);
    let found = ctx.read_kind(&key, Kind::String)?;
    let mut buffer = itoa::Buffer::new();
    let string = match found {
        Some(slot) => text(ctx.db.value(slot), &mut buffer),
        None => &[],
    };
    ctx.reply.array(steps.len());
    for step in steps {
        ctx.reply.int(step.field.read(string, step.offset));
    }
    Ok(())
}

fn write_fields(ctx: &mut KeyCtx<'_>, key: &[u8], steps: &[Step], needed: usize) -> CommandResult {
    let key = ctx.key(key);
    let found = ctx.write_kind(&key, Kind::String)?;
    let run = |bytes: &mut [u8]| {
        let before = Changes::default();
        steps
            .iter()
            .fold(before, |changes, step| changes.run(step, bytes))
    };
    let (changes, grew) = match found {
        Some(slot) => {
            let grew = string_len(ctx, slot) < needed;
            (ctx.edit(slot, needed, run).unwrap_or_default(), grew)
        }
        None => {
            let mut string = vec![0; needed];
            let changes = run(&mut string);
            ctx.insert(&key, built_value(&mut string));
            (changes, true)
        }
    };
    if changes.any || grew {
        ctx.modified(key.bytes);
        ctx.notify(EventClass::STRING, "setbit", key.bytes);
    }
    ctx.reply.array(changes.answers.len());
    for answer in changes.answers {
        match answer {
            Some(value) => ctx.reply.int(value),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

fn string_len(ctx: &KeyCtx<'_>, slot: Slot) -> usize {
    ctx.db.value(slot).string_len().unwrap_or(0)
}

/// What the subcommands answered, and whether one of them changed something.
#[derive(Default)]
struct Changes {
    answers: Vec<Option<i64>>,
    any: bool,
}

impl Changes {
    fn run(mut self, step: &Step, bytes: &mut [u8]) -> Changes {
        let before = step.field.read(bytes, step.offset);
        self.answers.push(step.run(bytes));
        self.any |= step.field.read(bytes, step.offset) != before;
        self
    }
}
