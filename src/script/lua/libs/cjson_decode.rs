//! `cjson.decode`: JSON, read.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::super::errors;
use super::super::strings::text;
use super::super::{Desk, VALUE_WORK};
use super::cjson::{DEPTH_MAX, Settings};

/// A piece of the text.
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Comma,
    Colon,
    End,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    /// What is wrong.
    Error(&'static str),
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::Comma => "T_COMMA",
            Token::Colon => "T_COLON",
            Token::End => "T_END",
            Token::String(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Error(what) => what,
        }
    }
}

/// Reads the one argument.
pub fn decode(
    lua: &Lua,
    desk: &Rc<Desk>,
    settings: &Settings,
    args: &MultiValue,
) -> mlua::Result<Value> {
    if args.len() != 1 {
        return Err(errors::argument(lua, 1, "decode", "expected 1 argument"));
    }
    let json = text(lua, args, 0, "decode")?;
    let json = json.as_bytes();
    if json.len() >= 2 && (json[0] == 0 || json[1] == 0) {
        let line = "JSON parser does not support UTF-16 or UTF-32";
        return Err(errors::text(lua, line));
    }
    let mut decoder = Decoder {
        lua,
        desk,
        settings,
        json: &json,
        at: 0,
        token_at: 0,
        depth: 0,
    };
    let token = decoder.next();
    let value = decoder.value(token)?;
    match decoder.next() {
        Token::End => Ok(value),
        token => Err(decoder.unexpected("the end", &token)),
    }
}

struct Decoder<'a> {
    lua: &'a Lua,
    desk: &'a Rc<Desk>,
    settings: &'a Settings,
    json: &'a [u8],
    at: usize,
    /// Where the last token, or what is wrong with it, begins.
    token_at: usize,
    depth: usize,
}

impl Decoder<'_> {
    #[cold]
    fn unexpected(&self, wanted: &str, token: &Token) -> mlua::Error {
        let (found, at) = (token.name(), self.token_at + 1);
        let line = format!("Expected {wanted} but found {found} at character {at}");
        errors::text(self.lua, line)
    }

    fn value(&mut self, token: Token) -> mlua::Result<Value> {
        self.desk.spend(self.lua, VALUE_WORK)?;
        Ok(match token {
            Token::String(text) => Value::String(self.lua.create_string(text)?),
            Token::Number(number) => Value::Number(number),
            Token::Boolean(value) => Value::Boolean(value),
            Token::Null => Value::NULL,
            Token::ObjectBegin => Value::Table(self.object()?),
            Token::ArrayBegin => Value::Table(self.array()?),
            token => return Err(self.unexpected("value", &token)),
        })
    }

    fn descend(&mut self) -> mlua::Result<()> {
        self.depth += 1;
        let allowed = (self.settings.decode_depth as usize).min(DEPTH_MAX);
        if self.depth <= allowed {
            return Ok(());
        }
        let (depth, at) = (self.depth, self.at);
        let line = format!("Found too many nested data structures ({depth}) at character {at}");
        Err(errors::text(self.lua, line))
    }

    fn object(&mut self) -> mlua::Result<Table> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if !matches!(token, Token::ObjectEnd) {
            loop {
                let Token::String(key) = token else {
                    return Err(self.unexpected("object key string", &token));
                };
                match self.next() {
                    Token::Colon => {}
                    token => return Err(self.unexpected("colon", &token)),
                }
                let next = self.next();
                let value = self.value(next)?;
                table.raw_set(self.lua.create_string(key)?, value)?;
                match self.next() {
                    Token::ObjectEnd => break,
                    Token::Comma => token = self.next(),
                    token => return Err(self.unexpected("comma or object end", &token)),
                }
            }
        }
        self.depth -= 1;
        Ok(table)
    }

    fn array(&mut self) -> mlua::Result<Table> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if !matches!(token, Token::ArrayEnd) {
            for at in 1.. {
                let value = self.value(token)?;
                table.raw_set(at, value)?;
                match self.next() {
                    Token::ArrayEnd => break,
                    Token::Comma => token = self.next(),
                    token => return Err(self.unexpected("comma or array end", &token)),
                }
            }
        }
        self.depth -= 1;
        Ok(table)
    }

    /// The byte at a distance; what is behind the end reads as zero.
    fn byte(&self, ahead: usize) -> u8 {
        self.json.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        let single = match self.byte(0) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            // A zero byte ends a text.
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                if !self.settings.decode_invalid && self.is_invalid_number() {
                    return Token::Error("invalid number");
                }
                return self.number();
            }
            _ => return self.word(),
        };
        self.at += 1;
        single
    }

    fn word(&mut self) -> Token {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let words: [(&[u8], Token); 3] = [
            (b"true", Token::Boolean(true)),
            (b"false", Token::Boolean(false)),
            (b"null", Token::Null),
        ];
        for (word, token) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return token;
            }
        }
        let may_be_number = matches!(self.byte(0), b'i' | b'I' | b'n' | b'N' | b'+');
        if may_be_number && self.settings.decode_invalid && self.is_invalid_number() {
            return self.number();
        }
        Token::Error("invalid token")
    }

    /// Whether what follows is a number for C but not for JSON.
    fn is_invalid_number(&self) -> bool {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let unsigned = match rest {
            [b'+', ..] => return true,
            [b'-', rest @ ..] => rest,
            rest => rest,
        };
        match unsigned {
            [b'0', next, ..] => next.eq_ignore_ascii_case(&b'x') || next.is_ascii_digit(),
            [digit, ..] if *digit <= b'9' => false,
            [a, b, c, ..] => {
                let word = [*a, *b, *c].map(|letter| letter.to_ascii_lowercase());
                word == *b"inf" || word == *b"nan"
            }
            _ => false,
        }
    }

    /// A number as C's `strtod` takes it.
    fn number(&mut self) -> Token {
        let rest = self.json.get(self.at..).unwrap_or_default();
        match leading_number(rest) {
            Some((number, len)) => {
                self.at += len;
                Token::Number(number)
            }
            None => Token::Error("invalid number"),
        }
    }

    fn string(&mut self) -> Token {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.byte(0) {
                b'"' => break,
                0 => return self.fail("unexpected end of string"),
                b'\\' => {
                    let plain = match self.byte(1) {
                        byte @ (b'"' | b'\\' | b'/') => byte,
                        b'b' => 0x08,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 0x0c,
                        b'r' => b'\r',
                        b'u' => match self.unicode() {
                            Some(letter) => {
                                push_code_point(&mut out, letter);
                                continue;
                            }
                            None => return self.fail("invalid unicode escape code"),
                        },
                        _ => return self.fail("invalid escape code"),
                    };
                    out.push(plain);
                    self.at += 2;
                }
                byte => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Token::String(out)
    }

    fn fail(&mut self, what: &'static str) -> Token {
        self.token_at = self.at;
        Token::Error(what)
    }

    /// `\u` and four digits, or two of them that are a pair.
    fn unicode(&mut self) -> Option<u32> {
        let first = self.hex4(2)?;
        if first & 0xf800 != 0xd800 {
            self.at += 6;
            return Some(first);
        }
        let is_pair = first & 0x400 == 0 && self.byte(6) == b'\\' && self.byte(7) == b'u';
        if !is_pair {
            return None;
        }
        let second = self.hex4(8)?;
        if second & 0xfc00 != 0xdc00 {
            return None;
        }
        self.at += 12;
        Some(((first & 0x3ff) << 10 | (second & 0x3ff)) + 0x1_0000)
    }

    fn hex4(&self, ahead: usize) -> Option<u32> {
        let from = self.at + ahead;
        let digits = self.json.get(from..from + 4)?;
        digits.iter().try_fold(0, |number, digit| {
            Some(number << 4 | char::from(*digit).to_digit(16)?)
        })
    }
}

