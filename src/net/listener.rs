//! Listening sockets: opening, rebinding, accepting.
//!
//! Owns every listening socket and the file of the unix socket. It decides nothing about clients:
//! an accepted socket goes to the engine, which takes or refuses it. Accepted sockets inherit
//! TCP_NODELAY and the keepalive settings from the listening socket, which spares five system calls
//! a connection (a test holds Linux to it).
//!
//! The poll is edge-triggered: a listener left before WouldBlock stays `ready`. When descriptors
//! run out it is not asked again until a connection closes or a moment has passed, so that a full
//! server does not spin.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener as StdTcpListener, ToSocketAddrs};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::rc::Rc;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry};
use rustix::fs::FileType;
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use crate::config::Config;
use crate::engine::clients::Endpoint;
use crate::host::files::set_socket_permissions;

use super::connection::Stream;
use super::rebind::SharedListeners;
use super::token::{LISTENERS_MAX, Source};

/// How long a listener rests when the process or the system is out of descriptors or memory.
/// A connection that closes wakes it earlier.
const RETRY_US: u64 = 100_000;

/// Keepalive probes that may go unanswered, as Redis.
const KEEPALIVE_RETRIES: u32 = 3;

/// What the connections of a listener speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// RESP.
    Client,
    /// HTTP, for `/metrics`.
    Metrics,
}

/// A TCP address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpAddress {
    /// The address. Port 0 takes a free one: the same for all addresses of a class if possible.
    pub address: SocketAddr,
    /// An address that this machine does not have is no error (`bind -::1`).
    pub optional: bool,
    /// What is spoken there.
    pub class: Class,
}

/// A unix socket to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixAddress {
    /// Path of the socket file.
    pub path: Box<str>,
    /// Its permissions; 0 is what the umask leaves.
    pub permissions: u32,
    /// Its group; empty is that of the process.
    pub group: Box<str>,
}

/// Where and how to listen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    /// TCP addresses.
    pub tcp: Vec<TcpAddress>,
    /// The unix socket.
    pub unix: Option<UnixAddress>,
    /// Connections that the system may hold before they are accepted.
    pub backlog: u32,
    /// Idle time before a keepalive probe; zero switches probes off.
    pub keepalive_s: u32,
}

impl ListenOptions {
    /// What the configuration asks for. Names of hosts are looked up here.
    pub fn from_config(config: &Config) -> io::Result<ListenOptions> {
        let mut options = ListenOptions {
            backlog: config.tcp_backlog,
            keepalive_s: config.tcp_keepalive,
            ..ListenOptions::default()
        };
        if config.port != 0 {
            options.add_bind(&config.bind, config.port, Class::Client)?;
        }
        if config.metrics_port != 0 {
            let bind: Vec<&str> = config.metrics_bind.split_whitespace().collect();
            options.add_bind(&bind, config.metrics_port, Class::Metrics)?;
        }
        if !config.unixsocket.is_empty() {
            options.unix = Some(UnixAddress {
                path: config.unixsocket.as_str().into(),
                permissions: config.unixsocketperm,
                group: config.unixsocketgroup.as_str().into(),
            });
        }
        Ok(options)
    }

    /// The sockets, in order.
    fn wanted(&self) -> io::Result<Vec<Asked>> {
        let tcp = self.tcp.iter().map(|asked| Asked::Tcp(*asked));
        let unix = self.unix.iter().map(|asked| Asked::Unix(asked.clone()));
        let wanted: Vec<Asked> = tcp.chain(unix).collect();
        if wanted.len() > LISTENERS_MAX {
            let text = format!("more than {LISTENERS_MAX} addresses to listen on");
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(wanted)
    }

    /// Adds the addresses of a `bind` line: `*` and `::*` are all addresses of their family, a
    /// leading `-` makes one optional, a name is looked up. A port of 0 is taken literally.
    pub fn add_bind<S: AsRef<str>>(
        &mut self,
        bind: &[S],
        port: u16,
        class: Class,
    ) -> io::Result<()> {
        for written in bind {
            let written = written.as_ref();
            let (host, optional) = match written.strip_prefix('-') {
                Some(host) => (host, true),
                None => (written, false),
            };
            let host = match host {
                "*" => "0.0.0.0",
                "::*" => "::",
                host => host,
            };
            let found = (host, port).to_socket_addrs().map(|mut found| found.next());
            match found {
                Ok(Some(address)) => self.tcp.push(TcpAddress {
                    address,
                    optional,
                    class,
                }),
                _ if optional => {}
                Ok(None) => return Err(explain(host, ErrorKind::AddrNotAvailable.into())),
                Err(error) => return Err(explain(host, error)),
            }
        }
        Ok(())
    }
}

/// The listening sockets.
pub struct Listeners {
    options: ListenOptions,
    open: Vec<Listener>,
    /// Whose turn it is to be asked first.
    next: usize,
    /// Out of descriptors: when to try again.
    retry_at_us: Option<u64>,
}

struct Listener {
    socket: ListenerSocket,
    asked: Asked,
    /// There may be connections to accept.
    ready: bool,
}

enum ListenerSocket {
    Tcp {
        socket: TcpListener,
        bound: SocketAddr,
    },
    Unix {
        socket: UnixListener,
    },
}

/// What a listener was opened for: a rebind keeps those that are still wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Tcp(TcpAddress),
    Unix(UnixAddress),
}

