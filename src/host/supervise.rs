//! Those who watch the process from outside: systemd's notification socket and the pid file.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use tracing::{info, warn};

use super::error_text;
use crate::config::Supervised;

/// Who wants to be told about start and end: systemd, or nobody.
#[derive(Debug, Default)]
pub struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    pid_file: Option<String>,
}

impl Supervisor {
    /// Looks at the environment as far as `mode` says.
    pub fn new(mode: Supervised) -> Supervisor {
        let address = std::env::var_os("NOTIFY_SOCKET");
        let address = address.filter(|address| !address.is_empty());
        let is_upstart = std::env::var_os("UPSTART_JOB").is_some();
        match (mode, address) {
            (Supervised::Upstart, _) => warn!("supervised upstart: kvd does not support it"),
            (Supervised::Auto, None) if is_upstart => {
                warn!("supervised auto: kvd does not support upstart");
            }
            (Supervised::Systemd, None) => {
                warn!(
                    "systemd supervision requested or auto-detected, but NOTIFY_SOCKET not found"
                );
            }
            (Supervised::Systemd | Supervised::Auto, Some(address)) => {
                return Supervisor::for_address(address.as_bytes());
            }
            (Supervised::Auto, None) | (Supervised::No, _) => {}
        }
        Supervisor::default()
    }

    fn for_address(address: &[u8]) -> Supervisor {
        match connect(address) {
            Ok(socket) => {
                info!(
                    "supervised by systemd. Please make sure you set appropriate values for \
                     TimeoutStartSec and TimeoutStopSec in your service unit."
                );
                Supervisor {
                    socket: Some(socket),
                    pid_file: None,
                }
            }
            Err(error) => {
                warn!("systemd supervision error: {}", error_text(&error));
                Supervisor::default()
            }
        }
    }

    /// Writes the process id into a file, which [`Supervisor::remove_pid_file`] removes. That it
    /// cannot be written is logged, and no reason not to start.
    pub fn write_pid_file(&mut self, path: &str) {
        match fs::write(path, format!("{}\n", std::process::id())) {
            Ok(()) => self.pid_file = Some(path.to_owned()),
            Err(error) => warn!("Failed to write PID file {path}: {}", error_text(&error)),
        }
    }

    /// The server serves.
    pub fn ready(&self) {
        self.notify("STATUS=Ready to accept connections\nREADY=1\n");
    }

    /// The server is about to end.
    pub fn stopping(&self) {
        self.notify("STOPPING=1\n");
    }

    /// Removes the pid file.
    pub fn remove_pid_file(&mut self) {
        if let Some(path) = self.pid_file.take() {
            info!("Removing the pid file.");
            let _ = fs::remove_file(path);
        }
    }

    fn notify(&self, message: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(message.as_bytes(), address)
        {
            warn!(
                "systemd supervision error: sd_notify: {}",
                error_text(&error)
            );
        }
    }
}

/// A socket for an address of systemd: a path, or a name that begins with `@` outside of the file
/// system.
fn connect(address: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match address {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let socket = UnixDatagram::unbound()?;
    // A supervisor that does not read must not hold the server up.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let len = socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    }

    #[test]
    fn systemd_hears_on_a_path_and_on_an_abstract_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let by_path = UnixDatagram::bind(&path).expect("bound");
        let name = format!("kvd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("an address");
        let by_name = UnixDatagram::bind_addr(&address).expect("bound");
        for (socket, address) in [
            (by_path, path.as_os_str().as_bytes().to_vec()),
            (by_name, [b"@", name.as_bytes()].concat()),
        ] {
            let supervisor = Supervisor::for_address(&address);
            supervisor.ready();
            assert_eq!(
                heard(&socket),
                "STATUS=Ready to accept connections\nREADY=1\n"
            );
            supervisor.stopping();
            assert_eq!(heard(&socket), "STOPPING=1\n");
        }
        Supervisor::for_address(b"/nowhere/at/all").ready();
    }

    #[test]
    fn the_pid_file_comes_and_goes() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("kvd.pid").display().to_string();
        let mut supervisor = Supervisor::default();
        supervisor.write_pid_file(&path);
        let written = fs::read_to_string(&path).expect("written");
        assert_eq!(written, format!("{}\n", std::process::id()));
        supervisor.remove_pid_file();
        assert!(!fs::exists(&path).expect("known"));
        supervisor.write_pid_file("/nowhere/kvd.pid");
        supervisor.remove_pid_file();
    }
}
