//! The server's process: arguments, file and environment become a [`Config`], the machine becomes
//! a [`Host`], and the event loop runs on both. Errors before that end on standard error.
//!
//! It is the only place that ends the process, by returning an exit code.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, Parser};
use kvd::config::load::{LoadError, Loaded, Sources, load};
use kvd::config::{Config, IDLE, OPTIONS, REFUSED};
use kvd::dispatch::table::Registry;
use kvd::engine::{Engine, Host};
use kvd::host::audit::{self, AuditFile};
use kvd::host::disk::OsDisk;
use kvd::host::log::{LogControl, check_file, log_panics};
use kvd::host::machine::OsMachine;
use kvd::host::os::{OsClock, OsEntropy};
use kvd::host::supervise::Supervisor;
use kvd::host::system::SystemFacts;
use kvd::host::{Clock, Entropy};
use kvd::host::{check, error_text, files, limits};
use kvd::net::{EventLoop, ListenOptions, Listeners, Poller, SignalSource};
use kvd::persist::check::Task;
use tracing::{error, info, warn};

/// jemalloc: its per-thread counters make the figures of memory exact, and its arenas suit the
/// sizes of a store.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const EXAMPLES: &str = "\
Examples:
  kvd                                    port 6379, data in the current directory
  kvd --port 7000 --maxmemory 4gb --maxmemory-policy allkeys-lru
  kvd --appendonly yes --appendfsync everysec --dir /var/lib/kvd
  kvd --save \"\" --appendonly no          keep nothing on disk
  kvd /etc/redis/redis.conf --loglevel verbose
  echo 'port 7000' | kvd -               read the configuration from standard input
  KVD_PORT=7000 KVD_MAXMEMORY=1gb kvd    or from the environment

Every line of redis.conf is an option here: `maxclients 100` is `--maxclients 100`, or
`--maxclients=100`, or KVD_MAXCLIENTS=100. Later wins: file, standard input, environment,
command line. `kvd --help-options` lists all of them.

The most used:
  --port N                 TCP port (6379)
  --bind ADDRESS...        addresses to listen on (all; `protected-mode` guards the open ones)
  --unixsocket PATH        listen on a Unix socket too
  --requirepass PASSWORD   ask clients for a password
  --dir DIR                where the data files are (.)
  --save \"SECONDS CHANGES\" when to write a snapshot (3600 1 300 100 60 10000)
  --appendonly yes         log every write, so that a crash loses at most a second
  --maxmemory BYTES        use no more than this, as 512mb or 4gb (0: no limit)
  --maxmemory-policy NAME  what to evict then (noeviction)
  --shards N               parts of each database (64)
  --logfile PATH           log to a file instead of standard output
  --log-format json        log as JSON";

/// A fast, memory-safe server for Redis clients: one thread, no fork, no pauses.
#[derive(Debug, Parser)]
#[command(
    name = "kvd",
    version,
    disable_version_flag = true,
    after_help = EXAMPLES,
    override_usage = "kvd [FILE] [-] [--OPTION VALUE...]..."
)]
struct Cli {
    /// Print the version.
    #[arg(short = 'v', short_alias = 'V', long = "version", action = ArgAction::Version)]
    version: Option<bool>,
    /// List every option with its default.
    #[arg(long)]
    help_options: bool,
    /// Say what an RDB file, an append-only file, a manifest or the directory of one holds, or what
    /// is wrong with it and where, and exit.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// The same, and cut off what a crash left at the end of an append-only file. What is cut off
    /// is kept in a file beside it.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    repair: Option<PathBuf>,
    /// With --repair: cut off all that was written after this time, in Unix seconds, as
    /// `aof-timestamp-enabled` noted it.
    #[arg(long, value_name = "SECONDS", requires = "repair")]
    truncate_to_timestamp: Option<i64>,
    /// A configuration file, `-` for standard input, and options as in redis.conf.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FILE, OPTIONS"
    )]
    rest: Vec<OsString>,
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(arguments());
    if cli.help_options {
        print_options();
        return ExitCode::SUCCESS;
    }
    let task = match cli.truncate_to_timestamp {
        Some(until_s) => Task::CutAfter(until_s),
        None if cli.repair.is_some() => Task::Repair,
        None => Task::Check,
    };
    if let Some(path) = cli.check.or(cli.repair) {
        let is_sound = check::check(&path, task, OsClock::new().now().unix_ms);
        return ExitCode::from(u8::from(!is_sound));
    }
    // clap sees `--help` only before the first other argument.
    if cli
        .rest
        .last()
        .is_some_and(|last| last == "--help" || last == "-h")
    {
        // Nobody reads it if it cannot be printed.
        let _ = Cli::command().print_help();
        return ExitCode::SUCCESS;
    }
    match run(cli.rest) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments of the process. Under the name of one of Redis's tools for data files (a link to
