//! HyperLogLog: PFADD PFCOUNT PFMERGE PFDEBUG PFSELFTEST.
//!
//! The strings are those of Redis, see `store::types::hyperloglog`. Any of them may have been
//! written by a client: each is checked before it is used. A dense one is changed in place; a
//! sparse one, which is short, is changed as a copy.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::store::db::{Key, Slot};
use crate::store::types::hyperloglog::{self as hll, HllError, Registers};
use crate::store::value::{NewValue, ValueRef};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("pfadd", -2, WRITE.or(DENYOOM).or(FAST), HYPERLOGLOG, RW_INSERT_1,
        pfadd, &docs::hyperloglog::PFADD),
    key("pfcount", -2, READ.or(MAY_REPLICATE), HYPERLOGLOG, PFCOUNT_KEYS,
        pfcount, &docs::hyperloglog::PFCOUNT),
    key("pfdebug", 3, WRITE.or(DENYOOM).or(ADMIN), HYPERLOGLOG, RW_ACCESS_2,
        pfdebug, &docs::hyperloglog::PFDEBUG),
    key("pfmerge", -2, WRITE.or(DENYOOM), HYPERLOGLOG, PFMERGE_KEYS,
        pfmerge, &docs::hyperloglog::PFMERGE),
    key("pfselftest", 1, ADMIN, HYPERLOGLOG, NO_KEYS,
        pfselftest, &docs::hyperloglog::PFSELFTEST),
];

impl From<HllError> for CommandError {
    fn from(error: HllError) -> CommandError {
        CommandError::fixed(match error {
            HllError::NotHll => "WRONGTYPE Key is not a valid HyperLogLog string value.",
            HllError::Corrupted => "INVALIDOBJ Corrupted HLL object detected",
        })
    }
}

/// PFADD key [element ...]
pub fn pfadd(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let elements = args.rest(2);
    let found = ctx.write(&key);
    let changed = match found {
        Some(slot) if !hll::is_sparse(checked(ctx, slot)?) => {
            let add_all = |bytes: &mut [u8]| {
                let each = elements.iter();
                each.fold(false, |any, element| hll::add_dense(bytes, element) | any)
            };
            ctx.edit(slot, 0, add_all).unwrap_or(false)
        }
        found => add_to_sparse(ctx, &key, found, elements)?,
    };
    if changed {
        ctx.modified(key.bytes);
        ctx.notify(EventClass::STRING, "pfadd", key.bytes);
    }
    ctx.reply.int(changed.into());
    Ok(())
}

/// PFCOUNT key [key ...]: of one key, or of the union of several.
pub fn pfcount(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 2 {
        let mut union = Registers::new();
        for bytes in args.iter_from(1) {
            let key = ctx.key(bytes);
            if let Some(slot) = ctx.read(&key) {
                union.merge(checked(ctx, slot)?)?;
            }
        }
        ctx.reply.int(union.count() as i64);
        return Ok(());
    }
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read(&key) else {
        ctx.reply.int(0);
        return Ok(());
    };
    let bytes = checked(ctx, slot)?;
    let count = match hll::cached_count(bytes) {
        Some(count) => count,
        None => {
            let count = hll::count(bytes)?;
            ctx.edit(slot, 0, |bytes| hll::cache_count(bytes, count));
            // The string is another one now, for who watches it and in the append-only file.
            ctx.modified(key.bytes);
            count
        }
    };
    ctx.reply.int(count as i64);
    Ok(())
}

/// PFMERGE destkey [sourcekey ...]: the union with what the destination has already.
pub fn pfmerge(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (mut union, mut dense) = (Registers::new(), false);
    for bytes in args.iter_from(1) {
        let key = ctx.key(bytes);
        if let Some(slot) = ctx.read(&key) {
            let bytes = checked(ctx, slot)?;
            dense |= !hll::is_sparse(bytes);
            union.merge(bytes)?;
        }
    }
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let mut bytes = match found {
        Some(slot) => checked(ctx, slot)?.to_vec(),
        None => hll::create(),
    };
    union.store(&mut bytes, dense, sparse_bytes_max(ctx))?;
    ctx.set(&key, found, NewValue::Raw(&bytes), true);
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, "pfadd", key.bytes);
    ctx.reply.ok();
    Ok(())
}

