//! COMMAND: what the server says of its commands.

use crate::harness::{Kvd, Value};

#[test]
fn all_commands_are_told() {
    let client = Kvd::new().client();
    let count = client.int("COMMAND COUNT") as usize;
    assert!(count > 50);
    assert_eq!(client.cmd("COMMAND").items().len(), count);
    assert_eq!(client.cmd("COMMAND INFO").items().len(), count);
    let names = client.cmd("COMMAND LIST").texts();
    assert!(names.len() > count, "subcommands too");
    assert!(names.iter().any(|name| name == "config|set"));
    assert_eq!(client.cmd("COMMAND DOCS").items().len(), 2 * count);
    client.cmd("HELLO 3");
    assert!(matches!(client.cmd("COMMAND DOCS get set"), Value::Map(pairs) if pairs.len() == 2));
}

#[test]
fn one_command_is_told() {
    let client = Kvd::new().client();
    let reply = client.cmd("COMMAND INFO nosuch get config|set");
    let [nosuch, get, set] = reply.items() else {
        panic!("{reply:?}")
    };
    assert!(nosuch.is_null());
    assert_eq!(get.items()[0].text(), "get");
    assert_eq!(get.items()[1].int(), 2);
    assert_eq!(get.items()[2].texts(), ["readonly", "fast"]);
    assert_eq!(get.items()[6].texts(), ["@read", "@string", "@fast"]);
    assert_eq!(set.items()[0].text(), "config|set");
    assert_eq!(client.cmd("COMMAND DOCS nosuch").items().len(), 0);
}

#[test]
fn lists_are_filtered() {
    let client = Kvd::new().client();
    let strings = client.cmd("COMMAND LIST FILTERBY ACLCAT string").texts();
    assert!(
        strings
            .iter()
            .any(|name| name == "getrange" || name == "get")
    );
    assert!(!strings.iter().any(|name| name == "ping"));
    let subs = client.cmd("COMMAND LIST FILTERBY PATTERN config|*").texts();
    assert!(subs.iter().any(|name| name == "config|set"), "{subs:?}");
    assert_eq!(
        client.cmd("COMMAND LIST FILTERBY MODULE m").items().len(),
        0
    );
    assert_eq!(
        client.cmd("COMMAND LIST FILTERBY ACLCAT x").items().len(),
        0
    );
    assert_eq!(client.err("COMMAND LIST FILTERBY x y"), "ERR syntax error");
    assert_eq!(client.err("COMMAND LIST x"), "ERR syntax error");
}

#[test]
fn keys_are_found() {
    let client = Kvd::new().client();
    assert_eq!(client.cmd("COMMAND GETKEYS SET k v").texts(), ["k"]);
    assert_eq!(
        client.cmd("COMMAND GETKEYS MSET a 1 b 2").texts(),
        ["a", "b"]
    );
    let reply = client.cmd("COMMAND GETKEYSANDFLAGS SET k v");
    let key = &reply.items()[0];
    assert_eq!(key.items()[0].text(), "k");
    assert_eq!(key.items()[1].texts(), ["OW", "update"]);
    for (line, error) in [
        (
            "GET",
            "ERR Invalid number of arguments specified for command",
        ),
        ("nosuch k", "ERR Invalid command specified"),
        ("PING", "ERR The command has no key arguments"),
    ] {
        assert_eq!(client.err(&format!("COMMAND GETKEYS {line}")), error);
    }
    assert_eq!(
        client.err("COMMAND nosuch"),
        "ERR unknown subcommand 'nosuch'. Try COMMAND HELP."
    );
}
