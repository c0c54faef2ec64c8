use super::*;
use crate::commands::docs::ALL;
use crate::dispatch::keys::SET_KEYS;
use crate::dispatch::table::{Command, NO_ACL, Registry, WRITE, container};
use crate::resp::reply::{Outbox, Protocol, Reply};

fn each(arguments: &[Argument], check: &mut impl FnMut(&Argument)) {
    for argument in arguments {
        check(argument);
        if let ArgKind::OneOf(parts) | ArgKind::Block(parts) = &argument.kind {
            each(parts, check);
        }
    }
}

#[test]
fn every_record_is_whole() {
    for (name, doc) in ALL {
        let arguments = parse(doc.args).unwrap_or_else(|at| panic!("{name}: {at:?}: {}", doc.args));
        assert!(
            doc.summary.ends_with('.') && doc.summary.len() < 120,
            "{name}"
        );
        assert!(!doc.since.is_empty() && !doc.group.is_empty(), "{name}");
        each(&arguments, &mut |argument| {
            let bare = argument.kind == ArgKind::PureToken;
            assert!(!bare || argument.token.is_some(), "{name}");
        });
    }
    let mut names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn grammar() {
    let all = parse("a<b:c>:int@1=TO-KEN**^1.2~3.4 [+g(x:time|y{z [t='=']})*]").unwrap();
    let [a, g] = &all[..] else { panic!("{all:?}") };
    assert_eq!(
        (a.name, a.display, a.kind.clone()),
        ("a", Some("b:c"), ArgKind::Integer)
    );
    assert_eq!((a.key_spec, a.token), (Some(1), Some("TO-KEN")));
    assert_eq!((a.since, a.deprecated_since), (Some("1.2"), Some("3.4")));
    assert!(a.multiple && a.multiple_token && !a.optional && !a.beyond_valkey);
    assert!(g.multiple && !g.multiple_token && g.optional && g.beyond_valkey);
    let ArgKind::OneOf(choices) = &g.kind else {
        panic!("{g:?}")
    };
    assert_eq!(choices[0].kind, ArgKind::UnixTime);
    let ArgKind::Block(parts) = &choices[1].kind else {
        panic!("{g:?}")
    };
    assert_eq!(
        (parts[0].kind.clone(), parts[1].token),
        (ArgKind::String, Some("="))
    );

    assert_eq!(parse(""), Ok(Vec::new()));
    let broken = [
        "a ", "a(b", "a{b|c}", "[a", "a:what", "a=", "a='x", "a<b", "A", "a@x", "a]",
    ];
    for line in broken {
        assert!(parse(line).is_err(), "{line}");
    }
}

static ROWS: &[Command] = &[
    container(
        "memory",
        -2,
        WRITE,
        NO_ACL,
        &crate::commands::docs::server::SLAVEOF,
    ),
    Command {
        keys: SET_KEYS,
        ..container("memory|stats", -3, WRITE, NO_ACL, &SAMPLE)
    },
];

static SAMPLE: Doc = Doc {
    summary: "s.",
    since: "1",
    tips: &["tip"],
    args: "k@0 [o(a=A|b:int=B)]",
    history: &[("2", "h")],
    ..Doc::of("g")
};

fn written(write: impl FnOnce(&mut Reply<'_>)) -> String {
    let mut out = Outbox::default();
    write(&mut Reply::new(&mut out, Protocol::Resp3));
    String::from_utf8(out.to_vec())
        .unwrap()
        .replace("\r\n", " ")
}

#[test]
fn command_info() {
    let registry = Registry::new(&[ROWS]).unwrap();
    let (id, _) = registry.lookup(b"MEMORY").unwrap();
    let text = written(|reply| info(reply, &registry, id));
    assert!(
        text.starts_with(
            "*10 $6 memory :-2 ~1 +write :0 :0 :0 ~2 +@write +@slow ~0 ~0 *1 \
             *10 $12 memory|stats :-3 ~1 +write :1 :1 :1 ~2 +@write +@slow ~1 $3 tip \
             ~1 %4 $5 notes "
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "$5 flags ~4 +RW +access +update +variable_flags \
             $12 begin_search %2 $4 type $5 index $4 spec %1 $5 index :1 \
             $9 find_keys %2 $4 type $5 range $4 spec %3 $7 lastkey :0 $7 keystep :1 $5 limit :0 \
             ~0 "
        ),
        "{text}"
    );
}

#[test]
fn command_docs() {
    let registry = Registry::new(&[ROWS]).unwrap();
    let (id, _) = registry.lookup(b"memory").unwrap();
    let text = written(|reply| docs(reply, &registry, id));
    assert!(text.starts_with("$6 memory %9 $7 summary "), "{text}");
    let deprecated = "$9 doc_flags ~1 +deprecated $16 deprecated_since $5 5.0.0 \
                      $11 replaced_by $11 `REPLICAOF` $9 arguments *1 ";
    assert!(text.contains(deprecated), "{text}");
    let sub = "$11 subcommands %1 $12 memory|stats %5 $7 summary $2 s. $5 since $1 1 $5 group $1 g \
               $7 history ~1 *2 $1 2 $1 h $9 arguments *2 \
               %4 $4 name $1 k $4 type $3 key $12 display_text $1 k $14 key_spec_index :0 \
               %4 $4 name $1 o $4 type $5 oneof $5 flags ~1 +optional $9 arguments *2 \
               %4 $4 name $1 a $4 type $10 pure-token $12 display_text $1 a $5 token $1 A \
               %4 $4 name $1 b $4 type $7 integer $12 display_text $1 b $5 token $1 B ";
    assert!(text.ends_with(sub), "{text}");
}
