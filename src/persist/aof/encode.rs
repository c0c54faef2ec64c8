//! Commands as the append-only file holds them: RESP arrays of bulk strings.

use crate::resp::args::Args;

/// Appends a command given by its words.
pub fn words(words: &[&[u8]], to: &mut Vec<u8>) {
    begin(words.len(), to);
    for word in words {
        bulk(word, to);
    }
}

/// Appends a command.
pub fn command(args: Args<'_>, to: &mut Vec<u8>) {
    begin(args.len(), to);
    for arg in args.iter() {
        bulk(arg, to);
    }
}

/// Appends the head of a command of `count` words.
pub fn begin(count: usize, to: &mut Vec<u8>) {
    length(b'*', count, to);
}

/// Appends one word of a command.
pub fn bulk(word: &[u8], to: &mut Vec<u8>) {
    length(b'$', word.len(), to);
    to.extend_from_slice(word);
    to.extend_from_slice(b"\r\n");
}

/// Appends a number as a word of a command.
pub fn int(number: i64, to: &mut Vec<u8>) {
    bulk(itoa::Buffer::new().format(number).as_bytes(), to);
}

fn length(mark: u8, length: usize, to: &mut Vec<u8>) {
    to.push(mark);
    to.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    to.extend_from_slice(b"\r\n");
}
