//! The same script against a real Valkey, replies compared, in both protocol versions. Skipped,
//! with a printed line, where there is no Valkey.

use crate::harness::{Kvd, peer};

/// Commands whose replies depend on nothing but what came before them.
const SCRIPT: &str = r#"
SET k v|GET k|SET k w NX|SET k w XX GET|SET k x EX 0|SET k x EX abc|SET k|SET k v NX XX
SET k v IFEQ w|SET k v IFEQ v|DELIFEQ k no|DELIFEQ k v|GET k|GETSET k 1|GETDEL k|GETDEL k
INCR n|INCRBY n 41|DECR n|DECRBY n 2|INCRBYFLOAT n 0.1|INCRBY n x|INCR n|APPEND n 5|STRLEN n
SETRANGE s 5 hello|GETRANGE s 0 -1|GETRANGE s -3 -1|SUBSTR s 5 6|SETRANGE s -1 x|LCS s n
MSET a 1 b 2|MGET a b c|MSETNX a 1 z 2|MSETNX y 1 z 2|MSET a|MSETEX 2 a 1 b 2 NX EX 10
EXPIRE a 100|EXPIRE a 10 GT|EXPIRE a 10 NX XX|PERSIST a|TTL a|TTL nothing|EXPIRE a x|EXPIRE a -1
TYPE s|EXISTS s s nothing|DEL s nothing|RENAME n m|RENAME nothing x|COPY m m2|OBJECT ENCODING m
RPUSH l a b c 1 2 3|LRANGE l 0 -1|LPOP l 2|RPOP l|LINDEX l -1|LINSERT l BEFORE 1 x|LPOS l x|LLEN l
LREM l 0 x|LSET l 0 y|LSET l 99 y|LTRIM l 0 1|LMOVE l l2 LEFT RIGHT|LMPOP 2 no l LEFT COUNT 5
HSET h f v g 1|HGET h f|HMGET h f no|HINCRBY h g 5|HINCRBY h f 1|HLEN h|HDEL h f no|HEXISTS h g
HSETNX h g 2|HSTRLEN h g|HRANDFIELD nothing|HGETALL nothing|HINCRBYFLOAT h g 1.5|HGETALL h
SADD t a b c|SISMEMBER t a|SMISMEMBER t a z|SCARD t|SREM t a z|SADD u b c d|SINTERCARD 2 t u
SINTERSTORE w t u|SMOVE t u b|SPOP nothing|SRANDMEMBER nothing 3|SDIFFSTORE w u t|SCARD w
ZADD z 1 a 2 b 3 c|ZADD z GT CH 5 a 1 b|ZADD z INCR 2 a|ZADD z NX GT 1 a|ZSCORE z a|ZRANK z a
ZRANGE z 0 -1 WITHSCORES|ZRANGE z (1 +inf BYSCORE LIMIT 0 1|ZREVRANGE z 0 0|ZCOUNT z 1 2|ZPOPMIN z
ZINCRBY z 1.5 c|ZMSCORE z a c no|ZRANGEBYSCORE z -inf +inf WITHSCORES|ZADD z nan x|ZREM z a
SETBIT bits 7 1|GETBIT bits 7|BITCOUNT bits|BITPOS bits 1|BITFIELD bits SET u8 0 255 GET i8 0
PFADD hll a b c|PFCOUNT hll|GEOADD geo 13.361389 38.115556 P 15.087269 37.502669 C|GEODIST geo P C
GEOHASH geo P C|GEOPOS geo P|GEOSEARCH geo FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST
XADD x 1-1 f v|XADD x 1-1 f v|XADD x 2 g w|XLEN x|XRANGE x - +|XREVRANGE x + - COUNT 1|XDEL x 1-1
XGROUP CREATE x grp 0|XREADGROUP GROUP grp me COUNT 1 STREAMS x >|XPENDING x grp|XACK x grp 2-0
MULTI|SET k 1|INCR k|EXEC|MULTI|NOSUCH|EXEC|EXEC|DISCARD|WATCH k|MULTI|GET k|EXEC|UNWATCH
GET l|LPUSH k x|NOSUCH a b|GET|CONFIG GET maxmemory|SELECT 99|SELECT 1|DBSIZE|SELECT 0|ECHO hi
SCAN 0 COUNT 1000 MATCH nothing*|SCAN x|SCAN 0 COUNT 0|SORT nothing|RANDOMKEY x|FLUSHALL|DBSIZE
"#;

#[test]
fn valkey_answers_the_same() {
    let Some(valkey) = peer("valkey-server") else {
        return;
    };
    for hello in ["HELLO 2", "HELLO 3"] {
        let (ours, mut theirs) = (Kvd::new().client(), valkey.connect());
        ours.cmd(hello);
        theirs.cmd(hello);
        for line in SCRIPT.split(['|', '\n']).filter(|line| !line.is_empty()) {
            let (got, wanted) = (ours.cmd(line), theirs.cmd(line));
            assert_eq!(got, wanted, "{hello}: {line}");
        }
    }
}
