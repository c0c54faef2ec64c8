//! The filters of CLIENT LIST and CLIENT KILL.

use crate::engine::Engine;
use crate::engine::clients::{Client, Endpoint, SessionGates};
use crate::engine::error::CommandError;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

use super::line;

/// Every letter of a client's state.
const FLAGS: &[u8] = b"OSMPxbtRBdcuAUreTIiEN";

/// Which clients are meant. A filter that says nothing lets all through.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// SKIPME, if it was said.
    pub skip_me: Option<bool>,
    wanted: Criteria,
    unwanted: Criteria,
    age_s_min: Option<i64>,
    idle_s_min: Option<i64>,
}

/// What can be said of a client, and of those it must not be with NOT in front.
#[derive(Debug, Default)]
struct Criteria {
    ids: Vec<u64>,
    kind: Option<ClientType>,
    addr: Option<Vec<u8>>,
    laddr: Option<Vec<u8>>,
    ip: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    flags: Option<Vec<u8>>,
    name: Option<Vec<u8>>,
    lib_name: Option<Vec<u8>>,
    lib_ver: Option<Vec<u8>>,
    db: Option<u32>,
    /// CLIENT CAPA REDIRECT, if it was asked for.
    redirect: bool,
}

/// The types of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientType {
    Normal,
    Primary,
    Replica,
    Pubsub,
}

impl Filter {
    /// The clients of an address: the old form of CLIENT KILL.
    pub fn of_address(address: &[u8]) -> Filter {
        let mut filter = Filter {
            skip_me: Some(false),
            ..Filter::default()
        };
        filter.wanted.addr = Some(address.to_vec());
        filter
    }

