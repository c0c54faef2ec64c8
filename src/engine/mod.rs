//! What is shared between clients: the keyspace, the clients themselves, and who waits for,
//! watches or listens to what.
//!
//! The engine is driven from outside (`net`, the simulator, a benchmark): bytes and times go in,
//! bytes in outboxes come out. It names no socket, no file, no clock and no thread. Commands run
//! in `dispatch`, which is above this module; here is what they act on.

pub mod access;
pub mod blocked;
pub mod buffers;
pub mod busy;
pub mod clients;
pub mod context;
pub mod effects;
pub mod error;
pub mod evict;
pub mod gates;
mod key_map;
pub mod limits;
pub mod monitor;
pub mod notify;
pub mod pace;
pub mod pause;
pub mod pubsub;
pub mod scripts;
pub mod settle;
pub mod shutdown;
pub mod tick;
pub mod tracking;
pub mod walk;
pub mod watch;

use std::collections::VecDeque;

use crate::acl::{AclLog, DEFAULT, Users};
use crate::config::Config;
use crate::dispatch::table::Registry;
use crate::host::Disk;
use crate::observe::audit::Audit;
use crate::observe::commandlog::CommandLog;
use crate::observe::hot::HotKeys;
use crate::observe::latency::LatencyMonitor;
use crate::observe::machine::Machine;
use crate::observe::stats::Stats;
use crate::observe::throttle::Throttle;
use crate::persist::Persistence;
use crate::random::Rng;
use crate::resp::reply::Outbox;
use crate::script::Scripts;
use crate::script::lua::Purpose;
use crate::store::evict::Pool;
use crate::store::hash::{self, HashState};
use crate::store::keyspace::Keyspace;
use crate::time::{Clock, Now};

use access::Refusals;
use blocked::Blocked;
use buffers::{Ahead, BufferPool};
use clients::{ClientKey, Clients, Closing, Endpoint, SessionGates, Transaction};
use effects::Effects;
use error::CommandError;
use gates::ServerGates;
use pace::Pace;
use pause::Pause;
use pubsub::PubSub;
use shutdown::ShutdownSignal;
use tracking::Tracking;
use watch::Watch;

/// How many clients' soft limits and idle times are looked at in one tick.
pub const CLIENTS_PER_TICK: usize = 64;

/// What the server runs on.
pub struct Host {
    /// Where times come from.
    pub clock: Box<dyn Clock>,
    /// The machine: memory, processor times, the log.
    pub machine: Box<dyn Machine>,
    /// The data directory.
    pub disk: Box<dyn Disk>,
}

