//! Tests of the sources of the configuration: files, environment and command line.

use std::collections::BTreeMap;
use std::io;

use super::super::load::*;
use super::*;

/// A few files by name.
#[derive(Default)]
struct Shelf(BTreeMap<&'static str, &'static str>);

impl Files for Shelf {
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let text = self
            .0
            .get(path)
            .ok_or_else(|| io::Error::from_raw_os_error(2))?;
        Ok(text.as_bytes().to_vec())
    }

    fn glob(&mut self, pattern: &str) -> io::Result<Vec<String>> {
        let names = self
            .0
            .keys()
            .filter(|name| glob::matches(pattern.as_bytes(), name.as_bytes(), false));
        Ok(names.map(|name| (*name).to_owned()).collect())
    }
}

fn start(
    files: &[(&'static str, &'static str)],
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> Result<Loaded, String> {
    let sources = Sources {
        arguments: arguments.iter().map(|a| a.as_bytes().to_vec()).collect(),
        environment: environment
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect(),
    };
    let mut shelf = Shelf(files.iter().copied().collect());
    let mut stdin = || Ok(b"port 7001\n".to_vec());
    load(&sources, &mut shelf, &mut stdin).map_err(|error| error.to_string())
}

fn from_file(text: &'static str) -> Result<Loaded, String> {
    start(&[("a.conf", text)], &[], &["a.conf"])
}

fn error_of(result: Result<Loaded, String>) -> String {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(text) => text,
    }
}

#[test]
fn later_sources_overrule_earlier_ones() {
    let file = [("a.conf", "port 1\ntimeout 1\nmaxclients 1\nhz 1\n")];
    let environment = [
        ("KVD_TIMEOUT", "3"),
        ("KVD_HZ", "3"),
        ("HOME", "/"),
        ("KVD_PORT", ""),
    ];
    let loaded = start(&file, &environment, &["a.conf", "--hz", "4", "-"]).expect("valid");
    let config = loaded.config;
    assert_eq!(
        (config.maxclients, config.port, config.timeout, config.hz),
        (1, 7001, 3, 4)
    );
    assert_eq!(config.config_file.as_deref(), Some("a.conf"));
    let origin = &loaded.origins["timeout"];
    assert_eq!(
        (&origin.place, origin.text.as_slice()),
        (&Place::Environment, &b"KVD_TIMEOUT=3"[..])
    );
}

#[test]
fn the_environment_is_read_with_care() {
    let foreign = [
        ("KVD_SERVICE_HOST", "1"),
        ("KVD_PORT", "tcp://10.0.0.1:6379"),
        ("KVD_SEED", "1"),
    ];
    assert_eq!(
        start(&[], &foreign, &[]).expect("ignored").config.port,
        6379
    );
    let save = [
        ("KVD_SAVE", "9 9"),
        ("KVD_BIND", "127.0.0.1 ::1"),
        ("KVD_REQUIREPASS", "a b"),
    ];
    let config = start(&[("a.conf", "save 1 1")], &save, &["a.conf"])
        .expect("valid")
        .config;
    assert_eq!(shown(&config, "save"), "9 9");
    assert_eq!(config.bind, ["127.0.0.1", "::1"]);
    assert_eq!(config.requirepass, b"a b");
    let config = start(&[], &[("KVD_SAVE", "")], &[]).expect("valid").config;
    assert!(config.save.is_empty());
    let error = error_of(start(&[], &[("KVD_MAXMEMRY", "1")], &[]));
    assert!(
        error.contains("Reading the environment\n>>> 'KVD_MAXMEMRY=1'\n"),
        "{error}"
    );
    assert!(error.ends_with("Did you mean 'maxmemory'?"), "{error}");
}

