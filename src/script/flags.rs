//! What a script or function promises and allows, and the first line in which it says so.

use crate::config::syntax::split_words;

/// The flags of a script or function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags(u8);

/// The names, in the order in which FUNCTION LIST shows them.
const NAMES: [(ScriptFlags, &str); 5] = [
    (ScriptFlags::NO_WRITES, "no-writes"),
    (ScriptFlags::ALLOW_OOM, "allow-oom"),
    (ScriptFlags::ALLOW_STALE, "allow-stale"),
    (ScriptFlags::NO_CLUSTER, "no-cluster"),
    (ScriptFlags::ALLOW_CROSS_SLOT, "allow-cross-slot-keys"),
];

impl ScriptFlags {
    /// No flags.
    pub const NONE: ScriptFlags = ScriptFlags(0);
    /// It changes nothing.
    pub const NO_WRITES: ScriptFlags = ScriptFlags(1);
    /// It may run when memory is full.
    pub const ALLOW_OOM: ScriptFlags = ScriptFlags(1 << 1);
    /// It may run on a replica with stale data.
    pub const ALLOW_STALE: ScriptFlags = ScriptFlags(1 << 2);
    /// It must not run in a cluster.
    pub const NO_CLUSTER: ScriptFlags = ScriptFlags(1 << 3);
    /// It may touch keys of several slots.
    pub const ALLOW_CROSS_SLOT: ScriptFlags = ScriptFlags(1 << 4);
    /// It has no first line that says anything: the rules of old scripts hold.
    pub const UNDECLARED: ScriptFlags = ScriptFlags(1 << 5);

    /// Whether all of `flags` are set.
    pub const fn has(self, flags: ScriptFlags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Both.
    pub const fn or(self, flags: ScriptFlags) -> ScriptFlags {
        ScriptFlags(self.0 | flags.0)
    }

    /// The flag of this name.
    pub fn by_name(name: &[u8]) -> Option<ScriptFlags> {
        let named = NAMES.iter().find(|(_, known)| known.as_bytes() == name);
        named.map(|(flag, _)| *flag)
    }

    /// The names of what is set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let set = NAMES.iter().filter(move |(flag, _)| self.has(*flag));
        set.map(|(_, name)| *name)
    }
}

/// The flags of a script by its first line, and where its code begins: at the end of that line, so
/// that line numbers stay what they are.
///
/// # Errors
/// What is wrong with the first line.
pub fn script_head(body: &[u8]) -> Result<(ScriptFlags, usize), String> {
    if !body.starts_with(b"#!") {
        return Ok((ScriptFlags::UNDECLARED, 0));
    }
    let Some(end) = memchr::memchr(b'\n', body) else {
        return Err("Invalid script shebang".into());
    };
    let words = split_words(&body[..end]).unwrap_or_default();
    let Some(engine) = words.first() else {
        return Err("Invalid engine in script shebang".into());
    };
    if !engine[2..].eq_ignore_ascii_case(b"lua") {
        let engine = String::from_utf8_lossy(engine.get(2..).unwrap_or_default());
        return Err(format!("Could not find scripting engine '{engine}'"));
    }
    let mut flags = ScriptFlags::NONE;
    for word in &words[1..] {
        let Some(list) = word.strip_prefix(b"flags=") else {
            let word = String::from_utf8_lossy(word);
            return Err(format!("Unknown lua shebang option: {word}"));
        };
        if list.is_empty() {
            continue;
        }
        for name in list.split(|byte| *byte == b',') {
            let Some(flag) = ScriptFlags::by_name(name) else {
                let name = String::from_utf8_lossy(name);
                return Err(format!("Unexpected flag in script shebang: {name}"));
            };
            flags = flags.or(flag);
        }
    }
    Ok((flags, end))
}

/// The name of a library by its first line, and where its code begins.
///
/// # Errors
/// What is wrong with the first line.
pub fn library_head(code: &[u8]) -> Result<(Box<[u8]>, usize), String> {
    if !code.starts_with(b"#!") {
        return Err("Missing library metadata".into());
    }
    let invalid = || "Invalid library metadata".to_owned();
    let end = memchr::memchr(b'\n', code).ok_or_else(invalid)?;
    let words = split_words(&code[..end]).unwrap_or_default();
    let engine = words.first().ok_or_else(invalid)?;
    let mut name: Option<&[u8]> = None;
    for word in &words[1..] {
        let is_name = word.len() >= 5 && word[..5].eq_ignore_ascii_case(b"name=");
        if !is_name {
            let word = String::from_utf8_lossy(word);
            return Err(format!("Invalid metadata value given: {word}"));
        }
        if name.replace(&word[5..]).is_some() {
            return Err("Invalid metadata value, name argument was given multiple times".into());
        }
    }
    let name = name.ok_or_else(|| "Library name was not given".to_owned())?;
    check_name("Library", name)?;
    if !engine[2..].eq_ignore_ascii_case(b"lua") {
        let engine = String::from_utf8_lossy(&engine[2..]);
        return Err(format!("Engine '{engine}' not found"));
    }
    Ok((name.into(), end))
}

/// Checks the name of a library or function; `what` it is begins the error.
///
/// # Errors
/// It holds something else than letters, digits and underscores, or nothing.
pub fn check_name(what: &str, name: &[u8]) -> Result<(), String> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match !name.is_empty() && name.iter().all(is_word) {
        true => Ok(()),
        false => Err(format!(
            "{what} names can only contain letters, numbers, or underscores(_) and must be at \
             least one character long"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        assert_eq!(script_head(b"return 1"), Ok((ScriptFlags::UNDECLARED, 0)));
        let flags = ScriptFlags::NO_WRITES.or(ScriptFlags::ALLOW_STALE);
        assert_eq!(
            script_head(b"#!lua flags=no-writes,allow-stale\nreturn 1"),
            Ok((flags, 33))
        );
        assert!(script_head(b"#!lua flags=no-writes").is_err());
        assert!(script_head(b"#!\nreturn 1").is_err());
        assert!(script_head(b"#!lua flags=none\n").is_err());
        assert_eq!(library_head(b"#!lua name=lib\n").map(|head| head.1), Ok(14));
        assert!(library_head(b"#!lua name=a name=b\n").is_err());
        assert!(library_head(b"#! name=lib\n").is_err());
        assert!(library_head(b"#!lua name=a-b\n").is_err());
    }
}
