//! Trimming: XTRIM, and the options it shares with XADD.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::types::stream::{NewId, RefPolicy, Trim, TrimTo};
use crate::store::value::Kind;

use super::{parse_id, stream_mut};

/// The entries an approximate trim removes at most are so many nodes full.
const LIMIT_NODES: u64 = 100;
/// That limit where nodes have none.
const LIMIT_DEFAULT: u64 = 10_000;
/// That limit however large nodes may be.
const LIMIT_MAX: u64 = 1_000_000;

/// XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count] [KEEPREF|DELREF|ACKED]
pub fn xtrim(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(ctx, args, false)?;
    let trim = options.trim.ok_or(CommandError::fixed(
        "ERR syntax error, XTRIM must be called with a trimming strategy",
    ))?;
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write_kind(&key, Kind::Stream)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let stream = stream_mut(ctx, slot)?;
    let removed = stream.trim(&trim);
    let len = stream.len();
    if removed > 0 {
        ctx.effects.dirty += removed - 1;
        ctx.modified(key.bytes);
        ctx.notify(EventClass::STREAM, "xtrim", key.bytes);
        if trim.approximate && ctx.effects.listeners.propagation {
            let len = len.to_string();
            let mut words = vec![b"XTRIM", key.bytes, b"MAXLEN", b"=", len.as_bytes()];
            words.extend(told_policy(trim.references));
            ctx.propagate_as(&words);
        }
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

/// The word for a policy.
fn policy_word(policy: RefPolicy) -> &'static [u8] {
    match policy {
        RefPolicy::Keep => b"KEEPREF",
        RefPolicy::Delete => b"DELREF",
        RefPolicy::Acked => b"ACKED",
    }
}

/// The word for a policy in the log: none for the one that is meant where none is given. Servers
/// without policies read the log too.
pub fn told_policy(policy: RefPolicy) -> Option<&'static [u8]> {
    (policy != RefPolicy::Keep).then(|| policy_word(policy))
}

/// The policy of that name.
pub fn parse_policy(word: &[u8]) -> Option<RefPolicy> {
    [RefPolicy::Keep, RefPolicy::Delete, RefPolicy::Acked]
        .into_iter()
        .find(|policy| word.eq_ignore_ascii_case(policy_word(*policy)))
}

/// The message id of an idempotent producer.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The producer.
    pub pid: &'a [u8],
    /// The id; none where it is made of the fields.
    pub iid: Option<&'a [u8]>,
}

/// The options of XADD and XTRIM.
#[derive(Debug)]
pub struct Options<'a> {
    /// How to trim.
    pub trim: Option<Trim>,
    /// XADD does not create the key.
    pub no_mkstream: bool,
    /// XADD recognises a message sent twice.
    pub message: Option<Message<'a>>,
    /// The id XADD was given.
    pub id: NewId,
    /// Where in XADD the id stands.
    pub id_at: usize,
    to: Option<TrimTo>,
    approximate: bool,
    limit: Option<i64>,
    references: Option<RefPolicy>,
}

