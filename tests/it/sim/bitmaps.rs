//! Bitmaps: strings of which each bit has a number, from the highest of the first byte on.

use super::generate::Gen;
use super::model::{Ctx, Data, Row, Words};
use super::strings::{number, text};
use super::want::{Want, error, int};
use crate::harness::Value;
use crate::words;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "setbit", weight: 6, make: |g| words![g.key('s'), offset(g), g.one(&["0", "1", "1"])], run: setbit },
    Row { name: "getbit", weight: 2, make: |g| words![g.key('s'), offset(g)], run: getbit },
    Row { name: "bitcount", weight: 3, make: make_bitcount, run: bitcount },
    Row { name: "bitpos", weight: 3, make: make_bitpos, run: bitpos },
    Row { name: "bitop", weight: 4, make: make_bitop, run: bitop },
    Row { name: "bitfield", weight: 6, make: make_bitfield, run: |c, a| bitfield(c, a, false) },
    Row { name: "bitfield_ro", weight: 2, make: make_bitfield_ro, run: |c, a| bitfield(c, a, true) },
];

const I64_MAX: i128 = i64::MAX as i128;
const SYNTAX: &str = "ERR syntax error";
const BAD_OFFSET: &str = "ERR bit offset is not an integer or out of range";
/// The first bit that a string of 512 MiB does not have.
const BITS_END: i64 = 4_294_967_296;

fn bit_at(bytes: &[u8], at: usize) -> bool {
    let byte = bytes.get(at / 8).copied().unwrap_or(0);
    byte >> (7 - at % 8) & 1 == 1
}

/// Sets a bit of a string that is long enough.
fn set_bit(bytes: &mut [u8], at: usize, on: bool) {
    let mask = 1 << (7 - at % 8);
    if on {
        bytes[at / 8] |= mask;
    } else {
        bytes[at / 8] &= !mask;
    }
}

/// Makes a string long enough for a bit.
fn grow(bytes: &mut Vec<u8>, last_bit: usize) {
    let len = last_bit / 8 + 1;
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
}

/// A place of a bit, mostly near the beginning.
fn offset(g: &mut Gen) -> String {
    match g.rng.u32(..60) {
        0 => "-1".into(),
        1 => BITS_END.to_string(),
        2 => "#1".into(),
        3 => g.rng.u32(..150_000).to_string(),
        4..10 => g.rng.u32(..1_200).to_string(),
        _ => g.rng.u32(..90).to_string(),
    }
}

fn parse_offset(word: &[u8]) -> Option<usize> {
    let n = number(word).filter(|n| (0..BITS_END).contains(n))?;
    usize::try_from(n).ok()
}

/// Stores what a string became, which keeps its end.
fn keep(ctx: &mut Ctx<'_>, key: &[u8], value: Vec<u8>) {
    let at = ctx.get(key).and_then(|entry| entry.expire_at);
    ctx.put(key, Data::String(value), at);
}

fn setbit(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let Some(at) = parse_offset(&args[1]) else {
        return error(BAD_OFFSET);
    };
    let old = match text(ctx, &args[0]) {
        Err(wrong) => return wrong,
        Ok(old) => old,
    };
    let mut value = old.clone().unwrap_or_default();
    grow(&mut value, at);
    let was = bit_at(&value, at);
    set_bit(&mut value, at, args[2] == b"1");
    // A bit that was what it is to be is no change.
    if old.as_ref() != Some(&value) {
        keep(ctx, &args[0], value);
    }
    int(i64::from(was))
}

fn getbit(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let Some(at) = parse_offset(&args[1]) else {
        return error(BAD_OFFSET);
    };
    text(ctx, &args[0]).map_or_else(
        |wrong| wrong,
        |value| int(i64::from(bit_at(&value.unwrap_or_default(), at))),
    )
}

fn bound(g: &mut Gen) -> String {
    match g.rng.u32(..12) {
        0 => i64::MIN.to_string(),
        1 => i64::MAX.to_string(),
        2 => g.rng.i64(-20_000..20_000).to_string(),
        _ => g.rng.i64(-40..40).to_string(),
    }
}

/// Nothing, a start, a range, or a range and its unit.
fn add_range(g: &mut Gen, words: &mut Words) {
    let count = g.rng.usize(..4);
    for _ in 0..count.min(2) {
        words.push(bound(g).into_bytes());
    }
    if count == 3 {
        words.push(g.one(&["BYTE", "bit", "BIT", "bits"]).into());
    }
}

