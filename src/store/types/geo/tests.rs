use super::*;
use crate::resp::number::{format_fixed, format_human_f64};
use crate::store::types::sequence::{Digest, Sequence};

/// The corners and axes, then places all over the world, a third of them in Europe.
fn places(numbers: &mut Sequence) -> Vec<Place> {
    let mut places: Vec<Place> = [
        (180.0, LATITUDE_MAX),
        (-180.0, -LATITUDE_MAX),
        (0.0, 0.0),
        (180.0, 0.0),
        (0.0, LATITUDE_MAX),
        (-180.0, LATITUDE_MAX),
        (-0.000001, 0.000001),
    ]
    .map(|(longitude, latitude)| Place::new(longitude, latitude).expect("inside"))
    .to_vec();
    for n in 0..3000 {
        let mut longitude = (numbers.below(360_000_001) as f64 - 180e6) / 1e6;
        let mut latitude = (numbers.below(170_102_257) as f64 - 85_051_128.0) / 1e6;
        if n % 3 == 0 {
            longitude = numbers.below(20_000_000) as f64 / 1e6;
            latitude = 40.0 + numbers.below(10_000_000) as f64 / 1e6;
        }
        places.push(Place::new(longitude, latitude).expect("inside"));
    }
    places
}

/// As GEODIST writes it.
fn distance_text(distance: f64) -> Vec<u8> {
    format_fixed(distance, 4)
        .expect("no distance is that large")
        .to_vec()
}

const UNITS: [Unit; 4] = [Unit::M, Unit::Km, Unit::Ft, Unit::Mi];

/// The digests are those of ZSCORE, GEOPOS, GEOHASH and GEODIST of Valkey 9.1.2 and Redis 7.0.15.
#[test]
fn scores_and_texts_are_those_of_a_real_server() {
    let places = places(&mut Sequence::new(11));
    let (mut scores, mut texts) = (Digest::new(), Digest::new());
    let (mut hashes, mut distances) = (Digest::new(), Digest::new());
    let stored: Vec<Place> = places
        .iter()
        .map(|place| Place::from_score(place.score() as f64))
        .collect();
    for (n, place) in stored.iter().enumerate() {
        scores.add(format!("{};", places[n].score()).as_bytes());
        texts.add(&format_human_f64(place.longitude));
        texts.add(b",");
        texts.add(&format_human_f64(place.latitude));
        texts.add(b";");
        hashes.add(&place.geohash());
        let distance = place.distance(stored[n * 7 % stored.len()]) / UNITS[n % 4].metres();
        distances.add(&distance_text(distance));
        distances.add(b";");
    }
    assert_eq!(places[0].score(), 13_510_798_882_111_488);
    assert_eq!(places[6].score(), 1_876_499_844_737_706);
    assert_eq!(format_human_f64(stored[0].latitude), b"85.0511287799999991");
    assert_eq!(
        format_human_f64(stored[2].longitude),
        b"0.00000268220901489"
    );
    assert_eq!(scores, Digest(0xbf25_9ba5_5f25_c1dd));
    assert_eq!(texts, Digest(0x5b57_0237_20dc_989a));
    assert_eq!(hashes, Digest(0x7f1e_4bdf_f60a_d870));
    assert_eq!(distances, Digest(0xc87a_f82d_6020_d30f));
}

#[test]
fn scores_that_are_no_places_show_what_redis_shows() {
    for (score, longitude, latitude, hash) in [
        (-5.0, "180", "85.0511287799999991", b"bp05b5048p0"),
        (
            9_007_199_254_740_992.0,
            "180",
            "-85.05112751263942528",
            b"00bh0hbj200",
        ),
        (
            1e300,
            "-179.99999731779098511",
            "-85.05112751263942528",
            b"00bh0hbj200",
        ),
        (
            f64::INFINITY,
            "-179.99999731779098511",
            "-85.05112751263942528",
            b"00bh0hbj200",
        ),
        (
            f64::NEG_INFINITY,
            "180",
            "-85.05112751263942528",
            b"00bh0hbj200",
        ),
        (
            1.7,
            "-179.99999731779098511",
            "-85.05112497791824921",
            b"00bh0hbj210",
        ),
    ] {
        let place = Place::from_score(score);
        let longitudes = format_human_f64(place.longitude);
        let latitudes = format_human_f64(place.latitude);
        assert_eq!(longitudes, longitude.as_bytes(), "{score}");
        assert_eq!(latitudes, latitude.as_bytes(), "{score}");
        assert_eq!(place.geohash(), *hash, "{score}");
    }
}

