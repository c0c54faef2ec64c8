//! The arguments of searches for places.
//!
//! GEOSEARCH and GEOSEARCHSTORE name the origin and the area among their options; the older forms
//! have them at fixed places.

use crate::engine::error::CommandError;
use crate::resp::args::Args;
use crate::resp::number::{parse_f64, parse_i64};
use crate::store::types::geo::{Place, Shape, Unit};
use crate::store::types::zset::ZSet;

use super::{parse_place, parse_unit, place_of};

/// Which command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
    /// GEORADIUS and GEORADIUSBYMEMBER.
    Radius,
    /// Their forms that only read.
    RadiusReadOnly,
}

impl Form {
    /// Whether origin and area are options.
    pub fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }
}

/// In which order places are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The nearest first.
    Asc,
    /// The farthest first.
    Desc,
}

/// How far around the origin, or in which outline.
#[derive(Clone, Debug)]
enum Area {
    Circle(f64, Unit),
    Box(f64, f64, Unit),
    Polygon(Vec<Place>),
}

/// From where.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// A member's place; `None` if the key is missing.
    Member(Option<Place>),
    Place(Place),
}

/// What a search asks for.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    origin: Option<Origin>,
    area: Option<Area>,
    /// Distances are part of the answer.
    pub with_distance: bool,
    /// Scores are.
    pub with_hash: bool,
    /// Coordinates are.
    pub with_place: bool,
    /// Sorted by distance.
    pub order: Option<Order>,
    /// At most so many.
    pub count: Option<usize>,
    /// Any of them, not the nearest ones.
    pub any: bool,
    /// Where the result is stored.
    pub destination: Option<&'a [u8]>,
    /// Stored with distances as scores.
    pub store_distance: bool,
}