/// Everything the commands of all clients act on.
pub struct Engine {
    /// The configuration in force.
    pub config: Config,
    /// The data.
    pub keyspace: Keyspace,
    /// The connected clients.
    pub clients: Clients,
    /// What the running command did besides replying.
    pub effects: Effects,
    /// Why commands of all clients take the long way.
    pub gates: ServerGates,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// The users, and what they may do.
    pub users: Users,
    /// What was refused to them.
    pub acl_log: AclLog,
    /// How often.
    pub refusals: Refusals,
    /// Who waits for keys.
    pub blocked: Blocked,
    /// Who is shown every command.
    pub monitors: Vec<ClientKey>,
    /// Who watches keys.
    pub watch: Watch,
    /// Who is told of changed keys.
    pub tracking: Tracking,
    /// Who is subscribed to what.
    pub pubsub: PubSub,
    /// Scripts and functions.
    pub scripts: Scripts,
    /// What of Lua runs now.
    pub script_run: Option<scripts::ScriptRun>,
    /// The client whose command is running.
    pub running: Option<ClientKey>,
    /// Something was pushed to the running client: it follows the reply.
    pub pushed_to_running: bool,
    /// The command table, with its renames.
    pub registry: Registry,
    /// Counters.
    pub stats: Stats,
    /// Slow commands, large requests and replies.
    pub command_log: CommandLog,
    /// Who did what.
    pub audit: Audit,
    /// Which keys are used most, and which are the biggest.
    pub hot: HotKeys,
    /// What took longer than it should.
    pub latency: LatencyMonitor,
    /// The hasher of keys, members and maps.
    pub hasher: HashState,
    /// Seeded randomness.
    pub rng: Rng,
    /// The time of the turn.
    pub now: Now,
    /// How fast clients come.
    pub pace: Pace,
    /// Where times come from.
    pub clock: Box<dyn Clock>,
    /// The machine: memory, processor times, the log.
    pub machine: Box<dyn Machine>,
    /// The data directory.
    pub disk: Box<dyn Disk>,
    /// What is on disk, and on its way there.
    pub persist: Persistence,
    /// The end of the last command, which is the start of the next: monotonic nanoseconds.
    pub boundary_ns: u64,
    /// A signal has asked the server to end.
    pub shutdown_signal: Option<ShutdownSignal>,
    /// Until when commands may run in this turn: monotonic nanoseconds.
    pub budget_end_ns: u64,
    /// Background work in progress.
    pub housekeeping: tick::Housekeeping,
    /// Keys that may be evicted next.
    pub eviction_pool: Pool,
    /// Reused between reads; `None` while commands of it run.
    pub ahead: Option<Box<Ahead>>,
    /// Buffers of outboxes that have been written.
    pub buffers: BufferPool,
    /// RESTORE does not look at checksums: DEBUG SET-SKIP-CHECKSUM-VALIDATION.
    pub skips_dump_checksum: bool,
    /// Log lines about payloads that RESTORE refused.
    pub refused_payloads: Throttle,
    /// What all clients take together, for `maxmemory-clients`.
    client_memory: limits::ClientMemory,
    /// Open transactions, for the log and the replicas.
    pub(crate) group_depth: u32,
    dirty: VecDeque<ClientKey>,
    ready: VecDeque<ClientKey>,
    exit: Option<i32>,
}

impl Engine {
    /// An empty server. `seed` determines every random choice and hash.
    pub fn new(config: Config, registry: Registry, seed: u64, host: Host) -> Box<Engine> {
        let Host {
            clock,
            machine,
            disk,
        } = host;
        let mut rng = Rng::new(seed);
        let hasher = hash::seeded(rng.next_u64());
        let now = clock.now();
        let stats = Stats::new(now, &mut rng);
        let keyspace = Keyspace::new(
            config.databases as usize,
            config.shards as usize,
            hasher.clone(),
        );
        let mut engine = Box::new(Engine {
            config,
            keyspace,
            clients: Clients::default(),
            effects: Effects::default(),
            gates: ServerGates::default(),
            pause: Pause::default(),
            users: Users::new(&registry),
            acl_log: AclLog::default(),
            refusals: Refusals::default(),
            blocked: Blocked::new(hasher.clone()),
            monitors: Vec::new(),
            watch: Watch::new(hasher.clone()),
            tracking: Tracking::new(hasher.clone()),
            pubsub: PubSub::new(hasher.clone()),
            scripts: Scripts::new(hasher.clone()),
            script_run: None,
            running: None,
            pushed_to_running: false,
            registry,
            stats,
            command_log: CommandLog::default(),
            audit: Audit::default(),
            hot: HotKeys::new(Rng::new(rng.clone().next_u64())),
            latency: LatencyMonitor::default(),
            hasher,
            rng,
            now,
            pace: Pace::default(),
            boundary_ns: clock.mono_ns(),
            budget_end_ns: u64::MAX,
            clock,
            machine,
            disk,
            persist: Persistence::new(now),
            shutdown_signal: None,
            housekeeping: tick::Housekeeping::default(),
            eviction_pool: Pool::new(),
            ahead: None,
            buffers: BufferPool::default(),
            skips_dump_checksum: false,
            refused_payloads: Throttle::default(),
            client_memory: limits::ClientMemory::default(),
            group_depth: 0,
            dirty: VecDeque::new(),
            ready: VecDeque::new(),
            exit: None,
        });
        engine.apply_config();
        engine.stats.startup_bytes = engine.used_bytes();
        engine
    }

    /// Starts a turn: reads the clock and opens the budget of commands.
    pub fn begin_turn(&mut self) {
        self.boundary_ns = self.clock.mono_ns();
        self.now = self.clock.at(self.boundary_ns);
        self.budget_end_ns = self.boundary_ns + tick::COMMANDS_BUDGET_NS;
        self.evict_grown_clients();
    }

