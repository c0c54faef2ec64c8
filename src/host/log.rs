//! The log: tracing's events as Redis's lines, as logfmt or as JSON, to standard output or a file.
//!
//! Redis has four levels, tracing five: `debug` is `trace!`, `verbose` is `debug!`, `notice` is
//! `info!`, `warning` is `warn!` (and `error!`, which looks the same). Level and shape may be
//! changed while the server runs. A file is opened for each line, so that it may be moved away
//! at any time: no signal is needed to rotate it. Text of clients may be in a message: control
//! characters are made harmless here.

use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogLevel, LogTimestampFormat};
use crate::text::Json;
use crate::time::Utc;

/// Changes the log while the server runs. Clones change the same log.
#[derive(Clone, Debug, Default)]
pub struct LogControl {
    level: Option<reload::Handle<LevelFilter, Registry>>,
    shape: Arc<Shape>,
}

/// What a line looks like. Atomic, as the disk thread may log too.
#[derive(Debug, Default)]
struct Shape {
    format: AtomicU8,
    timestamp: AtomicU8,
}

impl LogControl {
    /// Sets the log up for the process. Once; a second log of one process writes nothing.
    pub fn install(level: LogLevel, logfile: &str) -> LogControl {
        let shape = Arc::new(Shape::default());
        let (filter, handle) = reload::Layer::new(filter(level));
        let sink = if logfile.is_empty() {
            Sink::Stdout
        } else {
            Sink::File(logfile.into())
        };
        let lines = tracing_subscriber::fmt::layer()
            .event_format(Lines(Arc::clone(&shape)))
            .with_writer(sink);
        let installed = tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .try_init();
        LogControl {
            level: installed.is_ok().then_some(handle),
            shape,
        }
    }

    /// CONFIG SET loglevel.
    pub fn set_level(&self, level: LogLevel) {
        if let Some(handle) = &self.level {
            // Fails only when the log is gone.
            let _ = handle.reload(filter(level));
        }
    }

    /// CONFIG SET log-format and log-timestamp-format.
    pub fn set_format(&self, format: LogFormat, timestamp: LogTimestampFormat) {
        self.shape.format.store(format as u8, Ordering::Relaxed);
        self.shape
            .timestamp
            .store(timestamp as u8, Ordering::Relaxed);
    }
}

/// Whether a log file can be written, asked before anything is logged.
pub fn check_file(path: &str) -> io::Result<()> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map(|_| ())
}

/// Sends panics to the log too, as standard error may lead nowhere.
pub fn log_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("=== KVD BUG REPORT: {panic} ===");
        default(panic);
    }));
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

/// Where lines go.
enum Sink {
    Stdout,
    File(PathBuf),
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Box<dyn Write> {
        match self {
            Sink::Stdout => Box::new(io::stdout()),
            Sink::File(path) => match OpenOptions::new().append(true).create(true).open(path) {
                Ok(file) => Box::new(file),
                // A full or lost disk must not end the server for its log.
                Err(_) => Box::new(io::sink()),
            },
        }
    }
}

/// Formats events as lines.
struct Lines(Arc<Shape>);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut message = Message::default();
        event.record(&mut message);
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let line = Line {
            pid: std::process::id(),
            unix_ms: since_epoch.as_millis() as u64,
            timestamp: self.0.timestamp.load(Ordering::Relaxed),
            level: *event.metadata().level(),
            text: &message.0,
        };
        let format = self.0.format.load(Ordering::Relaxed);
        if format == LogFormat::Json as u8 {
            line.write_json(&mut writer)
        } else if format == LogFormat::Logfmt as u8 {
            line.write_logfmt(&mut writer)
        } else {
            line.write_text(&mut writer)
        }
    }
}

/// The message of an event, with its other fields behind it.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = if field.name() == "message" {
            let fields = std::mem::take(&mut self.0);
            write!(self.0, "{value:?}{fields}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

/// One line before it has a shape.
struct Line<'a> {
    pid: u32,
    unix_ms: u64,
    timestamp: u8,
    level: Level,
    text: &'a str,
}

