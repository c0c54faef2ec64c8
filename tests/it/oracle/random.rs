//! Made-up commands: arguments drawn from the trees of COMMAND DOCS, with hostile values, against
//! keys of every type. Replies are compared one by one, and all data now and then.
//!
//! `KVD_ORACLE_SEED=n` runs that seed alone.

use crate::harness::{Value, peer};

use super::same::same;
use super::{ask, commands, kvd, words};

/// Seeds of an ordinary run.
const SEEDS: [u64; 3] = [1, 2, 3];
/// Commands a seed makes up.
const COMMANDS: usize = 1_500;
/// After so many the keys are made anew.
const ROUND: usize = 100;

/// The keys of a round: two or more of each type.
const KEYS: &str = "FLUSHALL | SET str hello | SET int 10 | SET flt 3.5 | RPUSH list a b c a 1 2 | \
RPUSH nums 3 1 2 10 | SADD iset 1 2 3 10 | SADD set a b c 1 | HSET hash f1 v1 f2 10 f3 3.5 a b | \
HSET hash2 f1 z | ZADD zset 1 a 2 b 3 c 3 d | ZADD zinf -inf a inf b 0 c | XADD strm 1-1 f1 v1 | \
XADD strm 2-0 f2 v2 a b | XADD strm 3-5 f1 x | XGROUP CREATE strm grp 0 | \
XREADGROUP GROUP grp c1 COUNT 2 STREAMS strm > | SETBIT bits 100 1 | PFADD hll a b c | \
GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

/// Groups of commands whose every reply follows from what came before.
const GROUPS: [(&str, &[&str]); 10] = [
    (
        "generic",
        &["str", "list", "nums", "set", "hash", "zset", "strm", "iset"],
    ),
    ("string", &["str", "int", "flt"]),
    ("list", &["list", "nums"]),
    ("set", &["iset", "set"]),
    ("hash", &["hash", "hash2"]),
    ("sorted-set", &["zset", "zinf"]),
    ("stream", &["strm"]),
    ("bitmap", &["bits", "str"]),
    ("hyperloglog", &["hll"]),
    ("geo", &["geo"]),
];

/// Commands that draw lots, walk the table by its own cursor, are about other servers or their
/// formats, or are tests of Valkey's own; lexicographic ranges, which mean nothing where scores
/// differ; LSET, whose index Valkey cuts to 32 bits.
const LEFT_OUT: [&str; 20] = [
    "randomkey",
    "scan",
    "wait",
    "waitaof",
    "migrate",
    "restore",
    "dump",
    "lset",
    "spop",
    "srandmember",
    "hrandfield",
    "zrandmember",
    "pfdebug",
    "pfselftest",
    "zlexcount",
    "zrangebylex",
    "zrevrangebylex",
    "zremrangebylex",
    "zrange",
    "zrangestore",
];

/// Commands that might wait: they run in a transaction, where they do not.
const WAITING: [&str; 10] = [
    "blpop",
    "brpop",
    "blmove",
    "brpoplpush",
    "blmpop",
    "bzpopmin",
    "bzpopmax",
    "bzmpop",
    "xread",
    "xreadgroup",
];

const SMALL: [&str; 8] = ["0", "1", "2", "3", "-1", "-2", "5", "10"];
const HOSTILE: [&str; 22] = [
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "2147483648",
    "abc",
    "",
    "1.5",
    " 1",
    "1 ",
    "+1",
    "01",
    "-0",
    "0x10",
    "1e3",
    "inf",
    "-inf",
    "nan",
    "1e400",
    "1e-400",
    "0.1",
];
const TEXTS: [&str; 12] = [
    "a", "b", "c", "f1", "f2", "v1", "", "1", "foo", "Palermo", "\0\r\n", "grp",
];
const TIMES: [&str; 8] = [
    "100000",
    "99999999999",
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854775",
    "abc",
    "1900000000000",
];
const IDS: [&str; 14] = [
    "0", "0-0", "1-1", "2-0", "3-5", "2", "6-0", "7-1", "-", "+", "(1-1", "1-", "abc", "9-9-9",
];
const BOUNDS: [&str; 8] = ["-inf", "+inf", "(1", "1", "0", "(nan", "x", "3"];
const PATTERNS: [&str; 7] = ["*", "a*", "[", "\\", "?", "[^a]*", "f?"];

