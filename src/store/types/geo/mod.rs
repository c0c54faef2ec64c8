//! Places on earth as 52-bit scores of a sorted set, and searches for them.
//!
//! A score interleaves 26 bits of latitude (even bits) with 26 bits of longitude, so that a cell of
//! the earth's surface is a range of scores. Every constant, and every order of operations on
//! floating-point numbers, is Redis's: the same places must give the same scores and texts.

mod search;

#[cfg(test)]
mod tests;

pub use search::{Ranges, Shape};

/// Longitudes go from minus to plus this.
pub const LONGITUDE_MAX: f64 = 180.0;
/// Latitudes go from minus to plus this: where the Mercator projection makes the earth a square.
pub const LATITUDE_MAX: f64 = 85.051_128_78;

/// The earth's radius, in metres.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// Halvings of each axis in a score.
const STEP_MAX: u32 = 26;
/// Below this, half the sine of a difference of longitudes is none: about six nanometres.
const EPSILON: f64 = 1e-15;

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Metre.
    M,
    /// Kilometre.
    Km,
    /// Foot.
    Ft,
    /// Mile.
    Mi,
}

impl Unit {
    /// The unit of a name, in either case.
    pub fn from_name(name: &[u8]) -> Option<Unit> {
        const NAMES: [(&[u8], Unit); 4] = [
            (b"m", Unit::M),
            (b"km", Unit::Km),
            (b"ft", Unit::Ft),
            (b"mi", Unit::Mi),
        ];
        NAMES
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, unit)| *unit)
    }

    /// How many metres it is.
    pub fn metres(self) -> f64 {
        match self {
            Unit::M => 1.0,
            Unit::Km => 1000.0,
            Unit::Ft => 0.3048,
            Unit::Mi => 1609.34,
        }
    }
}

/// A place: longitude and latitude, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

impl Place {
    /// A place within the limits of both axes.
    pub fn new(longitude: f64, latitude: f64) -> Option<Place> {
        let inside = (-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&longitude)
            && (-LATITUDE_MAX..=LATITUDE_MAX).contains(&latitude);
        inside.then_some(Place {
            longitude,
            latitude,
        })
    }

    /// The place a score stands for: the middle of its cell.
    pub fn from_score(score: f64) -> Place {
        // Any sorted set may be asked for places. Redis shows some for scores that are none: the
        // bits of the integer, of which too large a number has none.
        let bits = match score {
            ..0.0 => score as i64 as u64,
            0.0..18_446_744_073_709_551_616.0 => score as u64,
            _ => 0,
        };
        Cell {
            bits,
            step: STEP_MAX,
        }
        .area()
        .middle()
    }

    /// The score of the cell in which the place lies: below 2^53, so exact as a double.
    pub fn score(self) -> u64 {
        Cell::around(self, STEP_MAX).aligned()
    }

    /// The distance in metres, along a great circle.
    pub fn distance(self, other: Place) -> f64 {
        let v = ((other.longitude.radians() - self.longitude.radians()) / 2.0).sin();
        if v.abs() <= EPSILON {
            return self.distance_north(other);
        }
        let (lat1, lat2) = (self.latitude.radians(), other.latitude.radians());
        let u = ((lat2 - lat1) / 2.0).sin();
        let a = u * u + lat1.cos() * lat2.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }

    /// The distance in metres between the latitudes.
    fn distance_north(self, other: Place) -> f64 {
        EARTH_RADIUS * (other.latitude.radians() - self.latitude.radians()).abs()
    }

    /// The standard geohash: eleven characters of base 32, over all latitudes up to the poles.
    /// There are bits for ten of them; the last one is always `0`.
    pub fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = interleave(
            scaled(self.latitude, 90.0, STEP_MAX),
            scaled(self.longitude, LONGITUDE_MAX, STEP_MAX),
        );
        let mut text = [b'0'; 11];
        for (n, byte) in text[..10].iter_mut().enumerate() {
            *byte = ALPHABET[(bits >> (47 - n * 5)) as usize & 31];
        }
        text
    }
}

/// Degrees as Redis turns them into radians: one multiplication by a rounded constant.
trait Degrees {
    fn radians(self) -> f64;
    fn from_radians(radians: f64) -> f64;
}

impl Degrees for f64 {
    #[inline]
    fn radians(self) -> f64 {
        self * (std::f64::consts::PI / 180.0)
    }

    #[inline]
    fn from_radians(radians: f64) -> f64 {
        radians / (std::f64::consts::PI / 180.0)
    }
}

/// A cell of the grid of 2^step by 2^step cells.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    bits: u64,
    step: u32,
}

/// What a cell covers.
#[derive(Clone, Copy, Debug)]
struct Area {
    longitude: (f64, f64),
    latitude: (f64, f64),
}

impl Cell {
    fn around(place: Place, step: u32) -> Cell {
        let latitude = scaled(place.latitude, LATITUDE_MAX, step);
        let longitude = scaled(place.longitude, LONGITUDE_MAX, step);
        Cell {
            bits: interleave(latitude, longitude),
            step,
        }
    }

    /// The smallest score in the cell.
    fn aligned(self) -> u64 {
        self.bits << (52 - self.step * 2)
    }

    fn area(self) -> Area {
        let (latitude, longitude) = (gather(self.bits), gather(self.bits >> 1));
        let cells = (1u64 << self.step) as f64;
        let side = |at: u32, max: f64| -max + (f64::from(at) / cells) * (max - -max);
        let sides = |at: u32, max: f64| (side(at, max), side(at.wrapping_add(1), max));
        Area {
            longitude: sides(longitude, LONGITUDE_MAX),
            latitude: sides(latitude, LATITUDE_MAX),
        }
    }

    /// The cell so many cells to the east and north (-1, 0 or 1), around the edges of the map.
    fn neighbour(self, east: i32, north: i32) -> Cell {
        let all = u64::MAX >> (64 - self.step * 2);
        let shift = |bits: u64, axis: u64, by: i32| match by {
            0 => bits & axis,
            // The other axis' bits are set, to carry over them, or clear, to borrow over them.
            1.. => (bits & axis | !axis & all).wrapping_add(1) & axis & all,
            _ => (bits & axis).wrapping_sub(1) & axis & all,
        };
        let longitude = shift(self.bits, 0xaaaa_aaaa_aaaa_aaaa, east);
        let latitude = shift(self.bits, 0x5555_5555_5555_5555, north);
        Cell {
            bits: longitude | latitude,
            step: self.step,
        }
    }
}

impl Area {
    fn middle(self) -> Place {
        let middle = |(min, max): (f64, f64), most: f64| ((min + max) / 2.0).clamp(-most, most);
        Place {
            longitude: middle(self.longitude, LONGITUDE_MAX),
            latitude: middle(self.latitude, LATITUDE_MAX),
        }
    }
}

/// The number of the slice in which a coordinate lies, of 2^step slices from -max to max. The
/// maximum itself lies in the slice behind the last.
fn scaled(coordinate: f64, max: f64, step: u32) -> u32 {
    let offset = (coordinate - -max) / (max - -max);
    (offset * (1u64 << step) as f64) as u32
}

/// The bits of `even` at the even places, those of `odd` at the odd ones.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

fn spread(bits: u32) -> u64 {
    let mut x = u64::from(bits);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        x = (x | x << shift) & mask;
    }
    x
}

/// The even bits, moved together.
fn gather(bits: u64) -> u32 {
    let mut x = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        x = (x | x >> shift) & mask;
    }
    x as u32
}