impl Line<'_> {
    /// `pid:M 22 Nov 2026 21:59:00.123 * text`.
    fn write_text(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let mark = match self.level {
            Level::TRACE => '.',
            Level::DEBUG => '-',
            Level::INFO => '*',
            _ => '#',
        };
        // `M`, a primary: there are no replicas.
        write!(out, "{}:M {} {mark} ", self.pid, self.time())?;
        for character in self.text.chars() {
            match character {
                '\n' => out.write_str("\\n")?,
                '\r' => out.write_str("\\r")?,
                c if c.is_control() && c != '\t' => write!(out, "\\x{:02x}", c as u32)?,
                c => out.write_char(c)?,
            }
        }
        out.write_char('\n')
    }

    fn write_logfmt(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(
            out,
            "pid={} role=primary timestamp=\"{}\"",
            self.pid,
            self.time()
        )?;
        let message = Json(self.text);
        writeln!(out, " level={} message={message}", self.level_name())
    }

    fn write_json(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let (time, level) = (self.time(), self.level_name());
        write!(
            out,
            "{{\"pid\":{},\"role\":\"primary\",\"timestamp\":\"{time}\"",
            self.pid
        )?;
        let message = Json(self.text);
        writeln!(out, ",\"level\":\"{level}\",\"message\":{message}}}")
    }

    fn level_name(&self) -> &'static str {
        match self.level {
            Level::TRACE => "debug",
            Level::DEBUG => "info",
            Level::INFO => "notice",
            _ => "warning",
        }
    }

    fn time(&self) -> String {
        if self.timestamp == LogTimestampFormat::Milliseconds as u8 {
            return self.unix_ms.to_string();
        }
        let Utc {
            year,
            month,
            day,
            time,
        } = Utc::of(self.unix_ms as i64);
        if self.timestamp == LogTimestampFormat::Iso8601 as u8 {
            format!("{year:04}-{month:02}-{day:02}T{time}+00:00")
        } else {
            let name = MONTHS[(month - 1) as usize % 12];
            format!("{day:02} {name} {year} {time}")
        }
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level, timestamp: LogTimestampFormat, text: &str) -> Line<'_> {
        let unix_ms = 1_795_387_710_597;
        Line {
            pid: 7,
            unix_ms,
            timestamp: timestamp as u8,
            level,
            text,
        }
    }

    fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
        let mut text = String::new();
        write(&mut text).expect("strings take everything");
        text
    }

    #[test]
    fn lines_look_like_those_of_valkey() {
        let legacy = line(
            Level::INFO,
            LogTimestampFormat::Legacy,
            "Configuration loaded",
        );
        assert_eq!(
            written(|out| legacy.write_text(out)),
            "7:M 22 Nov 2026 22:48:30.597 * Configuration loaded\n"
        );
        assert_eq!(
            written(|out| legacy.write_json(out)),
            "{\"pid\":7,\"role\":\"primary\",\"timestamp\":\"22 Nov 2026 22:48:30.597\",\
             \"level\":\"notice\",\"message\":\"Configuration loaded\"}\n"
        );
        let iso = line(Level::WARN, LogTimestampFormat::Iso8601, "x");
        assert_eq!(
            written(|out| iso.write_logfmt(out)),
            "pid=7 role=primary timestamp=\"2026-11-22T22:48:30.597+00:00\" level=warning \
             message=\"x\"\n"
        );
        let plain = line(Level::TRACE, LogTimestampFormat::Milliseconds, "x");
        assert_eq!(
            written(|out| plain.write_text(out)),
            "7:M 1795387710597 . x\n"
        );
    }

    #[test]
    fn text_of_clients_cannot_forge_a_line() {
        let forged = line(
            Level::INFO,
            LogTimestampFormat::Legacy,
            "a\r\n1:M x\u{1b}[0m\"\\",
        );
        assert!(written(|out| forged.write_text(out)).ends_with("* a\\r\\n1:M x\\x1b[0m\"\\\n"));
        assert!(
            written(|out| forged.write_json(out))
                .ends_with(":\"a\\r\\n1:M x\\u001b[0m\\\"\\\\\"}\n")
        );
    }

    #[test]
    fn files_are_opened_for_each_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("kvd.log");
        check_file(&path.display().to_string()).expect("can be written");
        let sink = Sink::File(path.clone());
        sink.make_writer().write_all(b"one\n").expect("written");
        std::fs::rename(&path, dir.path().join("old.log")).expect("rotated");
        sink.make_writer().write_all(b"two\n").expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"two\n");
        Sink::File("/nowhere/kvd.log".into())
            .make_writer()
            .write_all(b"x")
            .expect("dropped");
        assert!(check_file("/nowhere/kvd.log").is_err());
    }
}