/// Appends a code point; half of a pair cannot come here.
fn push_code_point(out: &mut Vec<u8>, point: u32) {
    let letter = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut bytes = [0; 4];
    out.extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
}

/// The number that a text begins with, by the rules of C's `strtod`, and its length.
fn leading_number(text: &[u8]) -> Option<(f64, usize)> {
    let sign_len = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let is_negative = text.first() == Some(&b'-');
    let rest = &text[sign_len..];
    let (number, len) = leading_word(rest)
        .or_else(|| leading_hex(rest))
        .or_else(|| leading_decimal(rest))?;
    let number = if is_negative { -number } else { number };
    Some((number, sign_len + len))
}

fn leading_word(text: &[u8]) -> Option<(f64, usize)> {
    let words: [(&[u8], f64); 3] = [
        (b"infinity", f64::INFINITY),
        (b"inf", f64::INFINITY),
        (b"nan", f64::NAN),
    ];
    let found = words.iter().find(|(word, _)| {
        let start = text.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    });
    found.map(|(word, number)| (*number, word.len()))
}

fn leading_hex(text: &[u8]) -> Option<(f64, usize)> {
    let [b'0', b'x' | b'X', digits @ ..] = text else {
        return None;
    };
    let mut number = 0.0;
    let mut len = 0;
    for digit in digits {
        let Some(digit) = char::from(*digit).to_digit(16) else {
            break;
        };
        number = number * 16.0 + f64::from(digit);
        len += 1;
    }
    (len > 0).then_some((number, len + 2))
}

fn leading_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = digits(0);
    let mut len = whole;
    let mut decimals = 0;
    if text.get(len) == Some(&b'.') {
        decimals = digits(len + 1);
        len += 1 + decimals;
    }
    if whole + decimals == 0 {
        return None;
    }
    if matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    let number = std::str::from_utf8(&text[..len]).ok()?.parse().ok()?;
    Some((number, len))
}
