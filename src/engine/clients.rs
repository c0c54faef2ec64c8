//! The connected clients: one [`Client`] a connection, without its socket.
//!
//! A client is addressed by a [`ClientKey`], slab index and generation, so that a late event can
//! never reach another client that got the same place. Clients are boxed: the slab stays small
//! and growing it moves pointers only. State that few clients have is boxed and `None` for others.

use std::net::SocketAddr;

use slab::Slab;

use crate::dispatch::table::CommandId;
use crate::resp::args::OwnedArgs;
use crate::resp::reply::{Outbox, Protocol};
use crate::resp::request::{LargeBulk, RequestParser};

use super::blocked::BlockedOn;
use super::buffers::Inbox;
use super::pubsub::Subscriptions;
use super::tracking::Tracked;
use super::walk::Walk;
use super::watch::WatchedKey;

/// Address of a client: unique over the life of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey {
    /// Place in the slab.
    pub index: u32,
    /// Tells apart those who had the same place.
    pub generation: u32,
}

/// Where a client comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP.
    Tcp {
        /// The client's address.
        peer: SocketAddr,
        /// The server's address.
        local: SocketAddr,
    },
    /// Over a unix socket.
    Unix {
        /// Path of the listening socket.
        path: Box<str>,
    },
    /// A scraper or browser on the metrics port.
    Metrics {
        /// The client's address.
        peer: SocketAddr,
    },
    /// No connection: commands from the append-only file or a test.
    Internal,
}

impl Endpoint {
    /// The peer as CLIENT LIST prints it.
    pub fn peer(&self) -> String {
        match self {
            Endpoint::Tcp { peer, .. } | Endpoint::Metrics { peer } => peer.to_string(),
            Endpoint::Unix { path } => format!("{path}:0"),
            Endpoint::Internal => String::new(),
        }
    }

    /// The server's side as CLIENT LIST prints it.
    pub fn local(&self) -> String {
        match self {
            Endpoint::Tcp { local, .. } => local.to_string(),
            Endpoint::Unix { path } => format!("{path}:0"),
            Endpoint::Metrics { .. } | Endpoint::Internal => String::new(),
        }
    }

    /// Whether it is a unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self, Endpoint::Unix { .. })
    }
}

/// Whether and how a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// It does not.
    #[default]
    No,
    /// When its output is written.
    AfterFlush,
    /// At once, whatever is unwritten.
    Now,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Every command is answered.
    #[default]
    On,
    /// None is.
    Off,
    /// The next one is not.
    SkipNext,
    /// The running one is not.
    Skip,
}

/// A transaction being put together.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The queued commands: index in the registry and arguments.
    pub commands: Vec<(CommandId, OwnedArgs)>,
    /// A command was refused while queueing: EXEC answers EXECABORT.
    pub aborted: bool,
    /// Some queued command writes.
    pub has_writes: bool,
    /// Some queued command is refused when memory is full.
    pub has_deny_oom: bool,
    /// Some queued command is refused while data is loaded.
    pub needs_data: bool,
    /// Bytes the queue holds, for the query-buffer limit.
    pub queued_bytes: usize,
}

/// The keys a client watches.
#[derive(Debug, Default)]
pub struct WatchState {
    /// The keys.
    pub keys: Vec<WatchedKey>,
    /// One of them changed: EXEC answers null.
    pub dirty: bool,
}

/// What makes a command take the long way through the gates. Zero for an ordinary client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionGates(u8);

impl SessionGates {
    /// Must authenticate first.
    pub const UNAUTHENTICATED: SessionGates = SessionGates(1);
    /// Inside MULTI.
    pub const IN_MULTI: SessionGates = SessionGates(1 << 1);
    /// RESP2 with subscriptions: only a few commands are allowed.
    pub const SUBSCRIBER: SessionGates = SessionGates(1 << 2);
    /// Its user may not run everything.
    pub const RESTRICTED: SessionGates = SessionGates(1 << 3);
    /// CLIENT REPLY is not ON.
    pub const QUIET: SessionGates = SessionGates(1 << 4);
    /// Its reads are tracked.
    pub const TRACKING: SessionGates = SessionGates(1 << 5);
    /// MONITOR.
    pub const MONITOR: SessionGates = SessionGates(1 << 6);
    /// On the metrics port: no client of the database.
    pub const WEB: SessionGates = SessionGates(1 << 7);

    /// Whether the ordinary, short way is open.
    #[inline]
    pub fn is_open(self) -> bool {
        self.0 == 0
    }

    /// Whether any bit of `gate` is set.
    #[inline]
    pub fn has(self, gate: SessionGates) -> bool {
        self.0 & gate.0 != 0
    }

    /// Sets or clears `gate`.
    pub fn set(&mut self, gate: SessionGates, on: bool) {
        if on {
            self.0 |= gate.0;
        } else {
            self.0 &= !gate.0;
        }
    }
}

