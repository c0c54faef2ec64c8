//! Tests of the table of options and of CONFIG GET and SET against what Valkey 9.1.2 answered.

use super::*;

mod load;
mod rewrite;
mod samples;

/// What `CONFIG GET *` of Valkey 9.1.2 prints, but for `dir` and `port`.
const VALKEY: &str = include_str!("valkey_9_1_2.txt");

/// Defaults that differ from Valkey's, each with the reason.
const DIFFERENT: &[(&str, &str)] = &[
    // The name under which kvd would log.
    ("syslog-ident", "kvd"),
];

/// Names that Valkey 9.1.2 does not have: kvd's own, Redis 8's and Valkey 9.2's.
const NOT_IN_VALKEY: &[&str] = &[
    "aof-load-corrupt-tail-max-size",
    "array-slice-size",
    "array-sparse-kmax",
    "array-sparse-kmin",
    "audit-log",
    "audit-log-commands",
    "audit-log-exclude-users",
    "bigkeys-top-k",
    "cluster-compatibility-sample-ratio",
    "cluster-slot-migration-handoff-max-lag-bytes",
    "cluster-slot-migration-write-pause-timeout",
    "dir",
    "dynamic-hz",
    "hotkeys-sampling-percentage",
    "hotkeys-top-k",
    "hotkeys-window-seconds",
    "io-threads-do-reads",
    "key-memory-histograms",
    "lookahead",
    "metrics-bind",
    "metrics-port",
    "poll-pause-us",
    "port",
    "rdb-format",
    "repl-rdb-channel",
    "replica-full-sync-buffer-limit",
    "sanitize-dump-payload",
    "scripting",
    "shards",
    "slowlog-entry-max-argc",
    "stream-idmp-duration",
    "stream-idmp-maxsize",
];

pub(super) fn shown(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    found
        .iter()
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect()
}

fn everything_allowed() -> Access {
    Access {
        is_local: true,
        is_loading: false,
    }
}

pub(super) fn set(config: &mut Config, name: &str, value: &[u8]) -> Result<(), String> {
    let pairs = [(name.as_bytes(), value)];
    config
        .set(&pairs, everything_allowed())
        .map(|_| ())
        .map_err(|error| error.to_string())
}

#[test]
fn defaults_are_valkeys() {
    let config = Config::default();
    let all = config.get(&[b"*"]);
    let mut names: Vec<String> = Vec::new();
    for (name, value) in &all {
        let (name, value) = (
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value),
        );
        names.push(name.clone().into_owned());
        if NOT_IN_VALKEY.contains(&&*name) {
            continue;
        }
        let line = VALKEY
            .lines()
            .find(|line| line.split(' ').next() == Some(&name));
        let line = line.unwrap_or_else(|| panic!("{name} is not an option of Valkey"));
        let theirs = line.split_once(' ').map_or("", |(_, value)| value);
        let expected = DIFFERENT
            .iter()
            .find(|(n, _)| *n == name)
            .map_or(theirs, |(_, v)| v);
        assert_eq!(value, expected, "{name}");
    }
    for line in VALKEY.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(names.iter().any(|n| n == name), "{name} is missing");
    }
    for name in NOT_IN_VALKEY {
        assert!(names.iter().any(|n| n == name), "{name} is missing");
    }
}

#[test]
fn every_option_reads_back_what_it_prints_and_has_a_unique_name() {
    let mut names = std::collections::BTreeSet::new();
    let mut config = Config::default();
    for opt in OPTIONS {
        assert!(names.insert(opt.name), "{} twice", opt.name);
        assert!(
            opt.alias.is_empty() || names.insert(opt.alias),
            "{} twice",
            opt.alias
        );
        let printed = config.print(opt);
        let changed = config.apply(opt, &words_of(opt, &printed));
        assert_eq!(
            changed,
            Ok(false),
            "{} {:?}",
            opt.name,
            String::from_utf8_lossy(&printed)
        );
        assert!(
            !opt.help.is_empty() || config.kept.contains_key(opt.name),
            "{}",
            opt.name
        );
    }
}

#[test]
fn ranges_fit_the_fields() {
    let mut config = Config::default();
    for opt in OPTIONS.iter().filter(|opt| !opt.flags.has(REFUSED)) {
        let (low, high, over) = match opt.kind {
            Kind::Number { min, max } => (
                min.to_string(),
                max.to_string(),
                max.checked_add(1).map(|v| v.to_string()),
            ),
            Kind::Memory { min, max } => (
                min.to_string(),
                max.to_string(),
                max.checked_add(1).map(|v| v.to_string()),
            ),
            Kind::Octal { max } => ("0".into(), format!("{max:o}"), Some("1000".into())),
            _ => continue,
        };
        for value in [&low, &high] {
            let result = config.apply(opt, &[value.as_bytes()]);
            assert!(result.is_ok(), "{} {value}: {result:?}", opt.name);
            assert_eq!(
                String::from_utf8_lossy(&config.print(opt)),
                *value,
                "{}",
                opt.name
            );
        }
        let Some(over) = over else { continue };
        let reason = config.apply(opt, &[over.as_bytes()]);
        let high = if matches!(opt.kind, Kind::Octal { .. }) {
            "777"
        } else {
            &high
        };
        let expected = format!("argument must be between {low} and {high} inclusive");
        assert_eq!(reason, Err(expected.into()), "{}", opt.name);
    }
}

