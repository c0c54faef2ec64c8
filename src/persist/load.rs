//! Loading the snapshot file, in slices, while clients are told to wait.
//!
//! Either the whole file is loaded or the server ends: it never serves a part of its data. The
//! file is believed in nothing that was not checked: neither its lengths (`rdb` sees to that) nor
//! its databases, its sizes, or that its keys are there once.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::config::RdbVersionCheck;
use crate::engine::Engine;
use crate::engine::busy::{Alone, WhileBusy};
use crate::engine::gates::ServerGates;
use crate::host::{FileId, OpenMode, error_text};
use crate::store::db::Key;
use crate::store::evict::clock_of_usage;
use crate::store::value::NewValue;
use crate::time::Now;

use super::aof::load::AofLoad;
use super::rdb::{Item, LoadContext, LoadedKey, RdbReader, ReaderOptions, SkipReason};
use super::save::is_left_over;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;
/// Time of a slice: clients that ask meanwhile wait no longer for their answer.
const SLICE_NS: u64 = 5_000_000;
/// Items between two looks at the clock.
const ITEMS_A_LOOK: usize = 64;
/// Keys put into the database together: the cache misses of looking them up overlap.
const KEYS_AT_ONCE: usize = 64;
/// A file holds no more keys than one for so many of its bytes; for the sizes it promises.
const BYTES_PER_KEY_MIN: u64 = 8;

/// What INFO tells of loading.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadStats {
    /// Keys that the last file held.
    pub keys_loaded: u64,
    /// Keys of it that were left out because their time had come.
    pub keys_expired: u64,
}

/// What is done with what is in memory already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Keys and fields whose time has come are kept: commands follow that say when they go.
    pub keeps_expired: bool,
    /// A key or library that is there already is replaced; else that is an error.
    pub replaces: bool,
}

/// A file that is being loaded.
#[derive(Debug)]
pub struct Loading {
    name: String,
    file: FileId,
    /// Its length.
    pub total_bytes: u64,
    /// How much of it was read.
    pub read_bytes: u64,
    /// The memory that its data took when it was written, as it says.
    pub used_bytes: u64,
    /// When loading began.
    pub started: Now,
    reader: RdbReader,
    options: LoadOptions,
    buffer: Vec<u8>,
    db: u32,
    /// Keys of the database that wait to be put there together.
    keys: Vec<LoadedKey>,
    loaded: u64,
    expired: u64,
    empty: u64,
}

/// Why a file cannot be loaded.
#[derive(Debug)]
pub struct LoadFailed(String);

impl std::fmt::Display for LoadFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl LoadFailed {
    /// A reason.
    pub(super) fn new(text: String) -> LoadFailed {
        LoadFailed(text)
    }
}

impl Loading {
    /// How many keys were read.
    pub(super) fn items(&self) -> u64 {
        self.loaded
    }

    /// Where the file goes on behind what the reader has taken in.
    pub(super) fn end_offset(&self) -> u64 {
        self.reader.offset()
    }

    /// The open file.
    pub(super) fn file(&self) -> FileId {
        self.file
    }

    fn fail(&self, offset: u64, reason: &str) -> LoadFailed {
        LoadFailed(format!("{}: {reason}, at offset {offset}", self.name))
    }

    fn fail_here(&self, reason: &str) -> LoadFailed {
        self.fail(self.reader.offset(), reason)
    }
}

impl Engine {
    /// Whether data is being loaded.
    pub fn is_loading(&self) -> bool {
        self.gates.has(ServerGates::LOADING)
    }

    /// Begins to load what is on disk, if there is anything: at the start.
    ///
    /// # Errors
    /// What makes a start impossible.
    pub fn begin_loading(&mut self) -> Result<(), LoadFailed> {
        let keeps_data = !self.config.save.is_empty() || self.config.appendonly;
        if keeps_data && let Err(error) = self.disk.lock() {
            return Err(LoadFailed(match error.kind() {
                io::ErrorKind::WouldBlock => format!(
                    "another server keeps its data in {}: give this one a --dir of its own, or \
                     keep nothing on disk (--save \"\" --appendonly no)",
                    self.config.dir
                ),
                _ => format!(
                    "the data directory {}: {}",
                    self.config.dir,
                    error_text(&error)
                ),
            }));
        }
        if keeps_data {
            self.remove_left_over();
        }
        if self.config.appendonly && self.begin_loading_aof()? {
            return Ok(());
        }
        let name = self.config.dbfilename.clone();
        match self.open_rdb(&name, LoadOptions::default())? {
            Some(loading) => {
                self.persist.loading = Some(Box::new(loading));
                self.gates.set(ServerGates::LOADING, true);
            }
            None => self.loaded()?,
        }
        Ok(())
    }