/// One connection without its socket.
#[derive(Debug)]
pub struct Client {
    /// CLIENT ID.
    pub id: u64,
    /// Its own address.
    pub key: ClientKey,
    /// The selected database.
    pub db: u32,
    /// Why its commands take the long way.
    pub gates: SessionGates,
    /// RESP2 or RESP3.
    pub protocol: Protocol,
    /// Whether and how the connection ends.
    pub closing: Closing,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// Already in the list of those whose output is to be written.
    pub is_dirty: bool,
    /// Waits for the end of CLIENT PAUSE.
    pub is_paused: bool,
    /// Registry index of the last command, for CLIENT LIST.
    pub last_command: Option<CommandId>,
    /// State of a request that has not arrived whole.
    pub parser: RequestParser,
    /// The large last argument of it, while it arrives.
    pub large: Option<Box<LargeBulk>>,
    /// Bytes of it, and of commands behind it that had to wait.
    pub inbox: Inbox,
    /// Replies not yet written.
    pub outbox: Outbox,
    /// When it connected, Unix milliseconds.
    pub created_ms: i64,
    /// When it was last heard of, on the monotonic clock in microseconds.
    pub active_us: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Commands run.
    pub commands: u64,
    /// How much of its traffic is in the sum of all clients' memory.
    pub counted_bytes: usize,
    /// Since when its output is above the soft limit, on the monotonic clock in microseconds.
    pub soft_limit_since_us: Option<u64>,
    /// What is known about the program at the other end, and where it is.
    pub about: Box<About>,
    /// MULTI.
    pub transaction: Option<Box<Transaction>>,
    /// A command with a large argument that waits for the end of CLIENT PAUSE or for the next turn:
    /// smaller ones stay in the inbox.
    pub postponed: Option<Box<OwnedArgs>>,
    /// KEYS under way.
    pub walk: Option<Box<Walk>>,
    /// WATCH.
    pub watch: Option<Box<WatchState>>,
    /// CLIENT TRACKING.
    pub tracking: Option<Box<Tracked>>,
    /// What it is subscribed to.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// What it waits for.
    pub blocked: Option<Box<BlockedOn>>,
}

/// What is rarely asked for.
#[derive(Debug)]
pub struct About {
    /// Where it comes from.
    pub endpoint: Endpoint,
    /// CLIENT SETNAME.
    pub name: Box<[u8]>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Box<[u8]>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Box<[u8]>,
    /// The user it is.
    pub user: Box<[u8]>,
    /// CLIENT CAPA REDIRECT.
    pub redirect: bool,
    /// READONLY.
    pub read_only: bool,
    /// CLIENT IMPORT-SOURCE.
    pub import_source: bool,
    /// The audit log has said that it was refused before it logged in.
    pub is_known_stranger: bool,
}

impl Client {
    /// Whether the reply of the command that has just run is to be sent: CLIENT REPLY.
    pub fn takes_reply(&mut self) -> bool {
        match self.reply_mode {
            ReplyMode::On => true,
            ReplyMode::Off => false,
            // CLIENT REPLY SKIP itself has just run.
            ReplyMode::SkipNext => {
                self.reply_mode = ReplyMode::Skip;
                false
            }
            ReplyMode::Skip => {
                self.reply_mode = ReplyMode::On;
                self.gates.set(SessionGates::QUIET, false);
                false
            }
        }
    }

    /// Makes its own state that of a new connection. What others keep of it (its user's rights,
    /// what it watches, tracks and is subscribed to) is theirs to end.
    pub fn reset(&mut self) {
        self.transaction = None;
        self.db = 0;
        self.protocol = Protocol::Resp2;
        self.reply_mode = ReplyMode::On;
        self.no_touch = false;
        self.no_evict = false;
        self.about.name = Box::default();
        self.about.read_only = false;
        self.gates = SessionGates::default();
    }

    /// Whether commands must not run now because it waits.
    #[inline]
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Bytes of what the client has sent and of what is sent to it. It is asked for whenever there
    /// is much, and does not walk over it.
    pub fn traffic_bytes(&self) -> usize {
        let queued = self.transaction.as_ref().map_or(0, |t| t.queued_bytes);
        let large = self.large.as_ref().map_or(0, |large| large.heap_bytes());
        let walk = self.walk.as_ref().map_or(0, |walk| walk.reply.heap_bytes());
        self.inbox.heap_bytes() + large + queued + walk + self.outbox.heap_bytes()
    }

    /// All memory of the client, its record included.
    pub fn memory_bytes(&self) -> usize {
        let about = &self.about;
        let texts = about.name.len() + about.lib_name.len() + about.lib_ver.len();
        let watched: usize = self
            .watch
            .iter()
            .flat_map(|watch| &watch.keys)
            .map(|watched| size_of::<WatchedKey>() + watched.key.len())
            .sum();
        let subscribed = self
            .subscriptions
            .as_ref()
            .map_or(0, |state| state.heap_bytes());
        let prefixes = self.tracking.iter().flat_map(|tracked| &tracked.prefixes);
        let tracked: usize = prefixes
            .map(|prefix| size_of_val(prefix) + prefix.len())
            .sum();
        let record = size_of::<Client>() + size_of::<About>() + self.parser.heap_bytes();
        let kept = self.waiting_bytes() + self.traffic_bytes();
        record + texts + watched + tracked + subscribed + kept
    }

