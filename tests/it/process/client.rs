//! The client library of Rust, in both protocols: values, pipelines, transactions, scripts and
//! channels.

use redis::{Client, Connection, TypedCommands};

use crate::harness::Process;

#[test]
fn the_rust_client_works() {
    let server = Process::kvd(&[]);
    for protocol in ["resp2", "resp3"] {
        let url = format!("redis://127.0.0.1:{}/?protocol={protocol}", server.port());
        let client = Client::open(url).expect("an address");
        let mut connection = client.get_connection().expect("a connection");
        values(&mut connection);
        pipelines(&mut connection);
        channels(&client, &mut connection);
        let _: () = redis::cmd("FLUSHALL").query(&mut connection).expect("OK");
    }
}

fn values(connection: &mut Connection) {
    connection.set("text", "hello").expect("OK");
    assert_eq!(
        connection.get("text").expect("a reply").as_deref(),
        Some("hello")
    );
    assert_eq!(connection.get("nothing").expect("a reply"), None);
    assert_eq!(connection.incr("number", 41).expect("a number"), 41);
    let fields = [("a", "1"), ("b", "2")];
    connection.hset_multiple("hash", &fields).expect("OK");
    let read = connection.hgetall("hash").expect("a map");
    assert_eq!(read.len(), 2);
    assert_eq!(read["b"], "2");
    connection.zadd("zset", "member", 1.5).expect("a number");
    let score: f64 = redis::cmd("ZSCORE")
        .arg("zset")
        .arg("member")
        .query(connection)
        .expect("a score");
    assert_eq!(score, 1.5);
    let refused = connection.lpush("text", "x").expect_err("another type");
    assert_eq!(refused.code(), Some("WRONGTYPE"));
}

fn pipelines(connection: &mut Connection) {
    let mut pipeline = redis::pipe();
    for number in 0..1_000 {
        pipeline.set(format!("key:{number}"), number).ignore();
        pipeline.get(format!("key:{number}"));
    }
    let read: Vec<i64> = pipeline.query(connection).expect("replies");
    assert_eq!(read, Vec::from_iter(0..1_000));
    let mut transaction = redis::pipe();
    transaction.atomic().incr("counter", 2).incr("counter", 3);
    let counted: (i64, i64) = transaction.query(connection).expect("replies");
    assert_eq!(counted, (2, 5));
    let sum: i64 = redis::cmd("EVAL")
        .arg("return redis.call('incrby', KEYS[1], ARGV[1])")
        .arg(1)
        .arg("counter")
        .arg(10)
        .query(connection)
        .expect("a number");
    assert_eq!(sum, 15);
}

fn channels(client: &Client, connection: &mut Connection) {
    let mut listener = client.get_connection().expect("a connection");
    let mut subscribed = listener.as_pubsub();
    subscribed.subscribe("news").expect("a channel");
    assert_eq!(connection.publish("news", "hello").expect("a number"), 1);
    let message = subscribed.get_message().expect("a message");
    assert_eq!(message.get_channel_name(), "news");
    assert_eq!(message.get_payload::<String>().expect("a text"), "hello");
}