fn make_bitcount(g: &mut Gen) -> Words {
    let mut words = words![g.key('s')];
    add_range(g, &mut words);
    words
}

fn make_bitpos(g: &mut Gen) -> Words {
    let mut words = words![g.key('s'), g.one(&["0", "1", "1", "0", "0", "1", "2"])];
    add_range(g, &mut words);
    words
}

/// How many bits the unit of a range has; `None` if it is no unit.
fn unit(range: &[Vec<u8>]) -> Option<usize> {
    match range
        .get(2)
        .map(|word| word.to_ascii_lowercase())
        .as_deref()
    {
        None | Some(b"byte") => Some(8),
        Some(b"bit") => Some(1),
        Some(_) => None,
    }
}

/// The bits of a string of `len` bits that a range names.
fn range_of(range: &[Vec<u8>], len: usize) -> std::ops::Range<usize> {
    let unit = unit(range).expect("a unit");
    let count = (len / unit) as i128;
    let place = |index: usize, absent: i128| {
        let n = range
            .get(index)
            .map_or(absent, |word| number(word).expect("a number").into());
        if n < 0 { (n + count).max(0) } else { n }
    };
    let (start, end) = (place(0, 0), place(1, -1).min(count - 1));
    if start > end {
        return 0..0;
    }
    start as usize * unit..(end as usize + 1) * unit
}

fn bitcount(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let range = &args[1..];
    if unit(range).is_none() {
        return error(SYNTAX);
    }
    let value = match text(ctx, &args[0]) {
        Err(wrong) => return wrong,
        Ok(value) => value.unwrap_or_default(),
    };
    // Two places counted from the end in the wrong order are nothing, even before the beginning.
    if let [start, end, ..] = range
        && number(start).max(number(end)) < Some(0)
        && number(start) > number(end)
    {
        return int(0);
    }
    let bits = range_of(range, value.len() * 8);
    int(bits.filter(|at| bit_at(&value, *at)).count())
}

fn bitpos(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let range = &args[2..];
    let wanted = match args[1].as_slice() {
        b"0" => false,
        b"1" => true,
        _ => return error("ERR The bit argument must be 1 or 0."),
    };
    if unit(range).is_none() {
        return error(SYNTAX);
    }
    let value = match text(ctx, &args[0]) {
        Err(wrong) => return wrong,
        Ok(None) => return int(if wanted { -1 } else { 0 }),
        Ok(Some(value)) => value,
    };
    let bits = range_of(range, value.len() * 8);
    if bits.is_empty() {
        return int(-1);
    }
    match bits.clone().find(|at| bit_at(&value, *at) == wanted) {
        Some(at) => int(at),
        // Behind a string whose end was not named come zeros.
        None if !wanted && range.len() < 2 => int(bits.end),
        None => int(-1),
    }
}

fn make_bitop(g: &mut Gen) -> Words {
    let operation = g.one(&[
        "AND", "or", "xor", "NOT", "diff", "DIFF1", "ANDOR", "one", "nor",
    ]);
    let mut words = words![operation, g.key('s')];
    if operation == "NOT" && !g.once_in(5) {
        words.push(g.key('s'));
    } else {
        words.extend(g.some(4, |g| g.key('s')));
    }
    words
}

/// A bit of the result, from those of the sources.
fn combined(operation: &[u8], bits: &[bool]) -> bool {
    let (first, others) = (bits[0], &bits[1..]);
    let any_other = others.contains(&true);
    match operation {
        b"and" => bits.iter().all(|bit| *bit),
        b"or" => first || any_other,
        b"xor" => bits.iter().filter(|bit| **bit).count() % 2 == 1,
        b"not" => !first,
        b"diff" => first && !any_other,
        b"diff1" => !first && any_other,
        b"andor" => first && any_other,
        _ => bits.iter().filter(|bit| **bit).count() == 1,
    }
}