/// kvd) they are that tool's: `redis-check-aof --fix FILE` is `kvd --repair FILE`.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let program = arguments.first().map(PathBuf::from).unwrap_or_default();
    let name = program.file_name().unwrap_or_default().as_bytes();
    if !name.ends_with(b"-check-aof") && !name.ends_with(b"-check-rdb") {
        return arguments;
    }
    for argument in arguments.iter_mut().filter(|word| *word == "--fix") {
        *argument = "--repair".into();
    }
    let is_file = |word: &OsString| !word.as_bytes().starts_with(b"-");
    let repairs = arguments.iter().any(|word| word == "--repair");
    if let Some(file) = arguments
        .iter()
        .skip(1)
        .rposition(is_file)
        .filter(|_| !repairs)
    {
        let is_cut = arguments
            .iter()
            .any(|word| word == "--truncate-to-timestamp");
        let option = if is_cut { "--repair" } else { "--check" };
        arguments.insert(file + 1, option.into());
    }
    arguments
}

fn run(arguments: Vec<OsString>) -> Result<u8, String> {
    let loaded = read_config(arguments).map_err(|error| error.to_string())?;
    let log = LogControl::install(loaded.config.loglevel, &loaded.config.logfile);
    log.set_format(loaded.config.log_format, loaded.config.log_timestamp_format);
    log_panics();
    let has_file = !loaded.config.logfile.is_empty();
    start(loaded, log).inspect_err(|error| {
        // Standard error gets it in any case.
        if has_file {
            error!("{error}");
        }
    })
}

fn start(loaded: Loaded, log: LogControl) -> Result<u8, String> {
    let mut config = loaded.config;
    let facts = SystemFacts::read();
    say_hello(&config, &facts, &loaded.warnings);

    config.maxclients = limits::raise_open_files(config.maxclients)?;
    let mut supervisor = Supervisor::new(config.supervised);
    let mut registry = kvd::registry();
    for renamed in &config.renamed_commands {
        registry
            .rename(&renamed.from, &renamed.to)
            .map_err(|error| LoadError::at(&renamed.origin, error.to_string()).to_string())?;
    }
    let machine = Box::new(OsMachine::new(facts, log));
    let served = serve(config, registry, machine, &mut supervisor);
    supervisor.stopping();
    supervisor.remove_pid_file();
    let code = served?;
    if code == 0 {
        warn!("kvd is now ready to exit, bye bye...");
    }
    Ok(code)
}

