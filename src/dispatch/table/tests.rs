use super::*;
use crate::commands::docs::{self, ALL};
use crate::dispatch::keys::{RO_ACCESS_NUM_1, SPUBLISH_CHANNEL};
use crate::resp::args::OwnedArgs;

fn row(name: &'static str, flags: Flags, acl: Acl) -> Command {
    container(name, -1, flags, acl, &docs::server::ACL)
}

/// A table of every name that is documented.
fn every_name() -> &'static [Command] {
    let rows: Vec<Command> = ALL
        .iter()
        .map(|(name, _)| row(name, NO_FLAGS, NO_ACL))
        .collect();
    rows.leak()
}

#[test]
fn every_name_is_found_in_any_case() {
    let registry = Registry::new(&[every_name()]).unwrap();
    assert_eq!(registry.len(), ALL.len());
    for (name, _) in ALL {
        for asked in [name.to_string(), name.to_ascii_uppercase()] {
            let (id, command) = registry.by_full_name(asked.as_bytes()).unwrap();
            assert_eq!(command.name, *name);
            assert_eq!(registry.command(id).unwrap().name, *name);
        }
        // One byte off, in each place, is another name.
        for at in 0..name.len() {
            let mut other = name.as_bytes().to_vec();
            other[at] ^= 0x80;
            assert!(registry.by_full_name(&other).is_none(), "{name}");
        }
    }
    for absent in [
        &b""[..],
        b"ge",
        b"gett",
        b"g\0t",
        b"config|",
        b"|get",
        b"get|set",
        b"[et",
    ] {
        assert!(registry.by_full_name(absent).is_none());
    }
    assert_eq!(registry.command_count(), registry.commands().count());
}

#[test]
fn subcommands_belong_to_their_container() {
    let registry = Registry::new(&[every_name()]).unwrap();
    let (config, _) = registry.lookup(b"config").unwrap();
    let (set, row) = registry.sub(config, b"SET").unwrap();
    assert_eq!(
        (row.name, row.own_name(), row.container_name()),
        ("config|set", "set", Some("config"))
    );
    assert_eq!(registry.subcommands(config).len(), 5);
    assert_ne!(registry.lookup(b"set").unwrap().0, set);
    assert!(registry.sub(config, b"info").is_none());
    assert_eq!(resolved(&registry, &[b"CONFIG", b"get"]), "config|get");
    assert_eq!(resolved(&registry, &[b"config", b"nothing"]), "");
    assert_eq!(resolved(&registry, &[b"config"]), "config");
    assert_eq!(resolved(&registry, &[b"get", b"set"]), "get");
    assert_eq!(resolved(&registry, &[]), "");
}

/// The full name of the row that a request names; empty if there is none.
fn resolved(registry: &Registry, words: &[&[u8]]) -> &'static str {
    let args: OwnedArgs = words.iter().copied().collect();
    let found = registry.resolve(args.as_args());
    found.map_or("", |found| found.command.name)
}

#[test]
fn renaming() {
    let mut registry = Registry::new(&[every_name()]).unwrap();
    let count = registry.command_count();
    let long = b"b840fc02d524045429941cc15f59e41cb7be6c52";
    registry.rename(b"CONFIG", long).unwrap();
    assert!(registry.lookup(b"config").is_none());
    assert_eq!(resolved(&registry, &[long, b"set"]), "config|set");
    assert!(
        registry
            .lookup(b"b840fc02d524045429941cc15f59e41c00000000")
            .is_none()
    );
    assert!(
        registry
            .lookup(b"b840fc020000045429941cc15f59e41cb7be6c52")
            .is_none()
    );
    registry.rename(b"flushall", b"").unwrap();
    assert!(registry.lookup(b"flushall").is_none());
    assert_eq!(registry.command_count(), count - 1);
    assert_eq!(
        registry.rename(b"flushall", b"x"),
        Err(TableError::Unknown("flushall".into()))
    );
    assert_eq!(
        registry.rename(b"get", b"Set"),
        Err(TableError::Duplicate("Set".into()))
    );
    assert_eq!(registry.len(), ALL.len());
}

#[test]
fn tables_that_are_refused() {
    let twice = vec![row("a", NO_FLAGS, NO_ACL), row("a", NO_FLAGS, NO_ACL)].leak();
    assert_eq!(
        Registry::new(&[twice]).unwrap_err(),
        TableError::Duplicate("a".into())
    );
    let orphan = vec![row("a|b", NO_FLAGS, NO_ACL)].leak();
    assert_eq!(
        Registry::new(&[orphan]).unwrap_err(),
        TableError::Orphan("a|b".into())
    );
}

#[test]
fn categories_follow_from_flags() {
    let names = |flags, acl| {
        row("x", flags, acl)
            .categories()
            .names()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(WRITE.or(DENYOOM), STRING),
        ["write", "string", "slow"]
    );
    assert_eq!(names(READ.or(FAST), HASH), ["read", "hash", "fast"]);
    assert_eq!(names(READ, SCRIPTING), ["slow", "scripting"]);
    assert_eq!(names(ADMIN, NO_ACL), ["admin", "slow", "dangerous"]);
    assert_eq!(
        names(PUBSUB.or(BLOCKING), LIST),
        ["list", "pubsub", "slow", "blocking"]
    );
    assert_eq!(Acl::named(b"SortedSet"), Some(SORTEDSET));
    assert_eq!(Acl::named(b"nothing"), None);
    assert_eq!(Acl::all().count(), 21);
}

#[test]
fn flags_and_arity() {
    let shown: Vec<&str> = ADMIN.or(STALE).or(PROTECTED).names().collect();
    assert_eq!(shown, ["admin", "stale"]);
    let movable = Command {
        keys: RO_ACCESS_NUM_1,
        ..row("x", READ, NO_ACL)
    };
    assert_eq!(
        movable.info_flags().names().collect::<Vec<_>>(),
        ["readonly", "movablekeys"]
    );
    assert!(!movable.keys.specs.is_empty() && !SPUBLISH_CHANNEL.any());
    let exact = Command {
        arity: 2,
        ..row("x", READ, NO_ACL)
    };
    assert!(exact.takes(2) && !exact.takes(1) && !exact.takes(3));
    let open = Command {
        arity: -2,
        ..row("x", READ, NO_ACL)
    };
    assert!(open.takes(2) && open.takes(9) && !open.takes(1));
}
