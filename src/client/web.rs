//! A client of the metrics port: its bytes are HTTP requests, answered where they arrive.

use crate::engine::Engine;
use crate::observe::web;

use super::{ClientKey, Closing, Served};

impl Engine {
    /// Takes bytes of a browser or scraper and answers the requests that are whole. What is not
    /// yet whole is kept: its length is limited by the parser of requests.
    pub(super) fn receive_web(&mut self, key: ClientKey, bytes: &[u8]) -> Served {
        let Some(client) = self.clients.find_mut(key) else {
            return Served::Closing;
        };
        let mut inbox = std::mem::take(&mut client.inbox);
        let mut out = std::mem::take(&mut client.outbox);
        inbox.push(bytes);
        let answered = web::answer(self, &inbox, &mut out);
        inbox.consume(answered.consumed);
        let has_output = !out.is_empty();
        if let Some(client) = self.clients.find_mut(key) {
            if !inbox.is_empty() {
                client.inbox = inbox;
            }
            client.outbox = out;
        }
        if has_output {
            self.mark_dirty(key);
        }
        if answered.closes {
            self.close(key, Closing::AfterFlush);
            return Served::Closing;
        }
        Served::Idle
    }
}
