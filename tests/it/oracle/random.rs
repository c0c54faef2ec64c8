//! Made-up commands: arguments drawn from the trees of COMMAND DOCS, with hostile values, against
//! keys of every type. Replies are compared one by one, and all data now and then.
//!
//! `KVD_ORACLE_SEED=n` runs that seed alone. Of a round that differs the commands are told without
//! which it does not.

use crate::harness::{Client, Connection, Value, peer};

use super::same::same;
use super::{ask, commands, kvd, words};

/// Seeds of an ordinary run.
const SEEDS: [u64; 3] = [1, 2, 3];
/// Rounds of a seed.
const ROUNDS: usize = 15;
/// Commands of a round, at whose beginning the keys are made anew.
const ROUND: usize = 100;
/// After so many commands all data are compared.
const DIGEST_EVERY: usize = 10;

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

/// A command: its words.
type Words = Vec<Vec<u8>>;

/// Where kvd and Valkey part, and what each of them said there.
struct Difference {
    /// The number of the command in its round.
    at: usize,
    /// What was compared: the replies, or the digests of all data.
    what: &'static str,
    ours: Value,
    theirs: Value,
}

/// The two servers.
struct Pair {
    ours: Client,
    theirs: Connection,
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
    let mut pair = Pair {
        ours: kvd().client(),
        theirs: valkey.connect(),
    };
    let shapes = shapes(&pairs_of(&pair.theirs.cmd("COMMAND DOCS")));
    let mut differences = String::new();
    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..ROUNDS {
            let commands: Vec<Words> = (0..ROUND)
                .map(|_| make_up(&shapes[random.usize(..shapes.len())], &mut random))
                .filter(|words| !is_open(words))
                .collect();
            if let Some(difference) = pair.play(&commands, DIGEST_EVERY) {
                differences += &format!("\nseed {seed}, round {round}: ");
                differences += &pair.explain(commands, difference);
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

impl Pair {
    fn ask(&mut self, words: &[Vec<u8>]) -> (Value, Value) {
        let wanted = ask(&mut self.theirs, words);
        (self.ours.cmd_words(words), wanted)
    }

    /// Makes the keys anew, runs the commands, and returns the first difference. All data are
    /// compared after every so many of them.
    fn play(&mut self, round: &[Words], digest_every: usize) -> Option<Difference> {
        for command in commands(KEYS) {
            self.ask(&words(command));
        }
        for (at, words) in round.iter().enumerate() {
            let difference = |what, (ours, theirs)| Difference {
                at,
                what,
                ours,
                theirs,
            };
            let replies = self.run(words);
            if !same(words, &replies.0, &replies.1) {
                return Some(difference("replies", replies));
            }
            if (at + 1) % digest_every == 0 {
                let digests = self.ask(&[b"DEBUG".to_vec(), b"DIGEST".to_vec()]);
                if digests.0 != digests.1 {
                    return Some(difference("data", digests));
                }
            }
        }
        None
    }

    /// One command; one that might wait within a transaction.
    fn run(&mut self, words: &Words) -> (Value, Value) {
        let name = String::from_utf8_lossy(&words[0]);
        if !WAITING.contains(&&*name) {
            return self.ask(words);
        }
        self.ask(&[b"MULTI".to_vec()]);
        let queued = self.ask(words);
        if queued.0 != queued.1 {
            self.ask(&[b"DISCARD".to_vec()]);
            return queued;
        }
        self.ask(&[b"EXEC".to_vec()])
    }

    /// What must be sent after the keys were made to see a difference, and what it is.
    fn explain(&mut self, mut round: Vec<Words>, seen: Difference) -> String {
        round.truncate(seen.at + 1);
        let mut last = seen;
        let mut at = 0;
        while at < round.len() {
            let mut fewer = round.clone();
            fewer.remove(at);
            match self.play(&fewer, 1) {
                Some(difference) => {
                    fewer.truncate(difference.at + 1);
                    (round, last) = (fewer, difference);
                }
                None => at += 1,
            }
        }
        let lines: String = round.iter().map(|words| line(words) + "\n").collect();
        let Difference {
            what, ours, theirs, ..
        } = last;
        format!("{what} differ after\n{lines}  kvd:    {ours:?}\n  Valkey: {theirs:?}\n")
    }
}

/// A command as the scripts beside this file have it.
fn line(words: &Words) -> String {
    let quoted = words
        .iter()
        .map(|word| format!("\"{}\"", word.escape_ascii()));
    quoted.collect::<Vec<_>>().join(" ")
}

/// Whether two servers may well answer a command differently.
fn is_open(words: &Words) -> bool {
    let has = |text: &[u8]| words.iter().any(|word| word == text);
    let after = |token: &[u8]| {
        let place = words.iter().position(|word| word == token)?;
        words.get(place + 1)
    };
    match &*words[0] {
        // The clock makes this id.
        b"xadd" => has(b"*"),
        // A limit that passed for Valkey, whose clock runs, and not for kvd, whose clock stands.
        b"expire" | b"pexpire" | b"hexpire" | b"hpexpire" => has(b"GT"),
        b"xclaim" | b"xautoclaim" if words.get(4).is_some_and(|idle| number(idle) > 0) => true,
        // Valkey wants memory for as many as it may be.
        b"xautoclaim" => after(b"COUNT").is_some_and(|count| number(count) > 1 << 20),
        // How many a call returns hangs on the encoding, which is another one after a field was
        // given an expiry, or after SORT.
        b"hscan" | b"sscan" | b"zscan" => has(b"COUNT"),
        // Valkey 9.2 takes one more argument, and says of a wrong one that it is wrong.
        b"move" | b"sismember" => words.len() > 3,
        // Valkey counts an offset below zero from the other end, in a skiplist only.
        b"zrangebyscore" | b"zrevrangebyscore" => {
            after(b"LIMIT").is_some_and(|offset| number(offset) < 0)
        }
        // A score of -0 loses its sign in a listpack only.
        name if name.starts_with(b"z") && has(b"-0") => true,
        // Valkey's digest does not always have the shortest text of scores beyond 2^53.
        b"zunionstore" | b"zinterstore" => has(b"geo") && has(b"WEIGHTS"),
        // What weighs the same as text has no order.
        b"sort" | b"sort_ro" => has(b"ALPHA") && has(b"BY"),
        // Valkey takes such a key for the keyword.
        _ => words.get(1).is_some_and(|word| word == b"FIELDS"),
    }
}

/// A number, or 0.
fn number(text: &[u8]) -> i64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.parse().unwrap_or_default()
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
    // Valkey tells them in an order that is another one in each process.
    shapes.sort_by(|a, b| a.name.cmp(&b.name));
    shapes
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let mut pairs = map.items().chunks(2);
    pairs
        .find(|pair| pair[0].text() == name)
        .map(|pair| &pair[1])
}

/// A command with arguments of its shape, some of them spoilt.
fn make_up(shape: &Shape, random: &mut fastrand::Rng) -> Words {
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