    /// Removes what servers left that were killed while they wrote a snapshot: the directory is
    /// this server's own, and a server that is killed again and again must not fill the disk.
    fn remove_left_over(&mut self) {
        let names = self.disk.list("").unwrap_or_default();
        for name in names.iter().filter(|name| is_left_over(name)) {
            match self.disk.remove(name) {
                Ok(()) => tracing::info!("Removed {name}, which a killed server left"),
                Err(error) => tracing::warn!("Error removing {name}: {}", error_text(&error)),
            }
        }
    }

    /// Begins to load the append-only file, if there is one.
    fn begin_loading_aof(&mut self) -> Result<bool, LoadFailed> {
        let fails = |error: io::Error| LoadFailed(error_text(&error));
        let files = self.find_aof().map_err(fails)?;
        if files.is_empty() {
            return Ok(false);
        }
        let load = AofLoad::begin(self, files);
        self.persist.aof_load = Some(Box::new(load));
        self.gates.set(ServerGates::LOADING, true);
        Ok(true)
    }

    /// Everything is loaded: changes are written from now on.
    fn loaded(&mut self) -> Result<(), LoadFailed> {
        self.gates.set(ServerGates::LOADING, false);
        if !self.config.appendonly {
            return Ok(());
        }
        self.open_aof().map_err(|error| {
            LoadFailed(format!(
                "the append only file cannot be written: {}",
                error_text(&error)
            ))
        })
    }

