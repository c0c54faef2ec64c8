//! The metrics port: figures for Prometheus, a health answer, and a page for people.
//!
//! Bytes in, bytes out, like everything in the core: `net` moves them, [`answer`] is called with
//! what has arrived. All figures are those of INFO, read from its text, so that there is no second
//! source of truth. Nobody authenticates here and nothing can be changed; whoever reaches the port
//! sees the figures, the slow log and names of keys, which is why it listens on the loopback
//! address unless it is told otherwise.

mod http;
mod metrics;
mod status;

use std::fmt::Write;

use crate::engine::Engine;
use crate::resp::reply::Outbox;

/// Bytes of answers that may wait for a client: one that asks faster than it reads is closed.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What became of the bytes that have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// How many of them are done with.
    pub consumed: usize,
    /// The connection ends when the answers are written.
    pub closes: bool,
}

/// What is sent for a path.
struct Page {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Page {
    fn text(status: &'static str, body: &str) -> Page {
        Page {
            status,
            kind: "text/plain; charset=utf-8",
            body: format!("{body}\n"),
        }
    }

    fn fixed(kind: &'static str, body: &str) -> Page {
        Page {
            status: OK,
            kind,
            body: body.to_owned(),
        }
    }
}

const OK: &str = "200 OK";

/// Answers the whole requests at the beginning of `input`.
pub fn answer(engine: &Engine, input: &[u8], out: &mut Outbox) -> Answered {
    let mut consumed = 0;
    loop {
        let rest = input.get(consumed..).unwrap_or_default();
        let closes = match http::parse(rest) {
            Ok(None) => {
                return Answered {
                    consumed,
                    closes: false,
                };
            }
            Ok(Some(request)) => {
                let page = page(engine, request.path);
                send(&page, request.is_head, request.keep_alive, out);
                consumed += request.len;
                !request.keep_alive
            }
            Err(refused) => {
                let page = Page::text(refused.status(), refused.status());
                send(&page, false, false, out);
                true
            }
        };
        if closes || out.len() > ANSWER_BYTES_MAX {
            return Answered {
                consumed: input.len(),
                closes: true,
            };
        }
    }
}

fn page(engine: &Engine, path: &[u8]) -> Page {
    match path {
        b"/metrics" => Page {
            status: OK,
            kind: "text/plain; version=0.0.4; charset=utf-8",
            body: metrics::text(engine),
        },
        b"/health" => match status::ailment(engine) {
            None => Page::text(OK, "ok"),
            Some(why) => Page::text("503 Service Unavailable", &why),
        },
        b"/status.json" => Page {
            status: OK,
            kind: "application/json",
            body: status::json(engine),
        },
        b"/" => Page::fixed("text/html; charset=utf-8", include_str!("page.html")),
        b"/page.css" => Page::fixed("text/css; charset=utf-8", include_str!("page.css")),
        b"/page.js" => Page::fixed("text/javascript; charset=utf-8", include_str!("page.js")),
        _ => Page::text("404 Not Found", "not found"),
    }
}

fn send(page: &Page, is_head: bool, keep_alive: bool, out: &mut Outbox) {
    let mut head = String::with_capacity(512);
    // Writing to a string does not fail.
    let _ = write!(
        head,
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
         connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n",
        page.status,
        page.kind,
        page.body.len(),
        if keep_alive { "keep-alive" } else { "close" },
    );
    if page.status.starts_with("405") {
        head.push_str("Allow: GET, HEAD\r\n");
    }
    head.push_str("\r\n");
    out.raw(head.as_bytes());
    if !is_head {
        out.raw(page.body.as_bytes());
    }
}