impl Listeners {
    /// Opens all sockets or none.
    pub fn open(options: ListenOptions) -> io::Result<Listeners> {
        let mut listeners = Listeners {
            options: ListenOptions::default(),
            open: Vec::new(),
            next: 0,
            retry_at_us: None,
        };
        listeners.apply(options)?;
        Ok(listeners)
    }

    /// The same, for the event loop and for who opens others while it runs.
    pub fn share(self) -> SharedListeners {
        Rc::new(RefCell::new(self))
    }

    /// What each socket is bound to, in the order of the options.
    pub fn bound(&self) -> impl Iterator<Item = Bound<'_>> {
        self.open
            .iter()
            .map(|listener| match (&listener.socket, &listener.asked) {
                (ListenerSocket::Tcp { bound, .. }, Asked::Tcp(asked)) => {
                    Bound::Tcp(*bound, asked.class)
                }
                (_, Asked::Unix(asked)) => Bound::Unix(&asked.path),
                (ListenerSocket::Unix { .. }, Asked::Tcp(_)) => {
                    unreachable!("opened as what it is")
                }
            })
    }

    /// Lets the poll report connections, also after [`Listeners::rebind`].
    pub fn register(&mut self, registry: &Registry) -> io::Result<()> {
        for (place, listener) in self.open.iter_mut().enumerate() {
            let token = Source::Listener(place).token();
            match &mut listener.socket {
                ListenerSocket::Tcp { socket, .. } => {
                    registry.register(socket, token, Interest::READABLE)?;
                }
                ListenerSocket::Unix { socket } => {
                    registry.register(socket, token, Interest::READABLE)?;
                }
            }
        }
        Ok(())
    }

    /// Listens where `options` say from now on. Sockets that stay wanted stay open, with what waits
    /// in them. On failure it listens where it did before. The old sockets are closed only when the
    /// new ones are open, unless they stand in each other's way.
    pub fn rebind(&mut self, options: ListenOptions, registry: &Registry) -> io::Result<()> {
        for listener in &mut self.open {
            match &mut listener.socket {
                ListenerSocket::Tcp { socket, .. } => registry.deregister(socket)?,
                ListenerSocket::Unix { socket } => registry.deregister(socket)?,
            }
            // Places and with them tokens change: what waits is found by asking once.
            listener.ready = true;
        }
        let result = match self.apply_beside(&options) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && self.may_collide(&options) => {
                let before = self.options.clone();
                self.apply(options).or_else(|error| {
                    self.apply(before)?;
                    Err(error)
                })
            }
            result => result,
        };
        self.register(registry)?;
        result
    }

    /// Closes all sockets and removes the unix socket's file.
    pub fn close(&mut self) {
        self.open.drain(..).for_each(Listener::close);
    }

    /// An event said that connections wait.
    pub fn set_ready(&mut self, place: usize) {
        if let Some(listener) = self.open.get_mut(place) {
            listener.ready = true;
        }
    }

    /// A descriptor was given back: whoever waits for one may try.
    #[inline]
    pub fn descriptor_freed(&mut self) {
        self.retry_at_us = None;
    }

    /// When accepting should go on by itself: 0 for at once, `None` for after the next event.
    pub fn next_accept_us(&self) -> Option<u64> {
        let waiting = self.open.iter().any(|listener| listener.ready);
        waiting.then(|| self.retry_at_us.unwrap_or(0))
    }

    /// The next connection that waits, each listener in its turn, or `None`.
    pub fn accept(&mut self, now_us: u64) -> Option<(Stream, Endpoint)> {
        if self.retry_at_us.is_some_and(|at| now_us < at) {
            return None;
        }
        self.retry_at_us = None;
        while let Some(place) = self.next_ready() {
            match self.open[place].accept() {
                Ok(accepted) => {
                    self.next = place + 1;
                    return Some(accepted);
                }
                Err(error) => match Refusal::of(&error) {
                    Refusal::Drained => self.open[place].ready = false,
                    Refusal::Connection => {}
                    Refusal::Exhausted => {
                        tracing::warn!(%error, "Cannot accept connections for now");
                        self.retry_at_us = Some(now_us + RETRY_US);
                        return None;
                    }
                },
            }
        }
        None
    }

    fn next_ready(&self) -> Option<usize> {
        let count = self.open.len();
        (0..count)
            .map(|step| (self.next + step) % count)
            .find(|place| self.open[*place].ready)
    }

    /// Closes what is not wanted any more, then opens what is not open yet.
    fn apply(&mut self, options: ListenOptions) -> io::Result<()> {
        let wanted = options.wanted()?;
        let same_backlog = options.backlog == self.options.backlog;
        let mut kept = Vec::new();
        for listener in self.open.drain(..) {
            if same_backlog && wanted.contains(&listener.asked) {
                kept.push(listener);
            } else {
                listener.close();
            }
        }
        self.options = options;
        for asked in wanted {
            let listener = match kept.iter().position(|listener| listener.asked == asked) {
                Some(place) => Some(kept.swap_remove(place)),
                None => open(&asked, &self.options, self.open.iter())?,
            };
            self.open.extend(listener);
        }
        self.set_keepalive()
    }

    /// Opens what is not open yet, then closes what is not wanted any more. On failure nothing has
    /// changed.
    fn apply_beside(&mut self, options: &ListenOptions) -> io::Result<()> {
        let wanted = options.wanted()?;
        let is_open = |asked: &Asked| self.open.iter().any(|listener| listener.asked == *asked);
        let mut new: Vec<Listener> = Vec::new();
        for asked in wanted.iter().filter(|asked| !is_open(asked)) {
            match open(asked, options, self.open.iter().chain(&new)) {
                Ok(listener) => new.extend(listener),
                Err(error) => {
                    new.into_iter().for_each(Listener::close);
                    return Err(error);
                }
            }
        }
        let mut all: Vec<Listener> = self.open.drain(..).chain(new).collect();
        for asked in wanted {
            let place = all.iter().position(|listener| listener.asked == asked);
            self.open.extend(place.map(|place| all.remove(place)));
        }
        all.into_iter().for_each(Listener::close);
        self.options = options.clone();
        self.set_keepalive()
    }

    /// Whether a socket that is to be closed may be in the way of one that is to be opened: all
    /// addresses of a port are taken by the one that stands for all.
    fn may_collide(&self, options: &ListenOptions) -> bool {
        let ports = |options: &ListenOptions| {
            let ports = options.tcp.iter().map(|tcp| tcp.address.port());
            ports.collect::<Vec<u16>>()
        };
        let wanted = ports(options);
        ports(&self.options)
            .iter()
            .any(|port| wanted.contains(port))
    }

    fn set_keepalive(&self) -> io::Result<()> {
        let mut open = self.open.iter();
        open.try_for_each(|listener| listener.set_keepalive(self.options.keepalive_s))
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.close();
    }
}

