//! INFO: what clients, exporters and dashboards read.

use kvd::engine::tick::TurnStats;

use crate::harness::{Client, Kvd, Value};

fn titles(text: &str) -> Vec<&str> {
    text.lines().filter_map(|l| l.strip_prefix("# ")).collect()
}

fn field(client: &Client, name: &str) -> String {
    let text = client.text("INFO everything");
    let found = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key == name).then(|| value.to_owned())
    });
    found.unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[test]
fn sections_are_chosen_by_name() {
    let client = Kvd::new().client();
    let default = client.text("INFO");
    assert_eq!(
        titles(&default),
        [
            "Server",
            "Clients",
            "Memory",
            "Persistence",
            "Stats",
            "Replication",
            "CPU",
            "Modules",
            "Errorstats",
            "Cluster",
            "Keyspace"
        ]
    );
    assert_eq!(titles(&client.text("INFO default")), titles(&default));
    assert!(titles(&client.text("INFO all")).contains(&"Commandstats"));
    assert_eq!(
        titles(&client.text("INFO cpu SERVER cpu")),
        ["Server", "CPU"]
    );
    assert_eq!(client.text("INFO nosuch"), "");
    client.cmd("HELLO 3");
    assert!(matches!(client.cmd("INFO"), Value::Verbatim(kind, _) if kind == "txt"));
}

#[test]
fn the_fields_that_others_read_are_there() {
    let client = Kvd::new().client();
    let text = client.text("INFO everything");
    for name in
        "redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds \
                 uptime_in_days executable config_file connected_clients maxclients \
                 blocked_clients used_memory used_memory_human used_memory_rss used_memory_peak \
                 used_memory_overhead used_memory_dataset used_memory_lua maxmemory \
                 maxmemory_policy mem_fragmentation_ratio mem_allocator total_system_memory \
                 allocator_active allocator_resident loading rdb_changes_since_last_save \
                 rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status aof_enabled \
                 total_connections_received total_commands_processed instantaneous_ops_per_sec \
                 total_net_input_bytes total_net_output_bytes rejected_connections expired_keys \
                 evicted_keys keyspace_hits keyspace_misses pubsub_channels pubsub_patterns \
                 latest_fork_usec role connected_slaves master_replid master_repl_offset \
                 used_cpu_sys used_cpu_user cluster_enabled"
            .split_whitespace()
    {
        assert!(text.contains(&format!("\r\n{name}:")), "{name}");
    }
}

#[test]
fn commands_and_errors_are_counted() {
    let client = Kvd::new().client();
    client.cmd("SET k v");
    client.cmd("GET k");
    client.cmd("GET nothing");
    client.cmd("INCR k");
    client.cmd("GET");
    let get = field(&client, "cmdstat_get");
    assert!(get.starts_with("calls=2,"), "{get}");
    let incr = field(&client, "cmdstat_incr");
    assert!(incr.ends_with("rejected_calls=0,failed_calls=1"), "{incr}");
    assert_eq!(field(&client, "errorstat_ERR"), "count=2");
    assert_eq!(field(&client, "total_error_replies"), "2");
    assert_eq!(field(&client, "keyspace_hits"), "1");
    assert_eq!(field(&client, "keyspace_misses"), "1");
    assert!(field(&client, "latency_percentiles_usec_get").starts_with("p50="));
}

#[test]
fn latencies_are_those_of_the_percentiles_asked_for() {
    let kvd = Kvd::with(&[("enable-debug-command", "yes")]);
    let client = kvd.client();
    client.cmd("CONFIG SET latency-tracking-info-percentiles \"0 50 100\"");
    client.cmd("DEBUG SLEEP 0.05");
    let line = field(&client, "latency_percentiles_usec_debug");
    assert!(line.starts_with("p0=") && line.contains(",p50="), "{line}");
    let p50 = line
        .split(",p50=")
        .nth(1)
        .and_then(|rest| rest.split(',').next());
    assert!(p50.unwrap().parse::<f64>().unwrap() >= 50_000.0, "{line}");
    client.cmd("CONFIG SET latency-tracking no");
    assert!(!client.text("INFO latencystats").contains("usec_debug"));
}

