//! SORT and SORT_RO.

use crate::harness::{Client, Kvd, Value};

fn filled() -> Client {
    let client = Kvd::new().client();
    client.cmd("RPUSH l 3 1 2 10");
    client.cmd("MSET w_1 3 w_2 2 w_3 1");
    client
}

#[track_caller]
fn check(client: &Client, line: &str, expected: &str) {
    let items = client.cmd(line);
    let texts: Vec<String> = items
        .items()
        .iter()
        .map(|item| {
            if item.is_null() {
                "-".into()
            } else {
                item.text()
            }
        })
        .collect();
    assert_eq!(texts.join(" "), expected, "{line}");
}

#[test]
fn numbers_and_text() {
    let client = filled();
    check(&client, "SORT l", "1 2 3 10");
    check(&client, "SORT_RO l DESC", "10 3 2 1");
    check(&client, "SORT l ALPHA", "1 10 2 3");
    check(&client, "SORT l ALPHA DESC", "3 2 10 1");
    check(&client, "SORT l LIMIT 1 2", "2 3");
    check(&client, "SORT l LIMIT -1 2", "1 2");
    check(&client, "SORT l LIMIT 1 -1", "2 3 10");
    check(&client, "SORT l LIMIT 100 -1", "");
    check(&client, "SORT nokey", "");
    client.cmd("RPUSH text a b");
    assert_eq!(
        client.err("SORT text"),
        "ERR One or more scores can't be converted into double"
    );
    check(&client, "SORT text BY nothing_*", "a b");
}

#[test]
fn weights_and_values_from_other_keys() {
    let client = filled();
    client.cmd("RPUSH m 1 2 3");
    check(&client, "SORT l BY w_*", "10 3 2 1");
    check(&client, "SORT l BY w_* DESC LIMIT 0 2", "1 2");
    check(
        &client,
        "SORT l BY w_* GET # GET w_* GET x_*",
        "10 - - 3 1 - 2 2 - 1 3 -",
    );
    check(&client, "SORT l GET constant", "- - - -");
    check(&client, "SORT m BY x_* ALPHA DESC", "1 2 3");
    client.cmd("SET w_10 expired PX 1");
    client.cmd("SET w_2 zzz");
    assert!(client.err("SORT l BY w_*").starts_with("ERR One or more"));
}

#[test]
fn the_order_may_be_kept() {
    let client = filled();
    check(&client, "SORT l BY nosort", "3 1 2 10");
    check(&client, "SORT l BY nosort DESC", "10 2 1 3");
    check(&client, "SORT l BY nosort LIMIT 1 2", "1 2");
    check(&client, "SORT l BY nosort DESC LIMIT 1 2", "2 1");
    check(&client, "SORT l BY nosort GET w_*", "1 3 2 -");
    check(&client, "SORT l BY nosort LIMIT 9 2", "");
}

#[test]
fn the_result_may_be_stored() {
    let client = filled();
    client.cmd("SET d string EX 100");
    assert_eq!(client.int("SORT l GET w_* STORE d"), 4);
    check(&client, "LRANGE d 0 -1", "3 2 1 ");
    assert_eq!(client.int("TTL d"), -1);
    assert_eq!(client.int("SORT nokey STORE d"), 0);
    assert_eq!(client.int("EXISTS d"), 0);
    assert_eq!(client.int("SORT l STORE l"), 4);
    check(&client, "LRANGE l 0 -1", "1 2 3 10");
    assert_eq!(client.err("SORT_RO l STORE d"), "ERR syntax error");
}

#[test]
fn what_cannot_be_sorted() {
    let client = filled();
    client.cmd("SET s 1");
    assert!(client.err("SORT s").starts_with("WRONGTYPE"));
    for line in [
        "SORT s FOO",
        "SORT l BY",
        "SORT l GET",
        "SORT l LIMIT 1",
        "SORT l STORE",
    ] {
        assert_eq!(client.err(line), "ERR syntax error", "{line}");
    }
    assert!(
        client
            .err("SORT l LIMIT a 1")
            .starts_with("ERR value is not an integer")
    );
    assert_eq!(client.cmd("SORT nokey GET #"), Value::Array(vec![]));
}