fn bitop(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let operation = args[0].to_ascii_lowercase();
    let (target, keys) = (&args[1], &args[2..]);
    match (operation.as_slice(), keys.len()) {
        (b"nor", _) => return error(SYNTAX),
        (b"not", 1) => {}
        (b"not", _) => return error("ERR BITOP NOT must be called with a single source key."),
        (b"diff" | b"diff1" | b"andor", 1) => {
            let name = String::from_utf8_lossy(&operation).to_uppercase();
            let line = format!("ERR BITOP {name} must be called with at least two source keys.");
            return error(&line);
        }
        _ => {}
    }
    let mut sources = Vec::new();
    for key in keys {
        match text(ctx, key) {
            Err(wrong) => return wrong,
            Ok(value) => sources.push(value.unwrap_or_default()),
        }
    }
    let len = sources.iter().map(Vec::len).max().expect("a source");
    let mut result = vec![0; len];
    for at in 0..len * 8 {
        let bits: Vec<bool> = sources.iter().map(|source| bit_at(source, at)).collect();
        set_bit(&mut result, at, combined(&operation, &bits));
    }
    if len == 0 {
        ctx.remove(target);
    } else {
        ctx.put(target, Data::String(result), None);
    }
    int(len)
}

/// The type and the place of a field.
fn field(g: &mut Gen) -> Words {
    let kind = match g.rng.u32(..12) {
        0 => g.one(&["i64", "u63", "i63", "i1", "u1"]).to_owned(),
        1 if g.once_in(4) => g.one(&["u64", "i65", "u0", "x8"]).to_owned(),
        2..5 => format!("{}{}", g.one(&["i", "u"]), g.rng.u32(1..64)),
        _ => g.one(&["u8", "i8", "u4", "i5", "u16", "i32"]).to_owned(),
    };
    let place = if g.once_in(3) {
        format!("#{}", g.rng.u32(..12))
    } else {
        offset(g)
    };
    words![kind, place]
}

fn add_get(g: &mut Gen, words: &mut Words) {
    words.push(g.one(&["GET", "get"]).into());
    words.extend(field(g));
}

fn add_operation(g: &mut Gen, words: &mut Words) {
    let name = g.one(&["GET", "SET", "set", "INCRBY", "incrby", "overflow"]);
    match name {
        "GET" => return add_get(g, words),
        "overflow" => return words.extend(words![name, g.one(&["WRAP", "sat", "FAIL", "fail"])]),
        _ => words.push(name.into()),
    }
    words.extend(field(g));
    words.push(match g.rng.u32(..3) {
        0 => g.integer(),
        1 => g.rng.i64(-300..300).to_string().into_bytes(),
        _ => g.rng.i64(-10..40).to_string().into_bytes(),
    });
}

fn make_bitfield(g: &mut Gen) -> Words {
    let mut words = words![g.key('s')];
    for _ in 0..g.rng.usize(..5) {
        add_operation(g, &mut words);
    }
    words
}

fn make_bitfield_ro(g: &mut Gen) -> Words {
    let mut words = words![g.key('s')];
    for _ in 0..g.rng.usize(..4) {
        add_get(g, &mut words);
    }
    if g.once_in(20) {
        words.extend(words!["SET", "u8", "0", "1"]);
    }
    words
}

/// A whole number of some bits inside a string.
#[derive(Clone, Copy)]
struct Field {
    signed: bool,
    bits: usize,
    at: usize,
}

impl Field {
    fn parse(kind: &[u8], place: &[u8]) -> Result<Field, Want> {
        let (sign, bits) = kind.split_at(1);
        let signed = sign == b"i";
        let most = if signed { 64 } else { 63 };
        let bits = number(bits).filter(|bits| (1..=most).contains(bits));
        let Some(bits) = bits.filter(|_| signed || sign == b"u") else {
            return Err(error(
                "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                 supported but i64 is.",
            ));
        };
        let at = match place.strip_prefix(b"#") {
            Some(index) => number(index).map(|index| index * bits),
            None => number(place),
        };
        match at.filter(|at| (0..BITS_END).contains(at)) {
            None => Err(error(BAD_OFFSET)),
            Some(at) => Ok(Field {
                signed,
                bits: bits as usize,
                at: at as usize,
            }),
        }
    }

    fn lowest(self) -> i128 {
        if self.signed {
            -(1 << (self.bits - 1))
        } else {
            0
        }
    }

    fn highest(self) -> i128 {
        (1 << (self.bits - usize::from(self.signed))) - 1
    }

    /// The number of this field that has the lowest bits of `n`.
    fn wrapped(self, n: i128) -> i128 {
        (n - self.lowest()).rem_euclid(1 << self.bits) + self.lowest()
    }

