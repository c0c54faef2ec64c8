//! Clients, wires and clocks: what happens, one step after the other.

use std::collections::{BTreeSet, VecDeque};

use fastrand::Rng;

use super::ROWS;
use super::choice::{commands, favourite, favourite_kind, options};
use super::compare::difference;
use super::crash::Durable;
use super::ended::{remove_all_ended, remove_ended, revive};
use super::generate::{Gen, garbage};
use super::model::{Command, Ctx, Model, Row, Session, Words};
use super::streams::settle;
use super::trace::{Trace, show};
use super::transactions::execute;
use super::want::{Want, page_of};
use crate::harness::{Client, Kvd, Value, decode, request};
use crate::words;

/// Steps of a seed.
const STEPS: usize = 250;
/// Steps between two looks at all data.
const FULL_CHECK_STEPS: usize = 60;

/// Runs one seed; panics with a report if the server and the model differ.
pub fn run(seed: u64, verbose: bool) {
    let mut world = World::new(seed, verbose);
    for step in 0..STEPS {
        world.step = step;
        world.act();
        if step % FULL_CHECK_STEPS == FULL_CHECK_STEPS - 1 {
            world.check_everything();
        }
    }
    world.finish();
}

/// A reply that is to come.
struct Expected {
    command: Command,
    want: Want,
    resp3: bool,
}

/// A client with its half of the wire.
struct Peer {
    client: Client,
    session: Session,
    /// Bytes not sent yet, and how many bytes before each command's end are left.
    unsent: Vec<u8>,
    ends: VecDeque<(usize, Command)>,
    expected: VecDeque<Expected>,
    /// Replies that came and are not compared yet.
    replies: Vec<u8>,
    /// Where its walk with SCAN is, and what it has seen.
    cursor: Vec<u8>,
    seen: BTreeSet<Vec<u8>>,
    walk: Words,
}

impl Peer {
    fn new(kvd: &Kvd) -> Peer {
        Peer {
            client: kvd.client(),
            session: Session::default(),
            unsent: Vec::new(),
            ends: VecDeque::new(),
            expected: VecDeque::new(),
            replies: Vec::new(),
            cursor: b"0".to_vec(),
            seen: BTreeSet::new(),
            walk: Words::new(),
        }
    }

    /// Whether it watches keys, or is about to.
    fn watches(&self) -> bool {
        let mut asked = self.ends.iter();
        !self.session.watched.is_empty() || asked.any(|(_, command)| command.row.name == "watch")
    }

    /// Whether all of a command has been sent that the model has not run.
    fn has_whole_command(&self) -> bool {
        self.ends.front().is_some_and(|(end, _)| *end == 0)
    }

    fn take_replies(&mut self) {
        self.replies.extend(self.client.take_bytes_now());
    }

    /// How many replies have come that are not compared yet.
    fn answered(&mut self) -> usize {
        self.take_replies();
        let mut rest = &self.replies[..];
        let mut count = 0;
        while let Some((_, len)) = decode(rest) {
            rest = &rest[len..];
            count += 1;
        }
        count
    }

    /// Whether everything it asked is answered.
    fn is_quiet(&self) -> bool {
        self.ends.is_empty() && self.expected.is_empty()
    }
}

/// Within so many turns a snapshot comes to what a writer waits for.
pub const SNAPSHOT_TURNS_MAX: usize = 1_000;

struct World {
    kvd: Kvd,
    /// Where it keeps its data, if it does.
    durable: Option<Durable>,
    model: Model,
    peers: Vec<Peer>,
    generate: Gen,
    commands: Vec<&'static Row>,
    trace: Trace,
    step: usize,
}

