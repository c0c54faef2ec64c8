use super::*;
use crate::resp;
use check::{Connection, Item, feed};

#[path = "../../../tests/fuzz/check.rs"]
mod check;

fn limits() -> Limits {
    Limits::default()
}

fn strange() -> Limits {
    Limits {
        authenticated: false,
        ..limits()
    }
}

fn command(args: &[&str]) -> Item {
    Item::Command(args.iter().map(|arg| arg.as_bytes().to_vec()).collect())
}

fn wire(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn items(input: &[u8]) -> Vec<Item> {
    feed([input], limits(), 64)
}

fn error_of(input: &[u8]) -> Option<ProtocolError> {
    match items(input).pop() {
        Some(Item::Error(error)) => Some(error),
        _ => None,
    }
}

/// An exchange with a bit of everything but errors.
fn exchange() -> Vec<u8> {
    let mut bytes = wire(&[b"SET", b"key:1", b"a\r\nb"]);
    bytes.extend_from_slice(b"PING\r\n\r\n*0\r\n*-1\r\nset a \"\\x41 b\"'c'\n");
    bytes.extend_from_slice(&wire(&[b"", b"0123456789"]));
    bytes.extend_from_slice(&wire(&[b"MGET", &[0; 100]]));
    bytes.extend_from_slice(b" ping\n");
    bytes
}

fn exchange_items() -> Vec<Item> {
    let nuls = "\0".repeat(100);
    vec![
        command(&["SET", "key:1", "a\r\nb"]),
        command(&["PING"]),
        command(&["set", "a", "A bc"]),
        command(&["", "0123456789"]),
        command(&["MGET", &nuls]),
        command(&["ping"]),
    ]
}

#[test]
fn any_two_cuts_change_nothing() {
    let input = exchange();
    for first in 0..=input.len() {
        for second in first..=input.len() {
            let pieces = [&input[..first], &input[first..second], &input[second..]];
            let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
            assert_eq!(
                feed(pieces, limits(), 64),
                exchange_items(),
                "{first} {second}"
            );
        }
    }
    check::check(&input);
}

#[test]
fn every_error_however_it_is_chopped() {
    use ProtocolError::*;
    let long = vec![b'1'; LINE_BYTES_MAX];
    let cases: Vec<(Vec<u8>, ProtocolError)> = vec![
        (b"*x\r\n".to_vec(), InvalidMultibulkLength),
        (b"*+1\r\n".to_vec(), InvalidMultibulkLength),
        (b"*01\r\n".to_vec(), InvalidMultibulkLength),
        (b"*\r\n".to_vec(), InvalidMultibulkLength),
        (b"* 1\r\n".to_vec(), InvalidMultibulkLength),
        (b"*3\0\r\n".to_vec(), InvalidMultibulkLength),
        (b"*2147483648\r\n".to_vec(), InvalidMultibulkLength),
        (b"*1\r\n$-1\r\n".to_vec(), InvalidBulkLength),
        (b"*1\r\n$\r\n".to_vec(), InvalidBulkLength),
        (b"*1\r\n$04\r\nPING\r\n".to_vec(), InvalidBulkLength),
        (b"*1\r\n$536870913\r\n".to_vec(), InvalidBulkLength),
        (b"*1\r\nfoo\r\n".to_vec(), ExpectedDollar(b'f')),
        (b"*1\r\nfoo\rX".to_vec(), ExpectedDollar(b'f')),
        (b"*1\r\n\r\n".to_vec(), ExpectedDollar(b'\r')),
        (b"*2\r\n$1\r\na\r\n\n\r\n".to_vec(), ExpectedDollar(b'\n')),
        (b"*x\rX".to_vec(), InvalidCrlf),
        (b"*0\rX".to_vec(), InvalidCrlf),
        (b"*1\r\n$-1\rX".to_vec(), InvalidCrlf),
        (b"*1\r\n$3\r\nabc\n\n".to_vec(), InvalidCrlf),
        (b"*1\r\n$3\r\nabc\rX".to_vec(), InvalidCrlf),
        ([b"*", &long[..]].concat(), TooBigMultibulkCount),
        ([b"*1\r\n$", &long[..]].concat(), TooBigBulkCount),
        ([b"a", &long[..]].concat(), TooBigInline),
        ([b"\0", &long[..]].concat(), TooBigInline),
        (b"set a \"b\r\n".to_vec(), UnbalancedQuotes),
        (b"set a 'b\\'\r\n".to_vec(), UnbalancedQuotes),
        (b"set a \"b\\\r\n".to_vec(), UnbalancedQuotes),
    ];
    for (input, error) in cases {
        let mut pipelined = wire(&[b"PING"]);
        pipelined.extend_from_slice(&input);
        let expected = [command(&["PING"]), Item::Error(error)];
        let shown = input[..input.len().min(30)].escape_ascii().to_string();
        assert_eq!(items(&pipelined), expected, "{shown}");
        assert_eq!(feed(pipelined.chunks(1), limits(), 64), expected, "{shown}");
        assert_eq!(
            feed(pipelined.chunks(1000), limits(), 64),
            expected,
            "{shown}"
        );
    }
}

#[test]
fn error_texts_are_to_the_letter() {
    let text = |error: ProtocolError| String::from_utf8(error.message().into_owned()).unwrap();
    assert_eq!(
        text(ProtocolError::ExpectedDollar(b'f')),
        "Protocol error: expected '$', got 'f'"
    );
    assert_eq!(
        text(ProtocolError::ExpectedDollar(b'\n')),
        "Protocol error: expected '$', got ' '"
    );
    assert_eq!(
        ProtocolError::InvalidCrlf.to_string(),
        "Protocol error: invalid CRLF in request"
    );
}

#[test]
fn an_error_waits_for_its_turn() {
    let mut input = wire(&[b"CONFIG", b"SET", b"proto-max-bulk-len", b"1mb"]);
    let first = input.len();
    input.extend_from_slice(b"*1\r\n$2000\r\n");
    let tight = Limits {
        bulk_bytes_max: 1000,
        ..limits()
    };
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    let progress = parser.parse_batch(&input, &tight, &mut batch, 64);
    assert_eq!((progress.consumed, progress.state), (first, State::More));
    assert_eq!((batch.len(), batch.end(0)), (1, first));
    // The command that ran has raised the limit.
    let progress = parser.parse_batch(&input[first..], &limits(), &mut batch, 64);
    assert_eq!((progress.consumed, progress.state), (0, State::Partial));
    parser.reset();
    let progress = parser.parse_batch(&input[first..], &tight, &mut batch, 64);
    assert_eq!(
        progress.state,
        State::Failed(ProtocolError::InvalidBulkLength)
    );
}

#[test]
fn unauthenticated_clients_get_less() {
    let errors = |input: &[u8]| match feed([input], strange(), 1).pop() {
        Some(Item::Error(error)) => Some(error),
        _ => None,
    };
    assert_eq!(errors(&wire(&[&b"a"[..]; 10])), None);
    let count = errors(b"*11\r\n");
    assert_eq!(count, Some(ProtocolError::UnauthenticatedMultibulkLength));
    assert_eq!(errors(&wire(&[b"AUTH", &[b'x'; 16384]])), None);
    let length = errors(b"*1\r\n$16385\r\n");
    assert_eq!(length, Some(ProtocolError::UnauthenticatedBulkLength));
    // One command a batch, so that a pipelined AUTH is heard first.
    let mut input = wire(&[b"AUTH", b"x"]);
    let first = input.len();
    input.extend_from_slice(b"*11\r\n");
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    let progress = parser.parse_batch(&input, &strange(), &mut batch, 1);
    assert_eq!((progress.consumed, progress.state), (first, State::More));
    let progress = parser.parse_batch(&input[first..], &limits(), &mut batch, 64);
    assert_eq!(progress.state, State::Partial);
}

#[test]
fn inline_quoting() {
    let split = |line: &str| {
        let (mut spans, mut unquoted) = (Vec::new(), Vec::new());
        let bytes = match inline::split(line.as_bytes(), &mut spans, &mut unquoted).ok()? {
            true => &unquoted[..],
            false => line.as_bytes(),
        };
        let args = resp::Args::new(bytes, &spans, None).iter();
        Some(
            args.map(|arg| arg.escape_ascii().to_string())
                .collect::<Vec<_>>(),
        )
    };
    let same = |line: &str, args: &[&str]| {
        let args = args.iter().map(|arg| arg.to_string()).collect::<Vec<_>>();
        assert_eq!(split(line), Some(args), "{line}");
    };
    same("", &[]);
    same(" \t\x0b\x0c ", &[]);
    same(" a  b\tc ", &["a", "b", "c"]);
    same(
        r#""a\x41\n\q" 'b\'c\n' d"e" f"#,
        &["aA\\nq", "b\\'c\\\\n", "de", "f"],
    );
    same(r#"a "" '' "\x4" "\xzz""#, &["a", "", "", "x4", "xzz"]);
    same(r#""a"b 'a'"b"c ""a"""#, &["ab", "abc", "a"]);
    same("a\x0bb \x0b c", &["a\\x0bb", "c"]);
    same("\"a\"\x0bb", &["a\\x0bb"]);
    same("a b\0c \"", &["a", "b"]);
    for line in ["\"", "'", "a \"b", "\"a\"'b", "'a\\'", "\"a\\"] {
        assert_eq!(split(line), None, "{line}");
    }
}

#[test]
fn a_line_with_a_nul_never_ends() {
    assert_eq!(items(b"PING\r\n\0PING\r\nPING\r\n"), [command(&["PING"])]);
    assert_eq!(feed(b"a\0b\r\nPING\r\n".chunks(1), limits(), 1), []);
}

#[test]
fn lines_of_the_limit_pass() {
    let mut line = vec![b'a'; LINE_BYTES_MAX];
    line.push(b'\n');
    assert_eq!(items(&line).len(), 1);
    assert_eq!(error_of(&line), None);
    line.insert(0, b'a');
    assert_eq!(error_of(&line), Some(ProtocolError::TooBigInline));
    assert_eq!(feed(line.chunks(1000), limits(), 1), items(&line));
}

#[test]
fn a_large_last_argument_goes_to_its_own_buffer() {
    let value = vec![b'v'; LARGE_BULK + 5];
    let mut input = wire(&[b"PING"]);
    let start = input.len();
    input.extend_from_slice(&wire(&[b"SET", b"k", &value]));
    let end = input.len();
    input.extend_from_slice(&wire(&[b"PING"]));
    let expected = items(&input);
    assert_eq!(expected.len(), 3);
    let head = end - value.len() - 2;
    for cut in (start..head + 20).chain(end - 5..=end + 5) {
        let pieces = [&input[..cut], &input[cut..]];
        assert_eq!(feed(pieces, limits(), 64), expected, "{cut}");
    }
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    let progress = parser.parse_batch(&input[..end - 1], &limits(), &mut batch, 64);
    let wanted = value.len();
    let head = head - start;
    assert_eq!(progress.consumed, start);
    assert_eq!(progress.state, State::NeedLarge { head, wanted });
    let kept = &input[start..start + head];
    parser.finish_large(Bytes::from(value), &mut batch);
    assert!(parser.is_idle() && parser.heap_bytes() == 0);
    let args = batch.args(0, kept);
    assert_eq!(
        (args.len(), args.at(1), args.at(2).len()),
        (3, &b"k"[..], wanted)
    );
    assert!(matches!(args.take(2), resp::Taken::Large(large) if large.len() == wanted));
    assert_eq!(batch.end(0), head);
}

#[test]
fn a_large_argument_that_is_not_last_or_wholly_there_is_a_span() {
    let value = vec![b'v'; LARGE_BULK];
    let input = wire(&[b"SET", b"k", &value]);
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    let progress = parser.parse_batch(&input, &limits(), &mut batch, 64);
    assert_eq!(progress.state, State::Drained);
    assert!(matches!(
        batch.args(0, &input).take(2),
        resp::Taken::Slice(_)
    ));
    let input = wire(&[b"SET", b"k", &value, b"NX"]);
    let progress = parser.parse_batch(&input[..9000], &limits(), &mut batch, 64);
    assert_eq!(progress.state, State::Partial);
    let progress = parser.parse_batch(&input, &limits(), &mut batch, 64);
    assert_eq!(progress.state, State::Drained);
    assert_eq!(batch.args(0, &input).at(3), b"NX");
}

#[test]
fn promises_cost_no_memory() {
    let mut connection = Connection::new(limits(), 64);
    assert!(connection.receive(b"*2147483647\r\n$3\r\nSET\r\n$536870912\r\n"));
    assert!(connection.parser.heap_bytes() <= 64);
    let mut large = LargeBulk::new(512 * 1024 * 1024);
    assert_eq!(large.heap_bytes(), 0);
    let mut arrived = 0;
    while arrived < 3_000_000 {
        arrived += large.put(&[b'x'; 10_000]).unwrap();
        assert!(large.heap_bytes() <= (2 * arrived).max(2 * LARGE_BULK) + 10_000);
    }
}

#[test]
fn a_large_argument_arrives_in_pieces_and_carries_no_slack() {
    let wanted = 100_000;
    let mut large = LargeBulk::new(wanted);
    let expected: Vec<u8> = (0..wanted).map(|index| index as u8).collect();
    for piece in expected.chunks(777) {
        assert_eq!(large.put(piece), Ok(piece.len()));
    }
    assert!(large.remaining() == 2 && !large.is_complete());
    assert_eq!(large.put(b"\r"), Ok(1));
    assert_eq!(large.put(b"\nPING"), Ok(1));
    assert!(large.is_complete());
    assert_eq!(large.heap_bytes(), wanted);
    assert_eq!(large.complete(), expected);
    let mut large = LargeBulk::new(20_000);
    large.put(&[b'x'; 20_000]).unwrap();
    assert_eq!(large.put(b"\rX"), Err(ProtocolError::InvalidCrlf));
}

#[test]
fn no_byte_of_a_long_command_is_scanned_twice() {
    // Quadratic work on this would take minutes: many arguments, five bytes at a time.
    let input = wire(&vec![&b"a"[..]; 60_000]);
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    let mut position = 0;
    for end in (0..input.len()).step_by(5) {
        let progress = parser.parse_batch(&input[..end], &limits(), &mut batch, 64);
        assert_eq!(progress.consumed, 0);
        assert!(parser.position >= position && parser.scanned + 5 >= end.min(parser.scanned));
        position = parser.position;
    }
    let progress = parser.parse_batch(&input, &limits(), &mut batch, 64);
    assert_eq!(
        (progress.consumed, batch.args(0, &input).len()),
        (input.len(), 60_000)
    );
    batch.clear();
    assert!(batch.spans.capacity() <= SPANS_KEPT_MAX);
}

#[test]
fn garbage_is_never_a_panic() {
    let alphabet = b"*$0123456789-\r\n\0 \"'\\xaP";
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let length = random.usize(1..60);
        let mut input: Vec<u8> = match random.bool() {
            true => exchange(),
            false => Vec::new(),
        };
        for _ in 0..length {
            let byte = alphabet[random.usize(..alphabet.len())];
            match input.len() {
                0..60 => input.push(byte),
                all => input[random.usize(..all)] = byte,
            }
            if random.u8(..) > 250 {
                break;
            }
        }
        let whole = items(&input);
        assert_eq!(feed(input.chunks(1), limits(), 64), whole);
        assert_eq!(feed(input.chunks(random.usize(2..9)), limits(), 2), whole);
    }
}