    /// Reads the clocks again, after something that took long.
    pub fn read_clock(&mut self) {
        self.now = self.clock.now();
    }

    /// The monotonic time of the turn in microseconds.
    pub fn mono_us(&self) -> u64 {
        self.now.mono_us
    }

    /// Adds a client. `Err` is what to tell it before closing.
    pub fn connect(&mut self, endpoint: Endpoint) -> Result<ClientKey, Vec<u8>> {
        if matches!(endpoint, Endpoint::Metrics { .. }) {
            if self.clients.web_len() >= WEB_CLIENTS_MAX {
                return Err(
                    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n".to_vec(),
                );
            }
            let (unix_ms, mono_us) = (self.now.unix_ms, self.now.mono_us);
            return Ok(self.clients.add(endpoint, unix_ms, mono_us));
        }
        if self.clients.len() >= self.config.maxclients as usize {
            self.stats.rejected_connections += 1;
            return Err(b"-ERR max number of clients reached\r\n".to_vec());
        }
        if self.is_unprotected(&endpoint) {
            self.stats.rejected_connections += 1;
            return Err(DENIED.as_bytes().to_vec());
        }
        self.stats.connections += 1;
        let key = self
            .clients
            .add(endpoint, self.now.unix_ms, self.now.mono_us);
        self.begin_session(key);
        Ok(key)
    }

    /// Forgets a client whose socket is gone.
    pub fn disconnect(&mut self, key: ClientKey) {
        self.unwatch(key);
        self.unsubscribe_all(key);
        self.untrack(key);
        if !self.monitors.is_empty() {
            self.unmonitor(key);
        }
        let Some(mut client) = self.clients.remove(key) else {
            return;
        };
        if client.is_paused {
            self.pause.forget(key);
        }
        if let Some(on) = client.blocked.take() {
            self.blocked.dequeue(&on);
            self.refresh_listeners();
        }
    }

    /// Takes a client out of its transaction, if it is in one, and of what it watched for it.
    pub fn take_transaction(&mut self, key: ClientKey) -> Option<Box<Transaction>> {
        let client = self.clients.find_mut(key)?;
        let transaction = client.transaction.take()?;
        client.gates.set(SessionGates::IN_MULTI, false);
        self.unwatch(key);
        Some(transaction)
    }