/// Arguments, an option, and its value after them.
const COMMAND_LINES: &[(&[&str], &str, &str)] = &[
    (
        &["--port", "7000", "--save", "", "--appendonly", "no"],
        "save",
        "",
    ),
    (&["--port=7000"], "port", "7000"),
    (
        &["--maxmemory 700mb", "--maxmemory-policy volatile-lru"],
        "maxmemory",
        "734003200",
    ),
    (&["--maxmemory '700mb'"], "maxmemory", "734003200"),
    (
        &[
            "--proc-title-template",
            "--my--title--template",
            "--hz",
            "7",
        ],
        "hz",
        "7",
    ),
    (
        &["--proc-title-template --my"],
        "proc-title-template",
        "--my",
    ),
    (&["--save", "--loglevel", "verbose"], "save", ""),
    (&["--save", "--loglevel", "verbose"], "loglevel", "verbose"),
    (&["--loglevel", "verbose", "--save"], "save", ""),
    (&["--save", "3600 1 10 2"], "save", "3600 1 10 2"),
    (&["--save", "3600", "1", "10", "2"], "save", "3600 1 10 2"),
    (
        &["--save", "3600", "1", "--save", "10", "2"],
        "save",
        "3600 1 10 2",
    ),
    (
        &["--shutdown-on-sigint", "nosave force"],
        "shutdown-on-sigint",
        "nosave force",
    ),
    (&["--requirepass", "a=b \"c\""], "requirepass", "a=b \"c\""),
    (&["--requirepass=a=b"], "requirepass", "a=b"),
    (&["--bind", "127.0.0.1", "-::1"], "bind", "127.0.0.1 -::1"),
    (&["-", "--hz", "9"], "port", "7001"),
    (&["--timeout", "9", "-"], "port", "7001"),
];

/// Arguments and how the error ends.
const BAD_COMMAND_LINES: &[(&[&str], &str)] = &[
    (&["--port"], "wrong number of arguments"),
    (&["--port", "1", "2"], "wrong number of arguments"),
    (&["--save", "1", "2", "3"], "Invalid save parameters"),
    (
        &["--unixsocketperm", "1000"],
        "argument must be between 0 and 777 inclusive",
    ),
    (
        &["--unixsocketperm", "9"],
        "argument couldn't be parsed as an octal number",
    ),
    (&["--replicaof", "a"], "wrong number of arguments"),
    (&["--replicaof", "a", "1"], "kvd does not support this"),
    (&["--user"], "Bad directive or wrong number of arguments"),
    (
        &["--x.y", "1"],
        "kvd does not load modules, this configures one",
    ),
    (&["--prot", "1"], "Did you mean 'port'?"),
    (
        &["--zzzzzzzzzz", "1"],
        "Bad directive or wrong number of arguments",
    ),
    (
        &["/nope.conf"],
        "Fatal error, can't open config file '/nope.conf': No such file or directory",
    ),
];

#[test]
fn command_lines_are_read_as_redis_reads_them() {
    let shown_after = |arguments: &[&str], name: &str| {
        shown(&start(&[], &[], arguments).expect("valid").config, name)
    };
    for (arguments, name, expected) in COMMAND_LINES {
        assert_eq!(shown_after(arguments, name), *expected, "{arguments:?}");
    }
    let error = error_of(start(&[], &[], &["--port", "abc"]));
    assert!(
        error.contains("Reading the command line\n>>> 'port \"abc\"'\n"),
        "{error}"
    );
    assert!(
        error.ends_with("\nargument couldn't be parsed into an integer"),
        "{error}"
    );
    for (arguments, reason) in BAD_COMMAND_LINES {
        let error = error_of(start(&[], &[], arguments));
        assert!(error.ends_with(*reason), "{arguments:?}: {error}");
    }
}