    /// Bytes of a command that waits: for keys, with another copy of their names, or for the end of
    /// a pause.
    pub fn waiting_bytes(&self) -> usize {
        let blocked = self.blocked.as_ref().map_or(0, |on| {
            let keys = on.request.keys.iter();
            let keys: usize = keys.map(|key| size_of_val(key) + key.len()).sum();
            let retry = on
                .request
                .retry_as
                .as_ref()
                .map_or(0, OwnedArgs::heap_bytes);
            on.args.heap_bytes() + keys + retry
        });
        blocked + self.postponed.as_ref().map_or(0, |args| args.heap_bytes())
    }
}

/// All clients.
#[derive(Debug, Default)]
pub struct Clients {
    slab: Slab<Box<Client>>,
    /// How many of them are on the metrics port.
    web: usize,
    next_id: u64,
    next_generation: u32,
}

impl Clients {
    /// Adds a client.
    pub fn add(&mut self, endpoint: Endpoint, created_ms: i64, mono_us: u64) -> ClientKey {
        self.next_id += 1;
        self.next_generation = self.next_generation.wrapping_add(1);
        let mut gates = SessionGates::default();
        if matches!(endpoint, Endpoint::Metrics { .. }) {
            gates.set(SessionGates::WEB, true);
            self.web += 1;
        }
        let entry = self.slab.vacant_entry();
        let index = u32::try_from(entry.key()).unwrap_or(u32::MAX);
        let key = ClientKey {
            index,
            generation: self.next_generation,
        };
        entry.insert(Box::new(Client {
            id: self.next_id,
            key,
            db: 0,
            gates,
            protocol: Protocol::Resp2,
            closing: Closing::No,
            reply_mode: ReplyMode::On,
            no_touch: false,
            no_evict: false,
            is_dirty: false,
            is_paused: false,
            last_command: None,
            parser: RequestParser::default(),
            large: None,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            created_ms,
            active_us: mono_us,
            input_bytes: 0,
            output_bytes: 0,
            commands: 0,
            counted_bytes: 0,
            soft_limit_since_us: None,
            about: Box::new(About {
                endpoint,
                name: Box::default(),
                lib_name: Box::default(),
                lib_ver: Box::default(),
                user: Box::from(&b"default"[..]),
                redirect: false,
                read_only: false,
                import_source: false,
                is_known_stranger: false,
            }),
            transaction: None,
            postponed: None,
            walk: None,
            watch: None,
            tracking: None,
            subscriptions: None,
            blocked: None,
        }));
        key
    }

    /// Takes a client out.
    pub fn remove(&mut self, key: ClientKey) -> Option<Box<Client>> {
        let is_web = self.find(key)?.gates.has(SessionGates::WEB);
        self.web -= usize::from(is_web);
        self.slab.try_remove(key.index as usize)
    }

    /// The client at `key`, if it is still connected.
    #[inline]
    pub fn find(&self, key: ClientKey) -> Option<&Client> {
        let client = self.slab.get(key.index as usize)?;
        (client.key == key).then_some(&**client)
    }

    /// The client at `key`, if it is still connected.
    #[inline]
    pub fn find_mut(&mut self, key: ClientKey) -> Option<&mut Client> {
        let client = self.slab.get_mut(key.index as usize)?;
        (client.key == key).then_some(&mut **client)
    }

    /// The client with this CLIENT ID.
    pub fn by_id(&self, id: u64) -> Option<&Client> {
        self.iter().find(|client| client.id == id)
    }

    /// All clients, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slab.iter().map(|(_, client)| &**client)
    }

    /// All clients, in no particular order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.slab.iter_mut().map(|(_, client)| &mut **client)
    }

    /// The keys of the clients of the database, oldest first.
    pub fn keys_by_age(&self) -> Vec<ClientKey> {
        let is_client = |client: &&Client| !client.gates.has(SessionGates::WEB);
        let clients = self.iter().filter(is_client);
        let mut keys: Vec<(u64, ClientKey)> = clients.map(|c| (c.id, c.key)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// The client at or after a place of the slab, to walk all of them in slices.
    pub fn at_or_after(&self, index: u32) -> Option<&Client> {
        let end = self.slab.capacity();
        (index as usize..end)
            .find_map(|i| self.slab.get(i))
            .map(|client| &**client)
    }

    /// Number of clients of the database.
    pub fn len(&self) -> usize {
        self.slab.len() - self.web
    }

    /// Number of those on the metrics port.
    pub fn web_len(&self) -> usize {
        self.web
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }
}
