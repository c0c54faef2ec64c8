//! Whether other addresses could be listened on, asked before CONFIG SET promises it.

use std::io::ErrorKind;
use std::net::TcpListener;

use crate::config::Config;

use super::listener::{Class, ListenOptions};

/// Tries the addresses of clients and lets go of them again. An address that is in use is an error
/// only where `port` is new: else it may be this server's own.
///
/// # Errors
/// What CONFIG SET answers.
pub fn can_listen(config: &Config, port_is_new: bool) -> Result<(), String> {
    let error = match port_is_new {
        true => "Unable to listen on this port. Check server logs.",
        false => "Failed to bind to specified addresses.",
    };
    let options = ListenOptions::from_config(config).map_err(|reason| {
        tracing::warn!(%reason, "Cannot listen");
        error.to_owned()
    })?;
    for tcp in options.tcp {
        if tcp.class != Class::Client || tcp.optional {
            continue;
        }
        match TcpListener::bind(tcp.address) {
            Ok(_) => {}
            Err(reason) if reason.kind() == ErrorKind::AddrInUse && !port_is_new => {}
            Err(reason) => {
                tracing::warn!(%reason, address = %tcp.address, "Cannot listen");
                return Err(error.to_owned());
            }
        }
    }
    Ok(())
}