#[test]
fn files_are_read_line_by_line() {
    let text = "# comment\n\n  PORT 7000  \r\nsave 1 1\nsave 2 2\nslave-priority 9\n\
                rename-command FLUSHALL \"\"\nuser bob on \">a b\" ~*\nlua-replicate-commands yes\n\
                requirepass \"a\\x41\\n\\\"\" \nlogfile 'it\\'s'\n\
                client-output-buffer-limit normal 1 2 3\n\
                replicaof no one\nbind \"127.0.0.1 ::1\"\ntls-port 0\n";
    let config = from_file(text).expect("valid").config;
    assert_eq!((config.port, config.replica_priority), (7000, 9));
    assert_eq!(shown(&config, "save"), "1 1 2 2");
    assert_eq!(
        (config.requirepass.as_slice(), config.logfile.as_str()),
        (&b"aA\n\""[..], "it's")
    );
    assert_eq!(config.client_output_buffer_limit.normal.soft_seconds, 3);
    assert_eq!(config.bind, ["127.0.0.1", "::1"]);
    let renamed = &config.renamed_commands[0];
    assert_eq!(
        (
            renamed.from.as_slice(),
            renamed.to.as_slice(),
            renamed.origin.line
        ),
        (&b"FLUSHALL"[..], &b""[..], 7)
    );
    assert_eq!(config.users[0].words, [&b"bob"[..], b"on", b">a b", b"~*"]);
    assert_eq!(
        from_file("save \"\"\nsave 5 5").map(|l| shown(&l.config, "save")),
        Ok("5 5".into())
    );
    assert_eq!(
        from_file("save 5 5\nsave \"\"").map(|l| shown(&l.config, "save")),
        Ok("".into())
    );
}

#[test]
fn errors_have_the_shape_of_redis() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        error_of(from_file("port 1\n\nfoo bar\n")),
        format!(
            "\n*** FATAL CONFIG FILE ERROR (Version {version}) ***\n\
             Reading the configuration file, at line 3\n>>> 'foo bar'\n\
             Bad directive or wrong number of arguments"
        )
    );
    for (text, reason) in [
        ("requirepass \"a", "Unbalanced quotes in configuration line"),
        (
            "requirepass \"a\"b",
            "Unbalanced quotes in configuration line",
        ),
        ("cluster-enabled yes", "kvd does not support this"),
        ("tls-cert-file a.pem", "kvd does not support this"),
        ("loadmodule /a.so", "kvd does not load modules"),
        (
            "sentinel monitor a",
            "sentinel directive while not in sentinel mode",
        ),
        (
            "user a on\nuser b on\nuser a off",
            "Error in user declaration 'a': Duplicate user found. A user can only be defined once \
             in config files",
        ),
        (
            "rename-command a",
            "Bad directive or wrong number of arguments",
        ),
        (
            "hash-max-ziplist-entrys 1",
            "Did you mean 'hash-max-ziplist-entries'?",
        ),
    ] {
        let error = error_of(from_file(text));
        assert!(error.ends_with(reason), "{text}: {error}");
    }
}

#[test]
fn files_include_files() {
    let files = [
        (
            "a.conf",
            "port 1\ninclude b.conf\ninclude conf.d/*.conf\ninclude none*\n",
        ),
        ("b.conf", "port 2\ntimeout 2"),
        ("conf.d/1.conf", "timeout 3\nhz 3"),
        ("conf.d/2.conf", "hz 4"),
        ("bad.conf", "include worse.conf"),
        ("worse.conf", "\nfoo"),
        ("circle.conf", "include circle.conf"),
        ("lost.conf", "include nowhere.conf"),
    ];
    let config = start(&files, &[], &["a.conf"]).expect("valid").config;
    assert_eq!((config.port, config.timeout, config.hz), (2, 3, 4));
    let error = error_of(start(&files, &[], &["bad.conf"]));
    assert!(
        error.contains("at line 2 of 'worse.conf'\n>>> 'foo'"),
        "{error}"
    );
    let error = error_of(start(&files, &[], &["circle.conf"]));
    assert!(
        error.ends_with("Files include each other too deeply"),
        "{error}"
    );
    let error = error_of(start(&files, &[], &["lost.conf"]));
    assert!(error.contains("'nowhere.conf': No such file"), "{error}");
}

#[test]
fn what_has_no_effect_is_named() {
    let loaded =
        from_file("io-threads 4\nactivedefrag no\ndaemonize yes\nport 1\n").expect("valid");
    assert_eq!(
        loaded.warnings,
        [
            "daemonize: kvd stays in the foreground, run it under a supervisor",
            "'io-threads 4' (line 1) has no effect in kvd",
        ]
    );
    assert_eq!(shown(&loaded.config, "io-threads"), "4");
}