/// Opens the sockets, says where, and serves until the server ends; returns the exit code.
fn serve(
    config: Config,
    registry: Registry,
    mut machine: Box<OsMachine>,
    supervisor: &mut Supervisor,
) -> Result<u8, String> {
    let options = ListenOptions::from_config(&config).map_err(|error| error.to_string())?;
    let listeners = Listeners::open(options).map_err(|error| error.to_string())?;
    for bound in listeners.bound() {
        info!("listening on {bound}");
    }
    // Not before: it may be that of the server that has the port.
    if !config.pidfile.is_empty() {
        supervisor.write_pid_file(&config.pidfile);
    }
    info!("{} databases of {} shards", config.databases, config.shards);
    let poller = Poller::new().map_err(|error| error.to_string())?;
    let listeners = listeners.share();
    let rebinder = poller.rebinder(&listeners).map_err(|e| e.to_string())?;
    machine.set_listen(Box::new(move |config| rebinder.rebind(config)));
    let signals = SignalSource::install().map_err(|error| error.to_string())?;
    // Relative to the working directory, which is the data directory.
    let mut disk = OsDisk::new("");
    let waker = poller.waker();
    disk.set_waker(Box::new(move || {
        // It fails only while the process ends.
        let _ = waker.wake();
    }));
    let host = Host {
        clock: Box::new(OsClock::new()),
        machine,
        disk: Box::new(disk),
    };
    let mut engine = Engine::new(config, registry, OsEntropy.seed(), host);
    engine.load_users()?;
    if !engine.config.audit_log.is_empty() {
        // Absolute: CONFIG SET dir moves the working directory.
        let path = files::absolute(&engine.config.audit_log);
        let file = AuditFile::open(&path)
            .map_err(|error| format!("audit-log {path}: {}", error_text(&error)))?;
        engine.open_audit_log(Box::new(file))?;
        info!("The audit log is {path}");
    }
    info!("Server initialized");
    if let Err(failed) = engine.begin_loading() {
        error!("{failed}");
        error!("Fatal error loading the DB, check server logs. Exiting.");
        return Ok(1);
    }
    let event_loop = EventLoop::new(engine, poller, listeners, Some(signals))
        .map_err(|error| error.to_string())?;
    let on_ready = || {
        supervisor.ready();
        // Redis's words: containers and test suites wait for them.
        info!("Ready to accept connections");
    };
    let code = event_loop
        .run(on_ready)
        .map_err(|error| error.to_string())?;
    Ok(u8::try_from(code).unwrap_or(1))
}

/// Reads all sources, and makes what the rest of the process takes for granted true: paths are
/// absolute, `dir` is the working directory, the log can be written.
fn read_config(arguments: Vec<OsString>) -> Result<Loaded, LoadError> {
    let sources = Sources {
        arguments: arguments.into_iter().map(OsString::into_vec).collect(),
        environment: std::env::vars_os()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.into_vec()))
            .collect(),
    };
    let mut stdin = || {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map(|_| text)
    };
    let mut loaded = load(&sources, &mut files::OsFiles, &mut stdin)?;
    let config = &mut loaded.config;
    config.config_file = config.config_file.take().map(|path| files::absolute(&path));
    let fails = |name: &str, text: String| match loaded.origins.get(name) {
        Some(origin) => LoadError::at(origin, text),
        None => LoadError::File {
            path: name.to_owned(),
            error: io::Error::other(text),
        },
    };
    config.dir = files::enter_dir(&config.dir).map_err(|e| fails("dir", error_text(&e)))?;
    if !config.logfile.is_empty() {
        check_file(&config.logfile).map_err(|error| {
            fails(
                "logfile",
                format!("Can't open the log file: {}", error_text(&error)),
            )
        })?;
    }
    if !config.audit_log.is_empty() {
        audit::check_file(&config.audit_log).map_err(|error| {
            fails(
                "audit-log",
                format!("Can't open the audit log: {}", error_text(&error)),
            )
        })?;
    }
    Ok(loaded)
}

fn say_hello(config: &Config, facts: &SystemFacts, warnings: &[String]) {
    info!(
        "kvd {} is starting, PID: {}, {} bits, {}",
        env!("CARGO_PKG_VERSION"),
        facts.pid,
        facts.arch_bits,
        facts.os
    );
    match &config.config_file {
        Some(path) => info!("Configuration loaded from {path}"),
        None => info!("No configuration file: defaults, environment and command line"),
    }
    for warning in warnings {
        warn!("{warning}");
    }
}

/// `--help-options`: what has an effect, with its default, then the names that have none.
fn print_options() {
    let mut text = String::new();
    for opt in OPTIONS.iter().filter(|opt| !opt.help.is_empty()) {
        let default = if opt.default.is_empty() {
            "\"\""
        } else {
            opt.default
        };
        text += &format!(
            "--{} ({})  [{default}]\n   {}\n",
            opt.name,
            opt.kind.describe(),
            opt.help
        );
    }
    let names = |flag| {
        let rows = OPTIONS
            .iter()
            .filter(move |opt| opt.help.is_empty() && opt.flags.has(flag));
        rows.map(|opt| opt.name).collect::<Vec<_>>().join(" ")
    };
    text += &format!("\nAccepted, without effect:\n{}\n", names(IDLE));
    text += &format!(
        "\nNot supported, only their defaults are accepted:\n{}\n",
        names(REFUSED)
    );
    // A closed pipe (`| head`) is no error.
    let _ = io::stdout().write_all(text.as_bytes());
}