impl<'a> Options<'a> {
    /// Reads the options from argument 2 on: up to the id of XADD, or to the end.
    pub fn parse(
        ctx: &KeyCtx<'_>,
        args: Args<'a>,
        is_xadd: bool,
    ) -> Result<Options<'a>, CommandError> {
        let mut options = Options {
            trim: None,
            no_mkstream: false,
            message: None,
            id: NewId::Auto,
            id_at: args.len(),
            to: None,
            approximate: false,
            limit: None,
            references: None,
        };
        let mut at = 2;
        while at < args.len() {
            let word = args.at(at);
            if is_xadd && word == b"*" {
                options.id_at = at;
                break;
            }
            let read = options.parse_trim(args, at)?;
            let read = match read {
                0 if is_xadd => options.parse_add(args, at)?,
                read => read,
            };
            if read > 0 {
                at += read;
                continue;
            }
            if !is_xadd {
                return Err(CommandError::SYNTAX);
            }
            options.id = NewId::parse(word).ok_or(CommandError::STREAM_ID)?;
            options.id_at = at;
            break;
        }
        options.finish(ctx)?;
        Ok(options)
    }

    /// Reads an option of both commands at `at` and says how many arguments it took; 0 if it is
    /// none.
    fn parse_trim(&mut self, args: Args<'_>, at: usize) -> Result<usize, CommandError> {
        let (word, more) = (args.at(at), args.len() - at - 1);
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if more > 0 && (is(b"maxlen") || is(b"minid")) {
            if self.to.is_some() {
                return Err(CommandError::fixed(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not \
                     compatible",
                ));
            }
            let next = args.at(at + 1);
            let has_operator = more >= 2 && (next == b"~" || next == b"=");
            self.approximate = has_operator && next == b"~";
            let threshold = args.at(at + 1 + usize::from(has_operator));
            self.to = Some(if is(b"maxlen") {
                let len = parse_i64(threshold).ok_or(CommandError::NOT_INTEGER)?;
                let len = u64::try_from(len)
                    .map_err(|_| CommandError::fixed("ERR The MAXLEN argument must be >= 0."))?;
                TrimTo::MaxLen(len)
            } else {
                TrimTo::MinId(parse_id(threshold)?)
            });
            return Ok(2 + usize::from(has_operator));
        }
        if more > 0 && is(b"limit") {
            let limit = parse_i64(args.at(at + 1)).ok_or(CommandError::NOT_INTEGER)?;
            if limit < 0 {
                return Err(CommandError::fixed("ERR The LIMIT argument must be >= 0."));
            }
            self.limit = Some(limit);
            return Ok(2);
        }
        if self.references.is_none() {
            self.references = parse_policy(word);
            return Ok(usize::from(self.references.is_some()));
        }
        Ok(0)
    }

    /// As [`Options::parse_trim`], for what only XADD has.
    fn parse_add(&mut self, args: Args<'a>, at: usize) -> Result<usize, CommandError> {
        let (word, more) = (args.at(at), args.len() - at - 1);
        if word.eq_ignore_ascii_case(b"nomkstream") {
            self.no_mkstream = true;
            return Ok(1);
        }
        let is_auto = word.eq_ignore_ascii_case(b"idmpauto") && more >= 1;
        let is_given = word.eq_ignore_ascii_case(b"idmp") && more >= 2;
        if !is_auto && !is_given {
            return Ok(0);
        }
        if self.message.is_some() {
            let line = "ERR IDMP/IDMPAUTO specified multiple times";
            return Err(CommandError::fixed(line));
        }
        let pid = args.at(at + 1);
        if pid.is_empty() {
            return Err(CommandError::fixed(if is_auto {
                "ERR IDMPAUTO requires a non-empty producer ID"
            } else {
                "ERR IDMP requires a non-empty producer ID"
            }));
        }
        let iid = is_given.then(|| args.at(at + 2));
        if iid.is_some_and(<[u8]>::is_empty) {
            let line = "ERR IDMP requires a non-empty idempotent ID";
            return Err(CommandError::fixed(line));
        }
        self.message = Some(Message { pid, iid });
        Ok(2 + usize::from(is_given))
    }

    /// Checks what goes together.
    fn finish(&mut self, ctx: &KeyCtx<'_>) -> Result<(), CommandError> {
        if self.message.is_some() && self.id != NewId::Auto {
            let line = "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs";
            return Err(CommandError::fixed(line));
        }
        let Some(to) = self.to else {
            if self.limit.is_some_and(|limit| limit > 0) {
                return Err(CommandError::fixed(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming \
                     strategy",
                ));
            }
            return Ok(());
        };
        let limit = match (self.limit, self.approximate) {
            (Some(limit), true) => limit as u64,
            // Valkey and Redis log what `~` trimmed as `=`, and leave LIMIT beside it.
            (Some(_), false) if ctx.caller.is_log() => 0,
            (Some(_), false) => {
                return Err(CommandError::fixed(
                    "ERR syntax error, LIMIT cannot be used without the special ~ option",
                ));
            }
            (None, false) => 0,
            (None, true) => match ctx.config.stream_node_max_entries {
                0 => LIMIT_DEFAULT,
                entries => entries.saturating_mul(LIMIT_NODES).min(LIMIT_MAX),
            },
        };
        self.trim = Some(Trim {
            to,
            approximate: self.approximate,
            limit,
            references: self.references.unwrap_or_default(),
        });
        Ok(())
    }
}
