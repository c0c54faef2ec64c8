//! The same commands to kvd and to a real Valkey, replies compared, in both protocol versions.
//! Skipped, with a printed line, where there is no Valkey.
//!
//! What is meant to differ is not asked here. Texts that are prose (HELP) are kvd's own. LSET takes
//! no index beyond 32 bits for another one. A key named FIELDS is no keyword of HGETEX. A member or
//! field order that no one may rely on is not compared.

mod random;
mod same;
mod table;

use std::time::{SystemTime, UNIX_EPOCH};

use kvd::host::memory::MemoryDisk;

use crate::harness::{Connection, Kvd, Value, peer, request};

use same::same;

/// A file of commands per family. Commands stand apart by ` | ` or a line end; words in quotes
/// may hold escapes.
const SCRIPTS: [(&str, &str); 10] = [
    ("bits", include_str!("scripts/bits.txt")),
    ("conversation", include_str!("scripts/conversation.txt")),
    ("generic", include_str!("scripts/generic.txt")),
    ("geo", include_str!("scripts/geo.txt")),
    ("hash", include_str!("scripts/hash.txt")),
    ("list", include_str!("scripts/list.txt")),
    ("set", include_str!("scripts/set.txt")),
    ("stream", include_str!("scripts/stream.txt")),
    ("string", include_str!("scripts/string.txt")),
    ("zset", include_str!("scripts/zset.txt")),
];

#[test]
fn valkey_answers_scripts_the_same() {
    let Some(valkey) = peer("valkey-server") else {
        return;
    };
    let mut differences = String::new();
    for (family, script) in SCRIPTS {
        for hello in ["HELLO 2", "HELLO 3"] {
            let (ours, mut theirs) = (kvd().client(), valkey.connect());
            theirs.cmd("FLUSHALL");
            theirs.cmd("FUNCTION FLUSH");
            ours.cmd(hello);
            theirs.cmd(hello);
            for command in commands(script) {
                let words = words(command);
                let got = ours.cmd_words(&words);
                let wanted = ask(&mut theirs, &words);
                if !same(&words, &got, &wanted) {
                    differences +=
                        &format!("{family}, {hello}: {command}\n  {got:?}\n  {wanted:?}\n");
                }
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Every command with too few and with too many arguments, and every container without and with
/// an unknown subcommand.
#[test]
fn valkey_refuses_arguments_the_same() {
    let Some(valkey) = peer("valkey-server") else {
        return;
    };
    let (ours, mut theirs) = (kvd().client(), valkey.connect());
    let rows = theirs.cmd("COMMAND");
    let subcommands = rows.items().iter().flat_map(|row| row.items()[9].items());
    let mut differences = String::new();
    for row in rows.items().iter().chain(subcommands) {
        let name = row.items()[0].text();
        let arity = row.items()[1].int();
        let fewest = arity.unsigned_abs() as usize;
        let counts = [fewest - 1, if arity > 0 { fewest + 1 } else { 0 }];
        for count in counts {
            let mut words: Vec<Vec<u8>> = name.split('|').map(|w| w.as_bytes().to_vec()).collect();
            if count < words.len() || NOT_ASKED.contains(&name.as_str()) {
                continue;
            }
            words.resize(count, b"x".to_vec());
            let (got, wanted) = (ours.cmd_words(&words), ask(&mut theirs, &words));
            if got != wanted {
                differences += &format!("{name} with {count}: {got:?} {wanted:?}\n");
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Commands that end the conversation, are not there, or take more arguments as in Valkey 9.2.
const NOT_ASKED: [&str; 4] = ["quit", "clusterscan", "move", "sismember"];

/// A server as the peer is started, at the same time.
fn kvd() -> Kvd {
    let options = [("enable-debug-command", "yes"), ("save", "")];
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix_ms = since.expect("a time after 1970").as_millis() as i64;
    Kvd::at(MemoryDisk::default(), 1, &options, unix_ms).expect("a server")
}

fn ask(peer: &mut Connection, words: &[Vec<u8>]) -> Value {
    peer.send_raw(&request(words));
    peer.take()
}

fn commands(script: &str) -> impl Iterator<Item = &str> {
    let lines = script.lines().filter(|line| !line.starts_with('#'));
    let commands = lines.flat_map(|line| line.split(" | "));
    commands
        .map(str::trim)
        .filter(|command| !command.is_empty())
}

/// The words of a command, with the escapes of those in quotes.
fn words(command: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = command.trim_start();
    while !rest.is_empty() {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            words.push(word.as_bytes().to_vec());
            rest = after.trim_start();
            continue;
        };
        let mut word = Vec::new();
        let mut chars = quoted.chars();
        loop {
            match chars.next().expect("a closing quote") {
                '"' => break,
                '\\' => word.push(match chars.next().expect("an escape") {
                    'n' => b'\n',
                    'r' => b'\r',
                    'x' => {
                        let digits: String = chars.by_ref().take(2).collect();
                        u8::from_str_radix(&digits, 16).expect("two hexadecimal digits")
                    }
                    other => other as u8,
                }),
                other => word.extend(other.to_string().bytes()),
            }
        }
        words.push(word);
        rest = chars.as_str().trim_start();
    }
    words
}
