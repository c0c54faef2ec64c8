//! Places: sorted sets whose scores are geohashes of 52 bits. Their keys have a kind of their own,
//! so that no command gives a member a score that is no place.

use std::collections::BTreeMap;

use super::generate::Gen;
use super::model::{Ctx, Row, Words};
use super::want::{Want, error, int, null};
use super::zsets;
use crate::harness::Value;
use crate::words;

type Members = BTreeMap<Vec<u8>, f64>;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "geoadd", weight: 8, make: make_geoadd, run: geoadd },
    Row { name: "geopos", weight: 2, make: key_and_members, run: geopos },
    Row { name: "geodist", weight: 3, make: make_geodist, run: geodist },
    Row { name: "geohash", weight: 2, make: key_and_members, run: geohash },
    Row { name: "geosearch", weight: 6, make: make_geosearch, run: geosearch },
    Row { name: "geosearchstore", weight: 3, make: make_geosearchstore, run: geosearchstore },
    Row { name: "zrem", weight: 1, make: key_and_members, run: zsets::zrem },
    Row { name: "zscore", weight: 1, make: |g| words![key(g), member(g)], run: zsets::zscore },
];

/// The metres of the radius that Redis takes the Earth to have.
const EARTH_M: f64 = 6_372_797.560856;
/// The latitudes that places may have, those of the Mercator projection.
const LATITUDE_MAX: f64 = 85.051_128_78;
/// Bits of each half of a geohash.
const STEPS: u32 = 26;
/// Distances this close, in metres or as a share, are one.
const CLOSE_M: f64 = 0.001;
const CLOSE: f64 = 1e-7;

#[derive(Clone, Copy)]
struct Place {
    longitude: f64,
    latitude: f64,
}

/// In which of 2^26 slices of a range a number is.
fn slice(n: f64, most: f64) -> u64 {
    ((n + most) / (2.0 * most) * f64::from(1 << STEPS)) as u64
}

impl Place {
    /// The bits of both halves in turns, the longitude's first.
    fn bits(self, latitude_max: f64) -> u64 {
        let x = slice(self.longitude, 180.0);
        let y = slice(self.latitude, latitude_max);
        let both = |n: u32| (x >> n & 1) << (2 * n + 1) | (y >> n & 1) << (2 * n);
        (0..STEPS).map(both).sum()
    }

    fn score(self) -> f64 {
        self.bits(LATITUDE_MAX) as f64
    }

    /// The middle of what a score stands for.
    fn of(score: f64) -> Place {
        let bits = score as u64;
        let half = |shift: u32| -> u64 {
            let bit = |n: u32| (bits >> (2 * n + shift) & 1) << n;
            (0..STEPS).map(bit).sum()
        };
        let middle =
            |n: u64, most: f64| (n as f64 + 0.5) / f64::from(1 << STEPS) * (2.0 * most) - most;
        Place {
            longitude: middle(half(1), 180.0),
            latitude: middle(half(0), LATITUDE_MAX),
        }
    }

    /// The metres to another place: the haversine formula.
    fn metres_to(self, other: Place) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let turn = (other.longitude - self.longitude).to_radians();
        let u = ((to - from) / 2.0).sin();
        let v = (turn / 2.0).sin();
        let share = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_M * share.sqrt().asin()
    }

    fn parse(longitude: &[u8], latitude: &[u8]) -> Result<Place, Want> {
        let (longitude, latitude) = (parse(longitude), parse(latitude));
        if longitude.abs() > 180.0 || latitude.abs() > LATITUDE_MAX {
            let pair = format!("{longitude:.6},{latitude:.6}");
            return Err(error(&format!(
                "ERR invalid longitude,latitude pair {pair}"
            )));
        }
        Ok(Place {
            longitude,
            latitude,
        })
    }

    fn want(self) -> Want {
        let near = |n| Want::Near(n, 1e-9);
        Want::List(vec![near(self.longitude), near(self.latitude)])
    }
}

fn parse(word: &[u8]) -> f64 {
    let text = std::str::from_utf8(word).expect("text");
    text.parse().expect("a number")
}

/// A key, and a member: of few, so that there are many places in one set.
fn key(g: &mut Gen) -> Vec<u8> {
    if g.once_in(3) {
        return g.key('g');
    }
    format!("g{}", g.rng.u32(..2)).into_bytes()
}

fn member(g: &mut Gen) -> Vec<u8> {
    if g.once_in(8) {
        return g.member();
    }
    format!("m{}", g.rng.u32(..12)).into_bytes()
}

