//! Transactions, and what a client says about itself.

use super::generate::Gen;
use super::model::{Command, Ctx, Row, Session, Words};
use super::want::{Want, bulk, error, ok, simple};
use crate::harness::Value;
use crate::words;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "multi", weight: 5, make: nothing, run: multi },
    Row { name: "exec", weight: 12, make: nothing, run: exec },
    Row { name: "discard", weight: 2, make: nothing, run: discard },
    Row { name: "watch", weight: 6, make: |g| g.some(3, Gen::any_key), run: watch },
    Row { name: "unwatch", weight: 2, make: nothing, run: unwatch },
    Row { name: "ping", weight: 2, make: make_ping, run: ping },
    Row { name: "echo", weight: 1, make: |g| words![g.value()], run: |_, a| bulk(&a[0]) },
    Row { name: "hello", weight: 2, make: |g| words![g.one(&["2", "3"])], run: hello },
    Row { name: "reset", weight: 1, make: nothing, run: reset },
];

/// The row of one of these commands.
pub fn row(name: &str) -> &'static Row {
    ROWS.iter().find(|row| row.name == name).expect("a row")
}

fn nothing(_: &mut Gen) -> Words {
    Words::new()
}

/// What a command does: runs, or waits for EXEC.
pub fn execute(ctx: &mut Ctx<'_>, command: &Command) -> Want {
    let now = ["multi", "exec", "discard", "watch", "reset"];
    if let Some(queue) = &mut ctx.session.multi
        && !now.contains(&command.row.name)
    {
        queue.push(command.clone());
        return simple("QUEUED");
    }
    (command.row.run)(ctx, &command.words)
}

fn multi(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    if ctx.session.multi.is_some() {
        ctx.session.aborted = true;
        return error("ERR Command 'multi' not allowed inside a transaction");
    }
    ctx.session.multi = Some(Vec::new());
    ctx.session.aborted = false;
    ok()
}

fn exec(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    let Some(queue) = ctx.session.multi.take() else {
        return error("ERR EXEC without MULTI");
    };
    let watched = std::mem::take(&mut ctx.session.watched);
    if ctx.session.aborted {
        return error("EXECABORT Transaction discarded because of previous errors.");
    }
    if watched.iter().any(|watched| ctx.model.has_changed(watched)) {
        return Want::Is(Value::NullArray);
    }
    let run = |command: &Command| {
        let want = (command.row.run)(ctx, &command.words);
        (want, ctx.session.resp3)
    };
    Want::Each(queue.iter().map(run).collect())
}

fn discard(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    if ctx.session.multi.take().is_none() {
        return error("ERR DISCARD without MULTI");
    }
    ctx.session.watched.clear();
    ok()
}

fn watch(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    if ctx.session.multi.is_some() {
        ctx.session.aborted = true;
        return error("ERR Command 'watch' not allowed inside a transaction");
    }
    for key in args {
        let db = ctx.session.db;
        let known = |watched: &super::model::Watched| watched.db == db && watched.key == *key;
        if !ctx.session.watched.iter().any(known) {
            let watched = ctx.model.watch(db, key);
            ctx.session.watched.push(watched);
        }
    }
    ok()
}

fn unwatch(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    ctx.session.watched.clear();
    ok()
}

fn make_ping(g: &mut Gen) -> Words {
    if g.once_in(2) {
        words![]
    } else {
        words![g.value()]
    }
}

fn ping(_: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    args.first()
        .map_or_else(|| simple("PONG"), |word| bulk(word))
}

fn hello(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.session.resp3 = args[0] == b"3";
    Want::Field("proto", Value::Int(if ctx.session.resp3 { 3 } else { 2 }))
}

fn reset(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    *ctx.session = Session::default();
    simple("RESET")
}
