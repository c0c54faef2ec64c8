//! Loading the append-only file: one file after the other, in slices.

use std::collections::VecDeque;
use std::io;

use crate::engine::Engine;
use crate::engine::clients::{ClientKey, Endpoint};
use crate::host::OpenMode;

use super::files::LoadFile;
use super::replay::{Replay, ReplayError, Tail};

/// Files on their way into the engine.
#[derive(Debug)]
pub struct AofLoad {
    files: VecDeque<LoadFile>,
    current: Option<(LoadFile, Replay)>,
    client: ClientKey,
    /// Bytes of the files that are done.
    done_bytes: u64,
    total_bytes: u64,
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
            client,
            done_bytes: 0,
        }
    }

    /// How far it is: bytes done, and bytes of all files.
    pub fn progress(&self) -> (u64, u64) {
        let current = self.current.as_ref();
        let done = current.map_or(0, |(_, replay)| replay.progress().0);
        (self.done_bytes + done, self.total_bytes)
    }

    /// Loads until the engine's clock says `end_ns`. Whether more is to come.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn step(&mut self, engine: &mut Engine, end_ns: u64) -> Result<bool, String> {
        loop {
            if self.current.is_none() && !self.open_next(engine)? {
                engine.disconnect(self.client);
                return Ok(false);
            }
            let Some((file, replay)) = &mut self.current else {
                return Ok(false);
            };
            let named = |error: ReplayError| format!("{}: {error}", file.path);
            let Some(tail) = replay.step(engine, end_ns).map_err(named)? else {
                return Ok(true);
            };
            replay.close(engine.disk.as_mut());
            if let Tail::CutAt(at) = tail {
                cut(engine, &file.path, at).map_err(|e| format!("{}: {e}", file.path))?;
            }
            tracing::info!(
                "{} commands of the append only file {} ran again",
                replay.commands,
                file.path
            );
            self.done_bytes += file.len;
            self.current = None;
        }
    }

    fn open_next(&mut self, engine: &mut Engine) -> Result<bool, String> {
        let Some(file) = self.files.pop_front() else {
            return Ok(false);
        };
        let disk = engine.disk.as_mut();
        let replay = Replay::open(disk, &file.path, 0, self.client, file.is_last)
            .map_err(|error| format!("{}: {error}", file.path))?;
        // Each file selects its databases itself.
        if let Some(client) = engine.clients.find_mut(self.client) {
            client.db = 0;
        }
        self.current = Some((file, replay));
        Ok(true)
    }
}

/// Cuts the end of a file off.
fn cut(engine: &mut Engine, path: &str, at: u64) -> io::Result<()> {
    let disk = engine.disk.as_mut();
    let file = disk.open(path, OpenMode::Append)?;
    let result = disk.truncate(file, at).and_then(|()| disk.sync(file));
    disk.close(file);
    result
}
