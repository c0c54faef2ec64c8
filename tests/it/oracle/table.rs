//! Every row of the command table against what Valkey says of its commands. Summaries, notes,
//! complexities and histories are prose of our own, and not compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{Kvd, Value, peer};

/// Commands of Valkey that kvd does not have: it keeps no slots to scan one by one.
const MISSING: &[&str] = &["clusterscan"];

/// Commands of Redis 8 that Valkey does not have, and our own of HOTKEYS.
const BEYOND: &[&str] = &[
    "blmovem",
    "delex",
    "digest",
    "hotkeys",
    "hotkeys|big",
    "hotkeys|get",
    "hotkeys|help",
    "hotkeys|reset",
    "hotkeys|start",
    "hotkeys|stop",
    "hotkeys|top",
    "increx",
    "lmovem",
    "sdiffcard",
    "sunioncard",
    "xackdel",
    "xcfgset",
    "xdelex",
    "xidmprecord",
    "xnack",
];

/// Options of Redis 8 and Valkey 9.2 that Valkey 9.1 does not have: the command and the argument's
/// path; the arity where there was none before.
const OPTIONS_BEYOND: &[(&str, &[&str])] = &[
    (
        "bitop",
        &[
            "/operation/diff",
            "/operation/diff1",
            "/operation/andor",
            "/operation/one",
        ],
    ),
    (
        "set",
        &[
            "/condition/ifne-value",
            "/condition/ifdeq-digest",
            "/condition/ifdne-digest",
        ],
    ),
    ("move", &["arity", "/replace"]),
    ("sismember", &["arity", "/xx"]),
    ("xadd", &["/refs", "/idmp"]),
    ("xtrim", &["/refs"]),
    ("xread", &["/maxcount", "/maxsize"]),
    ("xreadgroup", &["/maxcount", "/maxsize", "/min-idle-time"]),
    ("zinter", &["/aggregate/count"]),
    ("zinterstore", &["/aggregate/count"]),
    ("zunion", &["/aggregate/count"]),
    ("zunionstore", &["/aggregate/count"]),
    ("zrange", &["/xx"]),
    ("zrangebylex", &["/xx"]),
    ("zrangebyscore", &["/xx"]),
    ("zrevrange", &["/xx"]),
    ("zrevrangebylex", &["/xx"]),
    ("zrevrangebyscore", &["/xx"]),
];

/// The facts about one command, a line each, in an order of meaning.
type Facts = Vec<String>;

#[test]
fn every_row_is_valkeys() {
    let Some(valkey) = peer("valkey-server") else {
        return;
    };
    let (ours, mut theirs) = (Kvd::new().client(), valkey.connect());
    let mut ask = |line: &str| (ours.cmd(line), theirs.cmd(line));
    ask("HELLO 3");
    let (info, docs) = (ask("COMMAND"), ask("COMMAND DOCS"));
    let ours = rows(&info.0, &docs.0);
    let theirs = rows(&info.1, &docs.1);

    let names = |rows: &BTreeMap<String, Facts>| rows.keys().cloned().collect::<BTreeSet<_>>();
    let missing = &names(&theirs) - &names(&ours);
    let beyond = &names(&ours) - &names(&theirs);
    assert_eq!(Vec::from_iter(missing), MISSING);
    assert_eq!(Vec::from_iter(beyond), BEYOND);

    let mut differences = String::new();
    for (name, wanted) in &theirs {
        let Some(got) = ours.get(name) else { continue };
        let got: Vec<_> = got.iter().filter(|fact| !is_beyond(name, fact)).collect();
        let wanted: Vec<_> = wanted
            .iter()
            .filter(|fact| !is_beyond(name, fact))
            .collect();
        if got != wanted {
            let only = |these: &[&String], those: &[&String]| -> Vec<String> {
                let new = these.iter().filter(|fact| !those.contains(fact));
                new.map(|fact| (*fact).clone()).collect()
            };
            let (more, less) = (only(&got, &wanted), only(&wanted, &got));
            differences += &format!("{name}: not Valkey's: {more:#?}; Valkey's: {less:#?}\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Whether a fact is about an option that Valkey does not have, or about a part of it.
fn is_beyond(command: &str, fact: &str) -> bool {
    let path = fact.split(' ').next().unwrap_or(fact);
    let options = OPTIONS_BEYOND.iter().find(|(name, _)| *name == command);
    options.is_some_and(|(_, paths)| {
        paths.iter().any(|beyond| {
            let rest = path.strip_prefix(beyond);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    })
}

/// Every command and subcommand with its facts.
fn rows(info: &Value, docs: &Value) -> BTreeMap<String, Facts> {
    let mut rows = BTreeMap::new();
    for row in info.items() {
        add_info(&mut rows, row);
    }
    add_docs(&mut rows, docs);
    rows
}

fn add_info(rows: &mut BTreeMap<String, Facts>, row: &Value) {
    let [name, arity, flags, first, last, step, acl, tips, keys, subs] = row.items() else {
        panic!("not ten: {row:?}")
    };
    let mut facts = vec![
        format!("arity {arity:?}"),
        format!("flags {:?}", sorted(flags)),
        format!("keys {first:?} {last:?} {step:?}"),
        format!("categories {:?}", sorted(acl)),
        format!("tips {:?}", sorted(tips)),
        format!("subcommands {}", subs.items().len()),
    ];
    for spec in keys.items() {
        let part = |name| format!("{:?}", spec.field(name));
        let (begin, find) = (part("begin_search"), part("find_keys"));
        let flags = sorted(spec.field("flags"));
        facts.push(format!("key-spec {flags:?} {begin} {find}"));
    }
    rows.insert(name.text(), facts);
    for sub in subs.items() {
        add_info(rows, sub);
    }
}

fn add_docs(rows: &mut BTreeMap<String, Facts>, docs: &Value) {
    for (name, doc) in pairs(docs) {
        let name = name.text();
        let facts = rows.get_mut(&name).expect("a command of COMMAND");
        for fact in ["since", "group", "deprecated_since", "replaced_by"] {
            facts.push(format!("{fact} {:?}", field(doc, fact)));
        }
        facts.push(format!(
            "doc_flags {:?}",
            field(doc, "doc_flags").map(sorted)
        ));
        if let Some(arguments) = field(doc, "arguments") {
            add_arguments(facts, "", arguments);
        }
        if let Some(subcommands) = field(doc, "subcommands") {
            add_docs(rows, subcommands);
        }
    }
}

fn add_arguments(facts: &mut Facts, parent: &str, arguments: &Value) {
    for argument in arguments.items() {
        let path = format!("{parent}/{}", argument.field("name").text());
        let mut traits = Vec::new();
        for (name, value) in pairs(argument) {
            match name.text().as_str() {
                "name" | "summary" | "arguments" => {}
                "flags" => traits.push(format!("flags={:?}", sorted(value))),
                name => traits.push(format!("{name}={value:?}")),
            }
        }
        traits.sort();
        facts.push(format!("{path} {}", traits.join(" ")));
        if let Some(parts) = field(argument, "arguments") {
            add_arguments(facts, &path, parts);
        }
    }
}

fn sorted(set: &Value) -> Vec<String> {
    let mut texts = set.texts();
    texts.sort();
    texts
}

fn pairs(map: &Value) -> &[(Value, Value)] {
    match map {
        Value::Map(pairs) => pairs,
        other => panic!("not a map: {other:?}"),
    }
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let found = pairs(map).iter().find(|(key, _)| key.text() == name);
    found.map(|(_, value)| value)
}