#[test]
fn values_are_read_and_printed_as_valkey_does() {
    let mut config = Config {
        enable_protected_configs: Protection::Local,
        ..Config::default()
    };
    for (name, value, expected) in samples::VALUES {
        let result = set(&mut config, name, value.as_bytes());
        match expected {
            Ok(text) => {
                assert_eq!(result, Ok(()), "{name} {value:?}");
                assert_eq!(shown(&config, name), *text, "{name} {value:?}");
            }
            Err(reason) => {
                let (opt, is_alias) = find(name.as_bytes()).expect("a known name");
                let name = if is_alias { opt.alias } else { opt.name };
                let text =
                    format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
                assert_eq!(result, Err(text), "{name} {value:?}");
            }
        }
    }
}

#[test]
fn passwords_are_bytes_and_file_names_are_not() {
    let mut config = Config::default();
    assert_eq!(set(&mut config, "requirepass", b"\xff\0z"), Ok(()));
    assert_eq!(config.requirepass, b"\xff\0z");
    let found = config.get(&[b"requirepass"]);
    assert_eq!(found[0].1, b"\xff\0z");
    assert!(set(&mut config, "bind-source-addr", b"\xff").is_err());
    assert!(set(&mut config, "bind-source-addr", b"a\0b").is_err());
}

#[test]
fn set_is_all_or_nothing() {
    let mut config = Config::default();
    let before = config.clone();
    let mut fails = |pairs: &[(&str, &str)], access: Access, expected: &str| {
        let pairs: Vec<(&[u8], &[u8])> = pairs
            .iter()
            .map(|(n, v)| (n.as_bytes(), v.as_bytes()))
            .collect();
        let error = config.set(&pairs, access).expect_err(expected);
        assert_eq!(error.to_string(), expected);
        assert_eq!(config, before);
    };
    let here = everything_allowed();
    let failed = |name: &str, reason: &str| {
        format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    fails(
        &[("maxmemory", "1"), ("io-threads", "7"), ("HZ", "zz")],
        here,
        &failed("hz", "argument couldn't be parsed into an integer"),
    );
    fails(
        &[("Nope", "1"), ("port", "x")],
        here,
        "Unknown option or number of arguments for CONFIG SET - 'Nope'",
    );
    fails(
        &[("maxmemory", "1"), ("MAXMEMORY", "2")],
        here,
        &failed("MAXMEMORY", "duplicate parameter"),
    );
    fails(
        &[("maxmemory", "1"), ("databases", "2")],
        here,
        &failed("databases", "can't set immutable config"),
    );
    fails(
        &[("dir", "/")],
        here,
        &failed("dir", "can't set protected config"),
    );
    fails(
        &[("masterauth", "a"), ("slave-priority", "x")],
        here,
        &failed(
            "slave-priority",
            "argument couldn't be parsed into an integer",
        ),
    );
    let pairs: [(&[u8], &[u8]); 2] = [(b"maxmemory", b"1"), (b"appendonly", b"yes")];
    let loading = Access {
        is_local: true,
        is_loading: true,
    };
    assert_eq!(
        config.set(&pairs, loading).expect_err("loading"),
        SetError::Loading
    );
}

#[test]
fn changes_name_what_changed_and_can_be_taken_back() {
    let mut config = Config::default();
    let before = config.clone();
    let pairs: [(&[u8], &[u8]); 4] = [
        (b"slowlog-max-len", b"3"),
        (b"maxmemory", b"0"),
        (b"hash-max-ziplist-entries", b"1"),
        (b"hash-max-listpack-entries", b"2"),
    ];
    let changes = config.set(&pairs, Access::default()).expect("valid");
    assert_eq!(
        changes.names(),
        [
            "commandlog-slow-execution-max-len",
            "hash-max-listpack-entries"
        ]
    );
    assert!(!changes.has("maxmemory"));
    assert_eq!(config.hash_max_listpack_entries, 2);
    assert_eq!(changes.before.hash_max_listpack_entries, 512);
    changes.undo(&mut config);
    assert_eq!(config, before);
    let error = SetError::failed("port", "Unable to listen on this port. Check server logs.");
    assert_eq!(
        error.to_string(),
        "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. \
         Check server logs."
    );
}

#[test]
fn get_takes_names_and_patterns_each_once() {
    let config = Config::default();
    let names = |patterns: &[&[u8]]| -> Vec<String> {
        let found = config.get(patterns);
        found
            .iter()
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect()
    };
    assert_eq!(names(&[b"MaxMemory"]), ["MaxMemory"]);
    assert_eq!(
        names(&[b"MAXM*y", b"maxmemory", b"MAXMEMORY"]),
        [
            "maxmemory",
            "maxmemory-policy",
            "maxmemory-eviction-tenacity"
        ]
    );
    assert_eq!(
        names(&[b"hash-max-ziplist-entries", b"hash-max-*-entries"]),
        ["hash-max-ziplist-entries", "hash-max-listpack-entries"]
    );
    assert!(names(&[b"nope"]).is_empty());
    assert_eq!(names(&[b"[h]z"]), ["hz"]);
    assert_eq!(names(&[b"key-load-delay"]), ["key-load-delay"]);
    assert!(names(&[b"key-load*"]).is_empty());
}
