//! What Valkey 9.1.2 answers to COMMAND GETKEYSANDFLAGS, form by form.

use super::*;
use crate::resp::args::Span;

/// The keys of a request (words apart by one blank, `''` for an empty one) with their flags.
fn found(keys: Keys, request: &str) -> String {
    let words: Vec<&str> = request
        .split(' ')
        .map(|word| word.trim_matches('\''))
        .collect();
    let mut bytes = Vec::new();
    let mut spans = Vec::new();
    for word in &words {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(word.as_bytes());
        spans.push(Span {
            start,
            end: bytes.len() as u32,
        });
    }
    let mut found = KeyRefs::new();
    keys.extract(Args::new(&bytes, &spans, None), &mut found);
    let texts = found.iter().map(|key| {
        let flags: Vec<&str> = key.flags.names().collect();
        format!("{}:{}", words[key.index as usize], flags.join(","))
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(keys: Keys, cases: &[(&str, &str)]) {
    for (request, expected) in cases {
        assert_eq!(found(keys, request), *expected, "{request}");
    }
}

#[test]
fn places_and_ranges() {
    check(RO_ACCESS_1, &[("get k", "k:RO,access")]);
    check(RO_2, &[("object encoding k", "k:RO")]);
    check(RO_ACCESS_1_2, &[("lcs a b len", "a:RO,access b:RO,access")]);
    check(RM_DELETE_ALL, &[("del a b", "a:RM,delete b:RM,delete")]);
    check(
        RW_ACCESS_DELETE_BUT_LAST,
        &[("blpop a 0", "a:RW,access,delete"), ("blpop 0", "")],
    );
    check(
        OW_UPDATE_PAIRS,
        &[
            ("mset a 1 b 2", "a:OW,update b:OW,update"),
            ("mset a 1 b", "a:OW,update b:OW,update"),
        ],
    );
    check(
        RW_POP_1_INSERT_2,
        &[("lmove a b left right", "a:RW,access,delete b:RW,insert")],
    );
    check(
        BITOP_KEYS,
        &[("bitop and d a b", "d:OW,update a:RO,access b:RO,access")],
    );
    check(COPY_KEYS, &[("copy a b db 3", "a:RO,access b:OW,update")]);
    check(SPUBLISH_CHANNEL, &[("spublish c m", "")]);
}

#[test]
fn counts() {
    check(
        SCRIPT_KEYS,
        &[
            ("eval s 0", ""),
            ("eval s 1 k", "k:RW,access,update"),
            ("eval s 2 k", ""),
            ("eval s 2 a b c", "a:RW,access,update b:RW,access,update"),
            ("eval s -1 a", ""),
            ("eval s x a", ""),
            ("eval s 99999999999 a", ""),
            ("eval s", ""),
        ],
    );
    check(
        OW_1_FROM_NUM,
        &[
            (
                "zunionstore d 2 a b weights 1 2",
                "d:OW,update a:RO,access b:RO,access",
            ),
            ("zunionstore d 3 a b", ""),
            ("zunionstore d 0 a b", ""),
        ],
    );
    check(
        RW_ACCESS_DELETE_NUM_2,
        &[("blmpop 0 1 a left", "a:RW,access,delete")],
    );
    check(
        OW_UPDATE_NUM_PAIRS,
        &[
            ("msetex 2 a 1 b 2 nx", "a:OW,update b:OW,update"),
            ("msetex 0 a 1", ""),
        ],
    );
}

#[test]
fn flags_that_depend_on_options() {
    check(
        SET_KEYS,
        &[
            ("set k v", "k:OW,update"),
            ("set k v nx GeT", "k:RW,access,update"),
            ("set k get", "k:OW,update"),
        ],
    );
    check(
        BITFIELD_KEYS,
        &[
            ("bitfield k", "k:RO,access"),
            ("bitfield k get u8 0", "k:RO,access"),
            ("bitfield k overflow sat get u8 0", "k:RO,access"),
            ("bitfield k get u8 0 set u8 0 1", "k:RW,access,update"),
            ("bitfield k get u8", "k:RW,access,update"),
        ],
    );
}

#[test]
fn destinations_anywhere() {
    check(
        SORT_KEYS,
        &[
            ("sort k by w get # store d", "k:RO,access d:OW,update"),
            ("sort k store a store b", "k:RO,access b:OW,update"),
            ("sort k limit store x store y", "k:RO,access y:OW,update"),
            ("sort k get store store z", "k:RO,access z:OW,update"),
            ("sort k store", "k:RO,access"),
        ],
    );
    check(SORT_RO_KEYS, &[("sort_ro k by w*", "k:RO,access")]);
    check(
        GEORADIUS_KEYS,
        &[
            ("georadius k 1 2 3 m", "k:RO,access"),
            (
                "georadius k 1 2 3 m store d storedist e",
                "k:RO,access e:OW,update",
            ),
            (
                "georadius k store 2 3 m storedist x",
                "k:RO,access x:OW,update",
            ),
        ],
    );
    check(
        MIGRATE_KEYS,
        &[
            ("migrate h 1 k 0 10", "k:RW,access,delete"),
            ("migrate h 1 '' 0 10 auth keys keys a", "a:RW,access,delete"),
            (
                "migrate h 1 '' 0 10 auth2 keys keys keys a",
                "a:RW,access,delete",
            ),
            ("migrate h 1 k 0 10 keys a", ""),
            ("migrate h 1 '' 0 10 keys", ":RW,access,delete"),
        ],
    );
}

#[test]
fn streams_after_their_keyword() {
    check(
        XREAD_KEYS,
        &[
            (
                "xread count 1 block 0 streams a b 0 0",
                "a:RO,access b:RO,access",
            ),
            ("xread streams a 0 b", "a:RO,access"),
            ("xread streams", ""),
            ("xread count 1", ""),
        ],
    );
    check(
        XREADGROUP_KEYS,
        &[
            ("xreadgroup group streams c streams k >", "k:RO,access"),
            ("xreadgroup noack group g c streams k >", "k:RO,access"),
            // Valkey takes the first STREAMS here, which is the consumer: the key escapes ACLs.
            (
                "xreadgroup count 1 group g streams streams k >",
                "k:RO,access",
            ),
            ("xreadgroup group g c claim 5 streams k >", "k:RO,access"),
        ],
    );
}

#[test]
fn legacy_ranges() {
    let range = |keys: Keys| {
        let range = keys.legacy_range();
        (range.first, range.last, range.step, range.movable)
    };
    assert_eq!(range(NO_KEYS), (0, 0, 0, false));
    assert_eq!(range(RO_ACCESS_1), (1, 1, 1, false));
    assert_eq!(range(OW_UPDATE_PAIRS), (1, -1, 2, false));
    assert_eq!(range(RW_POP_1_INSERT_2), (1, 2, 1, false));
    assert_eq!(range(BITOP_KEYS), (2, -1, 1, false));
    assert_eq!(range(OW_1_FROM_NUM), (1, 1, 1, true));
    assert_eq!(range(RO_ACCESS_NUM_1), (0, 0, 0, true));
    assert_eq!(range(SORT_KEYS), (1, 1, 1, true));
    assert_eq!(range(MIGRATE_KEYS), (3, 3, 1, true));
}

#[test]
fn errors_of_getkeys() {
    use crate::commands::docs;
    use crate::dispatch::table::{Acl, Flags, NO_ACL, NO_FLAGS, container};

    let spans = [Span { start: 0, end: 1 }, Span { start: 1, end: 2 }];
    let ask = |keys: Keys, arity: i16, flags: Flags, argc: usize| {
        let acl: Acl = NO_ACL;
        let row = container("x", arity, flags, acl, &docs::server::ACL);
        let row = Command { keys, ..row };
        let args = Args::new(b"xy", &spans[..argc], None);
        super::keys(&row, args, &mut KeyRefs::new())
    };
    assert_eq!(ask(NO_KEYS, 1, NO_FLAGS, 2), Err(KeysError::NoKeys));
    assert_eq!(
        ask(SPUBLISH_CHANNEL, 2, NO_FLAGS, 2),
        Err(KeysError::NoKeys)
    );
    assert_eq!(ask(RO_1, 3, NO_FLAGS, 2), Err(KeysError::Arity));
    assert_eq!(ask(RO_1, -2, NO_FLAGS, 1), Err(KeysError::Arity));
    assert_eq!(
        ask(RO_ACCESS_NUM_1, -2, NO_FLAGS, 2),
        Err(KeysError::Arguments)
    );
    assert_eq!(ask(RO_ACCESS_NUM_1, -2, NO_MANDATORY_KEYS, 2), Ok(()));
    assert_eq!(ask(RO_1, 2, NO_FLAGS, 2), Ok(()));
}

#[test]
fn the_only_key_of_a_command_is_all_its_keys() {
    let mut seen = 0;
    for command in crate::commands::FAMILIES.iter().copied().flatten() {
        let Some(at) = command.keys.only() else {
            continue;
        };
        seen += 1;
        let least = command.arity.unsigned_abs() as usize;
        for count in [least, least + 1, least + 2] {
            if !command.takes(count) {
                continue;
            }
            let request = vec!["x"; count].join(" ");
            let spans: Vec<Span> = (0..count as u32)
                .map(|word| Span {
                    start: 2 * word,
                    end: 2 * word + 1,
                })
                .collect();
            let mut found = KeyRefs::new();
            let args = Args::new(request.as_bytes(), &spans, None);
            command.keys.extract(args, &mut found);
            let places: Vec<usize> = found.iter().map(|key| key.index as usize).collect();
            // Some see that the arguments make no sense; then there are none.
            let is_senseless = places.is_empty() && command.keys.search != Search::Specs;
            assert!(
                places == [at] || is_senseless,
                "{}: {places:?}",
                command.name
            );
        }
    }
    assert!(seen > 100, "{seen} commands");
}