/// A place: near others, or anywhere.
fn place(g: &mut Gen) -> [String; 2] {
    let (longitude, latitude) = match g.rng.u32(..40) {
        0 => (200.0, 10.0),
        1 => (10.0, -86.0),
        2..14 => (g.rng.f64() * 360.0 - 180.0, g.rng.f64() * 170.0 - 85.0),
        _ => {
            let (x, y) = g.one(&[(2.3, 48.9), (179.99, -17.0), (-0.001, 0.001), (40.0, 80.0)]);
            let spread = g.one(&[3.0, 0.1, 0.003]);
            let longitude = x + (g.rng.f64() - 0.5) * spread;
            let longitude = if longitude > 180.0 {
                longitude - 360.0
            } else {
                longitude
            };
            (longitude, y + (g.rng.f64() - 0.5) * spread)
        }
    };
    [format!("{longitude:.7}"), format!("{latitude:.7}")]
}

fn key_and_members(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    words.extend(g.some(4, member));
    words
}

fn make_geoadd(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    match g.rng.u32(..8) {
        0 => words.push(b"NX".to_vec()),
        1 => words.push(b"xx".to_vec()),
        2 => words.extend(words!["CH"]),
        3 => words.extend(words!["ch", "XX"]),
        _ => {}
    }
    for _ in 0..1 + g.rng.usize(..8) {
        let [longitude, latitude] = place(g);
        words.extend(words![longitude, latitude, member(g)]);
    }
    words
}

/// What ZADD does, with the scores of places.
fn geoadd(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let is_option = |word: &&Vec<u8>| word.iter().all(u8::is_ascii_alphabetic);
    let options = args[1..].iter().take_while(is_option).count();
    let (head, places) = args.split_at(1 + options);
    let mut words = head.to_vec();
    for place in places.chunks(3) {
        match Place::parse(&place[0], &place[1]) {
            Err(wrong) => return wrong,
            Ok(at) => words.extend(words![at.score().to_string(), place[2]]),
        }
    }
    zsets::zadd(ctx, &words)
}

fn ask(ctx: &Ctx<'_>, key: &[u8], answer: impl FnOnce(Members) -> Want) -> Want {
    ctx.read::<Members>(key).map_or_else(|wrong| wrong, answer)
}

fn geopos(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        let position = |member| match members.get(member) {
            None => Want::Is(Value::NullArray),
            Some(score) => Place::of(*score).want(),
        };
        Want::List(args[1..].iter().map(position).collect())
    })
}

const UNITS: [&str; 6] = ["m", "M", "km", "KM", "ft", "mi"];

fn metres_of(unit: &[u8]) -> f64 {
    match unit.to_ascii_lowercase().as_slice() {
        b"km" => 1_000.0,
        b"ft" => 0.3048,
        b"mi" => 1_609.34,
        _ => 1.0,
    }
}

/// A distance in some unit, which is told with four digits behind the point.
fn distance(metres: f64, unit: &[u8]) -> Want {
    let distance = metres / metres_of(unit);
    Want::NearText(distance, 0.0002 + distance * CLOSE)
}

fn make_geodist(g: &mut Gen) -> Words {
    let mut words = words![key(g), member(g), member(g)];
    if g.once_in(2) {
        words.push(g.one(&UNITS).into());
    }
    words
}

fn geodist(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let unit = args.get(3).map_or(&b"m"[..], Vec::as_slice);
    ask(ctx, &args[0], |members| {
        match (members.get(&args[1]), members.get(&args[2])) {
            (Some(a), Some(b)) => distance(Place::of(*a).metres_to(Place::of(*b)), unit),
            _ => null(),
        }
    })
}

/// The usual geohash, of which the last letter has no bits left.
fn letters(score: f64) -> Vec<u8> {
    let bits = Place::of(score).bits(90.0) >> 2;
    let letter = |n: u32| b"0123456789bcdefghjkmnpqrstuvwxyz"[(bits >> (5 * n) & 31) as usize];
    let mut letters: Vec<u8> = (0..10).rev().map(letter).collect();
    letters.push(b'0');
    letters
}

fn geohash(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        let hash = |member| match members.get(member) {
            None => Value::NullBulk,
            Some(score) => Value::Bulk(letters(*score)),
        };
        Want::Is(Value::Array(args[1..].iter().map(hash).collect()))
    })
}

/// From where, and how far.
fn add_area(g: &mut Gen, words: &mut Words) {
    if g.once_in(2) {
        words.extend(words!["FROMMEMBER", member(g)]);
    } else {
        let [longitude, latitude] = place(g);
        words.extend(words!["fromlonlat", longitude, latitude]);
    }
    let length = |g: &mut Gen| {
        let metres = 10_f64.powf(g.rng.f64() * 6.5 + 1.0);
        if g.once_in(15) {
            "0".into()
        } else {
            format!("{metres:.3}")
        }
    };
    if g.once_in(2) {
        words.extend(words!["BYRADIUS", length(g)]);
    } else {
        words.extend(words!["bybox", length(g), length(g)]);
    }
    let units = if g.once_in(3) {
        &UNITS[..]
    } else {
        &UNITS[..1]
    };
    words.push(g.one(units).into());
}