impl World {
    fn new(seed: u64, verbose: bool) -> World {
        let mut rng = Rng::with_seed(seed);
        let options = options(&mut rng);
        let (mut durable, kvd) = if rng.bool() {
            let (durable, kvd) = Durable::start(seed, &mut rng, options);
            (Some(durable), kvd)
        } else {
            (None, Kvd::seeded(seed, &options))
        };
        kvd.tick_by_ns([0, 0, 1_000, 50_000, 400_000][rng.usize(..5)]);
        let pool = [2, 8, 20, 20, 2_000][rng.usize(..5)];
        let favourite = favourite(&mut rng);
        let commands = commands(&kvd, &mut rng, favourite);
        let model = Model::new(3, kvd.unix_ms());
        if let Some(durable) = &mut durable {
            durable.note(&kvd, &model);
        }
        let peers = (0..1 + rng.usize(..5)).map(|_| Peer::new(&kvd)).collect();
        World {
            generate: Gen {
                rng,
                pool,
                now_ms: kvd.unix_ms(),
                databases: 3,
                favourite: favourite_kind(favourite),
                ids: VecDeque::new(),
            },
            kvd,
            durable,
            model,
            peers,
            commands,
            trace: Trace::new(seed, verbose),
            step: 0,
        }
    }

    fn act(&mut self) {
        let peer = self.generate.rng.usize(..self.peers.len());
        match self.generate.rng.u32(..100) {
            0..65 => self.talk(peer),
            65..72 => self.send_garbage(),
            72..80 => {
                self.kvd.one_turn();
            }
            80..83 => return self.let_fields_end(peer),
            83..88 => {
                // The next command comes before the server does what is due.
                let ms = self.some_time();
                self.kvd.pass_ms(ms);
                return self.clock_moved();
            }
            88..95 => {
                let ms = self.some_time();
                self.kvd.advance_ms(ms);
                self.clock_moved();
            }
            95..98 => self.set_clock_back(),
            _ => self.break_connection(peer),
        }
        let Some(durable) = &mut self.durable else {
            return;
        };
        if self.generate.once_in(15) {
            let client = self.kvd.client();
            client.send("BGREWRITEAOF");
            client.disconnect();
        }
        self.kvd.one_turn();
        durable.note(&self.kvd, &self.model);
        if self.generate.once_in(40) {
            self.crash();
        }
    }

    /// The server ends in the middle of things, and comes again.
    fn crash(&mut self) {
        for index in 0..self.peers.len() {
            self.read_replies(index);
        }
        let Some(durable) = &mut self.durable else {
            return;
        };
        let is_base_of_commands = durable.is_base_of_commands();
        let (kvd, models, how) = durable.restart(&self.kvd, &mut self.generate.rng);
        self.trace
            .add(format!("{how}, {} states allowed", models.len()));
        self.kvd = kvd;
        for peer in &mut self.peers {
            *peer = Peer::new(&self.kvd);
        }
        let client = self.kvd.client();
        remove_all_ended(&self.kvd, &client, self.model.dbs.len());
        let now_ms = self.kvd.unix_ms();
        let mut differences = Vec::new();
        let found = models.into_iter().find_map(|mut model| {
            model.set_now(now_ms);
            revive(&mut model, &client);
            if is_base_of_commands {
                settle(&mut model, &client);
            }
            let what = difference(&model, &client);
            let is_it = what.is_none();
            differences.extend(what);
            is_it.then_some(model)
        });
        client.disconnect();
        let seed = self.trace.seed;
        let Some(model) = found else {
            let each = differences.join("\n  ");
            panic!("seed {seed}: after a {how} the data is none that is allowed:\n  {each}");
        };
        self.model = model;
        if let Some(durable) = &mut self.durable {
            durable.note(&self.kvd, &self.model);
        }
    }

