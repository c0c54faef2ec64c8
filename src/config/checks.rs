//! The checks of single texts: what an option's value must not be, in Valkey's words.
//!
//! Pure functions; nothing here looks whether a file or an address exists.

/// `dir`.
pub fn not_empty_dir(arg: &[u8]) -> Result<(), &'static str> {
    if arg.is_empty() {
        Err("dir can't be empty")
    } else {
        Ok(())
    }
}

/// `dbfilename`.
pub fn base_name_db(arg: &[u8]) -> Result<(), &'static str> {
    match base_name(arg) {
        BaseName::Good => Ok(()),
        BaseName::Empty => Err("dbfilename can't be empty"),
        BaseName::Path => Err("dbfilename can't be a path, just a filename"),
    }
}

/// `appendfilename`.
pub fn base_name_aof(arg: &[u8]) -> Result<(), &'static str> {
    match base_name(arg) {
        BaseName::Good => Ok(()),
        BaseName::Empty => Err("appendfilename can't be empty"),
        BaseName::Path => Err("appendfilename can't be a path, just a filename"),
    }
}

/// `appenddirname`.
pub fn base_name_aof_dir(arg: &[u8]) -> Result<(), &'static str> {
    match base_name(arg) {
        BaseName::Good => Ok(()),
        BaseName::Empty => Err("appenddirname can't be empty"),
        BaseName::Path => Err("appenddirname can't be a path, just a dirname"),
    }
}

enum BaseName {
    Good,
    Empty,
    Path,
}

fn base_name(arg: &[u8]) -> BaseName {
    match arg {
        b"" => BaseName::Empty,
        b"." | b".." => BaseName::Path,
        _ if arg.contains(&b'/') || arg.contains(&b'\\') => BaseName::Path,
        _ => BaseName::Good,
    }
}

/// `cluster-config-file`.
pub fn cluster_config_file(arg: &[u8]) -> Result<(), &'static str> {
    if arg.is_empty() {
        Err("cluster-config-file can't be empty")
    } else {
        Ok(())
    }
}

/// `proc-title-template`: text with names in braces.
pub fn title_template(arg: &[u8]) -> Result<(), &'static str> {
    const KNOWN: [&str; 7] = [
        "title",
        "listen-addr",
        "server-mode",
        "port",
        "tls-port",
        "unixsocket",
        "config-file",
    ];
    let bad = "template format is invalid or contains unknown variables";
    let mut rest = std::str::from_utf8(arg).map_err(|_| bad)?;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or(bad)?;
        if !KNOWN.contains(&name) {
            return Err(bad);
        }
        rest = after;
    }
    if arg.is_empty() { Err(bad) } else { Ok(()) }
}

/// An IPv4 address, or nothing.
pub fn ipv4(arg: &[u8]) -> Result<(), &'static str> {
    let address = std::str::from_utf8(arg).unwrap_or("?");
    if address.is_empty() || address.parse::<core::net::Ipv4Addr>().is_ok() {
        Ok(())
    } else {
        Err("Invalid IPv4 address")
    }
}

/// An IPv6 address, or nothing.
pub fn ipv6(arg: &[u8]) -> Result<(), &'static str> {
    let address = std::str::from_utf8(arg).unwrap_or("?");
    if address.is_empty() || address.parse::<core::net::Ipv6Addr>().is_ok() {
        Ok(())
    } else {
        Err("Invalid IPv6 address")
    }
}

/// A name as DNS has it.
pub fn hostname(arg: &[u8]) -> Result<(), &'static str> {
    if arg.len() >= 256 {
        Err("Hostnames must be less than 256 characters")
    } else if arg
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
    }
}

/// What the cluster's own file could not hold.
fn is_auxiliary(arg: &[u8]) -> bool {
    arg.iter()
        .all(|b| b.is_ascii_graphic() && !b"!#$%&()*+,/:;<>?@[]^`{|}~".contains(b))
}

/// A name that the cluster's own file could hold.
pub fn nodename(arg: &[u8]) -> Result<(), &'static str> {
    if is_auxiliary(arg) {
        Ok(())
    } else {
        Err("Announced human node name contained invalid character")
    }
}

/// An address or a name of the cluster.
pub fn announced_ip(arg: &[u8]) -> Result<(), &'static str> {
    if arg
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || b".:-_".contains(b))
    {
        Ok(())
    } else {
        Err("cluster-announce-ip contains invalid character")
    }
}
