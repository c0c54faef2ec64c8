//! Places: members of sorted sets whose scores are cells of the earth's surface.
//!
//! Here are GEOADD GEOPOS GEODIST GEOHASH; searches are in [`search`], their arguments in
//! [`request`].

mod request;
mod search;

use smallvec::SmallVec;

use crate::commands::docs;
use crate::commands::zset::{self, AddOptions, add_members};
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::{format_fixed, parse_f64};
use crate::resp::reply::Reply;
use crate::store::types::geo::{Place, Unit};
use crate::store::types::zset::ZSet;
use crate::store::value::Kind;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("geoadd", -5, WRITE.or(DENYOOM), GEO, RW_UPDATE_1, geoadd, &docs::geo::GEOADD),
    key("geodist", -4, READ, GEO, RO_ACCESS_1, geodist, &docs::geo::GEODIST),
    key("geohash", -2, READ, GEO, RO_ACCESS_1, geohash, &docs::geo::GEOHASH),
    key("geopos", -2, READ, GEO, RO_ACCESS_1, geopos, &docs::geo::GEOPOS),
    key("georadius", -6, WRITE.or(DENYOOM), GEO, GEORADIUS_KEYS,
        search::georadius, &docs::geo::GEORADIUS),
    key("georadius_ro", -6, READ, GEO, RO_ACCESS_1, search::georadius_ro, &docs::geo::GEORADIUS_RO),
    key("georadiusbymember", -5, WRITE.or(DENYOOM), GEO, GEORADIUSBYMEMBER_KEYS,
        search::georadiusbymember, &docs::geo::GEORADIUSBYMEMBER),
    key("georadiusbymember_ro", -5, READ, GEO, RO_ACCESS_1,
        search::georadiusbymember_ro, &docs::geo::GEORADIUSBYMEMBER_RO),
    key("geosearch", -7, READ, GEO, RO_ACCESS_1, search::geosearch, &docs::geo::GEOSEARCH),
    key("geosearchstore", -8, WRITE.or(DENYOOM), GEO, OW_1_FROM_2,
        search::geosearchstore, &docs::geo::GEOSEARCHSTORE),
];

/// Decimals of a distance.
const DISTANCE_DECIMALS: u32 = 4;

/// GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]
pub fn geoadd(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut options = AddOptions::default();
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let option = match word {
            word if word.eq_ignore_ascii_case(b"nx") => &mut options.only_new,
            word if word.eq_ignore_ascii_case(b"xx") => &mut options.only_present,
            word if word.eq_ignore_ascii_case(b"ch") => &mut options.reply_changed,
            _ => break,
        };
        *option = true;
        at += 1;
    }
    let words = args.len() - at;
    if words == 0 || !words.is_multiple_of(3) || (options.only_new && options.only_present) {
        return Err(CommandError::SYNTAX);
    }
    let mut scores: SmallVec<[f64; 4]> = SmallVec::with_capacity(words / 3);
    for triple in (at..args.len()).step_by(3) {
        let place = parse_place(args.at(triple), args.at(triple + 1))?;
        scores.push(place.score() as f64);
    }
    let key = ctx.key(args.at(1));
    let members = args.iter_from(at + 2).step_by(3);
    add_members(ctx, &key, options, &scores, members)
}

/// GEOPOS key [member ...]
pub fn geopos(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    each_place(ctx, args, |reply, place| match place {
        Some(place) => reply_place(reply, place),
        None => reply.null_array(),
    })
}

/// GEOHASH key [member ...]
pub fn geohash(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    each_place(ctx, args, |reply, place| match place {
        Some(place) => reply.bulk(&place.geohash()),
        None => reply.null(),
    })
}

/// GEODIST key member1 member2 [M|KM|FT|MI]
pub fn geodist(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let unit = match args.get(4) {
        _ if args.len() > 5 => return Err(CommandError::SYNTAX),
        Some(word) => parse_unit(word)?,
        None => Unit::M,
    };
    let key = ctx.key(args.at(1));
    let places = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => {
            let set = zset::zset(ctx.db, slot)?;
            place_of(set, args.at(2)).zip(place_of(set, args.at(3)))
        }
        None => None,
    };
    match places {
        Some((one, other)) => {
            reply_distance(&mut ctx.reply, one.distance(other) / unit.metres());
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Writes something for each member asked for.
fn each_place(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    write: impl Fn(&mut Reply<'_>, Option<Place>),
) -> CommandResult {
    let key = ctx.key(args.at(1));
    let set = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => Some(zset::zset(ctx.db, slot)?),
        None => None,
    };
    ctx.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        let place = set.and_then(|set| place_of(set, member));
        write(&mut ctx.reply, place);
    }
    Ok(())
}

/// Where a member lies.
fn place_of(set: &ZSet, member: &[u8]) -> Option<Place> {
    set.score(member).map(Place::from_score)
}

fn parse_place(longitude: &[u8], latitude: &[u8]) -> Result<Place, CommandError> {
    let longitude = parse_f64(longitude).ok_or(CommandError::NOT_FLOAT)?;
    let latitude = parse_f64(latitude).ok_or(CommandError::NOT_FLOAT)?;
    Place::new(longitude, latitude).ok_or_else(|| {
        CommandError::new(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    })
}

fn parse_unit(word: &[u8]) -> Result<Unit, CommandError> {
    Unit::from_name(word).ok_or(CommandError::fixed(
        "ERR unsupported unit provided. please use M, KM, FT, MI",
    ))
}

/// Writes longitude and latitude.
fn reply_place(reply: &mut Reply<'_>, place: Place) {
    reply.array(2);
    reply.human_double(place.longitude);
    reply.human_double(place.latitude);
}

/// Writes a distance: a string in both protocols.
fn reply_distance(reply: &mut Reply<'_>, distance: f64) {
    match format_fixed(distance, DISTANCE_DECIMALS) {
        Some(text) => reply.bulk(&text),
        None => reply.double_bulk(distance),
    }
}
