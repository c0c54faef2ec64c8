//! The replies of COMMAND INFO and COMMAND DOCS for one command.

use crate::dispatch::docs::{ArgKind, Argument, Doc};
use crate::dispatch::keys::{Begin, Find, KeySpec};
use crate::dispatch::table::{Command, CommandId, Registry};
use crate::resp::reply::Reply;

/// What COMMAND INFO says of a row and its subcommands: an array of ten.
pub fn info(reply: &mut Reply<'_>, registry: &Registry, id: CommandId) {
    let Some(command) = registry.command(id) else {
        return reply.null();
    };
    let range = command.keys.legacy_range();
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.int(command.arity.into());
    names(reply, command.info_flags().names());
    reply.int(range.first.into());
    reply.int(range.last.into());
    reply.int(range.step.into());
    categories(reply, command);
    reply.set(command.doc.tips.len());
    for tip in command.doc.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(command.keys.specs.len());
    for spec in command.keys.specs {
        key_spec(reply, spec);
    }
    let subcommands = registry.subcommands(id);
    if subcommands.is_empty() {
        return reply.set(0);
    }
    reply.array(subcommands.len());
    for &sub in subcommands {
        info(reply, registry, sub);
    }
}

/// What COMMAND DOCS says of a row and its subcommands: its name and a map, which is one entry of
/// the map that the caller announces.
pub fn docs(reply: &mut Reply<'_>, registry: &Registry, id: CommandId) {
    let Some(command) = registry.command(id) else {
        reply.null();
        return reply.null();
    };
    let doc = command.doc;
    let arguments = doc.arguments();
    let subcommands = registry.subcommands(id);
    reply.bulk(command.name.as_bytes());
    let trees = usize::from(!arguments.is_empty()) + usize::from(!subcommands.is_empty());
    reply.map(entry_count(doc) + trees);
    facts(reply, doc);
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        argument_list(reply, &arguments);
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for &sub in subcommands {
            docs(reply, registry, sub);
        }
    }
}

/// How many entries [`facts`] writes.
fn entry_count(doc: &Doc) -> usize {
    let texts = [doc.summary, doc.since, doc.group, doc.complexity];
    let deprecated = doc.deprecated.is_some();
    texts.iter().filter(|text| !text.is_empty()).count()
        + usize::from(doc.system || deprecated)
        + 2 * usize::from(deprecated)
        + usize::from(!doc.history.is_empty())
}

fn facts(reply: &mut Reply<'_>, doc: &Doc) {
    entry(reply, "summary", doc.summary);
    entry(reply, "since", doc.since);
    entry(reply, "group", doc.group);
    entry(reply, "complexity", doc.complexity);
    if doc.system || doc.deprecated.is_some() {
        let flags = [
            (doc.deprecated.is_some(), "deprecated"),
            (doc.system, "syscmd"),
        ];
        reply.bulk(b"doc_flags");
        names_of(reply, &flags);
    }
    if let Some((since, replacement)) = doc.deprecated {
        entry(reply, "deprecated_since", since);
        entry(reply, "replaced_by", replacement);
    }
    if !doc.history.is_empty() {
        reply.bulk(b"history");
        reply.set(doc.history.len());
        for (version, change) in doc.history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(change.as_bytes());
        }
    }
}

/// Writes an entry whose text is not empty.
fn entry(reply: &mut Reply<'_>, name: &str, text: &str) {
    if !text.is_empty() {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
}

fn names(reply: &mut Reply<'_>, names: impl Iterator<Item = &'static str> + Clone) {
    reply.set(names.clone().count());
    for name in names {
        reply.simple(name);
    }
}

/// The names that are on.
fn names_of(reply: &mut Reply<'_>, flags: &[(bool, &'static str)]) {
    let on = flags.iter().filter(|(on, _)| *on);
    names(reply, on.map(|(_, name)| *name));
}

fn categories(reply: &mut Reply<'_>, command: &Command) {
    let categories = command.categories();
    reply.set(categories.names().count());
    for name in categories.names() {
        reply.simple(&format!("@{name}"));
    }
}

fn key_spec(reply: &mut Reply<'_>, spec: &KeySpec) {
    reply.map(3 + usize::from(!spec.notes.is_empty()));
    entry(reply, "notes", spec.notes);
    reply.bulk(b"flags");
    names(reply, spec.flags.names());
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => search(reply, "index", &[("index", Value::Number(index))]),
        Begin::Keyword { word, start_from } => search(
            reply,
            "keyword",
            &[
                ("keyword", Value::Text(word)),
                ("startfrom", Value::Number(start_from)),
            ],
        ),
        Begin::Unknown => search(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range {
            last_key,
            step,
            limit,
        } => search(
            reply,
            "range",
            &[
                ("lastkey", Value::Number(last_key)),
                ("keystep", Value::Number(step)),
                ("limit", Value::Number(limit)),
            ],
        ),
        Find::Keynum {
            keynum_index,
            first_key,
            step,
        } => search(
            reply,
            "keynum",
            &[
                ("keynumidx", Value::Number(keynum_index)),
                ("firstkey", Value::Number(first_key)),
                ("keystep", Value::Number(step)),
            ],
        ),
        Find::Unknown => search(reply, "unknown", &[]),
    }
}

enum Value {
    Number(i16),
    Text(&'static str),
}

/// A way to search and what it needs to know.
fn search(reply: &mut Reply<'_>, kind: &str, spec: &[(&str, Value)]) {
    reply.map(2);
    entry(reply, "type", kind);
    reply.bulk(b"spec");
    reply.map(spec.len());
    for (name, value) in spec {
        reply.bulk(name.as_bytes());
        match value {
            Value::Number(number) => reply.int((*number).into()),
            Value::Text(text) => reply.bulk(text.as_bytes()),
        }
    }
}

fn argument_list(reply: &mut Reply<'_>, arguments: &[Argument]) {
    reply.array(arguments.len());
    for argument in arguments {
        self::argument(reply, argument);
    }
}

fn argument(reply: &mut Reply<'_>, argument: &Argument) {
    let parts = match &argument.kind {
        ArgKind::OneOf(parts) | ArgKind::Block(parts) => Some(parts),
        _ => None,
    };
    let flagged = argument.optional || argument.multiple;
    let texts = [argument.token, argument.since, argument.deprecated_since];
    let more = texts.iter().flatten().count()
        + usize::from(argument.key_spec.is_some())
        + usize::from(flagged);
    // A name, a type, and either parts or a text to display.
    reply.map(3 + more);
    entry(reply, "name", argument.name);
    entry(reply, "type", argument.kind.name());
    if parts.is_none() {
        entry(
            reply,
            "display_text",
            argument.display.unwrap_or(argument.name),
        );
    }
    if let Some(index) = argument.key_spec {
        reply.bulk(b"key_spec_index");
        reply.int(index.into());
    }
    for (name, text) in ["token", "since", "deprecated_since"].iter().zip(texts) {
        if let Some(text) = text {
            // A token may be the empty text.
            reply.bulk(name.as_bytes());
            reply.bulk(text.as_bytes());
        }
    }
    if flagged {
        let flags = [
            (argument.optional, "optional"),
            (argument.multiple, "multiple"),
            (argument.multiple_token, "multiple_token"),
        ];
        reply.bulk(b"flags");
        names_of(reply, &flags);
    }
    if let Some(parts) = parts {
        reply.bulk(b"arguments");
        argument_list(reply, parts);
    }
}
