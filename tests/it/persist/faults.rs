//! Disks that fail or are slow: nobody is told OK for what may be lost, the old files stay, and
//! the server goes on, or ends and says why.

use super::info;
use super::trouble::{Call, TroubledDisk};
use crate::harness::{Client, Kvd};

fn options(policy: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![("appendonly", "yes"), ("appendfsync", policy), ("save", "")]
}

fn started(policy: &'static str) -> (TroubledDisk, Kvd, Client) {
    let disk = TroubledDisk::default();
    let kvd = Kvd::on(disk.clone(), 1, &options(policy));
    let client = kvd.client();
    client.cmd("SET old 1");
    (disk, kvd, client)
}

/// What another server finds on the disk.
fn keys_left(disk: &TroubledDisk) -> i64 {
    disk.fail(&[]);
    let again = Kvd::on(disk.clone(), 2, &options("always"));
    again.client().int("DBSIZE")
}

#[test]
fn under_always_a_failed_sync_ends_the_server_before_anybody_is_answered() {
    let (disk, kvd, client) = started("always");
    disk.fail(&[Call::Sync]);
    client.send("SET new 1");
    kvd.take_log_failed();
    kvd.one_turn();
    assert!(kvd.take_log_failed(), "whoever waits is disconnected");
    assert_eq!(kvd.engine().take_exit(), Some(1));
}

#[test]
fn under_always_nobody_is_answered_while_the_disk_is_slow() {
    let (disk, kvd, client) = started("always");
    let reader = kvd.client();
    disk.slow_down(true);
    client.send("SET new 1");
    reader.send("GET new");
    kvd.one_turn();
    // The harness gives up waiting; what is withheld would never be sent.
    assert!(kvd.take_log_failed());
    disk.slow_down(false);
    kvd.one_turn();
    assert!(!kvd.take_log_failed());
    assert_eq!(client.take_one().text(), "OK");
    assert_eq!(reader.take_one().text(), "1");
    assert!(!kvd.engine().is_exiting());
}

#[test]
fn under_everysec_a_failed_sync_refuses_writes_until_there_is_a_new_base() {
    let (disk, kvd, client) = started("everysec");
    disk.fail(&[Call::Sync]);
    assert_eq!(client.text("SET new 1"), "OK");
    kvd.advance_ms(1_100);
    kvd.advance_ms(1_100);
    let refused = client.err("SET newer 1");
    assert_eq!(
        refused,
        "MISCONF Errors writing to the AOF file: Sync fails"
    );
    assert_eq!(client.text("GET new"), "1");
    assert_eq!(info(&client, "aof_last_write_status"), "err");
    let waits = client.send("WAITAOF 1 0 500");
    assert!(client.is_silent(), "{waits:?}: nothing more is durable");
    kvd.advance_ms(600);
    assert_eq!(client.take_one().items()[0].int(), 0);
    disk.fail(&[]);
    for _ in 0..200 {
        kvd.advance_ms(100);
    }
    assert_eq!(client.text("SET newer 1"), "OK");
    assert_eq!(info(&client, "aof_last_write_status"), "ok");
    assert_eq!(client.cmd("WAITAOF 1 0 0").items()[0].int(), 1);
    assert_eq!(keys_left(&disk), 3);
}

#[test]
fn under_everysec_a_slow_disk_is_counted_and_keeps_nobody_waiting() {
    let (disk, kvd, client) = started("everysec");
    disk.slow_down(true);
    for n in 0..10 {
        assert_eq!(client.text(&format!("SET key{n} 1")), "OK");
        kvd.advance_ms(1_000);
    }
    let delayed: i64 = info(&client, "aof_delayed_fsync")
        .parse()
        .expect("a number");
    assert!(delayed >= 3, "{delayed}");
    assert_eq!(info(&client, "aof_pending_bio_fsync"), "1");
    client.send("WAITAOF 1 0 0");
    assert!(client.is_silent());
    disk.slow_down(false);
    kvd.advance_ms(1_100);
    kvd.advance_ms(1_100);
    assert_eq!(client.take_one().items()[0].int(), 1);
    assert_eq!(keys_left(&disk), 11);
}

/// Whatever fails, the server and the files go on.
#[test]
fn a_rewrite_that_fails_leaves_the_old_files() {
    for calls in [
        &[Call::Open][..],
        &[Call::Append],
        &[Call::Rename],
        &[Call::SyncDir],
        &[Call::Sync, Call::SyncDir],
    ] {
        let (disk, kvd, client) = started("no");
        client.cmd("SET large 1");
        disk.fail(calls);
        let begun = client.cmd("BGREWRITEAOF");
        for _ in 0..20 {
            kvd.advance_ms(10);
        }
        let status = info(&client, "aof_last_bgrewrite_status");
        assert!(
            begun.is_error() || status == "err",
            "{calls:?}: {begun:?}, {status}"
        );
        // What is written meanwhile counts too, if it was acknowledged.
        let acknowledged = client.cmd("SET new 1");
        let wanted = if acknowledged.is_error() || kvd.take_log_failed() {
            2
        } else {
            3
        };
        disk.fail(&[]);
        assert_eq!(client.int("EXISTS old large"), 2);
        assert!(keys_left(&disk) >= wanted, "{calls:?}");
    }
}

#[test]
fn a_save_that_fails_leaves_the_old_file() {
    for call in [
        Call::Open,
        Call::Append,
        Call::Rename,
        Call::SyncDir,
        Call::Sync,
    ] {
        let disk = TroubledDisk::default();
        let kvd = Kvd::on(disk.clone(), 1, &[("save", "")]);
        let client = kvd.client();
        client.cmd("SET old 1");
        assert_eq!(client.text("SAVE"), "OK");
        let old = disk.files.content("dump.rdb");
        client.cmd("SET new 1");
        disk.fail(&[call]);
        let refused = client.cmd("SAVE");
        assert!(refused.is_error(), "{call:?}: {refused:?}");
        client.cmd("BGSAVE");
        super::wait_for_save(&kvd);
        assert_eq!(info(&client, "rdb_last_bgsave_status"), "err", "{call:?}");
        // A rename whose directory was not synced is there, or not; never half of it.
        let left = disk.files.content("dump.rdb");
        assert!(call == Call::SyncDir || left == old, "{call:?}");
        disk.fail(&[]);
        assert_eq!(client.text("SAVE"), "OK", "{call:?}");
    }
}

#[test]
fn the_append_only_file_is_not_switched_on_where_it_cannot_be_written() {
    for call in [Call::Open, Call::CreateDir, Call::SyncDir] {
        let disk = TroubledDisk::default();
        let kvd = Kvd::on(disk.clone(), 1, &[("save", "")]);
        let client = kvd.client();
        disk.fail(&[call]);
        let refused = client.err("CONFIG SET appendonly yes");
        assert!(refused.starts_with("ERR CONFIG SET failed"), "{refused}");
        assert_eq!(client.cmd("CONFIG GET appendonly").texts()[1], "no");
        assert_eq!(client.text("SET k v"), "OK");
        disk.fail(&[]);
        assert_eq!(client.text("CONFIG SET appendonly yes"), "OK");
    }
}