#[test]
fn databases_and_memory() {
    let kvd = Kvd::new();
    let client = kvd.client();
    assert!(!client.text("INFO keyspace").contains("db0"));
    client.cmd("SET a 1");
    client.cmd("SET b 1 PX 60000");
    assert_eq!(
        field(&client, "db0"),
        "keys=2,expires=1,avg_ttl=60000,keys_with_volatile_items=0"
    );
    // A section of our own has a name of its own: newer servers have a `keysizes`.
    let own = client.text("INFO overhead");
    assert!(own.contains("\r\ndb0_overhead_bytes:"), "{own}");
    assert_eq!(client.text("INFO keysizes"), "");
    // Without keys there are no holes between them.
    client.cmd("FLUSHALL");
    kvd.machine.used_bytes.set(3 << 20);
    assert_eq!(field(&client, "used_memory_human"), "3.00M");
    assert_eq!(field(&client, "used_memory_peak"), (3 << 20).to_string());
    kvd.machine.used_bytes.set(2 << 20);
    kvd.advance_ms(100);
    assert_eq!(field(&client, "mem_fragmentation_ratio"), "2.00");
}

#[test]
fn hashes_with_fields_that_expire_are_counted() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let count = || {
        let line = field(&client, "db0");
        let (_, count) = line.split_once("keys_with_volatile_items=").expect("there");
        count.to_owned()
    };
    for key in ["a", "b", "c"] {
        client.cmd(&format!("HSET {key} f v g w"));
        client.cmd(&format!("HPEXPIRE {key} 100 FIELDS 1 f"));
    }
    client.cmd("HPEXPIRE a 200 FIELDS 1 g");
    client.cmd("HSET d f v");
    assert_eq!(count(), "3");
    client.cmd("HDEL b f");
    client.cmd("RENAME c e");
    assert_eq!(count(), "2");
    client.cmd("HPERSIST e FIELDS 1 f");
    assert_eq!(count(), "1");
    kvd.advance_ms(100);
    client.cmd("HGETALL a");
    assert_eq!(count(), "1");
    for name in ["expired_fields", "expired_subkeys"] {
        assert_eq!(field(&client, name), "1");
    }
    client.cmd("DEL a");
    assert_eq!(count(), "0");
}

#[test]
fn what_is_freed_in_slices_is_counted() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let freed = || {
        let text = client.text("INFO memory");
        let line = text.lines().find(|l| l.starts_with("lazyfreed_objects:"));
        line.expect("the field").to_owned()
    };
    let many: String = (0..1_000).map(|n| format!(" m{n}")).collect();
    client.cmd(&format!("SADD large{many}"));
    client.cmd("SADD small a b");
    client.cmd("UNLINK large small");
    assert_eq!(freed(), "lazyfreed_objects:1");
    client.cmd("MSET a 1 b 2");
    client.cmd("FLUSHALL ASYNC");
    assert_eq!(freed(), "lazyfreed_objects:3");
    client.cmd("CONFIG RESETSTAT");
    assert_eq!(freed(), "lazyfreed_objects:0");
}

#[test]
fn fields_that_end_are_counted_apart_from_keys() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HSET h a 1 b 2 c 3");
    client.cmd("HPEXPIRE h 50 FIELDS 2 a b");
    kvd.advance_ms(100);
    assert_eq!(client.int("HLEN h"), 1);
    assert_eq!(field(&client, "expired_fields"), "2");
    assert_eq!(field(&client, "expired_keys"), "0");
    client.cmd("CONFIG RESETSTAT");
    assert_eq!(field(&client, "expired_fields"), "0");
}

#[test]
fn listeners_have_the_numbers_of_their_kinds() {
    let tcp = "name=tcp,bind=127.0.0.1,port=6379";
    let unix = "name=unix,bind=/tmp/kvd.sock";
    for (port, expected) in [("6379", vec![tcp, unix]), ("0", vec![unix])] {
        let options = [
            ("port", port),
            ("bind", "127.0.0.1"),
            ("unixsocket", "/tmp/kvd.sock"),
        ];
        let client = Kvd::with(&options).client();
        let text = client.text("INFO server");
        let listeners = text.lines().filter(|line| line.starts_with("listener"));
        let found: Vec<&str> = listeners
            .filter_map(|line| line.split_once(':'))
            .map(|(_, l)| l)
            .collect();
        assert_eq!(found, expected);
        assert!(text.contains(&format!("listener1:{unix}")), "{text}");
    }
}

#[test]
fn the_length_of_turns_is_that_of_the_last_ones() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let turns = |commands_us: u64| {
        let turn = TurnStats {
            commands_us,
            housekeeping_us: 5,
        };
        for _ in 0..20 {
            (0..10).for_each(|_| kvd.engine().turn_stats(&turn));
            kvd.advance_ms(100);
        }
        field(&client, "instantaneous_eventloop_duration_usec")
    };
    assert_eq!(turns(2_000), "2005");
    assert_eq!(turns(10), "15");
}