/// PFDEBUG GETREG|DECODE|ENCODING|TODENSE key; PFDEBUG SIMD ON|OFF, which changes nothing.
pub fn pfdebug(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let name = args.at(1).to_ascii_lowercase();
    if name == b"simd" {
        return simd(ctx, args.at(2));
    }
    let key = ctx.key(args.at(2));
    let slot = ctx
        .write(&key)
        .ok_or(CommandError::fixed("ERR The specified key does not exist"))?;
    let bytes = checked(ctx, slot)?;
    match name.as_slice() {
        b"getreg" => {
            make_dense(ctx, &key, slot)?;
            let mut registers = Registers::new();
            registers.merge(checked(ctx, slot)?)?;
            ctx.reply.array(registers.values().len());
            for value in registers.values() {
                ctx.reply.int(i64::from(*value));
            }
        }
        b"decode" if !hll::is_sparse(bytes) => {
            return Err(CommandError::fixed("ERR HLL encoding is not sparse"));
        }
        b"decode" => {
            let text = hll::decode(bytes);
            ctx.reply.bulk(text.as_bytes());
        }
        b"encoding" => {
            let name = if hll::is_sparse(bytes) {
                "sparse"
            } else {
                "dense"
            };
            ctx.reply.simple(name);
        }
        b"todense" => {
            let converted = make_dense(ctx, &key, slot)?;
            ctx.reply.int(converted.into());
        }
        _ => {
            let name = String::from_utf8_lossy(args.at(1));
            return Err(CommandError::new(format!(
                "ERR Unknown PFDEBUG subcommand '{name}'"
            )));
        }
    }
    Ok(())
}

/// PFSELFTEST
pub fn pfselftest(ctx: &mut KeyCtx<'_>, _args: Args<'_>) -> CommandResult {
    let max = sparse_bytes_max(ctx);
    hll::self_test(ctx.rng, max).map_err(CommandError::new)?;
    ctx.reply.ok();
    Ok(())
}

/// The bytes of a HyperLogLog.
fn checked<'a>(ctx: &'a KeyCtx<'_>, slot: Slot) -> Result<&'a [u8], CommandError> {
    let bytes = match ctx.db.value(slot) {
        ValueRef::Str(bytes) => bytes,
        ValueRef::Large(bytes) => bytes,
        ValueRef::Int(_) => return Err(HllError::NotHll.into()),
        _ => return Err(CommandError::WRONG_TYPE),
    };
    hll::check(bytes)?;
    Ok(bytes)
}

/// Adds elements to a sparse HyperLogLog or to a new one; whether that changed anything.
fn add_to_sparse(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    found: Option<Slot>,
    elements: Args<'_>,
) -> Result<bool, CommandError> {
    let mut bytes = match found {
        Some(slot) => checked(ctx, slot)?.to_vec(),
        None => hll::create(),
    };
    let (max, mut changed) = (sparse_bytes_max(ctx), found.is_none());
    for element in elements {
        changed |= hll::add(&mut bytes, element, max)?;
    }
    if changed {
        ctx.set(key, found, NewValue::Raw(&bytes), true);
    }
    Ok(changed)
}

/// Makes a HyperLogLog dense; whether it was sparse.
fn make_dense(ctx: &mut KeyCtx<'_>, key: &Key<'_>, slot: Slot) -> Result<bool, CommandError> {
    let mut bytes = checked(ctx, slot)?.to_vec();
    let converted = hll::to_dense(&mut bytes)?;
    if converted {
        ctx.set(key, Some(slot), NewValue::Raw(&bytes), true);
        ctx.modified(key.bytes);
    }
    Ok(converted)
}

fn simd(ctx: &mut KeyCtx<'_>, argument: &[u8]) -> CommandResult {
    if argument.eq_ignore_ascii_case(b"on") {
        ctx.reply.simple("enabled");
    } else if argument.eq_ignore_ascii_case(b"off") {
        ctx.reply.simple("disabled");
    } else {
        return Err(CommandError::fixed("ERR Argument must be ON or OFF"));
    }
    Ok(())
}

fn sparse_bytes_max(ctx: &KeyCtx<'_>) -> usize {
    usize::try_from(ctx.config.hll_sparse_max_bytes).unwrap_or(usize::MAX)
}
