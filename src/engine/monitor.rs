//! MONITOR: clients that are shown every command that runs.
//!
//! Administrative commands and passwords are not shown. While nobody monitors, a command pays one
//! branch.

use std::io::Write;

use crate::dispatch::table::{ADMIN, Command, SKIP_MONITOR};
use crate::resp::args::Args;
use crate::text::quote;

use super::Engine;
use super::clients::{ClientKey, Endpoint, SessionGates};
use super::context::Caller;
use super::gates::ServerGates;

impl Engine {
    /// Shows a client every command from now on.
    pub fn monitor(&mut self, key: ClientKey) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if !client.gates.has(SessionGates::MONITOR) {
            client.gates.set(SessionGates::MONITOR, true);
            self.monitors.push(key);
            self.gates.set(ServerGates::MONITOR, true);
        }
    }

    /// Shows a client no commands any more.
    pub fn unmonitor(&mut self, key: ClientKey) {
        self.monitors.retain(|monitor| *monitor != key);
        self.gates
            .set(ServerGates::MONITOR, !self.monitors.is_empty());
        if let Some(client) = self.clients.find_mut(key) {
            client.gates.set(SessionGates::MONITOR, false);
        }
    }

    /// Shows a command that has run to those who monitor, unless it is not to be shown.
    #[cold]
    pub fn show_command(
        &mut self,
        key: ClientKey,
        command: &'static Command,
        args: Args<'_>,
        caller: Caller,
    ) {
        if !caller.reprocessing && !command.flags.intersects(SKIP_MONITOR.or(ADMIN)) {
            self.show(key, command, args, caller);
        }
    }

    /// Shows a command to those who monitor, whatever its flags: a script shows itself before the
    /// commands it calls.
    pub fn show(
        &mut self,
        key: ClientKey,
        command: &'static Command,
        args: Args<'_>,
        caller: Caller,
    ) {
        let Some(client) = self.clients.find(key) else {
            return;
        };
        let unix_us = self.now.unix_us();
        let mut line = Vec::new();
        // Writing into memory does not fail.
        let _ = write!(
            line,
            "+{}.{:06} [{} ",
            unix_us / 1_000_000,
            unix_us % 1_000_000,
            client.db
        );
        let _ = match &client.about.endpoint {
            _ if caller.in_script => write!(line, "lua]"),
            Endpoint::Unix { path } => write!(line, "unix:{path}]"),
            endpoint => write!(line, "{}]", endpoint.peer()),
        };
        for (at, arg) in args.iter().enumerate() {
            line.push(b' ');
            match crate::observe::commandlog::is_secret(command, args, at) {
                true => line.extend_from_slice(b"\"(redacted)\""),
                false => quote(arg, &mut line),
            }
        }
        line.extend_from_slice(b"\r\n");
        for monitor in self.monitors.clone() {
            self.push_to(monitor, |out, _| out.raw(&line));
        }
    }
}
