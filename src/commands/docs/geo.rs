//! Documentation of the commands on places: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("geo");

/// GEOADD.
pub static GEOADD: Doc = Doc {
    summary: "Adds places by longitude and latitude.",
    since: "3.2.0",
    complexity: "O(log(N)) for each member of a set of N",
    args: "key@0 [condition(nx=NX|xx=XX)^6.2.0] [change=CH^6.2.0] data{longitude:double \
             latitude:double member}*",
    history: &[("6.2.0", "`CH`, `NX` and `XX`.")],
    ..GROUP
};

/// GEODIST.
pub static GEODIST: Doc = Doc {
    summary: "Returns the distance between two places.",
    since: "3.2.0",
    complexity: "O(1)",
    args: "key@0 member1 member2 [unit(m=M|km=KM|ft=FT|mi=MI)]",
    ..GROUP
};

/// GEOHASH.
pub static GEOHASH: Doc = Doc {
    summary: "Returns the geohash strings of places.",
    since: "3.2.0",
    complexity: "O(N) for N places asked for",
    args: "key@0 [member*]",
    ..GROUP
};

/// GEOPOS.
pub static GEOPOS: Doc = Doc {
    summary: "Returns the longitudes and latitudes of places.",
    since: "3.2.0",
    complexity: "O(N) for N places asked for",
    args: "key@0 [member*]",
    ..GROUP
};

/// GEORADIUS.
pub static GEORADIUS: Doc = Doc {
    summary: "Finds the places in a circle around a point and may store them.",
    since: "3.2.0",
    complexity: "O(N+log(M)) for N places in the box around the circle and M in all",
    args: "key@0 longitude:double latitude:double radius:double unit(m=M|km=KM|ft=FT|mi=MI) \
             [withcoord=WITHCOORD] [withdist=WITHDIST] [withhash=WITHHASH] \
             [count-block{count:int=COUNT [any=ANY^6.2.0]}] [order(asc=ASC|desc=DESC)] \
             [store(storekey<key>:key@1=STORE|storedistkey<key>:key@2=STOREDIST)]",
    history: &[
        ("6.2.0", "`COUNT ... ANY`."),
        ("7.0.0", "Units in upper case."),
    ],
    ..GROUP
};

/// GEORADIUS_RO.
pub static GEORADIUS_RO: Doc = Doc {
    summary: "Finds the places in a circle around a point.",
    since: "3.2.10",
    complexity: "O(N+log(M)) for N places in the box around the circle and M in all",
    args: "key@0 longitude:double latitude:double radius:double unit(m=M|km=KM|ft=FT|mi=MI) \
             [withcoord=WITHCOORD] [withdist=WITHDIST] [withhash=WITHHASH] \
             [count-block{count:int=COUNT [any=ANY^6.2.0]}] [order(asc=ASC|desc=DESC)]",
    history: &[
        ("6.2.0", "`COUNT ... ANY`."),
        ("7.0.0", "Units in upper case."),
    ],
    ..GROUP
};

/// GEORADIUSBYMEMBER.
pub static GEORADIUSBYMEMBER: Doc = Doc {
    summary: "Finds the places in a circle around another place and may store them.",
    since: "3.2.0",
    complexity: "O(N+log(M)) for N places in the box around the circle and M in all",
    args: "key@0 member radius:double unit(m=M|km=KM|ft=FT|mi=MI) [withcoord=WITHCOORD] \
             [withdist=WITHDIST] [withhash=WITHHASH] [count-block{count:int=COUNT [any=ANY]}] \
             [order(asc=ASC|desc=DESC)] [store(storekey<key>:key@1=STORE|\
             storedistkey<key>:key@2=STOREDIST)]",
    history: &[
        ("6.2.0", "`COUNT ... ANY`."),
        ("7.0.0", "Units in upper case."),
    ],
    ..GROUP
};

/// GEORADIUSBYMEMBER_RO.
pub static GEORADIUSBYMEMBER_RO: Doc = Doc {
    summary: "Finds the places in a circle around another place.",
    since: "3.2.10",
    complexity: "O(N+log(M)) for N places in the box around the circle and M in all",
    args: "key@0 member radius:double unit(m=M|km=KM|ft=FT|mi=MI) [withcoord=WITHCOORD] \
             [withdist=WITHDIST] [withhash=WITHHASH] [count-block{count:int=COUNT [any=ANY]}] \
             [order(asc=ASC|desc=DESC)]",
    history: &[
        ("6.2.0", "`COUNT ... ANY`."),
        ("7.0.0", "Units in upper case."),
    ],
    ..GROUP
};

/// GEOSEARCH.
pub static GEOSEARCH: Doc = Doc {
    summary: "Finds the places in a circle, a box or a polygon.",
    since: "6.2.0",
    complexity: "O(N+log(M)) for N places in the box around the shape and M in all",
    args: "key@0 [from(member:str=FROMMEMBER|fromlonlat{longitude:double \
             latitude:double}=FROMLONLAT)] by(circle{radius:double=BYRADIUS unit(m=M|km=KM|ft=FT|\
             mi=MI)}|box{width:double=BYBOX height:double unit(m=M|km=KM|ft=FT|mi=MI)}|\
             polygon{num-vertices:int=BYPOLYGON vertices{longitude:double \
             latitude:double}*}^9.0.0) [order(asc=ASC|desc=DESC)] [count-block{count:int=COUNT \
             [any=ANY]}] [withcoord=WITHCOORD] [withdist=WITHDIST] [withhash=WITHHASH]",
    history: &[("7.0.0", "Units in upper case."), ("9.0.0", "`BYPOLYGON`.")],
    ..GROUP
};

/// GEOSEARCHSTORE.
pub static GEOSEARCHSTORE: Doc = Doc {
    summary: "Finds the places in a circle, a box or a polygon and stores them.",
    since: "6.2.0",
    complexity: "O(N+log(M)) for N places in the box around the shape and M in all",
    args: "destination@0 source@1 [from(member:str=FROMMEMBER|fromlonlat{longitude:double \
             latitude:double}=FROMLONLAT)] by(circle{radius:double=BYRADIUS unit(m=M|km=KM|ft=FT|\
             mi=MI)}|box{width:double=BYBOX height:double unit(m=M|km=KM|ft=FT|mi=MI)}|\
             polygon{num-vertices:int=BYPOLYGON vertices{longitude:double \
             latitude:double}*}^9.0.0) [order(asc=ASC|desc=DESC)] [count-block{count:int=COUNT \
             [any=ANY]}] [storedist=STOREDIST]",
    history: &[("7.0.0", "Units in upper case."), ("9.0.0", "`BYPOLYGON`.")],
    ..GROUP
};
