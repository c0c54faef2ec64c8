//! INFO memory, and the account of memory that MEMORY STATS shares with it.

use crate::engine::Engine;
use crate::observe::machine::AllocatorStats;

use super::{Text, human, ratio};

/// Where the memory goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    /// In use.
    pub used: u64,
    /// The most that was in use.
    pub peak: u64,
    /// In use when the server had started.
    pub startup: u64,
    /// Buffers and records of clients.
    pub clients: u64,
    /// Tables of databases, keys and values apart.
    pub tables: u64,
    /// Everything that is not data.
    pub overhead: u64,
    /// The data.
    pub dataset: u64,
    /// Keys.
    pub keys: u64,
    /// Memory of the process that is not swapped out.
    pub rss: u64,
    /// The allocator's accounts.
    pub allocator: AllocatorStats,
}

impl Account {
    /// Counts.
    pub fn of(engine: &Engine) -> Account {
        Account::with_used(engine, engine.used_bytes())
    }

    /// Counts, where what is in use was asked for earlier.
    fn with_used(engine: &Engine, used: u64) -> Account {
        let startup = engine.stats.startup_bytes;
        let clients: u64 = engine
            .clients
            .iter()
            .map(|client| client.memory_bytes() as u64)
            .sum();
        let tables: u64 = engine
            .keyspace
            .iter()
            .map(|(_, db)| db.overhead_bytes() as u64)
            .sum();
        let overhead = (startup + clients + tables).min(used);
        Account {
            used,
            peak: engine.stats.peak_bytes.max(used),
            startup,
            clients,
            tables,
            overhead,
            dataset: used - overhead,
            keys: engine.keyspace.len() as u64,
            rss: engine.machine.usage().rss_bytes,
            allocator: engine.machine.allocator(),
        }
    }

    /// The share of the data in what came since the start.
    pub fn dataset_percent(&self) -> f64 {
        ratio(self.dataset * 100, self.used.saturating_sub(self.startup))
    }
}

pub(super) fn memory(engine: &Engine, text: &mut Text) {
    let account = Account::with_used(engine, text.used_bytes);
    let allocator = account.allocator;
    let config = &engine.config;
    text.title("Memory");
    text.bytes("used_memory", account.used);
    text.bytes("used_memory_rss", account.rss);
    text.bytes("used_memory_peak", account.peak);
    let peak_percent = ratio(account.used * 100, account.peak);
    text.field("used_memory_peak_perc", format_args!("{peak_percent:.2}%"));
    text.field("used_memory_overhead", account.overhead);
    text.field("used_memory_startup", account.startup);
    text.field("used_memory_dataset", account.dataset);
    let dataset_percent = account.dataset_percent();
    text.field(
        "used_memory_dataset_perc",
        format_args!("{dataset_percent:.2}%"),
    );
    text.fields(&[
        ("allocator_allocated", allocator.allocated),
        ("allocator_active", allocator.active),
        ("allocator_resident", allocator.resident),
        ("allocator_retained", allocator.retained),
        ("allocator_muzzy", 0),
    ]);
    text.bytes(
        "total_system_memory",
        engine.machine.facts().total_memory_bytes,
    );
    scripts(text, engine);
    text.bytes("maxmemory", config.maxmemory);
    text.field("maxmemory_policy", config.maxmemory_policy.name());
    fragmentation(text, &account);
    text.fields(&[
        ("mem_not_counted_for_evict", 0),
        ("mem_replication_backlog", 0),
        ("mem_total_replication_buffers", 0),
        ("mem_replicas_repl_buffer", 0),
        ("mem_clients_slaves", 0),
        ("mem_clients_normal", account.clients),
        ("mem_cluster_links", 0),
        ("mem_aof_buffer", 0),
    ]);
    text.field("mem_allocator", engine.machine.allocator_name());
    text.fields(&[
        ("mem_overhead_db_hashtable_rehashing", 0),
        ("active_defrag_running", 0),
        (
            "lazyfree_pending_objects",
            engine.keyspace.pending_frees() as u64,
        ),
        ("lazyfreed_objects", engine.keyspace.freed_objects()),
    ]);
}

fn scripts(text: &mut Text, engine: &Engine) {
    let scripts = &engine.scripts;
    let (eval, functions) = scripts.vm_bytes();
    let (texts, libraries) = (scripts.cache.heap_bytes(), scripts.libraries.heap_bytes());
    text.fields(&[("used_memory_lua", eval), ("used_memory_vm_eval", eval)]);
    text.field("used_memory_lua_human", human(eval));
    text.fields(&[
        ("used_memory_scripts_eval", texts),
        ("number_of_cached_scripts", scripts.cache.len() as u64),
        ("number_of_functions", scripts.libraries.functions() as u64),
        ("number_of_libraries", scripts.libraries.len() as u64),
        ("used_memory_vm_functions", functions),
    ]);
    text.bytes("used_memory_vm_total", eval + functions);
    text.field("used_memory_functions", libraries);
    text.bytes("used_memory_scripts", texts + libraries);
}

fn fragmentation(text: &mut Text, account: &Account) {
    let allocator = &account.allocator;
    let lines = [
        ("allocator_frag", allocator.active, allocator.allocated),
        ("allocator_rss", allocator.resident, allocator.active),
        ("rss_overhead", account.rss, allocator.resident),
    ];
    for (name, a, b) in lines {
        text.line(format_args!("{name}_ratio:{:.2}", ratio(a, b)));
        text.line(format_args!("{name}_bytes:{}", a as i64 - b as i64));
    }
    let of_used = ratio(account.rss, account.used);
    text.field("mem_fragmentation_ratio", format_args!("{of_used:.2}"));
    text.field(
        "mem_fragmentation_bytes",
        account.rss as i64 - account.used as i64,
    );
}