    /// Takes every watched key of a connected client out of the tables.
    pub fn unwatch(&mut self, key: ClientKey) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if let Some(state) = client.watch.take() {
            for watched in &state.keys {
                self.watch.remove(key, watched);
            }
            self.refresh_listeners();
        }
    }

    /// The next client with new output, or that is to be closed.
    pub fn next_dirty(&mut self) -> Option<ClientKey> {
        while let Some(key) = self.dirty.pop_front() {
            if let Some(client) = self.clients.find_mut(key) {
                client.is_dirty = false;
                return Some(key);
            }
        }
        None
    }

    /// Lists a client for the flush of this turn.
    pub fn mark_dirty(&mut self, key: ClientKey) {
        if let Some(client) = self.clients.find_mut(key)
            && !client.is_dirty
        {
            client.is_dirty = true;
            self.dirty.push_back(key);
        }
    }

    /// The next client that waited and may go on with what lies in its inbox.
    pub fn next_ready(&mut self) -> Option<ClientKey> {
        self.ready.pop_front()
    }

    /// Lets a client go on that waited.
    pub fn mark_ready(&mut self, key: ClientKey) {
        self.ready.push_back(key);
    }

    /// Output of a client.
    pub fn outbox(&mut self, key: ClientKey) -> Option<&mut Outbox> {
        self.clients.find_mut(key).map(|client| &mut client.outbox)
    }

    /// Counts bytes that were written.
    pub fn flushed(&mut self, key: ClientKey, bytes: usize) {
        self.stats.output_bytes += bytes as u64;
        self.stats.writes += 1;
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        client.output_bytes += bytes as u64;
        // Who reads is not idle.
        client.active_us = self.now.mono_us;
        if client.outbox.is_empty() {
            client.soft_limit_since_us = None;
            self.buffers.give(client.outbox.take_buffer());
            return;
        }
        self.check_output_limit(key);
    }

    /// Whether and how a connection is to end.
    pub fn closing(&self, key: ClientKey) -> Closing {
        self.clients
            .find(key)
            .map_or(Closing::Now, |client| client.closing)
    }

    /// Ends a connection; the event loop sees it in this turn.
    pub fn close(&mut self, key: ClientKey, how: Closing) {
        if let Some(client) = self.clients.find_mut(key)
            && client.closing != Closing::Now
        {
            client.closing = how;
            self.mark_dirty(key);
        }
    }

    /// Ends another client's connection at once: it is served no more, and whatever it waited for
    /// goes to others.
    pub fn kill(&mut self, key: ClientKey) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if let Some(on) = client.blocked.take() {
            self.blocked.dequeue(&on);
            self.refresh_listeners();
        }
        self.close(key, Closing::Now);
    }

    /// Set once the server is to stop: the exit code.
    pub fn take_exit(&mut self) -> Option<i32> {
        self.exit.take()
    }

    /// Stops the server after this turn.
    pub fn request_exit(&mut self, code: i32) {
        self.exit = Some(code);
    }

    /// Whether the server is to stop after this turn.
    pub fn is_exiting(&self) -> bool {
        self.exit.is_some()
    }

    /// What clients are told while a script keeps the server busy.
    pub fn busy_error(&self) -> CommandError {
        match &self.scripts.busy {
            Some(busy) if busy.purpose == Purpose::Functions => CommandError::BUSY_FUNCTION,
            _ => CommandError::BUSY,
        }
    }

    /// Recomputes what depends on configuration values.
    pub fn apply_config(&mut self) {
        self.stats.configure(&self.config);
        self.client_memory.limit_changed();
        self.hot.configure(&self.config, self.now.mono_us);
        self.effects.listeners.events = self.config.notify_keyspace_events.into();
        self.keyspace.set_eviction(evict::eviction_of(&self.config));
        self.eviction_pool.clear();
        self.gates
            .set(ServerGates::MEMORY, self.config.maxmemory > 0);
        self.refresh_refusal();
    }

    /// Why writes are refused, if they are.
    pub fn write_refusal(&self) -> Option<CommandError> {
        self.disk_refusal().or_else(|| self.replicas_refusal())
    }

    /// Lets the gates know whether writes are refused.
    pub(crate) fn refresh_refusal(&mut self) {
        let is_refused = self.write_refusal().is_some();
        self.gates.set(ServerGates::REFUSES_WRITES, is_refused);
    }

    /// Whether replicas are asked for, of which there are none.
    fn replicas_refusal(&self) -> Option<CommandError> {
        let (wanted, lag_s_max) = (
            self.config.min_replicas_to_write,
            self.config.min_replicas_max_lag,
        );
        (wanted > 0 && lag_s_max > 0).then_some(CommandError::NO_REPLICAS)
    }

    /// Recomputes who listens to changed keys.
    pub fn refresh_listeners(&mut self) {
        self.effects.listeners.watch = !self.watch.is_empty();
        self.effects.listeners.blocked = !self.blocked.is_empty();
    }

    fn is_unprotected(&self, endpoint: &Endpoint) -> bool {
        let Endpoint::Tcp { peer, .. } = endpoint else {
            return false;
        };
        let is_open = || self.users.find(DEFAULT).is_some_and(|user| user.is_open);
        self.config.protected_mode && !peer.ip().to_canonical().is_loopback() && is_open()
    }
}

/// Connections on the metrics port: scrapers and a few people.
const WEB_CLIENTS_MAX: usize = 64;

/// What a stranger is told in protected mode, in Redis's words.
const DENIED: &str = "-DENIED Redis is running in protected mode because protected mode is \
enabled and no password is set for the default user. In this mode connections are only accepted \
from the loopback interface. If you want to connect from external computers to Redis you may \
adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG \
SET protected-mode no' from the loopback interface by connecting to Redis from the same host the \
server is running, however MAKE SURE Redis is not publicly accessible from internet if you do \
so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the \
protected mode by editing the Redis configuration file, and setting the protected mode option to \
'no', and then restarting the server. 3) If you started the server manually just for testing, \
restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the \
default user. NOTE: You only need to do one of the above things in order for the server to start \
accepting connections from the outside.\r\n";
