//! Places.

use crate::harness::{Client, Kvd, Value};

fn texts(client: &Client, line: &str) -> Vec<String> {
    client.cmd(line).texts()
}

/// A client of a server with two cities under `s`.
fn sicily() -> Client {
    let client = Kvd::new().client();
    let line = "GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";
    assert_eq!(client.int(line), 2);
    client
}

#[test]
fn places_are_added_and_shown() {
    let client = sicily();
    assert_eq!(client.text("ZSCORE s Palermo"), "3479099956230698");
    let places = client.cmd("GEOPOS s Palermo none");
    assert_eq!(
        places.items()[0].texts(),
        ["13.36138933897018433", "38.11555639549629859"]
    );
    assert_eq!(places.items()[1], Value::NullArray);
    let hashes = client.cmd("GEOHASH s Palermo none");
    assert_eq!(hashes.items()[0].text(), "sqc8b49rny0");
    assert_eq!(hashes.items()[1], Value::NullBulk);
    assert_eq!(client.text("GEODIST s Palermo Catania"), "166274.1516");
    assert_eq!(client.text("GEODIST s Palermo Catania KM"), "166.2742");
    assert_eq!(client.cmd("GEODIST s Palermo none"), Value::NullBulk);
    assert_eq!(client.int("GEOADD s NX 1 1 Palermo 1 1 new"), 1);
    assert_eq!(client.int("GEOADD s XX CH 2 2 new 3 3 newer"), 1);
}

#[test]
fn wrong_places_are_refused() {
    let client = sicily();
    assert_eq!(
        client.err("GEOADD s 200 1 a"),
        "ERR invalid longitude,latitude pair 200.000000,1.000000"
    );
    assert_eq!(
        client.err("GEOADD s 1 x a"),
        "ERR value is not a valid float"
    );
    assert_eq!(client.err("GEOADD s NX XX 1 1 a"), "ERR syntax error");
    assert_eq!(
        client.err("GEODIST s Palermo Catania xx"),
        "ERR unsupported unit provided. please use M, KM, FT, MI"
    );
    client.cmd("SET text x");
    assert!(client.err("GEOPOS text a").starts_with("WRONGTYPE"));
}

#[test]
fn a_search_covers_a_circle_a_box_or_a_polygon() {
    let client = sicily();
    let circle = "GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km";
    assert_eq!(
        texts(&client, &format!("{circle} ASC")),
        ["Catania", "Palermo"]
    );
    assert_eq!(
        texts(&client, &format!("{circle} DESC")),
        ["Palermo", "Catania"]
    );
    assert_eq!(texts(&client, &format!("{circle} COUNT 1")), ["Catania"]);
    assert_eq!(texts(&client, &format!("{circle} COUNT 1 ANY")).len(), 1);
    let full = client.cmd(&format!("{circle} WITHDIST WITHHASH WITHCOORD ASC"));
    let first = full.items()[0].items();
    assert_eq!(first[1].text(), "56.4413");
    assert_eq!(first[2], Value::Int(3_479_447_370_796_909));
    assert_eq!(
        first[3].texts(),
        ["15.08726745843887329", "37.50266842333162032"]
    );
    assert_eq!(
        texts(&client, "GEOSEARCH s FROMMEMBER Catania BYBOX 10 10 km"),
        ["Catania"]
    );
    assert_eq!(
        texts(&client, "GEOSEARCH s BYPOLYGON 3 10 30 20 30 15 50 DESC"),
        ["Palermo", "Catania"]
    );
    assert!(texts(&client, "GEOSEARCH none FROMMEMBER x BYBOX 1 1 km").is_empty());
}

#[test]
fn wrong_searches_are_refused() {
    let client = sicily();
    let refused = |line: &str, error: &str| assert_eq!(client.err(line), error, "{line}");
    let from = "GEOSEARCH s FROMLONLAT 15 37";
    refused(
        &format!("{from} BYRADIUS x km ASC"),
        "ERR need numeric radius",
    );
    refused(
        &format!("{from} BYRADIUS -1 km ASC"),
        "ERR radius cannot be negative",
    );
    refused(
        &format!("{from} BYRADIUS 1 km ANY"),
        "ERR the ANY argument requires COUNT argument",
    );
    refused(
        &format!("{from} BYRADIUS 1 km COUNT 0"),
        "ERR COUNT must be > 0",
    );
    refused(
        &format!("{from} BYRADIUS 1 km BYBOX 1 1 km"),
        "ERR syntax error",
    );
    refused(
        "GEOSEARCH s FROMMEMBER none BYRADIUS 1 km",
        "ERR member none does not exist",
    );
    refused(
        "GEOSEARCH s FROMMEMBER Palermo ASC ASC ASC",
        "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for GEOSEARCH",
    );
    refused(
        "GEOSEARCH s BYBOX 1 1 km ASC",
        "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
    );
    refused(
        "GEOSEARCH s BYPOLYGON 2 10 30 20 30",
        "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices",
    );
    refused(
        "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 200 km WITHDIST",
        "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
    );
    refused("GEORADIUS_RO s 15 37 200 km STORE d", "ERR syntax error");
}

#[test]
fn a_search_is_stored_with_places_or_distances() {
    let client = sicily();
    let line = "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 200 km";
    assert_eq!(client.int(line), 2);
    assert_eq!(client.text("ZSCORE d Palermo"), "3479099956230698");
    assert_eq!(client.int(&format!("{line} STOREDIST")), 2);
    assert_eq!(client.text("ZSCORE d Catania"), "56.4412578701582");
    assert_eq!(client.int("GEORADIUS s 15 37 200 km COUNT 1 STORE d"), 1);
    assert_eq!(texts(&client, "ZRANGE d 0 -1"), ["Catania"]);
    assert_eq!(client.int("GEORADIUSBYMEMBER none x 1 km STORE d"), 0);
    assert_eq!(client.int("EXISTS d"), 0);
    assert_eq!(
        texts(&client, "GEORADIUSBYMEMBER_RO s Palermo 200 km DESC"),
        ["Catania", "Palermo"]
    );
}