    /// A client sets fields, and works with hashes of which fields have ended.
    fn let_fields_end(&mut self, index: usize) {
        let peer = &self.peers[index];
        if !peer.is_quiet() || peer.session.multi.is_some() {
            return;
        }
        let span_ms = self.generate.rng.u64(1..50);
        let (row, words) = super::hash_times::short_lived(&mut self.generate, span_ms);
        let key = words![words[0]];
        self.command(index, row, words);
        let watches = self.generate.once_in(3);
        if watches && self.model.with_ended_fields().is_empty() {
            self.command(index, super::transactions::row("watch"), key);
        }
        self.kvd.pass_ms(span_ms);
        self.clock_moved();
        if watches {
            for name in ["multi", "exec"] {
                self.command(index, super::transactions::row(name), Words::new());
            }
        }
        for _ in 0..self.generate.rng.usize(1..8) {
            let db = self.peers[index].session.db;
            let mut ended = self.model.with_ended_fields().into_iter();
            let Some((_, key, _)) = ended.find(|(number, ..)| *number == db) else {
                return;
            };
            let key = key.clone();
            let rows = [super::hashes::ROWS, super::hash_times::ROWS];
            let rows = self.generate.one(&rows);
            let row = &rows[self.generate.rng.usize(..rows.len())];
            let mut words = (row.make)(&mut self.generate);
            words[0] = key;
            self.command(index, row, words);
        }
    }

    /// A client that has nothing else to say asks something, and is answered.
    fn command(&mut self, index: usize, row: &'static Row, words: Words) {
        self.write(index, row, words);
        self.deliver(index, self.peers[index].unsent.len());
        self.read_replies(index);
    }

    /// A client writes commands, or the network delivers what it wrote.
    fn talk(&mut self, index: usize) {
        if self.peers[index].unsent.is_empty() || self.generate.once_in(3) {
            for _ in 0..1 + self.generate.rng.usize(..6) {
                self.write_command(index);
            }
        }
        let rng = &mut self.generate.rng;
        let left = self.peers[index].unsent.len();
        let len = if rng.bool() { left } else { rng.usize(..=left) };
        let cut = if rng.bool() { len } else { rng.usize(..=len) };
        for len in [cut, len - cut] {
            if len > 0 {
                self.deliver(index, len);
            }
        }
        if self.generate.rng.bool() {
            self.kvd.turn();
        }
        self.read_replies(index);
    }

