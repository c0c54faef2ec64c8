//! Searches: GEOSEARCH GEOSEARCHSTORE GEORADIUS GEORADIUSBYMEMBER and their _RO forms.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::commands::member::reply_entry;
use crate::commands::zset::{self, limits, member_text};
use crate::engine::context::KeyCtx;
use crate::engine::error::CommandResult;
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::store::types::geo::{Place, Shape};
use crate::store::types::listpack::Entry;
use crate::store::types::zset::{ScoreRange, ZSet};
use crate::store::value::Kind;

use super::request::{Form, Order, Request};
use super::{reply_distance, reply_place};

/// A member that lies in the shape.
struct Found<'a> {
    member: Entry<'a>,
    score: f64,
    place: Place,
    /// Metres from the centre.
    distance: f64,
}

/// GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude BYRADIUS radius unit|
/// BYBOX width height unit|BYPOLYGON count longitude latitude ... [ASC|DESC] [COUNT count [ANY]]
/// [WITHCOORD] [WITHDIST] [WITHHASH]
pub fn geosearch(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::Search, false)
}

/// GEOSEARCHSTORE destination source, as GEOSEARCH, [STOREDIST]
pub fn geosearchstore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::SearchStore, false)
}

/// GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
/// [COUNT count [ANY]] [ASC|DESC] [STORE key|STOREDIST key]
pub fn georadius(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::Radius, false)
}

/// As GEORADIUS, without STORE
pub fn georadius_ro(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::RadiusReadOnly, false)
}

/// GEORADIUSBYMEMBER key member radius unit, as GEORADIUS
pub fn georadiusbymember(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::Radius, true)
}

/// As GEORADIUSBYMEMBER, without STORE
pub fn georadiusbymember_ro(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::RadiusReadOnly, true)
}

fn search(ctx: &mut KeyCtx<'_>, args: Args<'_>, form: Form, by_member: bool) -> CommandResult {
    let source = match form {
        Form::SearchStore => args.at(2),
        _ => args.at(1),
    };
    let set = match ctx.read_kind(&ctx.key(source), Kind::ZSet)? {
        Some(slot) => Some(zset::zset(ctx.db, slot)?),
        None => None,
    };
    let request = Request::parse(args, form, by_member, set)?;
    let (found, metres) = match (set, request.shape()) {
        (Some(set), Some(shape)) => (find(set, &shape, &request), shape.metres()),
        _ => (Vec::new(), 1.0),
    };
    let Some(destination) = request.destination else {
        reply(&mut ctx.reply, &found, &request, metres);
        return Ok(());
    };
    let members: Vec<(Cow<'_, [u8]>, f64)> = found
        .iter()
        .map(|found| match request.store_distance {
            true => (member_text(found.member), found.distance / metres),
            false => (member_text(found.member), found.score),
        })
        .collect();
    let members = members.iter().map(|(member, score)| (&member[..], *score));
    let result = ZSet::from_unique(members.collect(), limits(ctx), ctx.hasher);
    let event = match form {
        Form::SearchStore => "geosearchstore",
        _ => "georadiusstore",
    };
    ctx.effects.dirty += result.len().saturating_sub(1) as u64;
    let destination = ctx.key(destination);
    zset::store(ctx, &destination, result, event);
    Ok(())
}

/// The members that lie in a shape, as many as wanted and in the wanted order.
fn find<'a>(set: &'a ZSet, shape: &Shape, request: &Request<'_>) -> Vec<Found<'a>> {
    let count = request.count.unwrap_or(usize::MAX);
    let enough = if request.any { count } else { usize::MAX };
    let mut found = Vec::new();
    'search: for (min, max) in shape.search_ranges() {
        let ranks = set.score_range(&ScoreRange::half_open(min, max));
        for (member, score) in set.range(ranks) {
            let place = Place::from_score(score);
            let Some(distance) = shape.contains(place) else {
                continue;
            };
            found.push(Found {
                member,
                score,
                place,
                distance,
            });
            if found.len() >= enough {
                break 'search;
            }
        }
    }
    // The nearest are wanted where nothing else is said.
    let nearest = (request.count.is_some() && !request.any).then_some(Order::Asc);
    if let Some(order) = request.order.or(nearest) {
        sort(&mut found, order, count);
    }
    found.truncate(count);
    found
}

/// Puts the first `count` in order.
fn sort(found: &mut Vec<Found<'_>>, order: Order, count: usize) {
    let compare = |a: &Found<'_>, b: &Found<'_>| {
        let ascending = a
            .distance
            .partial_cmp(&b.distance)
            .unwrap_or(Ordering::Equal);
        match order {
            Order::Asc => ascending,
            Order::Desc => ascending.reverse(),
        }
    };
    if count < found.len() {
        found.select_nth_unstable_by(count, compare);
        found.truncate(count);
    }
    found.sort_by(compare);
}

fn reply(reply: &mut Reply<'_>, found: &[Found<'_>], request: &Request<'_>, metres: f64) {
    let options = [request.with_distance, request.with_hash, request.with_place];
    let words = 1 + options.into_iter().filter(|option| *option).count();
    reply.array(found.len());
    for found in found {
        if words > 1 {
            reply.array(words);
        }
        reply_entry(reply, found.member);
        if request.with_distance {
            reply_distance(reply, found.distance / metres);
        }
        if request.with_hash {
            reply.int(found.score as i64);
        }
        if request.with_place {
            reply_place(reply, found.place);
        }
    }
}