/// Where a listener is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<'a> {
    /// A TCP address with the real port.
    Tcp(SocketAddr, Class),
    /// Path of a unix socket.
    Unix(&'a str),
}

impl fmt::Display for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Tcp(address, Class::Client) => write!(f, "{address}"),
            Bound::Tcp(address, Class::Metrics) => write!(f, "http://{address}/metrics"),
            Bound::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

impl Listener {
    fn accept(&self) -> io::Result<(Stream, Endpoint)> {
        match (&self.socket, &self.asked) {
            (ListenerSocket::Tcp { socket, bound }, Asked::Tcp(asked)) => {
                let (stream, peer) = socket.accept()?;
                let endpoint = match asked.class {
                    Class::Metrics => Endpoint::Metrics { peer },
                    Class::Client => {
                        let local = match bound.ip().is_unspecified() {
                            true => stream.local_addr().unwrap_or(*bound),
                            false => *bound,
                        };
                        Endpoint::Tcp { peer, local }
                    }
                };
                Ok((Stream::Tcp(stream), endpoint))
            }
            (ListenerSocket::Unix { socket }, Asked::Unix(asked)) => {
                let (stream, _) = socket.accept()?;
                Ok((
                    Stream::Unix(stream),
                    Endpoint::Unix {
                        path: asked.path.clone(),
                    },
                ))
            }
            _ => unreachable!("opened as what it is"),
        }
    }

    fn set_keepalive(&self, interval_s: u32) -> io::Result<()> {
        let ListenerSocket::Tcp { socket, .. } = &self.socket else {
            return Ok(());
        };
        let socket = socket2::SockRef::from(socket);
        if interval_s == 0 {
            return socket.set_keepalive(false);
        }
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(interval_s.into()))
            .with_interval(Duration::from_secs(
                (interval_s / KEEPALIVE_RETRIES).max(1).into(),
            ))
            .with_retries(KEEPALIVE_RETRIES);
        socket.set_tcp_keepalive(&keepalive)
    }

    fn close(self) {
        if let Asked::Unix(asked) = &self.asked {
            // Somebody may have removed it: nothing is lost then.
            let _ = rustix::fs::unlink(&*asked.path);
        }
    }
}

