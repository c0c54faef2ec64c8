//! Tests of the table of options and of CONFIG GET and SET against what Valkey 9.1.2 answered.

use super::*;

mod load;
mod rewrite;

/// What `CONFIG GET *` of Valkey 9.1.2 prints, but for `dir` and `port`.
const VALKEY: &str = include_str!("valkey_9_1_2.txt");

/// Defaults that differ from Valkey's, each with the reason.
const DIFFERENT: &[(&str, &str)] = &[
    // The name under which kvd would log.
    ("syslog-ident", "kvd"),
];

/// Names that Valkey 9.1.2 does not have: kvd's own and Redis 8's.
const NOT_IN_VALKEY: &[&str] = &[
    "aof-load-corrupt-tail-max-size",
    "array-slice-size",
    "array-sparse-kmax",
    "array-sparse-kmin",
    "audit-log",
    "cluster-compatibility-sample-ratio",
    "cluster-slot-migration-handoff-max-lag-bytes",
    "cluster-slot-migration-write-pause-timeout",
    "dir",
    "dynamic-hz",
    "io-threads-do-reads",
    "key-memory-histograms",
    "lookahead",
    "metrics-bind",
    "metrics-port",
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

/// Values and what CONFIG GET shows afterwards, or the reason of the error; all asked of Valkey.
const VALUES: &[(&str, &str, Result<&str, &str>)] = &[
    ("maxmemory", "1k", Ok("1000")),
    ("maxmemory", "1kb", Ok("1024")),
    ("maxmemory", "1K", Ok("1000")),
    ("maxmemory", "1KB", Ok("1024")),
    ("maxmemory", "1m", Ok("1000000")),
    ("maxmemory", "1mb", Ok("1048576")),
    ("maxmemory", "1g", Ok("1000000000")),
    ("maxmemory", "1GB", Ok("1073741824")),
    ("maxmemory", "1b", Ok("1")),
    ("maxmemory", "-1", Err("argument must be a memory value")),
    ("maxmemory", "1.5mb", Err("argument must be a memory value")),
    ("maxmemory", " 1", Err("argument must be a memory value")),
    ("maxmemory", "1t", Err("argument must be a memory value")),
    ("maxmemory", "0x10", Err("argument must be a memory value")),
    ("maxmemory", "10%", Err("argument must be a memory value")),
    (
        "maxmemory",
        "18446744073709551615",
        Ok("18446744073709551615"),
    ),
    (
        "maxmemory",
        "18446744073709551616",
        Err("argument must be a memory value"),
    ),
    ("maxmemory", "", Ok("0")),
    ("maxmemory", "00012", Ok("12")),
    ("maxmemory", "+5", Err("argument must be a memory value")),
    ("maxmemory-clients", "1%", Ok("1%")),
    ("maxmemory-clients", "0%", Ok("0")),
    ("maxmemory-clients", "100%", Ok("100%")),
    (
        "maxmemory-clients",
        "101%",
        Err("percentage argument must be less or equal to 100"),
    ),
    (
        "maxmemory-clients",
        "-5%",
        Err("argument must be a memory or percent value"),
    ),
    (
        "maxmemory-clients",
        "1.5%",
        Err("argument must be a memory or percent value"),
    ),
    (
        "maxmemory-clients",
        "%",
        Err("argument must be a memory or percent value"),
    ),
    ("maxmemory-clients", "1mb", Ok("1048576")),
    (
        "maxmemory-clients",
        "-1",
        Err("argument must be a memory or percent value"),
    ),
    ("timeout", "5", Ok("5")),
    (
        "timeout",
        "+5",
        Err("argument couldn't be parsed into an integer"),
    ),
    (
        "timeout",
        "05",
        Err("argument couldn't be parsed into an integer"),
    ),
    (
        "timeout",
        "5 ",
        Err("argument couldn't be parsed into an integer"),
    ),
    (
        "timeout",
        "-0",
        Err("argument couldn't be parsed into an integer"),
    ),
    (
        "timeout",
        "2147483648",
        Err("argument must be between 0 and 2147483647 inclusive"),
    ),
    (
        "maxmemory-samples",
        "65",
        Err("argument must be between 1 and 64 inclusive"),
    ),
    (
        "proto-max-bulk-len",
        "",
        Err("argument must be between 1048576 and 9223372036854775807 inclusive"),
    ),
    (
        "maxclients",
        "0",
        Err("argument must be between 1 and 4294967295 inclusive"),
    ),
    ("slowlog-log-slower-than", "-1", Ok("-1")),
    ("save", "100 1", Ok("100 1")),
    ("save", "100 1 200 2", Ok("100 1 200 2")),
    ("save", "100  1", Err("Invalid save parameters")),
    ("save", " 100 1", Err("Invalid save parameters")),
    ("save", "100 1 ", Err("Invalid save parameters")),
    ("save", "0 1", Err("Invalid save parameters")),
    ("save", "1 -1", Err("Invalid save parameters")),
    ("save", "1 0", Ok("1 0")),
    ("save", "a 1", Err("Invalid save parameters")),
    ("save", "1", Err("Invalid save parameters")),
    ("save", "", Ok("")),
    (
        "client-output-buffer-limit",
        "normal 1k 2k 3",
        Ok("normal 1000 2000 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
    ),
    (
        "client-output-buffer-limit",
        "Slave 1 1 1 pubsub 2 2 2",
        Ok("normal 1000 2000 3 slave 1 1 1 pubsub 2 2 2"),
    ),
    (
        "client-output-buffer-limit",
        "replica 1b 1 1",
        Ok("normal 1000 2000 3 slave 1 1 1 pubsub 2 2 2"),
    ),
    (
        "client-output-buffer-limit",
        "",
        Ok("normal 1000 2000 3 slave 1 1 1 pubsub 2 2 2"),
    ),
    (
        "client-output-buffer-limit",
        "normal  1 2 3",
        Err("Wrong number of arguments in buffer limit configuration."),
    ),
    (
        "client-output-buffer-limit",
        "master 1 2 3",
        Err("Invalid client class specified in buffer limit configuration."),
    ),
    (
        "client-output-buffer-limit",
        "normal 1 2 -3",
        Err("Error in hard, soft or soft_seconds setting in buffer limit configuration."),
    ),
    ("notify-keyspace-events", "KEA", Ok("AKE")),
    ("notify-keyspace-events", "Kg$lshzxet", Ok("g$lshzxetK")),
    ("notify-keyspace-events", "Kn", Ok("nK")),
    ("notify-keyspace-events", "Km", Ok("Km")),
    ("notify-keyspace-events", "KEAmn", Ok("AKEm")),
    ("notify-keyspace-events", "KAd", Ok("AK")),
    ("notify-keyspace-events", "KEd$", Ok("$dKE")),
    ("notify-keyspace-events", "KEg$lshzxedt", Ok("AKE")),
    (
        "notify-keyspace-events",
        "K c",
        Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
    ),
    ("notify-keyspace-events", "", Ok("")),
    ("latency-tracking-info-percentiles", "50", Ok("50")),
    (
        "latency-tracking-info-percentiles",
        "50.5 99.999999 0",
        Ok("50.5 99.999999 0"),
    ),
    ("latency-tracking-info-percentiles", "", Ok("")),
    ("latency-tracking-info-percentiles", "1e1", Ok("10")),
    (
        "latency-tracking-info-percentiles",
        "100.0001",
        Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
    ),
    (
        "latency-tracking-info-percentiles",
        "abc",
        Err("Invalid latency-tracking-info-percentiles parameters"),
    ),
    (
        "latency-tracking-info-percentiles",
        "nan",
        Err("Invalid latency-tracking-info-percentiles parameters"),
    ),
    (
        "latency-tracking-info-percentiles",
        " 50",
        Err("Invalid latency-tracking-info-percentiles parameters"),
    ),
    ("oom-score-adj-values", "1 2 3", Ok("1 2 3")),
    (
        "oom-score-adj-values",
        "-2001 1 1",
        Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
    ),
    (
        "oom-score-adj-values",
        "1 2",
        Err("wrong number of arguments"),
    ),
    (
        "oom-score-adj-values",
        "1  2 3",
        Err("wrong number of arguments"),
    ),
    ("oom-score-adj", "relative", Ok("yes")),
    (
        "oom-score-adj",
        "maybe",
        Err("argument(s) must be one of the following: no, yes, relative, absolute"),
    ),
    (
        "shutdown-on-sigint",
        "nosave now force",
        Ok("nosave now force"),
    ),
    ("shutdown-on-sigint", "now save", Ok("save now")),
    ("shutdown-on-sigint", "default save", Ok("save")),
    ("shutdown-on-sigint", "force NOW", Ok("now force")),
    ("shutdown-on-sigint", "default", Ok("default")),
    (
        "shutdown-on-sigint",
        "save nosave",
        Err("shutdown options SAVE and NOSAVE can't be used simultaneously"),
    ),
    (
        "shutdown-on-sigint",
        "x",
        Err(
            "argument(s) must be one of the following: default, save, nosave, now, force, safe, failover",
        ),
    ),
    ("appendonly", "YES", Ok("yes")),
    ("appendonly", "1", Err("argument must be 'yes' or 'no'")),
    ("appendonly", "", Err("argument must be 'yes' or 'no'")),
    ("appendfsync", "ALWAYS", Ok("always")),
    (
        "appendfsync",
        "never",
        Err("argument(s) must be one of the following: everysec, always, no"),
    ),
    ("loglevel", "Debug", Ok("debug")),
    (
        "loglevel",
        "debug ",
        Err("argument(s) must be one of the following: debug, verbose, notice, warning, nothing"),
    ),
    ("log-format", "text", Ok("legacy")),
    ("maxmemory-policy", "allkeys-lrm", Ok("allkeys-lrm")),
    ("hz", "0", Ok("1")),
    ("hz", "1000", Ok("500")),
    ("dbfilename", "zz.zz", Ok("zz.zz")),
    (
        "dbfilename",
        "a/b",
        Err("dbfilename can't be a path, just a filename"),
    ),
    ("dbfilename", "", Err("dbfilename can't be empty")),
    ("dir", "", Err("dir can't be empty")),
    ("bind", "127.0.0.1 -::1", Ok("127.0.0.1 -::1")),
    ("bind", "", Ok("")),
    (
        "bind",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
        Err("Too many bind addresses specified."),
    ),
    (
        "proc-title-template",
        "{title} {port}",
        Ok("{title} {port}"),
    ),
    (
        "proc-title-template",
        "{foo}",
        Err("template format is invalid or contains unknown variables"),
    ),
    (
        "proc-title-template",
        "{title",
        Err("template format is invalid or contains unknown variables"),
    ),
    ("io-threads", "2", Ok("2")),
    (
        "io-threads",
        "257",
        Err("argument must be between 1 and 256 inclusive"),
    ),
    ("active-defrag-ignore-bytes", "1mb", Ok("1048576")),
    (
        "cluster-announce-client-ipv4",
        "1.2.3",
        Err("Invalid IPv4 address"),
    ),
    ("cluster-announce-client-ipv6", "::1", Ok("::1")),
    (
        "cluster-announce-hostname",
        "a_b",
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots"),
    ),
    ("slot-migration-max-failover-repl-bytes", "-1", Ok("-1")),
    (
        "slot-migration-max-failover-repl-bytes",
        "-2",
        Err("argument must be between -1 and 9223372036854775807 inclusive"),
    ),
    (
        "cluster-blacklist-ttl",
        "-9223372036854775808",
        Ok("-9223372036854775808"),
    ),
    ("tls-port", "0", Ok("0")),
    ("tls-port", "6380", Err("kvd does not support this")),
    (
        "tls-port",
        "x",
        Err("argument couldn't be parsed into an integer"),
    ),
    ("daemonize", "yes", Err("can't set immutable config")),
    ("shards", "3", Err("can't set immutable config")),
];

#[test]
fn values_are_read_and_printed_as_valkey_does() {
    let mut config = Config::default();
    config.enable_protected_configs = Protection::Local;
    for (name, value, expected) in VALUES {
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
    assert_eq!(changes.before().hash_max_listpack_entries, 512);
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