impl<'a> Request<'a> {
    /// Reads origin, area and options. `set` is what is searched, if it is there.
    pub fn parse(
        args: Args<'a>,
        form: Form,
        by_member: bool,
        set: Option<&ZSet>,
    ) -> Result<Request<'a>, CommandError> {
        let mut request = Request::default();
        let mut at = match form {
            Form::Search => 2,
            Form::SearchStore => {
                request.destination = args.get(1);
                3
            }
            _ if by_member => {
                request.origin = Some(Origin::member(args.at(2), set)?);
                5
            }
            _ => {
                request.origin = Some(Origin::Place(parse_place(args.at(2), args.at(3))?));
                6
            }
        };
        // Without a key nothing more than the kind of the answer depends on the arguments.
        let is_moot = by_member && set.is_none();
        if !(form.is_search() || is_moot) {
            request.area = Some(parse_circle(args.rest(at - 2))?);
        }
        while at < args.len() {
            let words = args.rest(at);
            let used = match request.take_option(words)? {
                0 if form.is_search() => request.take_search(words, form, set)?,
                0 if form == Form::Radius => request.take_store(words),
                used => used,
            };
            if used == 0 {
                return Err(CommandError::SYNTAX);
            }
            at += used;
        }
        request.check(form, args.at(0))?;
        Ok(request)
    }

    /// The shape to search; `None` if the key is missing.
    pub fn shape(&self) -> Option<Shape> {
        let origin = match self.origin {
            Some(Origin::Place(place)) => Some(place),
            Some(Origin::Member(place)) => place,
            None => None,
        };
        match &self.area {
            Some(Area::Polygon(vertices)) => Some(Shape::polygon(vertices.clone())),
            Some(Area::Circle(radius, unit)) => Some(Shape::circle(origin?, *radius, *unit)),
            Some(Area::Box(width, height, unit)) => {
                Some(Shape::rectangle(origin?, *width, *height, *unit))
            }
            None => None,
        }
    }

    /// Takes an option that all forms have; how many words it is.
    fn take_option(&mut self, words: Args<'a>) -> Result<usize, CommandError> {
        let word = words.at(0);
        let is = |option: &[u8]| word.eq_ignore_ascii_case(option);
        if is(b"withdist") {
            self.with_distance = true;
        } else if is(b"withhash") {
            self.with_hash = true;
        } else if is(b"withcoord") {
            self.with_place = true;
        } else if is(b"any") {
            self.any = true;
        } else if is(b"asc") {
            self.order = Some(Order::Asc);
        } else if is(b"desc") {
            self.order = Some(Order::Desc);
        } else if is(b"count") && words.len() > 1 {
            let count = parse_i64(words.at(1)).ok_or(CommandError::NOT_INTEGER)?;
            if count <= 0 {
                return Err(CommandError::fixed("ERR COUNT must be > 0"));
            }
            self.count = Some(count as usize);
            return Ok(2);
        } else {
            return Ok(0);
        }
        Ok(1)
    }

    /// Takes STORE or STOREDIST of the older forms.
    fn take_store(&mut self, words: Args<'a>) -> usize {
        let is_distance = words.at(0).eq_ignore_ascii_case(b"storedist");
        if words.len() < 2 || !(is_distance || words.at(0).eq_ignore_ascii_case(b"store")) {
            return 0;
        }
        self.destination = words.get(1);
        self.store_distance = is_distance;
        2
    }

    /// Takes an option that only the newer forms have.
    fn take_search(
        &mut self,
        words: Args<'a>,
        form: Form,
        set: Option<&ZSet>,
    ) -> Result<usize, CommandError> {
        let (word, left) = (words.at(0), words.len() - 1);
        let is = |option: &[u8]| word.eq_ignore_ascii_case(option);
        let is_polygon = matches!(self.area, Some(Area::Polygon(_)));
        let (origin, area) = (self.origin, &self.area);
        if is(b"storedist") && form == Form::SearchStore {
            self.store_distance = true;
            return Ok(1);
        }
        if is(b"frommember") && left > 0 && !is_polygon {
            if !matches!(origin, Some(Origin::Place(_))) {
                self.origin = Some(Origin::member(words.at(1), set)?);
                return Ok(2);
            }
        } else if is(b"fromlonlat") && left > 1 && !is_polygon {
            if !matches!(origin, Some(Origin::Member(_))) {
                self.origin = Some(Origin::Place(parse_place(words.at(1), words.at(2))?));
                return Ok(3);
            }
        } else if is(b"byradius") && left > 1 {
            if matches!(area, None | Some(Area::Circle(..))) {
                self.area = Some(parse_circle(words.rest(1))?);
                return Ok(3);
            }
        } else if is(b"bybox") && left > 2 {
            if matches!(area, None | Some(Area::Box(..))) {
                self.area = Some(parse_box(words.rest(1))?);
                return Ok(4);
            }
        } else if is(b"bypolygon") && left > 0 && origin.is_none() && (is_polygon || area.is_none())
        {
            let vertices = parse_polygon(words.rest(1))?;
            let used = 2 + vertices.len() * 2;
            self.area = Some(Area::Polygon(vertices));
            return Ok(used);
        }
        Ok(0)
    }

    /// Refuses what is missing or does not go together.
    fn check(&self, form: Form, name: &[u8]) -> Result<(), CommandError> {
        if self.destination.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            let what = match form {
                Form::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(CommandError::new(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let name = String::from_utf8_lossy(name);
        let is_polygon = matches!(self.area, Some(Area::Polygon(_)));
        if form.is_search() && self.origin.is_none() && !is_polygon {
            return Err(CommandError::new(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            )));
        }
        if form.is_search() && self.area.is_none() {
            return Err(CommandError::new(format!(
                "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for {name}"
            )));
        }
        if self.any && self.count.is_none() {
            return Err(CommandError::fixed(
                "ERR the ANY argument requires COUNT argument",
            ));
        }
        Ok(())
    }
}

impl Origin {
    fn member(member: &[u8], set: Option<&ZSet>) -> Result<Origin, CommandError> {
        let Some(set) = set else {
            return Ok(Origin::Member(None));
        };
        match place_of(set, member) {
            Some(place) => Ok(Origin::Member(Some(place))),
            None => Err(CommandError::new(format!(
                "ERR member {} does not exist",
                String::from_utf8_lossy(member)
            ))),
        }
    }
}

/// `radius unit`
fn parse_circle(words: Args<'_>) -> Result<Area, CommandError> {
    let radius = parse_f64(words.at(0)).ok_or(CommandError::fixed("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(CommandError::fixed("ERR radius cannot be negative"));
    }
    Ok(Area::Circle(radius, parse_unit(words.at(1))?))
}

/// `width height unit`
fn parse_box(words: Args<'_>) -> Result<Area, CommandError> {
    let width = parse_f64(words.at(0)).ok_or(CommandError::fixed("ERR need numeric width"))?;
    let height = parse_f64(words.at(1)).ok_or(CommandError::fixed("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(CommandError::fixed(
            "ERR height or width cannot be negative",
        ));
    }
    Ok(Area::Box(width, height, parse_unit(words.at(2))?))
}

/// `count longitude latitude [longitude latitude ...]`
fn parse_polygon(words: Args<'_>) -> Result<Vec<Place>, CommandError> {
    let count = parse_i64(words.at(0)).and_then(|count| i32::try_from(count).ok());
    let count = count.ok_or(CommandError::fixed("ERR invalid number of vertices"))?;
    let coordinates = words.rest(1);
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count >= 3 && *count <= coordinates.len() / 2)
        .ok_or(CommandError::fixed(
            "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices",
        ))?;
    (0..count)
        .map(|n| parse_place(coordinates.at(n * 2), coordinates.at(n * 2 + 1)))
        .collect()
}