/// Opens one socket; `None` for an optional address that this machine does not have. `others` are
/// open already.
fn open<'a>(
    asked: &Asked,
    options: &ListenOptions,
    others: impl Iterator<Item = &'a Listener>,
) -> io::Result<Option<Listener>> {
    let socket = match asked {
        Asked::Tcp(asked) => match open_tcp(asked, options, free_port(asked, others)) {
            Ok(socket) => socket,
            Err(error) if may_lack(&error, asked.optional) => {
                tracing::debug!(address = %asked.address, %error, "Not listening there");
                return Ok(None);
            }
            Err(error) => return Err(explain(asked.address, error)),
        },
        Asked::Unix(asked) => {
            open_unix(asked, options.backlog).map_err(|error| explain(&asked.path, error))?
        }
    };
    Ok(Some(Listener {
        socket,
        asked: asked.clone(),
        ready: false,
    }))
}

/// The port that another address of the class was given where it asked for a free one.
fn free_port<'a>(
    asked: &TcpAddress,
    mut others: impl Iterator<Item = &'a Listener>,
) -> Option<u16> {
    others.find_map(|listener| match (&listener.socket, &listener.asked) {
        (ListenerSocket::Tcp { bound, .. }, Asked::Tcp(other))
            if other.class == asked.class && other.address.port() == 0 =>
        {
            Some(bound.port())
        }
        _ => None,
    })
}

fn open_tcp(
    asked: &TcpAddress,
    options: &ListenOptions,
    sibling: Option<u16>,
) -> io::Result<ListenerSocket> {
    let mut address = asked.address;
    if address.port() == 0 {
        // One port for all addresses, if it is free on this one too.
        address.set_port(sibling.unwrap_or(0));
    }
    let socket = match bind_tcp(address) {
        Err(_) if address != asked.address => bind_tcp(asked.address)?,
        result => result?,
    };
    socket.set_tcp_nodelay(true)?;
    socket.listen(options.backlog.clamp(1, i32::MAX as u32) as i32)?;
    let socket = TcpListener::from_std(StdTcpListener::from(socket));
    let bound = socket.local_addr()?;
    Ok(ListenerSocket::Tcp { socket, bound })
}

fn bind_tcp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // IPv4 has listeners of its own: no address is served twice, none in mapped form.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

fn open_unix(asked: &UnixAddress, backlog: u32) -> io::Result<ListenerSocket> {
    remove_stale(&asked.path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(&*asked.path)?)?;
    // Before it listens, so that nobody slips in.
    set_socket_permissions(&asked.path, asked.permissions, &asked.group)?;
    socket.listen(backlog.clamp(1, i32::MAX as u32) as i32)?;
    Ok(ListenerSocket::Unix {
        socket: UnixListener::from_std(StdUnixListener::from(socket)),
    })
}

/// Removes the socket file that a killed server left. A socket that answers, and a file that is
/// no socket, stay: binding fails then.
fn remove_stale(path: &str) -> io::Result<()> {
    let is_socket = rustix::fs::lstat(path)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket);
    if is_socket {
        let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // A server whose backlog is full lives: do not wait for it.
        probe.set_nonblocking(true)?;
        match probe.connect(&SockAddr::unix(path)?) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                rustix::fs::unlink(path)?;
            }
            _ => return Err(ErrorKind::AddrInUse.into()),
        }
    }
    Ok(())
}

/// Whether a machine may be without this address: those marked optional, and a whole protocol.
fn may_lack(error: &io::Error, optional: bool) -> bool {
    let errno = Errno::from_io_error(error);
    (optional && errno == Some(Errno::ADDRNOTAVAIL))
        || matches!(
            errno,
            Some(
                Errno::NOPROTOOPT
                    | Errno::PROTONOSUPPORT
                    | Errno::SOCKTNOSUPPORT
                    | Errno::PFNOSUPPORT
                    | Errno::AFNOSUPPORT
            )
        )
}

fn explain(place: impl fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {place}: {error}"))
}

/// What a failed accept means.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// Nobody waits any more.
    Drained,
    /// The connection failed before it was accepted; the next one may do.
    Connection,
    /// The process or the system is out of something.
    Exhausted,
}

impl Refusal {
    fn of(error: &io::Error) -> Refusal {
        if error.kind() == ErrorKind::WouldBlock {
            return Refusal::Drained;
        }
        match Errno::from_io_error(error) {
            // accept(2): pending network errors of the new socket are reported here.
            Some(
                Errno::INTR
                | Errno::CONNABORTED
                | Errno::PERM
                | Errno::NETDOWN
                | Errno::PROTO
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH,
            ) => Refusal::Connection,
            _ => Refusal::Exhausted,
        }
    }
}
