//! CLIENT PAUSE: commands that must wait, and the clients that wait with them.
//!
//! A paused client keeps its command in its inbox; when the pause ends it is made ready and the
//! command passes the gates again. Nothing expires or is evicted meanwhile. Clients that have to
//! wait for a snapshot wait in the same place.

use super::Engine;
use super::clients::ClientKey;
use super::gates::ServerGates;

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseMode {
    /// Those that may change data.
    Write,
    /// All.
    All,
}

/// The pause in force, if any.
#[derive(Debug, Default)]
pub struct Pause {
    active: Option<(PauseMode, u64)>,
    waiting: Vec<ClientKey>,
}

impl Pause {
    /// The mode and the end (monotonic microseconds) of the pause in force.
    pub fn active(&self) -> Option<(PauseMode, u64)> {
        self.active
    }

    /// Forgets a client that is gone.
    pub fn forget(&mut self, key: ClientKey) {
        self.waiting.retain(|waiting| *waiting != key);
    }

    /// How many clients wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

impl Engine {
    /// Pauses until a time. A pause in force is never shortened or loosened.
    pub fn pause(&mut self, mode: PauseMode, until_us: u64) {
        let (mode, until_us) = match self.pause.active {
            Some((before, end)) => (mode.max(before), until_us.max(end)),
            None => (mode, until_us),
        };
        self.pause.active = Some((mode, until_us));
        self.gates.set(ServerGates::PAUSED, true);
    }

    /// Ends the pause: who waits goes on.
    pub fn unpause(&mut self) {
        self.pause.active = None;
        self.gates.set(ServerGates::PAUSED, false);
        self.release_waiting();
    }

    /// Lets everybody who waits try again.
    pub fn release_waiting(&mut self) {
        for key in std::mem::take(&mut self.pause.waiting) {
            if let Some(client) = self.clients.find_mut(key) {
                client.is_paused = false;
                self.mark_ready(key);
            }
        }
    }

    /// Ends the pause if its time has come.
    pub(super) fn end_pause(&mut self) {
        if self
            .pause
            .active
            .is_some_and(|(_, until_us)| until_us <= self.now.mono_us)
        {
            self.unpause();
        }
    }

    /// A client has to wait for the end of the pause, or for the snapshot.
    pub fn wait_at_gate(&mut self, key: ClientKey) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if !client.is_paused {
            client.is_paused = true;
            self.pause.waiting.push(key);
        }
    }
}