/// A command and the tree of its arguments.
struct Shape {
    name: String,
    keys: &'static [&'static str],
    arguments: Vec<Value>,
}

#[test]
fn valkey_answers_made_up_commands_the_same() {
    let Some(valkey) = peer("valkey-server") else {
        return;
    };
    let seeds = match std::env::var("KVD_ORACLE_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => SEEDS.to_vec(),
    };
    let (ours, mut theirs) = (kvd().client(), valkey.connect());
    let shapes = shapes(&pairs_of(&theirs.cmd("COMMAND DOCS")));
    let mut differences = String::new();
    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        for number in 0..COMMANDS {
            let both = |words: &[Vec<u8>], theirs: &mut _| {
                let wanted = ask(theirs, words);
                (ours.cmd_words(words), wanted)
            };
            if number % ROUND == 0 {
                for command in commands(KEYS) {
                    both(&words(command), &mut theirs);
                }
            }
            let shape = &shapes[random.usize(..shapes.len())];
            let words = make_up(shape, &mut random);
            // The clock makes this id; the order of what weighs the same as text is nobody's; and
            // Valkey takes such a key for the keyword.
            let has = |text: &[u8]| words.iter().any(|word| word == text);
            let is_open = shape.name == "xadd" && has(b"*") || has(b"ALPHA") && has(b"BY");
            if is_open || words.get(1).is_some_and(|word| word == b"FIELDS") {
                continue;
            }
            let waits = WAITING.contains(&shape.name.as_str());
            if waits {
                both(&[b"MULTI".to_vec()], &mut theirs);
            }
            let mut replies = both(&words, &mut theirs);
            if waits && replies.0 == replies.1 {
                replies = both(&[b"EXEC".to_vec()], &mut theirs);
            }
            if !same(&words, &replies.0, &replies.1) {
                let texts: Vec<_> = words.iter().map(|w| String::from_utf8_lossy(w)).collect();
                differences += &format!("seed {seed}, {number}: {texts:?}\n  {replies:?}\n");
            }
            if number % 10 == 9 {
                let digests = both(&[b"DEBUG".to_vec(), b"DIGEST".to_vec()], &mut theirs);
                if digests.0 != digests.1 {
                    differences += &format!("seed {seed}: data differ at {number}\n");
                    for command in commands(KEYS) {
                        both(&super::words(command), &mut theirs);
                    }
                }
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// The documentation as pairs of a name and its facts.
fn pairs_of(docs: &Value) -> Vec<(String, Value)> {
    let pairs = docs.items().chunks(2);
    pairs
        .map(|pair| (pair[0].text(), pair[1].clone()))
        .collect()
}

fn shapes(docs: &[(String, Value)]) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (name, doc) in docs {
        let group = doc.field("group").text();
        let keys = GROUPS.iter().find(|(of, _)| *of == group);
        let (Some((_, keys)), Some(arguments)) = (keys, field(doc, "arguments")) else {
            continue;
        };
        if !LEFT_OUT.contains(&name.as_str()) {
            shapes.push(Shape {
                name: name.clone(),
                keys,
                arguments: arguments.items().to_vec(),
            });
        }
    }
    shapes
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let mut pairs = map.items().chunks(2);
    pairs
        .find(|pair| pair[0].text() == name)
        .map(|pair| &pair[1])
}

/// A command with arguments of its shape, some of them spoilt.
fn make_up(shape: &Shape, random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    for argument in &shape.arguments {
        let mut part = Vec::new();
        fill(shape, argument, random, &mut part);
        parts.push(part);
    }
    for at in 1..parts.len() {
        let name = shape.arguments[at - 1].field("name").text();
        if name == "numkeys" && random.u8(..) < 220 {
            parts[at - 1] = vec![parts[at].len().to_string()];
        }
    }
    let mut words: Vec<String> = parts.concat();
    count_fields(shape, &mut words, random);
    if !words.is_empty() {
        let at = random.usize(..words.len());
        match random.u8(..24) {
            0 | 1 => drop(words.remove(at)),
            2 => words.insert(at, pick(&TEXTS, random)),
            3 => words.push(words[at].clone()),
            4 => words[at] = pick(&HOSTILE, random),
            _ => {}
        }
    }
    let whole = [shape.name.clone()].into_iter().chain(words);
    whole.map(String::into_bytes).collect()
}

/// Mostly says rightly how many fields follow.
fn count_fields(shape: &Shape, words: &mut [String], random: &mut fastrand::Rng) {
    let place = words.iter().position(|word| word == "FIELDS");
    if let Some(at) = place.filter(|at| at + 1 < words.len() && random.u8(..) < 220) {
        let stride = if shape.name == "hsetex" { 2 } else { 1 };
        words[at + 1] = ((words.len() - at - 2) / stride).to_string();
    }
}

fn fill(shape: &Shape, argument: &Value, random: &mut fastrand::Rng, out: &mut Vec<String>) {
    let flags = field(argument, "flags").map_or(Vec::new(), Value::texts);
    let has = |flag: &str| flags.iter().any(|given| given == flag);
    if has("optional") && random.bool() {
        return;
    }
    let kind = argument.field("type").text();
    let token = field(argument, "token").map(Value::text);
    let times = if has("multiple") {
        random.usize(1..4)
    } else {
        1
    };
    for time in 0..times {
        if let Some(token) = &token
            && (time == 0 || has("multiple_token"))
        {
            out.push(token.clone());
        }
        match (kind.as_str(), field(argument, "arguments")) {
            ("pure-token", _) => {}
            ("oneof", Some(choices)) => {
                let choices = choices.items();
                fill(shape, &choices[random.usize(..choices.len())], random, out);
            }
            (_, Some(block)) => {
                let parts = block.items();
                parts.iter().for_each(|part| fill(shape, part, random, out));
            }
            (kind, None) => out.push(value(shape, kind, argument, random)),
        }
    }
}

fn value(shape: &Shape, kind: &str, argument: &Value, random: &mut fastrand::Rng) -> String {
    let name = argument.field("name").text();
    let is_stream = shape.keys == ["strm"];
    let is_time = name.contains("seconds") || kind == "unix-time";
    match kind {
        "key" if random.u8(..) < 210 => pick(shape.keys, random),
        "key" => {
            let any = GROUPS[random.usize(..GROUPS.len())].1;
            pick(if random.bool() { any } else { &["none", ""] }, random)
        }
        _ if is_time => pick(&TIMES, random),
        _ if name.contains("idle") => pick(&["0", "-1", "99999999999", "abc"], random),
        _ if is_stream && name.contains("id") => pick(&IDS, random),
        _ if is_stream && (name == "start" || name == "end") => pick(&IDS, random),
        _ if name == "cursor" => pick(&["0", "0", "abc", "-1", "-0"], random),
        _ if is_stream && name == "group" => pick(&["grp", "grp", "no"], random),
        _ if is_stream && name == "consumer" => pick(&["c1", "c2"], random),
        "pattern" => pick(&PATTERNS, random),
        "integer" | "double" if random.u8(..) < 190 => pick(&SMALL, random),
        "integer" | "double" => pick(&HOSTILE, random),
        _ if name == "min" || name == "max" => pick(&BOUNDS, random),
        _ if random.u8(..) < 230 => pick(&TEXTS, random),
        _ => pick(&HOSTILE, random),
    }
}

fn pick(from: &[&str], random: &mut fastrand::Rng) -> String {
    from[random.usize(..from.len())].to_owned()
}