    /// Reads the options.
    ///
    /// # Errors
    /// Redis's, for the first that makes no sense.
    pub fn parse(engine: &Engine, args: Args<'_>) -> Result<Filter, CommandError> {
        let mut filter = Filter::default();
        let mut at = 0;
        while at < args.len() {
            let option = args.at(at).to_ascii_uppercase();
            let Some(value) = args.get(at + 1) else {
                return Err(CommandError::SYNTAX);
            };
            at += 2;
            let (is_not, name) = match option.strip_prefix(b"NOT-") {
                Some(name) => (true, name),
                None => (false, option.as_slice()),
            };
            if name == b"ID" {
                let ids = filter.side(is_not);
                ids.ids.push(client_id(value)?.ok_or(CommandError::SYNTAX)?);
                while let Some(id) = args.get(at).map(client_id).transpose()?.flatten() {
                    ids.ids.push(id);
                    at += 1;
                }
            } else if !filter.take_own(&option, value)?
                && !filter.side(is_not).take(engine, name, is_not, value)?
            {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(filter)
    }

    /// Whether it lets a client through.
    pub fn matches(&self, engine: &Engine, client: &Client) -> bool {
        let age_s = (engine.now.unix_ms - client.created_ms) / 1_000;
        let old_enough = self.age_s_min.is_none_or(|min| age_s >= min);
        let idle_s = line::idle_s(engine, client) as i64;
        let idle_enough = self.idle_s_min.is_none_or(|min| idle_s >= min);
        let mut wanted = true;
        self.wanted.each(client, &mut |is| wanted &= is);
        let mut unwanted = false;
        self.unwanted.each(client, &mut |is| unwanted |= is);
        old_enough && idle_enough && wanted && !unwanted
    }

    fn side(&mut self, is_not: bool) -> &mut Criteria {
        if is_not {
            &mut self.unwanted
        } else {
            &mut self.wanted
        }
    }

    /// Takes an option that has no NOT; whether it was one.
    fn take_own(&mut self, option: &[u8], value: &[u8]) -> Result<bool, CommandError> {
        match option {
            b"MAXAGE" => self.age_s_min = Some(seconds("maxage", value)?),
            b"IDLE" => self.idle_s_min = Some(seconds("idle", value)?),
            b"SKIPME" => {
                self.skip_me = Some(match value.to_ascii_lowercase().as_slice() {
                    b"yes" => true,
                    b"no" => false,
                    _ => return Err(CommandError::SYNTAX),
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Criteria {
    /// Takes an option; whether there is one of that name.
    fn take(
        &mut self,
        engine: &Engine,
        name: &[u8],
        is_not: bool,
        value: &[u8],
    ) -> Result<bool, CommandError> {
        match name {
            b"TYPE" => self.kind = Some(client_type(value)?),
            b"ADDR" => self.addr = Some(value.to_vec()),
            b"LADDR" => self.laddr = Some(value.to_vec()),
            b"IP" => self.ip = Some(value.to_vec()),
            b"NAME" => self.name = Some(value.to_vec()),
            b"LIB-NAME" => self.lib_name = Some(value.to_vec()),
            b"LIB-VER" => self.lib_ver = Some(value.to_vec()),
            b"USER" => self.user = Some(user(engine, value)?),
            b"FLAGS" => self.flags = Some(flags(is_not, value)?),
            b"DB" => self.db = Some(database(engine, is_not, value)?),
            b"CAPA" => {
                if !value.eq_ignore_ascii_case(b"r") {
                    return Err(unknown("capa", "CAPA", is_not, value));
                }
                self.redirect = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Tells of each thing said whether it holds for a client.
    fn each(&self, client: &Client, tell: &mut dyn FnMut(bool)) {
        let about = &client.about;
        let mut text = |wanted: &Option<Vec<u8>>, has: &dyn Fn(&[u8]) -> bool| {
            if let Some(wanted) = wanted {
                tell(has(wanted));
            }
        };
        text(&self.addr, &|addr| about.endpoint.peer().as_bytes() == addr);
        text(&self.laddr, &|addr| {
            about.endpoint.local().as_bytes() == addr
        });
        text(&self.ip, &|ip| ip_of(&about.endpoint).as_bytes() == ip);
        text(&self.user, &|user| *about.user == *user);
        text(&self.name, &|name| *about.name == *name);
        text(&self.lib_name, &|name| *about.lib_name == *name);
        text(&self.lib_ver, &|version| *about.lib_ver == *version);
        text(&self.flags, &|letters| {
            let has = line::flags(client);
            letters.iter().all(|letter| has.as_bytes().contains(letter))
        });
        if !self.ids.is_empty() {
            tell(self.ids.contains(&client.id));
        }
        if let Some(kind) = self.kind {
            tell(type_of(client) == kind);
        }
        if let Some(db) = self.db {
            tell(client.db == db);
        }
        if self.redirect {
            tell(about.redirect);
        }
    }
}

fn type_of(client: &Client) -> ClientType {
    if client.gates.has(SessionGates::SUBSCRIBER) {
        ClientType::Pubsub
    } else {
        ClientType::Normal
    }
}

fn ip_of(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp { peer, .. } | Endpoint::Metrics { peer } => peer.ip().to_string(),
        Endpoint::Unix { path } => path.to_string(),
        Endpoint::Internal => String::new(),
    }
}

/// A client's id; `None` if it is no number.
fn client_id(word: &[u8]) -> Result<Option<u64>, CommandError> {
    match parse_i64(word) {
        None => Ok(None),
        Some(id @ 1..) => Ok(Some(id as u64)),
        Some(_) => Err(CommandError::fixed(
            "ERR client-id should be greater than 0",
        )),
    }
}

fn client_type(word: &[u8]) -> Result<ClientType, CommandError> {
    Ok(match word.to_ascii_lowercase().as_slice() {
        b"normal" => ClientType::Normal,
        b"master" | b"primary" => ClientType::Primary,
        b"slave" | b"replica" => ClientType::Replica,
        b"pubsub" => ClientType::Pubsub,
        _ => {
            let word = String::from_utf8_lossy(word);
            return Err(CommandError::new(format!(
                "ERR Unknown client type '{word}'"
            )));
        }
    })
}

fn seconds(name: &str, word: &[u8]) -> Result<i64, CommandError> {
    match parse_i64(word) {
        Some(seconds @ 1..) => Ok(seconds),
        Some(_) => Err(CommandError::new(format!(
            "ERR {name} should be greater than 0"
        ))),
        None => Err(CommandError::new(format!(
            "ERR {name} is not an integer or out of range"
        ))),
    }
}

fn user(engine: &Engine, word: &[u8]) -> Result<Vec<u8>, CommandError> {
    if engine.users.find(word).is_some() {
        return Ok(word.to_vec());
    }
    let word = String::from_utf8_lossy(word);
    Err(CommandError::new(format!("ERR No such user '{word}'")))
}

fn flags(is_not: bool, word: &[u8]) -> Result<Vec<u8>, CommandError> {
    if word.iter().all(|letter| FLAGS.contains(letter)) {
        return Ok(word.to_vec());
    }
    Err(unknown("flags", "FLAGS", is_not, word))
}

fn database(engine: &Engine, is_not: bool, word: &[u8]) -> Result<u32, CommandError> {
    let databases = engine.config.databases;
    let not = if is_not { "NOT-" } else { "" };
    let number = parse_i64(word).ok_or_else(|| {
        CommandError::new(format!("ERR {not}DB is not an integer or out of range"))
    })?;
    let found = u32::try_from(number).ok().filter(|db| *db < databases);
    found.ok_or_else(|| {
        CommandError::new(format!(
            "ERR {not}DB number should be between 0 and {}",
            databases - 1
        ))
    })
}

fn unknown(what: &str, option: &str, is_not: bool, value: &[u8]) -> CommandError {
    let value = String::from_utf8_lossy(value);
    let filter = match is_not {
        true => format!("NOT-{option}"),
        false => "provided".to_owned(),
    };
    CommandError::new(format!(
        "ERR Unknown {what} found in the {filter} filter: {value}"
    ))
}
