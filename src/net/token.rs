//! What a poll event is about, packed into mio's token.
//!
//! A connection's token is its client's key: slab index below, generation above. An event that was
//! queued for a connection since closed therefore never reaches the one that got its place. The
//! highest indices are set apart for what is not a connection.

use mio::Token;

use crate::engine::clients::ClientKey;

const _: () = assert!(usize::BITS == 64, "a token holds an index and a generation");

/// Listening sockets at most: each takes one of the indices set apart. Redis allows 16 addresses.
pub const LISTENERS_MAX: usize = 256;

const WAKER: u32 = u32::MAX;
const SIGNALS: u32 = u32::MAX - 1;
const LISTENER_LAST: u32 = u32::MAX - 2;
const LISTENER_FIRST: u32 = LISTENER_LAST - (LISTENERS_MAX as u32 - 1);

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Another thread wants a turn.
    Waker,
    /// A signal arrived.
    Signals,
    /// A listening socket, by its place in the list.
    Listener(usize),
    /// The connection of a client.
    Connection(ClientKey),
}

impl Source {
    /// Packs the source into a token.
    #[inline]
    pub fn token(self) -> Token {
        match self {
            Source::Waker => Token(WAKER as usize),
            Source::Signals => Token(SIGNALS as usize),
            Source::Listener(place) => {
                debug_assert!(place < LISTENERS_MAX, "listener {place} has no token");
                Token((LISTENER_FIRST + place as u32) as usize)
            }
            Source::Connection(key) => {
                debug_assert!(
                    key.index < LISTENER_FIRST,
                    "index {} is set apart",
                    key.index
                );
                Token((key.generation as usize) << 32 | key.index as usize)
            }
        }
    }

    /// Unpacks a token.
    #[inline]
    pub fn of(token: Token) -> Source {
        let index = token.0 as u32;
        match index {
            WAKER => Source::Waker,
            SIGNALS => Source::Signals,
            LISTENER_FIRST..=LISTENER_LAST => Source::Listener((index - LISTENER_FIRST) as usize),
            _ => Source::Connection(ClientKey {
                index,
                generation: (token.0 >> 32) as u32,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_survives_the_token() {
        let key = |index, generation| Source::Connection(ClientKey { index, generation });
        for source in [
            Source::Waker,
            Source::Signals,
            Source::Listener(0),
            Source::Listener(LISTENERS_MAX - 1),
            key(0, 0),
            key(0, u32::MAX),
            key(LISTENER_FIRST - 1, 7),
        ] {
            assert_eq!(Source::of(source.token()), source);
        }
    }
}
