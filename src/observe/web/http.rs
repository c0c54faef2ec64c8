//! HTTP/1.1 for the metrics port: what of a byte stream is a request, and why it is refused.
//!
//! It owns no socket and no buffer: it looks at the bytes that have arrived and says what they
//! are. Requests have no body here (GET and HEAD), which is what makes pipelining safe: one that
//! announces a body is refused and ends the connection, so no byte is read as two things.

/// Bytes of a request line and its headers: browsers and scrapers send less than one.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;

/// A whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The path, without the query.
    pub path: &'a [u8],
    /// Only the head of the answer is wanted.
    pub is_head: bool,
    /// The connection stays open after the answer.
    pub keep_alive: bool,
    /// Bytes that the request took of the input.
    pub len: usize,
}

/// Why a request is refused. Each ends the connection: what follows cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not HTTP/1.0 or 1.1, or with a body.
    BadRequest,
    /// Neither GET nor HEAD.
    MethodNotAllowed,
    /// The head is longer than [`HEAD_BYTES_MAX`].
    HeadTooLarge,
}

impl Refused {
    /// The status line's code and words.
    pub fn status(self) -> &'static str {
        match self {
            Refused::BadRequest => "400 Bad Request",
            Refused::MethodNotAllowed => "405 Method Not Allowed",
            Refused::HeadTooLarge => "431 Request Header Fields Too Large",
        }
    }
}

/// The request at the start of `input`, or `None` if more bytes are needed.
pub fn parse(input: &[u8]) -> Result<Option<Request<'_>>, Refused> {
    let window = input.get(..HEAD_BYTES_MAX).unwrap_or(input);
    let Some(end) = window.windows(4).position(|four| four == b"\r\n\r\n") else {
        return match input.len() >= HEAD_BYTES_MAX {
            true => Err(Refused::HeadTooLarge),
            false => Ok(None),
        };
    };
    let head = window.get(..end).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, target, is_1_1) = request_line(cut(lines.next().unwrap_or_default()))?;
    let mut keep_alive = is_1_1;
    for line in lines {
        let (name, value) = header(cut(line))?;
        if name.eq_ignore_ascii_case(b"connection") {
            keep_alive = stays_open(value, keep_alive);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding")
            || name.eq_ignore_ascii_case(b"content-length") && value != b"0"
        {
            return Err(Refused::BadRequest);
        }
    }
    let is_head = match method {
        b"GET" => false,
        b"HEAD" => true,
        _ => return Err(Refused::MethodNotAllowed),
    };
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    Ok(Some(Request {
        path,
        is_head,
        keep_alive,
        len: end + 4,
    }))
}

fn cut(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn request_line(line: &[u8]) -> Result<(&[u8], &[u8], bool), Refused> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refused::BadRequest);
    };
    let is_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return Err(Refused::BadRequest),
    };
    let is_clean = target.starts_with(b"/") && target.iter().all(u8::is_ascii_graphic);
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    match is_clean && is_method {
        true => Ok((method, target, is_1_1)),
        false => Err(Refused::BadRequest),
    }
}

/// Name and value. A folded line or a space before the colon hides a header from one reader and
/// shows it to another, so neither is taken.
fn header(line: &[u8]) -> Result<(&[u8], &[u8]), Refused> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = colon
        .and_then(|at| line.split_at_checked(at))
        .ok_or(Refused::BadRequest)?;
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let is_value = !value.iter().any(|byte| *byte < b' ' && *byte != b'\t');
    match is_name && is_value {
        true => Ok((name, value.strip_prefix(b":").unwrap_or(value).trim_ascii())),
        false => Err(Refused::BadRequest),
    }
}

fn stays_open(value: &[u8], otherwise: bool) -> bool {
    let has = |word: &[u8]| {
        let mut words = value.split(|byte| *byte == b',');
        words.any(|found| found.trim_ascii().eq_ignore_ascii_case(word))
    };
    !has(b"close") && (otherwise || has(b"keep-alive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Refused {
        parse(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn a_request_is_whole_at_its_empty_line_and_not_before() {
        let text = b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n";
        let len = text.len() - 16;
        for cut in 0..len {
            assert_eq!(parse(&text[..cut]), Ok(None), "{cut}");
        }
        let request = parse(text).expect("fine").expect("whole");
        assert_eq!(request.path, b"/metrics");
        assert_eq!((request.is_head, request.keep_alive), (false, true));
        assert_eq!(request.len, len);
    }

    #[test]
    fn the_connection_stays_open_as_version_and_header_say() {
        for (text, open) in [
            ("HEAD / HTTP/1.0\r\n\r\n", false),
            ("HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
            ("HEAD / HTTP/1.1\r\nconnection: x, CLOSE\r\n\r\n", false),
        ] {
            let request = parse(text.as_bytes()).expect("fine").expect("whole");
            assert!(request.is_head);
            assert_eq!(request.keep_alive, open, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_plain_request_is_refused() {
        for text in [
            "\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "*1\r\n$4\r\nPING\r\n\r\n",
        ] {
            assert_eq!(refused(text), Refused::BadRequest, "{text:?}");
        }
        assert_eq!(
            refused("POST / HTTP/1.1\r\n\r\n"),
            Refused::MethodNotAllowed
        );
        let long = "a".repeat(HEAD_BYTES_MAX);
        assert_eq!(refused(&long), Refused::HeadTooLarge);
    }
}