    fn read(self, bytes: &[u8]) -> i128 {
        let bits = self.at..self.at + self.bits;
        self.wrapped(bits.fold(0, |n, at| n * 2 + i128::from(bit_at(bytes, at))))
    }

    fn write(self, bytes: &mut [u8], n: i128) {
        for index in 0..self.bits {
            set_bit(
                bytes,
                self.at + index,
                n >> (self.bits - 1 - index) & 1 == 1,
            );
        }
    }

    /// What is written for `n`: nothing if it does not fit and must.
    fn fitted(self, n: i128, overflow: &[u8]) -> Option<i128> {
        if (self.lowest()..=self.highest()).contains(&n) {
            return Some(n);
        }
        match overflow {
            b"fail" => None,
            b"sat" => Some(n.clamp(self.lowest(), self.highest())),
            _ => Some(self.wrapped(n)),
        }
    }
}

/// One operation of BITFIELD; `set` and `by` are what it writes.
struct Operation {
    field: Field,
    set: Option<i64>,
    by: Option<i64>,
    overflow: Vec<u8>,
}

fn operations(words: &[Vec<u8>]) -> Result<Vec<Operation>, Want> {
    let mut all = Vec::new();
    let mut overflow = b"wrap".to_vec();
    let mut rest = words;
    while let [name, ..] = rest {
        let name = name.to_ascii_lowercase();
        let len = match name.as_slice() {
            b"overflow" => 2,
            b"get" => 3,
            _ => 4,
        };
        let (words, left) = rest.split_at(len);
        rest = left;
        if name == b"overflow" {
            overflow = words[1].to_ascii_lowercase();
            continue;
        }
        let value = words.get(3).map(|word| number(word).expect("a number"));
        all.push(Operation {
            field: Field::parse(&words[1], &words[2])?,
            set: value.filter(|_| name == b"set"),
            by: value.filter(|_| name == b"incrby"),
            overflow: overflow.clone(),
        });
    }
    Ok(all)
}

fn bitfield(ctx: &mut Ctx<'_>, args: &[Vec<u8>], only_reads: bool) -> Want {
    let operations = match operations(&args[1..]) {
        Err(wrong) => return wrong,
        Ok(operations) => operations,
    };
    let writes = |operation: &&Operation| operation.set.or(operation.by).is_some();
    let last = |operation: &Operation| operation.field.at + operation.field.bits - 1;
    let last_bit = operations.iter().filter(writes).map(last).max();
    if only_reads && last_bit.is_some() {
        return error("ERR BITFIELD_RO only supports the GET subcommand");
    }
    if last_bit.is_some_and(|bit| bit as i64 >= BITS_END) {
        return error(BAD_OFFSET);
    }
    let old = match text(ctx, &args[0]) {
        Err(wrong) => return wrong,
        Ok(old) => old,
    };
    let mut value = old.clone().unwrap_or_default();
    if let Some(bit) = last_bit {
        grow(&mut value, bit);
    }
    let reply = |operation| operate(operation, &mut value).map_or(Value::NullBulk, Value::Int);
    let replies = operations.iter().map(reply).collect();
    // A field that does not fit is not written, but the string grows to where it would be.
    if last_bit.is_some() && old.as_ref() != Some(&value) {
        keep(ctx, &args[0], value);
    }
    Want::Is(Value::Array(replies))
}

/// Runs an operation, and says what it answers: nothing if the number does not fit.
fn operate(operation: &Operation, value: &mut [u8]) -> Option<i64> {
    let field = operation.field;
    let old = field.read(value);
    let new = match (operation.set, operation.by) {
        // A negative number is a large one to a field without a sign.
        (Some(n), _) if !field.signed => i128::from(n as u64),
        // As in Redis, one so low that its distance from the highest is no i64 is too high.
        (Some(n), _) if field.bits < 64 && i128::from(n) < field.highest() - I64_MAX => {
            i128::from(n) + (1 << 64)
        }
        (Some(n), _) => i128::from(n),
        (_, Some(by)) => old + i128::from(by),
        _ => return Some(old as i64),
    };
    let fitted = field.fitted(new, &operation.overflow)?;
    field.write(value, fitted);
    let answer = if operation.set.is_some() { old } else { fitted };
    Some(answer as i64)
}
