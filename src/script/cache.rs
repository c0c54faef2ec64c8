//! The scripts that EVALSHA knows, by the SHA1 of their text.
//!
//! What SCRIPT LOAD brought stays until SCRIPT FLUSH. Of what EVAL brought only the most recently
//! used stay: programs that paste values into their scripts make a new one for each call.

use std::rc::Rc;

use bytes::Bytes;
use sha1::{Digest, Sha1};

use crate::store::hash::{HashState, Map};

use super::flags::ScriptFlags;
use super::lua::Compiled;

/// The SHA1 of a script in lower-case hexadecimal.
pub type Sha = [u8; 40];

/// Scripts of EVAL that are kept, as in Valkey.
const EVALUATED_MAX: usize = 500;

/// What a script costs beside its text.
const RECORD_BYTES: u64 = (size_of::<Sha>() + size_of::<CachedScript>()) as u64;

/// One script.
#[derive(Debug)]
pub struct CachedScript {
    /// Its text.
    pub body: Bytes,
    /// What its first line says.
    pub flags: ScriptFlags,
    /// Its code.
    pub function: Rc<Compiled>,
    last_used: u64,
}

/// All scripts.
#[derive(Debug)]
pub struct Cache {
    /// Those of SCRIPT LOAD: there may be very many.
    loaded: Map<Sha, CachedScript>,
    /// Those of EVAL only.
    evaluated: Map<Sha, CachedScript>,
    uses: u64,
    text_bytes: u64,
    /// Scripts of EVAL that had to go.
    pub evicted: u64,
}

impl Cache {
    /// No scripts.
    pub fn new(hasher: HashState) -> Cache {
        Cache {
            loaded: Map::with_hasher(hasher.clone()),
            evaluated: Map::with_hasher(hasher),
            uses: 0,
            text_bytes: 0,
            evicted: 0,
        }
    }

    /// Finds a script and marks it as used.
    pub fn find(&mut self, sha: &Sha) -> Option<&CachedScript> {
        self.uses += 1;
        let script = match self.loaded.get_mut(sha) {
            Some(script) => script,
            None => self.evaluated.get_mut(sha)?,
        };
        script.last_used = self.uses;
        Some(script)
    }

    /// Finds a script, whatever its case, without marking it.
    pub fn look(&self, sha: &[u8]) -> Option<&CachedScript> {
        let sha = lower(sha)?;
        self.loaded.get(&sha).or_else(|| self.evaluated.get(&sha))
    }

    /// Keeps a script for good that EVAL brought. Whether it was there.
    pub fn keep(&mut self, sha: &Sha) -> bool {
        match self.evaluated.remove(sha) {
            Some(script) => {
                self.loaded.insert(*sha, script);
                true
            }
            None => self.loaded.contains_key(sha),
        }
    }

    /// Adds a script that is not there yet.
    pub fn add(
        &mut self,
        sha: Sha,
        body: Bytes,
        flags: ScriptFlags,
        function: Rc<Compiled>,
        is_loaded: bool,
    ) {
        if !is_loaded && self.evaluated.len() >= EVALUATED_MAX {
            self.evict();
        }
        self.uses += 1;
        self.text_bytes += body.len() as u64;
        let script = CachedScript {
            body,
            flags,
            function,
            last_used: self.uses,
        };
        let scripts = match is_loaded {
            true => &mut self.loaded,
            false => &mut self.evaluated,
        };
        scripts.insert(sha, script);
    }

    /// Forgets all scripts.
    pub fn clear(&mut self) {
        let hasher = self.loaded.hasher().clone();
        self.loaded = Map::with_hasher(hasher.clone());
        self.evaluated = Map::with_hasher(hasher);
        self.text_bytes = 0;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.loaded.len() + self.evaluated.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of their texts and records.
    pub fn heap_bytes(&self) -> u64 {
        self.text_bytes + self.len() as u64 * RECORD_BYTES
    }

    /// Forgets the script of EVAL that was used longest ago. Compiling the new one costs far more
    /// than looking at all of them.
    fn evict(&mut self) {
        let evaluated = self.evaluated.iter();
        let oldest = evaluated.min_by_key(|(_, script)| script.last_used);
        let Some(sha) = oldest.map(|(sha, _)| *sha) else {
            return;
        };
        if let Some(script) = self.evaluated.remove(&sha) {
            self.text_bytes -= script.body.len() as u64;
        }
        self.evicted += 1;
    }
}

/// The SHA1 of a text in lower-case hexadecimal.
pub fn sha1_hex(text: &[u8]) -> Sha {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 40];
    for (byte, pair) in Sha1::digest(text).iter().zip(hex.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

/// What a client sent as a SHA1, in lower case; `None` if its length is wrong.
pub fn lower(sha: &[u8]) -> Option<Sha> {
    let mut sha = Sha::try_from(sha).ok()?;
    sha.make_ascii_lowercase();
    Some(sha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sha1_of_a_text() {
        assert_eq!(
            &sha1_hex(b"return 1"),
            b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
        );
    }
}
