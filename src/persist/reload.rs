//! Loading once more while the server runs: DEBUG RELOAD and DEBUG LOADAOF.
//!
//! The command waits for the load and works on nothing else; from time to time it has the other
//! clients served, who are told LOADING as at the start. A file is loaded by `load` and
//! `aof::load`; here is only who waits, and when.

use std::io;
use std::time::Duration;

use crate::engine::Engine;
use crate::engine::busy::WhileBusy;
use crate::engine::gates::ServerGates;
use crate::host::error_text;

use super::aof::load::AofLoad;
use super::load::{LoadFailed, LoadOptions};

/// How long others wait at most where `key-load-delay` makes loading slow.
const PAUSE_MAX: Duration = Duration::from_millis(5);

impl Engine {
    /// Loads the snapshot file and waits for it: DEBUG RELOAD. `flushes`: what is in memory goes
    /// first.
    ///
    /// # Errors
    /// There is no file, and nothing has changed; or what is wrong with it, and a part of it may be
    /// loaded.
    pub fn load_and_wait(
        &mut self,
        flushes: bool,
        options: LoadOptions,
        busy: &mut dyn WhileBusy,
    ) -> Result<(), LoadFailed> {
        let name = self.config.dbfilename.clone();
        let Some(loading) = self.open_rdb(&name, options)? else {
            return Err(LoadFailed::new(format!("there is no file {name}")));
        };
        if flushes {
            self.drop_everything();
        }
        self.persist.loading = Some(Box::new(loading));
        self.wait_for_load(busy, |engine, _| {
            let done = engine.rdb_slice()?;
            Ok(done.is_some())
        })
    }

    /// Loads the append-only file once more and waits for it: DEBUG LOADAOF.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn load_aof_and_wait(&mut self, busy: &mut dyn WhileBusy) -> Result<(), LoadFailed> {
        let fails = |error: io::Error| LoadFailed::new(error_text(&error));
        self.flush_log().map_err(fails)?;
        let files = self.find_aof().map_err(fails)?;
        self.drop_everything();
        let load = AofLoad::begin(self, files);
        self.persist.aof_load = Some(Box::new(load));
        let was_on = std::mem::take(&mut self.effects.listeners.propagation);
        let result = self.wait_for_load(busy, |engine, busy| {
            let done = engine.aof_load_slice(busy)?;
            Ok(done.is_some())
        });
        self.effects.listeners.propagation = was_on;
        result
    }

    /// Runs slices until one says that all is loaded.
    fn wait_for_load(
        &mut self,
        busy: &mut dyn WhileBusy,
        mut slice: impl FnMut(&mut Engine, &mut dyn WhileBusy) -> Result<bool, LoadFailed>,
    ) -> Result<(), LoadFailed> {
        self.gates.set(ServerGates::LOADING, true);
        loop {
            let done = slice(self, busy);
            if !matches!(done, Ok(false)) {
                self.gates.set(ServerGates::LOADING, false);
                return done.map(|_| ());
            }
            let pause = self.load_pause();
            if !pause.is_zero() {
                self.machine.sleep(pause.min(PAUSE_MAX));
            }
            // Within a transaction time stands still.
            if self.group_depth == 0 {
                self.read_clock();
            }
            busy.serve_others(self);
            if self.is_exiting() {
                // What is half loaded is shown to nobody: all are told LOADING until the end.
                self.stop_loading();
                return Err(LoadFailed::new("the server ends".to_owned()));
            }
        }
    }
}
