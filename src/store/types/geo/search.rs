//! What a search covers: a shape, the ranges of scores in which its places lie, and whether a place
//! lies in it.
//!
//! The ranges are those of the cell around the shape's centre and its eight neighbours, on a grid
//! as fine as still covers the shape, without those that it cannot reach. Their order decides the
//! order of an unsorted answer.

use smallvec::SmallVec;

use super::{
    Area, Cell, Degrees, EARTH_RADIUS, LATITUDE_MAX, LONGITUDE_MAX, Place, STEP_MAX, Unit,
};

/// Half the width of the Mercator projection, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// Ranges of scores, from the first inclusive to the second exclusive.
pub type Ranges = SmallVec<[(f64, f64); 9]>;

/// An area to search.
#[derive(Clone, Debug)]
pub struct Shape {
    centre: Place,
    outline: Outline,
    /// Metres in a unit of the outline.
    metres: f64,
}

#[derive(Clone, Debug)]
enum Outline {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
    Polygon(Vec<Place>),
}

/// The box of coordinates around a shape.
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Shape {
    /// All places at most `radius` away from `centre`.
    pub fn circle(centre: Place, radius: f64, unit: Unit) -> Shape {
        Shape {
            centre,
            outline: Outline::Circle { radius },
            metres: unit.metres(),
        }
    }

    /// A box along the axes, with `centre` in its middle.
    pub fn rectangle(centre: Place, width: f64, height: f64, unit: Unit) -> Shape {
        Shape {
            centre,
            outline: Outline::Box { width, height },
            metres: unit.metres(),
        }
    }

    /// A polygon; at least three vertices. Distances are from the mean of its vertices.
    pub fn polygon(vertices: Vec<Place>) -> Shape {
        let centre = mean(&vertices);
        Shape {
            centre,
            outline: Outline::Polygon(vertices),
            metres: 1.0,
        }
    }

    /// Metres in the unit that distances are to be shown in.
    pub fn metres(&self) -> f64 {
        self.metres
    }

    /// The distance of a place from the centre, in metres, if it lies in the shape.
    pub fn contains(&self, place: Place) -> Option<f64> {
        match &self.outline {
            Outline::Circle { radius } => {
                let distance = self.centre.distance(place);
                (distance <= radius * self.metres).then_some(distance)
            }
            Outline::Box { width, height } => {
                if place.distance_north(self.centre) > height * self.metres / 2.0 {
                    return None;
                }
                let beside = Place {
                    longitude: self.centre.longitude,
                    ..place
                };
                if place.distance(beside) > width * self.metres / 2.0 {
                    return None;
                }
                Some(self.centre.distance(place))
            }
            Outline::Polygon(vertices) => {
                is_inside(vertices, place).then(|| self.centre.distance(place))
            }
        }
    }

    /// The ranges of scores that hold every place in the shape, in the order of the answer.
    pub fn search_ranges(&self) -> Ranges {
        let bounds = self.bounds();
        let mut step = steps(self.reach(&bounds), self.centre.latitude);
        let mut cell = Cell::around(self.centre, step);
        if step > 1 && !reaches(cell, &bounds) {
            step -= 1;
            cell = Cell::around(self.centre, step);
        }
        let area = cell.area();
        let mut ranges = Ranges::new();
        let mut last = None;
        for (east, north) in [
            (0, 0),
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (-1, 1),
            (1, -1),
            (-1, -1),
        ] {
            if step >= 2 && is_useless(&area, &bounds, east, north) {
                continue;
            }
            // On a coarse grid several neighbours are the same cell.
            let neighbour = cell.neighbour(east, north);
            if last == Some(neighbour) {
                continue;
            }
            let end = Cell {
                bits: neighbour.bits + 1,
                ..neighbour
            };
            ranges.push((neighbour.aligned() as f64, end.aligned() as f64));
            if (east, north) != (0, 0) {
                last = Some(neighbour);
            }
        }
        ranges
    }

    fn bounds(&self) -> Bounds {
        let (half_width, half_height) = match &self.outline {
            Outline::Circle { radius } => (self.metres * radius, self.metres * radius),
            Outline::Box { width, height } => {
                (self.metres * width / 2.0, self.metres * height / 2.0)
            }
            Outline::Polygon(vertices) => return Bounds::around(vertices),
        };
        let Place {
            longitude,
            latitude,
        } = self.centre;
        let north = f64::from_radians(half_height / EARTH_RADIUS);
        // The meridians are closest at the side that is nearer to a pole.
        let side = if latitude < 0.0 {
            latitude - north
        } else {
            latitude + north
        };
        let east = f64::from_radians(half_width / EARTH_RADIUS / side.radians().cos());
        Bounds {
            west: longitude - east,
            south: latitude - north,
            east: longitude + east,
            north: latitude + north,
        }
    }

    /// How far the shape reaches from its centre, in metres.
    fn reach(&self, bounds: &Bounds) -> f64 {
        match &self.outline {
            Outline::Circle { radius } => radius * self.metres,
            Outline::Box { width, height } => {
                let (w, h) = (width / 2.0, height / 2.0);
                (w * w + h * h).sqrt() * self.metres
            }
            Outline::Polygon(_) => bounds
                .corners()
                .map(|corner| self.centre.distance(corner))
                .into_iter()
                .fold(0.0, f64::max),
        }
    }
}

