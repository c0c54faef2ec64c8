//! Makes up arguments.

use std::collections::VecDeque;

use fastrand::Rng;

use super::model::Words;

/// What arguments are made of.
pub struct Gen {
    pub rng: Rng,
    /// How many keys of a kind there are to choose from.
    pub pool: usize,
    pub now_ms: i64,
    pub databases: usize,
    /// The kind of most keys.
    pub favourite: Option<char>,
    /// Ids that entries of streams were given of late, as far as it can be told.
    pub ids: VecDeque<(Vec<u8>, (u64, u64))>,
}

/// So many ids are remembered.
const IDS: usize = 60;

impl Gen {
    /// True once in `n` times.
    pub fn once_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    /// One of these.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(..of.len())]
    }

    /// Some of them, at least one.
    pub fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Gen) -> T) -> Vec<T> {
        let count = 1 + self.rng.usize(..most);
        (0..count).map(|_| make(self)).collect()
    }

    /// A key, mostly one that commands of `kind` use, so that most commands meet their own type.
    pub fn key(&mut self, kind: char) -> Vec<u8> {
        let kind = match (kind, !is_apart(kind) && self.once_in(12)) {
            (_, false) => kind,
            // What is apart is not for all commands on its type to change.
            ('s', _) => self.one(&['h', 'l', 't', 'z', 'g', 'x']),
            ('z', _) => self.one(&['s', 'h', 'l', 't', 'p', 'x']),
            _ => self.one(&['s', 'h', 'l', 't', 'z', 'p', 'g', 'x']),
        };
        match self.rng.u32(..60) {
            0 if !is_apart(kind) => Vec::new(),
            1 if !is_apart(kind) => b"\r\n\0\xff".to_vec(),
            2 => vec![kind as u8; 301],
            // Streams are few: there is much to do with one.
            _ if kind == 'x' => format!("x{}", self.one(&[0, 0, 0, 1, 2])).into_bytes(),
            _ => format!("{kind}{}", self.rng.usize(..self.pool)).into_bytes(),
        }
    }

    /// A key of any kind.
    pub fn any_key(&mut self) -> Vec<u8> {
        let any = self.one(&['s', 's', 'h', 'l', 't', 'z', 'p', 'g', 'x']);
        let kind = if self.once_in(4) {
            any
        } else {
            self.favourite.unwrap_or(any)
        };
        self.key(kind)
    }

    /// The newest id of a stream, as far as it can be told.
    pub fn newest(&self, key: &[u8]) -> (u64, u64) {
        let ids = self.ids.iter().filter(|(of, _)| of == key);
        ids.map(|(_, id)| *id).max().unwrap_or_default()
    }

    /// An entry of a stream was given this id.
    pub fn remember(&mut self, key: &[u8], id: (u64, u64)) {
        if id > self.newest(key) {
            self.ids.push_back((key.to_vec(), id));
        }
        if self.ids.len() > IDS {
            self.ids.pop_front();
        }
    }

    /// Two keys of any kind, of which one may get the other's value.
    pub fn two_keys(&mut self) -> Words {
        let keys = [self.any_key(), self.any_key()];
        let kind = |key: &Vec<u8>| key.first().map_or('s', |byte| char::from(*byte));
        let kinds = [kind(&keys[0]), kind(&keys[1])];
        match kinds.into_iter().find(|kind| is_apart(*kind)) {
            Some(kind) => vec![self.key(kind), self.key(kind)],
            None => keys.into(),
        }
    }

    /// A short text from a small stock, so that it is met again.
    pub fn member(&mut self) -> Vec<u8> {
        match self.rng.u32(..30) {
            0 => Vec::new(),
            1 => {
                let len = self.rng.usize(..100);
                vec![0xff; len]
            }
            2..12 => self.rng.usize(..self.pool.max(20)).to_string().into_bytes(),
            _ => format!("m{}", self.rng.usize(..self.pool.max(20))).into_bytes(),
        }
    }

    /// A value: numbers, texts, bytes; a few beyond the sizes at which they are kept otherwise.
    pub fn value(&mut self) -> Vec<u8> {
        match self.rng.u32(..40) {
            0 => Vec::new(),
            1..14 => self.integer(),
            14 => b"9223372036854775808".to_vec(),
            15 => b"-0".to_vec(),
            16 => b" 1".to_vec(),
            17 => {
                let len = self.one(&[16_383, 16_384, 16_385, 20_000, 40_000]);
                vec![b'v'; len]
            }
            18..22 => {
                let len = self.rng.usize(..600);
                std::iter::repeat_with(|| self.rng.u8(..))
                    .take(len)
                    .collect()
            }
            22..26 => {
                let len = self.one(&[44, 45, 63, 64, 65, 127, 128, 129, 1_023, 1_024]);
                vec![b'w'; len]
            }
            _ => format!("value {}", self.rng.u16(..)).into_bytes(),
        }
    }

    /// A number as text, mostly small.
    pub fn integer(&mut self) -> Vec<u8> {
        let n = match self.rng.u32(..12) {
            0 => i64::MAX,
            1 => i64::MIN,
            2 => self.rng.i64(..),
            3 => self.rng.i64(-70_000..70_000),
            _ => self.rng.i64(-20..100),
        };
        n.to_string().into_bytes()
    }

    /// A number of milliseconds from now on, mostly near enough to come.
    pub fn span_ms(&mut self) -> i64 {
        match self.rng.u32(..10) {
            0 => 1,
            1 => self.rng.i64(1..100_000_000),
            2..6 => self.rng.i64(1..20_000),
            _ => self.rng.i64(1..300),
        }
    }

    /// An expiry option of SET and GETEX.
    pub fn expiry(&mut self) -> Words {
        let span = self.span_ms();
        let at = self.now_ms + if self.once_in(8) { -span } else { span };
        let (name, value) = match self.rng.u32(..4) {
            0 => ("EX", span / 1_000 + 1),
            1 => ("px", span),
            2 => ("EXAT", at / 1_000),
            _ => ("PXAT", at),
        };
        vec![name.into(), value.to_string().into_bytes()]
    }
}

/// Whether keys of a kind hold what only some commands on their type may make: HyperLogLogs, whose
/// bytes are not for the model to know, and places, which are scores of a kind.
fn is_apart(kind: char) -> bool {
    matches!(kind, 'p' | 'g')
}

/// Bytes of nobody's language: they may ask, but they change nothing.
pub fn garbage(rng: &mut Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"*",
        b"$",
        b"\r\n",
        b"\n",
        b"-1\r\n",
        b"3\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"$3\r\nGET\r\n",
        b"*2\r\n",
        b"PING\r\n",
        b"\"",
        b"'\\",
        b"$536870912\r\n",
        b"9999999999999999999\r\n",
        b"*3\r\n$4\r\nMGET\r\n$1\r\na\r\n",
        b"MULTI\r\nEXEC\r\n",
    ];
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(1..30) {
        match rng.u32(..4) {
            0 => bytes.push(rng.u8(..)),
            1 => bytes.extend_from_slice(&[rng.u8(..), rng.u8(..), rng.u8(..)]),
            _ => bytes.extend_from_slice(PIECES[rng.usize(..PIECES.len())]),
        }
    }
    // Now and then something long, to reach the limits on lines.
    if rng.u32(..50) == 0 {
        bytes.extend(std::iter::repeat_n(b'7', 70_000));
    }
    bytes
}

/// The words of a command.
#[macro_export]
macro_rules! words {
    ($($word:expr),* $(,)?) => {
        vec![$(AsRef::<[u8]>::as_ref(&$word).to_vec()),*]
    };
}