    /// Any command; but what is begun with WATCH and MULTI goes on before all else has changed.
    fn next_row(&mut self, index: usize) -> &'static Row {
        let session = &self.peers[index].session;
        let next = match &session.multi {
            Some(_) => Some("exec"),
            None if !session.watched.is_empty() => Some("multi"),
            None => None,
        };
        let next = next.filter(|_| self.generate.once_in(4));
        let row = |name: &str| ROWS.iter().copied().flatten().find(|row| row.name == name);
        next.and_then(row)
            .unwrap_or_else(|| self.generate.one(&self.commands))
    }

    fn write_command(&mut self, index: usize) {
        let row = self.next_row(index);
        if row.name == "watch" && !self.model.with_ended_fields().is_empty() {
            return;
        }
        let mut words = (row.make)(&mut self.generate);
        let peer = &mut self.peers[index];
        if row.name == "scan" {
            // The next page needs the last one's cursor.
            if !peer.is_quiet() || peer.session.multi.is_some() {
                return;
            }
            if peer.session.scan_since.is_none() {
                peer.cursor = b"0".to_vec();
                peer.seen.clear();
                peer.walk = words;
            }
            // A walk keeps its options to the end.
            words = peer.walk.clone();
            words.insert(0, peer.cursor.clone());
        }
        self.write(index, row, words);
    }

    fn write(&mut self, index: usize, row: &'static Row, words: Words) {
        let mut wire = vec![row.name.as_bytes().to_vec()];
        if self.generate.rng.bool() {
            wire[0].make_ascii_uppercase();
        }
        wire.extend(words.iter().cloned());
        let peer = &mut self.peers[index];
        peer.unsent.extend(request(&wire));
        let end = peer.unsent.len();
        peer.ends.push_back((end, Command { row, words }));
    }

    /// Sends the next bytes of a client, and lets the model run what they complete.
    fn deliver(&mut self, index: usize, len: usize) {
        let is_late = self.generate.once_in(4);
        let peer = &mut self.peers[index];
        let bytes: Vec<u8> = peer.unsent.drain(..len).collect();
        self.trace.add(format!("{index} <- {}", show(&bytes)));
        match is_late {
            true => peer.client.send_late(&bytes),
            false => peer.client.send_raw(&bytes),
        };
        for (end, _) in &mut peer.ends {
            *end = end.saturating_sub(len);
        }
        // The model waits for no snapshot: what ran before the wait runs there at its own time.
        for _ in 0..SNAPSHOT_TURNS_MAX {
            let peer = &mut self.peers[index];
            if !peer.client.is_postponed() {
                break;
            }
            let answered = peer.answered();
            while self.peers[index].expected.len() < answered {
                self.run_next(index);
            }
            self.kvd.advance_ms(1);
            self.clock_moved();
        }
        while self.peers[index].has_whole_command() {
            self.run_next(index);
        }
    }

    /// Lets the model run the next command of a client.
    fn run_next(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        let (_, command) = peer.ends.pop_front().expect("it is there");
        let before = peer.session.db;
        let want = execute(
            &mut Ctx {
                model: &mut self.model,
                session: &mut peer.session,
            },
            &command,
        );
        if peer.session.db != before {
            // A walk is one through one database.
            peer.session.scan_since = None;
        }
        let resp3 = peer.session.resp3;
        peer.expected.push_back(Expected {
            command,
            want,
            resp3,
        });
    }

    /// Compares the replies that a client got with those it must get.
    fn read_replies(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        peer.take_replies();
        let bytes = std::mem::take(&mut peer.replies);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (got, len) = decode(rest).expect("whole replies");
            rest = &rest[len..];
            let expected = peer.expected.pop_front().expect("nothing was asked");
            let name = expected.command.row.name;
            assert!(
                expected.want.is_met(&got, expected.resp3),
                "seed {} step {}: {name} {}\n  got {got:?}\n want {:?}",
                self.trace.seed,
                self.step,
                show(&expected.command.words.join(&b' ')),
                expected.want
            );
            if let Want::Page(page) = &expected.want {
                let (cursor, keys) = page_of(&got).expect("a page");
                peer.seen.extend(keys);
                if cursor == b"0" {
                    let missed: Vec<_> = page.must.difference(&peer.seen).collect();
                    let seed = self.trace.seed;
                    assert!(missed.is_empty(), "seed {seed}: SCAN missed {missed:?}");
                    peer.session.scan_since = None;
                }
                peer.cursor = cursor;
            }
        }
        assert!(
            peer.expected.is_empty(),
            "not answered: {}",
            peer.expected[0].command.row.name
        );
        assert!(!peer.client.is_closing());
    }

    fn send_garbage(&mut self) {
        let bytes = garbage(&mut self.generate.rng);
        self.trace.add(format!("garbage {}", show(&bytes)));
        let client = self.kvd.client();
        let cut = self.generate.rng.usize(..=bytes.len());
        client.send_raw(&bytes[..cut]);
        client.send_raw(&bytes[cut..]);
        let replies = client.take();
        let broken = |reply: &Value| match reply {
            Value::Error(line) => line.starts_with("ERR Protocol error"),
            _ => false,
        };
        let errors = replies.iter().filter(|reply| broken(reply)).count();
        assert_eq!(errors, usize::from(client.is_closing()), "{replies:?}");
        assert!(
            errors == 0 || replies.last().is_some_and(broken),
            "the last word"
        );
        client.disconnect();
    }

    fn some_time(&mut self) -> u64 {
        let rng = &mut self.generate.rng;
        let ms = match rng.u32(..20) {
            0 => rng.u64(..100_000_000),
            1..4 => rng.u64(..10_000),
            _ => rng.u64(..150),
        };
        self.trace.add(format!("{ms} ms pass"));
        ms
    }

    fn clock_moved(&mut self) {
        self.generate.now_ms = self.kvd.unix_ms();
        self.model.set_now(self.kvd.unix_ms());
        self.settle_fields();
    }

    /// Fields that ended may lie there until somebody looks. That is for the model to know where
    /// it shows: a hash that has no others is not there, and to who watches it their removal is a
    /// change. They are removed then, and in other cases now and then.
    fn settle_fields(&mut self) {
        let may_lie = self.model.hollow.is_empty() && !self.peers.iter().any(Peer::watches);
        if may_lie && !self.generate.once_in(4) {
            return;
        }
        let ended = self.model.with_ended_fields();
        let mut keys: Vec<_> = ended
            .into_iter()
            .map(|(db, key, _)| (db, key.clone()))
            .collect();
        keys.extend(std::mem::take(&mut self.model.hollow));
        if keys.is_empty() {
            return;
        }
        let client = self.kvd.client();
        for (db, key) in keys {
            client.send(&format!("SELECT {db}"));
            remove_ended(&self.kvd, &client, &key);
        }
        client.disconnect();
        for (_, _, fields) in self.model.with_ended_fields() {
            fields.ended.clear();
        }
        if self.generate.now_ms != self.kvd.unix_ms() {
            self.clock_moved();
        }
    }

    /// Sets the wall clock back. Keys whose time had come may be there again: which of them, only
    /// the server knows.
    fn set_clock_back(&mut self) {
        for index in 0..self.peers.len() {
            self.forget_watched(index);
        }
        if let Some(durable) = &mut self.durable {
            // Which keys come back depends on what of their removal is durable: all of it.
            self.kvd.engine().flush_log().expect("a disk that works");
            durable.note(&self.kvd, &self.model);
        }
        let ms = self.generate.rng.i64(1..20_000);
        self.trace.add(format!("the clock is set back by {ms} ms"));
        self.kvd.jump_wall_ms(-ms);
        self.generate.now_ms = self.kvd.unix_ms();
        self.model.set_now(self.kvd.unix_ms());
        let client = self.kvd.client();
        revive(&mut self.model, &client);
        client.disconnect();
        self.settle_fields();
    }

    /// Whether a watched key that ended had been removed when the clock was set back is not for
    /// the model to know: watches on such keys end before.
    fn forget_watched(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        let limbo = &self.model.limbo;
        if peer
            .session
            .watched
            .iter()
            .any(|w| limbo[w.db].contains_key(&w.key))
        {
            self.break_connection(index);
        }
    }

    /// A connection breaks, with whatever had not been sent; the client comes again.
    fn break_connection(&mut self, index: usize) {
        self.read_replies(index);
        self.trace.add(format!("{index} connects anew"));
        let peer = std::mem::replace(&mut self.peers[index], Peer::new(&self.kvd));
        peer.client.disconnect();
    }

    /// Compares all data.
    fn check_everything(&mut self) {
        self.kvd.engine().keyspace.check_invariants();
        let client = self.kvd.client();
        let seed = self.trace.seed;
        if let Some(what) = difference(&self.model, &client) {
            panic!("seed {seed}: {what}");
        }
        client.disconnect();
    }

    /// Everything that was written arrives; then all must agree.
    fn finish(&mut self) {
        for index in 0..self.peers.len() {
            let left = self.peers[index].unsent.len();
            if left > 0 {
                self.deliver(index, left);
            }
            self.read_replies(index);
        }
        self.check_everything();
        self.kvd.turn();
        self.check_everything();
        while let Some(peer) = self.peers.pop() {
            peer.client.disconnect();
        }
        assert!(self.kvd.engine().watch.is_empty() && self.kvd.engine().blocked.is_empty());
    }
}