fn make_geosearch(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    add_area(g, &mut words);
    for option in ["withcoord", "WITHDIST", "withhash"] {
        if g.once_in(3) {
            words.push(option.into());
        }
    }
    if g.once_in(2) {
        words.push(g.one(&["ASC", "desc"]).into());
    }
    if g.once_in(4) {
        words.extend(words!["COUNT", g.rng.u32(1..5).to_string()]);
    }
    words
}

fn make_geosearchstore(g: &mut Gen) -> Words {
    let mut words = words![key(g), key(g)];
    add_area(g, &mut words);
    words
}

/// A member that is there, and its distance.
struct Found {
    member: Vec<u8>,
    score: f64,
    metres: f64,
}

impl Found {
    fn want(&self, unit: &[u8], has: impl Fn(&str) -> bool) -> Want {
        let name = Want::Is(Value::Bulk(self.member.clone()));
        let mut parts = vec![name.clone()];
        if has("withdist") {
            parts.push(distance(self.metres, unit));
        }
        if has("withhash") {
            parts.push(int(self.score as i64));
        }
        if has("withcoord") {
            parts.push(Place::of(self.score).want());
        }
        if parts.len() == 1 {
            name
        } else {
            Want::List(parts)
        }
    }
}

/// What was found, the unit, and what is said behind it.
type Search<'a> = (Vec<Found>, &'a [u8], &'a [Vec<u8>]);

/// The members in an area, and what there is behind the words that name it.
fn search<'a>(members: &Members, words: &'a [Vec<u8>]) -> Result<Search<'a>, Want> {
    let (center, rest) = if words[0] == b"FROMMEMBER" {
        match members.get(&words[1]) {
            Some(score) => (Place::of(*score), &words[2..]),
            None if members.is_empty() => return Ok((Vec::new(), b"m", &[])),
            None => {
                let member = String::from_utf8_lossy(&words[1]);
                return Err(error(&format!("ERR member {member} does not exist")));
            }
        }
    } else {
        (Place::parse(&words[1], &words[2])?, &words[3..])
    };
    let lengths = if rest[0] == b"BYRADIUS" { 1 } else { 2 };
    let unit = &rest[1 + lengths];
    let metres = |word: &Vec<u8>| parse(word) * metres_of(unit);
    let lengths: Vec<f64> = rest[1..=lengths].iter().map(metres).collect();
    let is_inside = |at: Place| match lengths[..] {
        [radius] => center.metres_to(at) <= radius,
        // Along the meridian, and along the parallel of the place itself.
        _ => {
            let north = Place {
                longitude: center.longitude,
                ..at
            };
            center.metres_to(north) <= lengths[1] / 2.0 && north.metres_to(at) <= lengths[0] / 2.0
        }
    };
    let all = members.iter().map(|(member, score)| Found {
        member: member.clone(),
        score: *score,
        metres: center.metres_to(Place::of(*score)),
    });
    let found = all.filter(|found| is_inside(Place::of(found.score)));
    Ok((found.collect(), unit, &rest[2 + lengths.len()..]))
}

fn geosearch(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let members = match ctx.read::<Members>(&args[0]) {
        Err(wrong) => return wrong,
        Ok(members) => members,
    };
    let (mut found, unit, options) = match search(&members, &args[1..]) {
        Err(wrong) => return wrong,
        Ok(found) => found,
    };
    let has = |option: &str| {
        let is = |word: &Vec<u8>| word.eq_ignore_ascii_case(option.as_bytes());
        options.iter().any(is)
    };
    found.sort_by(|a, b| a.metres.total_cmp(&b.metres));
    if has("desc") {
        found.reverse();
    }
    let is_close = |a: &Found, b: &Found| (a.metres - b.metres).abs() <= CLOSE_M + CLOSE * a.metres;
    let mut is_certain = has("asc") || has("desc") || has("count");
    is_certain &= !found.windows(2).any(|pair| is_close(&pair[0], &pair[1]));
    if has("count") {
        let count = parse(options.last().expect("a count")) as usize;
        if count < found.len() && !is_certain {
            return Want::Len(count);
        }
        found.truncate(count);
    }
    let wants = found.iter().map(|found| found.want(unit, has)).collect();
    if is_certain {
        Want::List(wants)
    } else {
        Want::AnyList(wants)
    }
}

fn geosearchstore(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let members = match ctx.read::<Members>(&args[1]) {
        Err(wrong) => return wrong,
        Ok(members) => members,
    };
    let found = match search(&members, &args[2..]) {
        Err(wrong) => return wrong,
        Ok((found, ..)) => found,
    };
    let count = found.len();
    let stored = found.into_iter().map(|found| (found.member, found.score));
    ctx.store(&args[0], stored.collect::<Members>(), false);
    int(count)
}