impl Bounds {
    fn around(vertices: &[Place]) -> Bounds {
        let mut bounds = Bounds {
            west: LONGITUDE_MAX,
            south: LATITUDE_MAX,
            east: -LONGITUDE_MAX,
            north: -LATITUDE_MAX,
        };
        for vertex in vertices {
            bounds.west = bounds.west.min(vertex.longitude);
            bounds.east = bounds.east.max(vertex.longitude);
            bounds.south = bounds.south.min(vertex.latitude);
            bounds.north = bounds.north.max(vertex.latitude);
        }
        bounds
    }

    fn corners(&self) -> [Place; 4] {
        let corner = |longitude, latitude| Place {
            longitude,
            latitude,
        };
        [
            corner(self.west, self.north),
            corner(self.east, self.north),
            corner(self.west, self.south),
            corner(self.east, self.south),
        ]
    }
}

/// How fine a grid may be for a cell and its neighbours to cover so many metres.
fn steps(mut reach: f64, latitude: f64) -> u32 {
    if reach == 0.0 {
        return STEP_MAX;
    }
    let mut step: i32 = 1;
    while reach < MERCATOR_MAX {
        reach *= 2.0;
        step += 1;
    }
    step -= 2;
    // Cells are narrower towards the poles.
    if latitude.abs() > 66.0 {
        step -= 1;
        if latitude.abs() > 80.0 {
            step -= 1;
        }
    }
    step.clamp(1, STEP_MAX as i32) as u32
}

/// Whether the neighbours of a cell reach as far as the bounds.
fn reaches(cell: Cell, bounds: &Bounds) -> bool {
    let area = |east, north| cell.neighbour(east, north).area();
    let short = area(0, 1).latitude.1 < bounds.north
        || area(0, -1).latitude.0 > bounds.south
        || area(1, 0).longitude.1 < bounds.east
        || area(-1, 0).longitude.0 > bounds.west;
    !short
}

/// Whether a neighbour lies on a side on which the cell itself covers the shape.
fn is_useless(area: &Area, bounds: &Bounds, east: i32, north: i32) -> bool {
    (north < 0 && area.latitude.0 < bounds.south)
        || (north > 0 && area.latitude.1 > bounds.north)
        || (east < 0 && area.longitude.0 < bounds.west)
        || (east > 0 && area.longitude.1 > bounds.east)
}

/// Where the mean of places lies, seen from the middle of the earth. Near a pole it may lie
/// beyond the last latitude: then it is moved there.
fn mean(places: &[Place]) -> Place {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for place in places {
        let (longitude, latitude) = (place.longitude.radians(), place.latitude.radians());
        x += latitude.cos() * longitude.cos();
        y += latitude.cos() * longitude.sin();
        z += latitude.sin();
    }
    let longitude = f64::from_radians(y.atan2(x));
    let latitude = f64::from_radians(z.atan2((x * x + y * y).sqrt()));
    Place {
        longitude: longitude.clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
        latitude: latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX),
    }
}

/// Whether a ray from the place to the east crosses the outline an odd number of times.
fn is_inside(vertices: &[Place], place: Place) -> bool {
    let Some(mut before) = vertices.last() else {
        return false;
    };
    let mut inside = false;
    for vertex in vertices {
        let crosses = (vertex.latitude > place.latitude) != (before.latitude > place.latitude);
        if crosses {
            let at = (before.longitude - vertex.longitude) * (place.latitude - vertex.latitude)
                / (before.latitude - vertex.latitude)
                + vertex.longitude;
            inside ^= place.longitude < at;
        }
        before = vertex;
    }
    inside
}
