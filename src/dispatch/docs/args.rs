//! The grammar of arguments: from a line to a tree.

/// An argument of a command, or a group of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Argument {
    /// What programs call it.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgKind,
    /// What readers see instead of the name.
    pub display: Option<&'static str>,
    /// Which key spec of the command finds it.
    pub key_spec: Option<u8>,
    /// The word that announces it, or that it is.
    pub token: Option<&'static str>,
    /// The version that brought it.
    pub since: Option<&'static str>,
    /// The version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// Its token is repeated with it.
    pub multiple_token: bool,
    /// Valkey 9.1.2 does not take it.
    pub beyond_valkey: bool,
}

/// What an argument is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ArgKind {
    /// Any bytes.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// The name of a key.
    Key,
    /// A glob.
    Pattern,
    /// A Unix time.
    UnixTime,
    /// Its token alone.
    PureToken,
    /// One of several.
    OneOf(Vec<Argument>),
    /// Several in a row.
    Block(Vec<Argument>),
}

impl ArgKind {
    /// As COMMAND DOCS calls it.
    pub fn name(&self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key => "key",
            ArgKind::Pattern => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf(_) => "oneof",
            ArgKind::Block(_) => "block",
        }
    }
}

/// Where a line stops making sense, as an offset into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParseError(pub usize);

/// The arguments that `line` describes.
pub fn parse(line: &'static str) -> Result<Vec<Argument>, ParseError> {
    let mut parser = Parser { line, at: 0 };
    let arguments = if line.is_empty() {
        Vec::new()
    } else {
        parser.sequence(b' ')?
    };
    if parser.at == line.len() {
        Ok(arguments)
    } else {
        Err(ParseError(parser.at))
    }
}

struct Parser {
    line: &'static str,
    at: usize,
}

impl Parser {
    fn sequence(&mut self, separator: u8) -> Result<Vec<Argument>, ParseError> {
        let mut arguments = vec![self.argument()?];
        while self.took(separator) {
            arguments.push(self.argument()?);
        }
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Argument, ParseError> {
        let optional = self.took(b'[');
        let beyond_valkey = self.took(b'+');
        let name = self.word(|byte| byte.is_ascii_lowercase() || is_filler(byte))?;
        let display = if self.took(b'<') {
            Some(self.until(b'>')?)
        } else {
            None
        };
        let kind = self.kind()?;
        let key_spec = if self.took(b'@') {
            Some(self.digit()?)
        } else {
            None
        };
        let token = if self.took(b'=') {
            Some(self.token()?)
        } else {
            None
        };
        let multiple = self.took(b'*');
        let multiple_token = multiple && self.took(b'*');
        let since = if self.took(b'^') {
            Some(self.version()?)
        } else {
            None
        };
        let deprecated_since = if self.took(b'~') {
            Some(self.version()?)
        } else {
            None
        };
        if optional {
            self.expect(b']')?;
        }
        let kind = kind.unwrap_or(match (token, key_spec) {
            (Some(_), _) => ArgKind::PureToken,
            (None, Some(_)) => ArgKind::Key,
            (None, None) => ArgKind::String,
        });
        Ok(Argument {
            name,
            kind,
            display,
            key_spec,
            token,
            since,
            deprecated_since,
            optional,
            multiple,
            multiple_token,
            beyond_valkey,
        })
    }

    fn kind(&mut self) -> Result<Option<ArgKind>, ParseError> {
        if self.took(b'(') {
            let choices = self.sequence(b'|')?;
            return self.expect(b')').map(|()| Some(ArgKind::OneOf(choices)));
        }
        if self.took(b'{') {
            let parts = self.sequence(b' ')?;
            return self.expect(b'}').map(|()| Some(ArgKind::Block(parts)));
        }
        if !self.took(b':') {
            return Ok(None);
        }
        let at = self.at;
        Ok(Some(match self.word(|byte| byte.is_ascii_lowercase())? {
            "str" => ArgKind::String,
            "int" => ArgKind::Integer,
            "double" => ArgKind::Double,
            "key" => ArgKind::Key,
            "pattern" => ArgKind::Pattern,
            "time" => ArgKind::UnixTime,
            "token" => ArgKind::PureToken,
            _ => return Err(ParseError(at)),
        }))
    }

    fn token(&mut self) -> Result<&'static str, ParseError> {
        if self.took(b'\'') {
            return self.until(b'\'');
        }
        self.word(|byte| byte.is_ascii_uppercase() || is_filler(byte))
    }

    fn version(&mut self) -> Result<&'static str, ParseError> {
        self.word(|byte| byte.is_ascii_digit() || byte == b'.')
    }

    fn digit(&mut self) -> Result<u8, ParseError> {
        let digits = self.word(|byte| byte.is_ascii_digit())?;
        digits.parse().map_err(|_| ParseError(self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn took(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.took(byte) {
            Ok(())
        } else {
            Err(ParseError(self.at))
        }
    }

    /// The longest run of such bytes, which must not be empty.
    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> Result<&'static str, ParseError> {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let len = rest.bytes().take_while(|&byte| belongs(byte)).count();
        self.at += len;
        rest.get(..len)
            .filter(|word| !word.is_empty())
            .ok_or(ParseError(self.at))
    }

    /// What comes before the next such byte, which is passed by.
    fn until(&mut self, byte: u8) -> Result<&'static str, ParseError> {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let (before, _) = rest
            .split_once(char::from(byte))
            .ok_or(ParseError(self.at))?;
        self.at += before.len() + 1;
        Ok(before)
    }
}

fn is_filler(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}
