//! How tests talk to a server: in this process, as the real binary, or to a real peer.

mod local;
mod machine;
mod process;
mod value;

pub use local::{Client, Kvd};
pub use process::{Connection, Process, free_port, peer, peer_in};
pub use value::{Value, decode, decode_all};

/// A request as a client library writes it.
pub fn request<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n", word.as_ref().len()).bytes());
        out.extend(word.as_ref());
        out.extend(b"\r\n");
    }
    out
}

/// The words of a line: separated by spaces, quoted where they hold some.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a closing quote"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.as_bytes().to_vec());
        rest = after.trim_start();
    }
    words
}