/// A shape as the commands of the digest below describe it.
fn shape(numbers: &mut Sequence, places: &[Place]) -> (u64, Shape) {
    let kind = numbers.below(3);
    let place = places[numbers.below(places.len() as u64) as usize];
    let off = (numbers.below(2_000_001) as f64 - 1e6) / 1e6;
    let longitude = (place.longitude + off).clamp(-180.0, 180.0);
    let latitude = (place.latitude + off / 2.0).clamp(-85.05, 85.05);
    let centre = Place::new(longitude, latitude).expect("inside");
    let unit = UNITS[numbers.below(4) as usize];
    let magnitude = 10f64.powi(numbers.below(5) as i32 + 2);
    let part = if matches!(unit, Unit::M | Unit::Ft) {
        1.0
    } else {
        0.001
    };
    let mut length = || numbers.below(1_000_000) as f64 / 1e6 * magnitude * part;
    let (a, b) = (length(), length());
    let mut vertices = Vec::new();
    for _ in 0..3 + numbers.below(5) {
        let east = (numbers.below(20_000_001) as f64 - 1e7) / 1e6;
        let north = (numbers.below(20_000_001) as f64 - 1e7) / 1e6;
        let longitude = (longitude + east).clamp(-180.0, 180.0);
        let latitude = (latitude + north).clamp(-85.05, 85.05);
        vertices.push(Place::new(longitude, latitude).expect("inside"));
    }
    let shape = match kind {
        0 => Shape::circle(centre, a * 10.0, unit),
        1 => Shape::rectangle(centre, a * 10.0, b * 10.0, unit),
        _ => Shape::polygon(vertices),
    };
    (kind, shape)
}

/// The digests are those of GEOSEARCH WITHDIST, unsorted: of Valkey 9.1.2, and of Redis 7.0.15
/// (which has no polygons).
#[test]
fn searches_find_what_a_real_server_finds_in_the_same_order() {
    let mut numbers = Sequence::new(11);
    let places = places(&mut numbers);
    let named = places
        .iter()
        .enumerate()
        .map(|(n, p)| (p.score(), format!("m{n}")));
    let mut sorted: Vec<(u64, String)> = named.collect();
    sorted.sort();
    let (mut all, mut without_polygons, mut found) = (Digest::new(), Digest::new(), 0);
    for _ in 0..600 {
        let (kind, shape) = shape(&mut numbers, &places);
        let mut answer = Digest::new();
        for (min, max) in shape.search_ranges() {
            let from = sorted.partition_point(|(score, _)| (*score as f64) < min);
            for (score, name) in &sorted[from..] {
                if *score as f64 >= max {
                    break;
                }
                let Some(distance) = shape.contains(Place::from_score(*score as f64)) else {
                    continue;
                };
                found += 1;
                answer.add(name.as_bytes());
                answer.add(b" ");
                answer.add(&distance_text(distance / shape.metres()));
                answer.add(b";");
            }
        }
        all.add(&answer.0.to_le_bytes());
        if kind < 2 {
            without_polygons.add(&answer.0.to_le_bytes());
        }
    }
    assert_eq!(without_polygons, Digest(0xf28f_3efe_a454_19d7));
    assert_eq!((all, found), (Digest(0xbf1d_dd00_1233_d90b), 53_912));
}

#[test]
fn strange_shapes_do_no_harm() {
    let centre = Place::new(0.0, 85.0).expect("inside");
    for size in [0.0, 1e-300, 1e300, f64::INFINITY, f64::MIN_POSITIVE] {
        for unit in UNITS {
            assert!(!Shape::circle(centre, size, unit).search_ranges().is_empty());
            assert!(
                !Shape::rectangle(centre, size, 1.0, unit)
                    .search_ranges()
                    .is_empty()
            );
        }
    }
    let around_the_pole = [0.0, 120.0, -120.0].map(|longitude| Place {
        longitude,
        latitude: 85.0,
    });
    assert!(
        !Shape::polygon(around_the_pole.to_vec())
            .search_ranges()
            .is_empty()
    );
    assert!(Shape::polygon(Vec::new()).contains(centre).is_none());
    assert!(Place::new(f64::NAN, 0.0).is_none() && Place::new(180.1, 0.0).is_none());
    assert_eq!(format_human_f64(-0.0), b"0");
    assert_eq!(Unit::from_name(b"KM"), Some(Unit::Km));
}
