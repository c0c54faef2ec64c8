//! What holds for every input of the request parser, however it is chopped. The fuzz target, the
//! corpus test and the parser's own tests share it; each brings the crate into scope as `resp`.

use super::resp::{Batch, LargeBulk, Limits, ProtocolError, RequestParser, State};

/// What a connection sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Command(Vec<Vec<u8>>),
    Error(ProtocolError),
}

/// A connection without a socket: it keeps the incomplete tail and fills large arguments.
pub struct Connection {
    pub parser: RequestParser,
    pub items: Vec<Item>,
    batch: Batch,
    inbox: Vec<u8>,
    large: Option<LargeBulk>,
    limits: Limits,
    commands_max: usize,
}

impl Connection {
    pub fn new(limits: Limits, commands_max: usize) -> Self {
        Self {
            parser: RequestParser::new(),
            items: Vec::new(),
            batch: Batch::new(),
            inbox: Vec::new(),
            large: None,
            limits,
            commands_max,
        }
    }

    /// Takes what was read, and answers whether the connection is still good.
    pub fn receive(&mut self, bytes: &[u8]) -> bool {
        let mut bytes = bytes;
        if let Some(mut large) = self.large.take() {
            match large.put(bytes) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) => return self.fail(error),
            }
            if !large.is_complete() {
                self.large = Some(large);
                return true;
            }
            self.parser.finish_large(large.complete(), &mut self.batch);
            let head = std::mem::take(&mut self.inbox);
            self.collect(&head);
        }
        self.inbox.extend_from_slice(bytes);
        self.parse()
    }

    fn parse(&mut self) -> bool {
        let mut input = std::mem::take(&mut self.inbox);
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let (limits, max) = (self.limits, self.commands_max);
            let progress = self.parser.parse_batch(rest, &limits, &mut self.batch, max);
            assert!(progress.consumed <= rest.len());
            assert!(self.batch.len() <= max);
            self.collect(rest);
            at += progress.consumed;
            match progress.state {
                State::Drained => {
                    assert_eq!(at, input.len());
                    assert!(self.parser.is_idle() && self.parser.heap_bytes() == 0);
                    return true;
                }
                State::More => assert!(progress.consumed > 0 && at < input.len()),
                State::Partial => {
                    assert!(at < input.len());
                    input.drain(..at);
                    self.inbox = input;
                    // Spans cost eight bytes, and no argument comes with fewer than six.
                    assert!(self.parser.heap_bytes() <= 512 + 4 * self.inbox.len());
                    return true;
                }
                State::NeedLarge { head, wanted } => {
                    self.inbox = input[at..at + head].to_vec();
                    let mut large = LargeBulk::new(wanted);
                    match large.put(&input[at + head..]) {
                        Ok(taken) => assert_eq!(at + head + taken, input.len()),
                        Err(error) => return self.fail(error),
                    }
                    assert!(!large.is_complete());
                    self.large = Some(large);
                    return true;
                }
                State::Failed(error) => {
                    assert!(self.batch.is_empty());
                    return self.fail(error);
                }
            }
        }
    }

    fn collect(&mut self, input: &[u8]) {
        let mut end = 0;
        for index in 0..self.batch.len() {
            assert!(end <= self.batch.start(index));
            assert!(self.batch.start(index) < self.batch.end(index));
            end = self.batch.end(index);
            assert!(end <= input.len());
            let args = self.batch.args(index, input);
            assert!(!args.is_empty());
            self.items
                .push(Item::Command(args.iter().map(<[u8]>::to_vec).collect()));
        }
    }

    fn fail(&mut self, error: ProtocolError) -> bool {
        self.items.push(Item::Error(error));
        false
    }
}

/// What a connection sees of `input` that arrives in the given pieces.
pub fn feed<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: Limits,
    commands_max: usize,
) -> Vec<Item> {
    let mut connection = Connection::new(limits, commands_max);
    for piece in pieces {
        if !connection.receive(piece) {
            break;
        }
    }
    connection.items
}

/// Panics unless `input` means the same in one piece and in many.
pub fn check(input: &[u8]) {
    for authenticated in [true, false] {
        let limits = Limits {
            authenticated,
            ..Limits::default()
        };
        let whole = feed([input], limits, usize::MAX);
        for commands_max in [1, 3] {
            assert_eq!(feed([input], limits, commands_max), whole);
        }
        for size in [1, 2, 3, 7, 64, 4096] {
            if input.len() / size < 20_000 {
                assert_eq!(feed(input.chunks(size), limits, 64), whole, "by {size}");
            }
        }
    }
}