    /// One slice of loading the append-only file. What was loaded, when all of it is.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub(super) fn aof_load_slice(
        &mut self,
        busy: &mut dyn WhileBusy,
    ) -> Result<Option<Box<AofLoad>>, LoadFailed> {
        let Some(mut load) = self.persist.aof_load.take() else {
            return Ok(None);
        };
        let slice_end_ns = self.clock.mono_ns() + SLICE_NS;
        let is_delayed = self.config.key_load_delay > 0;
        let end_ns = if is_delayed { 0 } else { slice_end_ns };
        while self.is_due(load.items(), load.started) {
            let is_more = load.step(self, end_ns, busy).map_err(LoadFailed)?;
            if !is_more {
                return Ok(Some(load));
            }
            if self.clock.mono_ns() >= slice_end_ns {
                break;
            }
        }
        self.persist.aof_load = Some(load);
        Ok(None)
    }

    fn aof_slice(&mut self) {
        match self.aof_load_slice(&mut Alone) {
            Ok(None) => {}
            Ok(Some(load)) => {
                let took_us = self.now.mono_us.saturating_sub(load.started.mono_us);
                let seconds = took_us as f64 / 1e6;
                tracing::info!("DB loaded from append only file: {seconds:.3} seconds");
                self.effects.dirty = 0;
                self.end_loading();
            }
            Err(failed) => self.loading_failed(&failed),
        }
    }

    fn end_loading(&mut self) {
        self.hot.big.walk_again();
        if let Err(failed) = self.loaded() {
            self.loading_failed(&failed);
        }
    }

    fn loading_failed(&mut self, failed: &LoadFailed) {
        tracing::error!("{failed}");
        tracing::error!("Fatal error loading the DB, check server logs. Exiting.");
        self.request_exit(1);
    }

    /// Forgets all data, which is freed in slices, and all libraries of functions.
    pub fn drop_everything(&mut self) {
        self.scripts.flush_functions();
        for number in 0..self.keyspace.databases() {
            if let Some(db) = self.keyspace.flush(number) {
                self.keyspace.free_db(db);
            }
            self.hot.forget_database(number as u32);
        }
        self.hot.big.walk_again();
    }

    /// One slice of loading.
    pub(crate) fn load_slice(&mut self) {
        if self.persist.loading.is_none() {
            return self.aof_slice();
        }
        match self.rdb_slice() {
            Ok(None) => {}
            Ok(Some(loading)) => self.loading_done(&loading),
            Err(failed) => self.loading_failed(&failed),
        }
    }

    /// One slice of loading an RDB file. What was loaded, when all of it is.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn rdb_slice(&mut self) -> Result<Option<Box<Loading>>, LoadFailed> {
        let Some(mut loading) = self.persist.loading.take() else {
            return Ok(None);
        };
        let end_ns = self.clock.mono_ns() + SLICE_NS;
        while self.is_due(loading.loaded, loading.started) {
            let more = self.load_some(&mut loading);
            if !matches!(more, Ok(true)) {
                self.disk.close(loading.file);
                return more.map(|_| Some(loading));
            }
            if self.clock.mono_ns() >= end_ns {
                break;
            }
        }
        self.persist.loading = Some(loading);
        Ok(None)
    }

    /// Whether the next item may be loaded: `key-load-delay` makes each take so long.
    fn is_due(&self, items: u64, started: Now) -> bool {
        self.config.key_load_delay <= 0 || self.pause_us(items, started) == 0
    }

    /// How long until then, in microseconds.
    fn pause_us(&self, items: u64, started: Now) -> u64 {
        let delay_us = u64::try_from(self.config.key_load_delay).unwrap_or(0);
        let passed_us = self.clock.now().mono_us.saturating_sub(started.mono_us);
        items.saturating_mul(delay_us).saturating_sub(passed_us)
    }

    /// How long until the next item of what is being loaded may be.
    pub(super) fn load_pause(&self) -> Duration {
        let rdb = self.persist.loading.as_ref().map(|l| (l.loaded, l.started));
        let aof = self.persist.aof_load.as_ref();
        let load = rdb.or_else(|| aof.map(|load| (load.items(), load.started)));
        let pause_us = load.map_or(0, |(items, started)| self.pause_us(items, started));
        Duration::from_micros(pause_us)
    }

    /// Gives up what is being loaded, since the server ends.
    pub(super) fn stop_loading(&mut self) {
        if let Some(loading) = self.persist.loading.take() {
            self.disk.close(loading.file);
        }
        self.persist.aof_load = None;
    }

    /// Whether [`Engine::load_slice`] has something to do at once.
    pub(crate) fn wants_to_load(&self) -> bool {
        let is_on = self.persist.loading.is_some() || self.persist.aof_load.is_some();
        is_on && self.config.key_load_delay <= 0
    }

    /// Opens an RDB file, if it is there.
    pub(super) fn open_rdb(
        &mut self,
        name: &str,
        options: LoadOptions,
    ) -> Result<Option<Loading>, LoadFailed> {
        let name = name.to_owned();
        let fails = |error: io::Error| LoadFailed(format!("{name}: {}", error_text(&error)));
        let file = match self.disk.open(&name, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fails(error)),
        };
        let total_bytes = self.disk.len(file).map_err(fails)?;
        let reader = RdbReader::new(ReaderOptions {
            checks_checksum: self.config.rdbchecksum,
            takes_any_version: self.config.rdb_version_check == RdbVersionCheck::Relaxed,
        });
        Ok(Some(Loading {
            name,
            file,
            total_bytes,
            read_bytes: 0,
            used_bytes: 0,
            started: self.now,
            reader,
            options,
            buffer: vec![0; READ_BYTES],
            db: 0,
            keys: Vec::with_capacity(KEYS_AT_ONCE),
            loaded: 0,
            expired: 0,
            empty: 0,
        }))
    }

    /// Takes in a few items. Whether there are more.
    pub(super) fn load_some(&mut self, loading: &mut Loading) -> Result<bool, LoadFailed> {
        let items = match self.config.key_load_delay {
            ..=0 => ITEMS_A_LOOK,
            _ => 1,
        };
        for _ in 0..items {
            let context = LoadContext::new(
                &self.config,
                &self.hasher,
                self.now.unix_ms,
                !loading.options.keeps_expired,
            );
            let item = loading.reader.next(&context);
            let item = item.map_err(|error| loading.fail(error.offset, &error.reason))?;
            match item {
                Some(Item::Key(key)) => {
                    loading.keys.push(key);
                    loading.loaded += 1;
                    if loading.keys.len() == KEYS_AT_ONCE {
                        self.put_keys(loading)?;
                    }
                }
                Some(Item::End) => {
                    self.put_keys(loading)?;
                    return Ok(false);
                }
                Some(item) => {
                    self.put_keys(loading)?;
                    self.take_item(loading, item)?;
                }
                None => self.read_more(loading)?,
            }
        }
        Ok(true)
    }

    fn read_more(&mut self, loading: &mut Loading) -> Result<(), LoadFailed> {
        let read = self
            .disk
            .read_at(loading.file, loading.read_bytes, &mut loading.buffer)
            .map_err(|error| loading.fail(loading.read_bytes, &error_text(&error)))?;
        if read == 0 {
            let error = loading.reader.truncated();
            return Err(loading.fail(error.offset, &error.reason));
        }
        loading.read_bytes += read as u64;
        loading.reader.feed(&loading.buffer[..read]);
        Ok(())
    }

    fn take_item(&mut self, loading: &mut Loading, item: Item) -> Result<(), LoadFailed> {
        match item {
            Item::Skipped(_, SkipReason::Expired) => loading.expired += 1,
            Item::Skipped(_, SkipReason::Empty) => loading.empty += 1,
            Item::Header(family, version) => {
                tracing::info!("Loading RDB of {family:?}, version {version}");
            }
            Item::Aux(name, value) => note_aux(loading, &name, &value),
            Item::Library(code) => {
                self.load_library(Bytes::from(code), loading.options.replaces, None)
                    .map_err(|error| loading.fail_here(&format!("a library: {error}")))?;
            }
            Item::Database(number) => {
                let databases = self.config.databases;
                loading.db = u32::try_from(number)
                    .ok()
                    .filter(|number| *number < databases)
                    .ok_or_else(|| {
                        loading.fail_here(&format!(
                            "the file has a database {number}, this server is configured for \
                             {databases}"
                        ))
                    })?;
            }
            Item::Sizes(keys, _) => {
                let rest = loading.total_bytes.saturating_sub(loading.reader.offset());
                let keys = keys.min(rest / BYTES_PER_KEY_MIN);
                let db = self.keyspace.db_mut(loading.db as usize);
                if db.is_empty() {
                    db.reserve(keys as usize);
                }
            }
            Item::ModuleAux(name) => {
                tracing::warn!("Data of the module '{name}' was left out: kvd has no modules");
            }
            Item::Key(_) | Item::End => {}
        }
        Ok(())
    }

    /// Puts the keys that wait into their database.
    fn put_keys(&mut self, loading: &mut Loading) -> Result<(), LoadFailed> {
        if loading.keys.is_empty() {
            return Ok(());
        }
        let mut keys = std::mem::take(&mut loading.keys);
        let hashed: SmallVec<[Key<'_>; KEYS_AT_ONCE]> = keys
            .iter()
            .map(|loaded| Key::new(&self.hasher, &loaded.key))
            .collect();
        self.keyspace.db_mut(loading.db as usize).warm(&hashed);
        drop(hashed);
        for key in keys.drain(..) {
            self.put_key(loading, key)?;
        }
        loading.keys = keys;
        Ok(())
    }

    fn put_key(&mut self, loading: &mut Loading, loaded: LoadedKey) -> Result<(), LoadFailed> {
        let LoadedKey {
            key: name,
            value,
            expire_at,
            idle_s,
            frequency,
        } = loaded;
        let eviction = *self.keyspace.eviction();
        let db = self.keyspace.db_mut(loading.db as usize);
        let key = Key::new(&self.hasher, &name);
        if let Some(slot) = db.find(&key) {
            if !loading.options.replaces {
                let name = String::from_utf8_lossy(&name).into_owned();
                let (db, offset) = (loading.db, loading.reader.offset());
                return Err(loading.fail(offset, &format!("key '{name}' is twice in DB {db}")));
            }
            if let Some(old) = db.remove(slot) {
                db.free_later(old);
            }
        }
        let slot = db.insert_expiring(&key, NewValue::Value(value), expire_at);
        match clock_of_usage(idle_s, frequency, self.now, &eviction) {
            Some(clock) => db.set_clock(slot, clock),
            None => db.touch_created(slot, self.now),
        }
        Ok(())
    }

    fn loading_done(&mut self, loading: &Loading) {
        self.persist.load = LoadStats {
            keys_loaded: loading.loaded,
            keys_expired: loading.expired,
        };
        self.read_clock();
        let took_us = self.now.mono_us.saturating_sub(loading.started.mono_us);
        let seconds = took_us as f64 / 1e6;
        tracing::info!(
            "Done loading RDB, keys loaded: {}, keys expired: {}, empty keys skipped: {}.",
            loading.loaded,
            loading.expired,
            loading.empty
        );
        tracing::info!("DB loaded from disk: {seconds:.3} seconds");
        self.end_loading();
    }
}

/// What a file says about itself.
fn note_aux(loading: &mut Loading, name: &[u8], value: &[u8]) {
    let value = String::from_utf8_lossy(value);
    match name {
        b"kvd-ver" => tracing::info!("Loading RDB produced by kvd version {value}"),
        b"valkey-ver" => tracing::info!("Loading RDB produced by Valkey version {value}"),
        b"redis-ver" => tracing::info!("Loading RDB for Redis version {value}"),
        b"ctime" => {
            let now_s = loading.started.unix_ms / 1_000;
            let age_s = value.parse().map_or(0, |at: i64| now_s.saturating_sub(at));
            tracing::info!("RDB age {} seconds", age_s.max(0));
        }
        b"used-mem" => {
            loading.used_bytes = value.parse().unwrap_or(0);
            let mb = loading.used_bytes as f64 / f64::from(1 << 20);
            tracing::info!("RDB memory usage when created {mb:.2} Mb");
        }
        _ => {}
    }
}
