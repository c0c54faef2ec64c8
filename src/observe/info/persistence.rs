//! INFO persistence.
//!
//! Nothing is forked, so what Redis tells of copied pages is told of what a snapshot had to keep
//! because it was about to change.

use crate::engine::Engine;

use super::Text;

pub(super) fn persistence(engine: &Engine, text: &mut Text) {
    text.title("Persistence");
    text.fields(&[
        ("loading", u64::from(engine.is_loading())),
        ("async_loading", 0),
    ]);
    snapshot(engine, text);
    saves(engine, text);
    append_only(engine, text);
    text.fields(&[
        ("module_fork_in_progress", 0),
        ("module_fork_last_cow_size", 0),
    ]);
    loading(engine, text);
}

fn append_only(engine: &Engine, text: &mut Text) {
    let aof = &engine.persist.aof;
    let rewrites = &aof.rewrites;
    let status = |failed: bool| if failed { "err" } else { "ok" };
    let current_s = rewrites.started.map_or(-1, |started| {
        let took_us = engine.now.mono_us.saturating_sub(started.mono_us);
        (took_us / 1_000_000) as i64
    });
    text.fields(&[
        ("aof_enabled", u64::from(aof.log.is_some())),
        (
            "aof_rewrite_in_progress",
            u64::from(rewrites.started.is_some()),
        ),
        ("aof_rewrite_scheduled", u64::from(rewrites.is_scheduled)),
    ]);
    let last_s = rewrites.last_s.map_or(-1, |seconds| seconds as i64);
    text.field("aof_last_rewrite_time_sec", last_s);
    text.field("aof_current_rewrite_time_sec", current_s);
    text.field("aof_last_bgrewrite_status", status(rewrites.failed));
    text.fields(&[
        ("aof_rewrites", rewrites.count),
        (
            "aof_rewrites_consecutive_failures",
            u64::from(rewrites.failures),
        ),
    ]);
    text.field("aof_last_write_status", status(aof.failure().is_some()));
    text.field("aof_last_cow_size", 0);
    if let Some(log) = &aof.log {
        text.fields(&[
            ("aof_current_size", engine.aof_bytes()),
            ("aof_base_size", rewrites.base_bytes),
            ("aof_pending_rewrite", 0),
            ("aof_buffer_length", aof.batch_len() as u64),
            ("aof_pending_bio_fsync", u64::from(log.is_syncing())),
            ("aof_delayed_fsync", aof.delayed_syncs),
        ]);
    }
}

/// The snapshot under way, whatever it is for.
fn snapshot(engine: &Engine, text: &mut Text) {
    let (mut kept, mut done, mut total) = (0, 0, 0);
    if let Some(running) = &engine.persist.running {
        kept = running.kept_bytes(&engine.keyspace);
        done = running.snapshot.keys_done(&engine.keyspace);
        total = running.snapshot.keys_total();
    }
    let percent = super::ratio(done * 100, total);
    text.fields(&[
        ("current_cow_peak", kept),
        ("current_cow_size", kept),
        ("current_cow_size_age", 0),
    ]);
    text.field("current_fork_perc", format_args!("{percent:.2}"));
    text.fields(&[
        ("current_save_keys_processed", done),
        ("current_save_keys_total", total),
    ]);
}

fn saves(engine: &Engine, text: &mut Text) {
    let saves = &engine.persist.saves;
    let is_saving = engine.is_saving();
    let status = if saves.last_ok { "ok" } else { "err" };
    let current_s = engine.persist.saving_since().map_or(-1, |started| {
        let took_us = engine.now.mono_us.saturating_sub(started.mono_us);
        (took_us / 1_000_000) as i64
    });
    text.fields(&[
        (
            "rdb_changes_since_last_save",
            saves.changes(engine.effects.dirty),
        ),
        ("rdb_bgsave_in_progress", u64::from(is_saving)),
    ]);
    text.field("rdb_last_save_time", saves.last_save_s);
    text.field("rdb_last_bgsave_status", status);
    text.field("rdb_last_bgsave_time_sec", saves.last_duration_s);
    text.field("rdb_current_bgsave_time_sec", current_s);
    text.fields(&[
        ("rdb_saves", saves.count),
        ("rdb_last_cow_size", saves.last_kept_bytes),
        ("rdb_last_inline_collections", saves.last_inline_large),
        (
            "rdb_last_load_keys_expired",
            engine.persist.load.keys_expired,
        ),
        ("rdb_last_load_keys_loaded", engine.persist.load.keys_loaded),
    ]);
}

/// What is being loaded: the snapshot file or the append-only files, together.
fn loading(engine: &Engine, text: &mut Text) {
    let (rdb, aof) = (&engine.persist.loading, &engine.persist.aof_load);
    let (started, (read, total), used_bytes) = match (rdb, aof) {
        (Some(rdb), _) => (
            rdb.started,
            (rdb.read_bytes, rdb.total_bytes),
            rdb.used_bytes,
        ),
        (None, Some(aof)) => (aof.started, aof.progress(), 0),
        (None, None) => return,
    };
    let took_us = engine.now.mono_us.saturating_sub(started.mono_us);
    let left_s = match read {
        0 => 1,
        _ => (took_us as f64 / 1e6 * total.saturating_sub(read) as f64 / read as f64) as u64,
    };
    text.field("loading_start_time", started.unix_ms / 1_000);
    text.field("loading_total_bytes", total);
    text.field("loading_rdb_used_mem", used_bytes);
    text.field("loading_loaded_bytes", read);
    let percent = super::ratio(read * 100, total);
    text.field("loading_loaded_perc", format_args!("{percent:.2}"));
    text.field("loading_eta_seconds", left_s);
}
