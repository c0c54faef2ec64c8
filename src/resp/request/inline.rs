//! Splits the line of an inline command into arguments, by Valkey's quoting rules. A line of
//! redis.conf follows Redis's older ones, in which a quote ends the word: see `config::syntax`.
//!
//! Blanks separate arguments. Double quotes take `\xHH`, `\n \r \t \b \a` and any other escaped
//! byte as itself; single quotes know only `\'`. As in a shell, and in Valkey from 9.1 on, quoted
//! and unquoted pieces that touch are one argument. A NUL ends the line.
//!
//! One oddity of Valkey 9.1 is not followed: there an escaped quote closes when it ends the line.

use super::{ProtocolError, Span};

/// Appends the arguments of `line` to `spans`. They lie in `line` itself, or, when the answer is
/// true, in `unquoted`, to which their bytes are appended.
pub(super) fn split(
    line: &[u8],
    spans: &mut Vec<Span>,
    unquoted: &mut Vec<u8>,
) -> Result<bool, ProtocolError> {
    let mut text = Text {
        line: line.split(|byte| *byte == 0).next().unwrap_or_default(),
        next: 0,
    };
    let quoted = text.line.iter().any(|byte| matches!(byte, b'"' | b'\''));
    loop {
        while text.peek().is_some_and(is_blank) {
            text.next += 1;
        }
        if text.peek().is_none() {
            return Ok(quoted);
        }
        let start = if quoted { unquoted.len() } else { text.next };
        let end = if quoted {
            unquote(&mut text, unquoted)?;
            unquoted.len()
        } else {
            while text.peek().is_some_and(|byte| !ends_argument(byte)) {
                text.next += 1;
            }
            text.next
        };
        let span = |offset| u32::try_from(offset).map_err(|_| ProtocolError::TooBigRequest);
        spans.push(Span {
            start: span(start)?,
            end: span(end)?,
        });
    }
}

struct Text<'a> {
    line: &'a [u8],
    next: usize,
}

impl Text<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.next).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.next += 1;
        Some(byte)
    }
}

fn unquote(text: &mut Text<'_>, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
    while let Some(byte) = text.peek() {
        if ends_argument(byte) {
            break;
        }
        text.next += 1;
        match byte {
            b'"' => double_quoted(text, out)?,
            b'\'' => single_quoted(text, out)?,
            byte => out.push(byte),
        }
    }
    Ok(())
}

fn double_quoted(text: &mut Text<'_>, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
    loop {
        match text.take().ok_or(ProtocolError::UnbalancedQuotes)? {
            b'"' => return Ok(()),
            b'\\' => out.push(escaped(text)),
            byte => out.push(byte),
        }
    }
}

fn escaped(text: &mut Text<'_>) -> u8 {
    match text.take() {
        Some(b'x') => {
            let digit = |offset| {
                let byte = text.line.get(text.next + offset).copied()?;
                char::from(byte).to_digit(16)
            };
            match (digit(0), digit(1)) {
                (Some(high), Some(low)) => {
                    text.next += 2;
                    (high * 16 + low) as u8
                }
                _ => b'x',
            }
        }
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'b') => 8,
        Some(b'a') => 7,
        Some(byte) => byte,
        // The line ends here: the quote is found open at the next step.
        None => b'\\',
    }
}

fn single_quoted(text: &mut Text<'_>, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
    loop {
        match text.take().ok_or(ProtocolError::UnbalancedQuotes)? {
            b'\'' => return Ok(()),
            b'\\' if text.peek() == Some(b'\'') => {
                text.next += 1;
                out.push(b'\'');
            }
            byte => out.push(byte),
        }
    }
}

/// C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Vertical tab and form feed separate arguments, but do not end one.
fn ends_argument(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
