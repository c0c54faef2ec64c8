//! Loading the append-only file: one file after the other, in slices.

use std::collections::VecDeque;
use std::io;

use crate::engine::Engine;
use crate::engine::busy::WhileBusy;
use crate::engine::clients::{ClientKey, Endpoint};
use crate::host::OpenMode;

use crate::persist::load::{LoadOptions, Loading};
use crate::time::Now;

use super::files::{LoadFile, Names};
use super::replay::{Replay, ReplayError, Tail};

/// Files on their way into the engine.
#[derive(Debug)]
pub struct AofLoad {
    files: VecDeque<LoadFile>,
    current: Option<(LoadFile, Part)>,
    /// When loading began.
    pub started: Now,
    client: ClientKey,
    /// Bytes of the files that are done.
    done_bytes: u64,
    total_bytes: u64,
    /// Keys and commands of the parts that are done.
    done_items: u64,
}

/// The part of a file that is being loaded.
#[derive(Debug)]
enum Part {
    /// A snapshot, in front of commands or all of the file.
    Rdb(Box<Loading>),
    Commands(Box<Replay>),
}

impl AofLoad {
    /// Begins to load files. The commands run as a client of the server's own.
    pub fn begin(engine: &mut Engine, files: Vec<LoadFile>) -> AofLoad {
        let now = engine.now;
        let client = engine
            .clients
            .add(Endpoint::Internal, now.unix_ms, now.mono_us);
        AofLoad {
            total_bytes: files.iter().map(|file| file.len).sum(),
            files: files.into(),
            current: None,
            started: now,
            client,
            done_bytes: 0,
            done_items: 0,
        }
    }

    /// How far it is: bytes done, and bytes of all files.
    pub fn progress(&self) -> (u64, u64) {
        let current = self.current.as_ref();
        let done = current.map_or(0, |(_, part)| match part {
            Part::Rdb(loading) => loading.read_bytes,
            Part::Commands(replay) => replay.progress().0,
        });
        (self.done_bytes + done, self.total_bytes)
    }

    /// How many keys and commands were loaded.
    pub fn items(&self) -> u64 {
        let current = self.current.as_ref();
        let items = current.map_or(0, |(_, part)| match part {
            Part::Rdb(loading) => loading.items(),
            Part::Commands(replay) => replay.commands,
        });
        self.done_items + items
    }

    /// Loads until the engine's clock says `end_ns`. Whether more is to come.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn step(
        &mut self,
        engine: &mut Engine,
        end_ns: u64,
        busy: &mut dyn WhileBusy,
    ) -> Result<bool, String> {
        loop {
            if self.current.is_none() && !self.open_next(engine)? {
                engine.disconnect(self.client);
                return Ok(false);
            }
            let Some((file, part)) = self.current.take() else {
                return Ok(false);
            };
            match part {
                Part::Rdb(loading) => {
                    if self.rdb_step(engine, file, loading, end_ns)? {
                        return Ok(true);
                    }
                }
                Part::Commands(replay) => {
                    if self.commands_step(engine, (file, replay), end_ns, busy)? {
                        return Ok(true);
                    }
                }
            }
        }
    }

    fn rdb_step(
        &mut self,
        engine: &mut Engine,
        file: LoadFile,
        mut loading: Box<Loading>,
        end_ns: u64,
    ) -> Result<bool, String> {
        loop {
            match engine.load_some(&mut loading) {
                Ok(true) if engine.clock.mono_ns() < end_ns => {}
                Ok(true) => {
                    self.current = Some((file, Part::Rdb(loading)));
                    return Ok(true);
                }
                Ok(false) => break,
                Err(failed) => return Err(failed.to_string()),
            }
        }
        self.done_items += loading.items();
        let offset = loading.end_offset();
        engine.disk.close(loading.file());
        let replay = self.replay(engine, &file, offset)?;
        self.current = Some((file, Part::Commands(Box::new(replay))));
        Ok(false)
    }

    fn commands_step(
        &mut self,
        engine: &mut Engine,
        (file, mut replay): (LoadFile, Box<Replay>),
        end_ns: u64,
        busy: &mut dyn WhileBusy,
    ) -> Result<bool, String> {
        let manifest = Names::of(&engine.config).manifest();
        let manifest = format!("{}/{manifest}", engine.config.dir);
        let named = |error: ReplayError| {
            let advice = error.advice(&manifest);
            format!("{}: {error}. {advice}", file.path)
        };
        let Some(tail) = replay.step(engine, end_ns, busy).map_err(named)? else {
            self.current = Some((file, Part::Commands(replay)));
            return Ok(true);
        };
        replay.close(engine.disk.as_mut());
        engine.persist.aof.loaded_seed = replay.seed(tail);
        if let Tail::CutAt(at) = tail {
            cut(engine, &file.path, at).map_err(|e| format!("{}: {e}", file.path))?;
        }
        if let Some(offset) = replay.doubtful_from()
            && file.may_be_torn
        {
            // Under every policy: frames that are written from now on say that it is durable.
            let refreshed = engine.disk.refresh(&file.path, offset);
            refreshed.map_err(|e| format!("{}: {e}", file.path))?;
        }
        tracing::info!(
            "{} commands of the append only file {} ran again",
            replay.commands,
            file.path
        );
        self.done_bytes += file.len;
        self.done_items += replay.commands;
        Ok(false)
    }

    fn replay(&self, engine: &mut Engine, file: &LoadFile, offset: u64) -> Result<Replay, String> {
        // Each file selects its databases itself.
        if let Some(client) = engine.clients.find_mut(self.client) {
            client.db = 0;
        }
        let disk = engine.disk.as_mut();
        Replay::open(disk, &file.path, offset, self.client, file.may_be_torn)
            .map_err(|error| format!("{}: {error}", file.path))
    }

    fn open_next(&mut self, engine: &mut Engine) -> Result<bool, String> {
        let Some(file) = self.files.pop_front() else {
            return Ok(false);
        };
        let part = if is_rdb(engine, &file.path).map_err(|e| format!("{}: {e}", file.path))? {
            let options = LoadOptions {
                keeps_expired: true,
                ..LoadOptions::default()
            };
            let opened = engine.open_rdb(&file.path, options);
            let loading = opened.map_err(|failed| failed.to_string())?;
            Part::Rdb(Box::new(loading.ok_or("the base is gone")?))
        } else {
            Part::Commands(Box::new(self.replay(engine, &file, 0)?))
        };
        self.current = Some((file, part));
        Ok(true)
    }
}

/// Whether a file begins with a snapshot.
fn is_rdb(engine: &mut Engine, path: &str) -> io::Result<bool> {
    let disk = engine.disk.as_mut();
    let file = disk.open(path, OpenMode::Read)?;
    let mut magic = [0; 5];
    let read = disk.read_at(file, 0, &mut magic);
    disk.close(file);
    read.map(|_| magic == *b"REDIS" || magic == *b"VALKE")
}

/// Cuts the end of a file off.
fn cut(engine: &mut Engine, path: &str, at: u64) -> io::Result<()> {
    let disk = engine.disk.as_mut();
    let file = disk.open(path, OpenMode::Append)?;
    let result = disk.truncate(file, at).and_then(|()| disk.sync(file));
    disk.close(file);
    result
}
