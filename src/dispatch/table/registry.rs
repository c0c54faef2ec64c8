//! The rows by number and by name: lookup without allocation, and renaming.

use crate::dispatch::table::Command;
use crate::resp::args::Args;

/// How many rows a registry takes: the index stays at most half full.
pub const COMMANDS_MAX: usize = SLOTS / 2;

/// The number of a row in its registry: an index for statistics, a bit for ACL rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommandId(u16);

impl CommandId {
    /// As an index into an array with one element per row.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A command that was found and takes this many arguments.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its number in the registry.
    pub id: CommandId,
    /// Its row.
    pub command: &'static Command,
}

/// Why a table was not accepted: a defect of the rows, or of a rename directive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TableError {
    /// Two commands of one name.
    Duplicate(String),
    /// A subcommand without the row of its container before it.
    Orphan(String),
    /// More than [`COMMANDS_MAX`] rows.
    Full,
    /// A rename of what is not there.
    Unknown(String),
}

impl std::fmt::Display for TableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TableError::Duplicate(name) => write!(f, "there is a command '{name}' already"),
            TableError::Orphan(name) => write!(f, "'{name}' is a subcommand of no command"),
            TableError::Full => write!(f, "too many commands"),
            TableError::Unknown(name) => write!(f, "there is no command '{name}'"),
        }
    }
}

/// All rows, by number and by name.
#[derive(Debug)]
pub struct Registry {
    rows: Vec<Row>,
    index: Index,
}

#[derive(Debug)]
struct Row {
    command: &'static Command,
    parent: Option<CommandId>,
    children: Vec<CommandId>,
    /// The name by which clients call it; none: renamed to nothing.
    called: Option<Box<[u8]>>,
}

impl Registry {
    /// A registry of all rows of `families`, numbered in that order.
    pub fn new(families: &[&'static [Command]]) -> Result<Registry, TableError> {
        let mut registry = Registry {
            rows: Vec::new(),
            index: Index::new(),
        };
        for command in families.iter().flat_map(|family| family.iter()) {
            registry.add(command)?;
        }
        // Now it is known who has subcommands.
        registry.rebuild();
        Ok(registry)
    }

    /// The command a client calls `name`, in any case.
    #[inline]
    pub fn lookup(&self, name: &[u8]) -> Option<(CommandId, &'static Command)> {
        self.find(TOP, name).map(|(id, command, _)| (id, command))
    }

    /// The subcommand of `container` that a client calls `name`, in any case.
    #[inline]
    pub fn sub(&self, container: CommandId, name: &[u8]) -> Option<(CommandId, &'static Command)> {
        let found = self.find(container.0, name);
        found.map(|(id, command, _)| (id, command))
    }

    /// The row a request names with its first word or, for a container, its first two.
    #[inline]
    pub fn resolve(&self, args: Args<'_>) -> Option<Found> {
        let (id, command, is_parent) = self.find(TOP, args.at(0))?;
        if is_parent && let Some(sub) = args.get(1) {
            let (id, command) = self.sub(id, sub)?;
            return Some(Found { id, command });
        }
        Some(Found { id, command })
    }

    /// As [`Registry::resolve`], by the names that commands have of themselves, whatever clients
    /// call them. It looks through all rows.
    #[cold]
    pub fn resolve_own(&self, args: Args<'_>) -> Option<Found> {
        let named = |parent, name: &[u8]| {
            let is_it = |(_, row): &(usize, &Row)| {
                let own = row.command.own_name().as_bytes();
                row.parent == parent && own.eq_ignore_ascii_case(name)
            };
            let (id, row) = self.rows.iter().enumerate().find(is_it)?;
            Some((CommandId(id as u16), row))
        };
        let (id, row) = named(None, args.at(0))?;
        let (id, row) = match args.get(1) {
            Some(sub) if !row.children.is_empty() => named(Some(id), sub)?,
            _ => (id, row),
        };
        let command = row.command;
        Some(Found { id, command })
    }

    /// The row of a full name as COMMAND INFO prints it: `config|set`.
    pub fn by_full_name(&self, name: &[u8]) -> Option<(CommandId, &'static Command)> {
        match memchr::memchr(b'|', name) {
            Some(at) => {
                let (container, _) = self.lookup(name.get(..at)?)?;
                self.sub(container, name.get(at + 1..)?)
            }
            None => self.lookup(name),
        }
    }

    /// The row of that number. A number of another registry finds nothing.
    #[inline]
    pub fn command(&self, id: CommandId) -> Option<&'static Command> {
        self.rows.get(id.index()).map(|row| row.command)
    }

    /// How many rows there are, subcommands included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row, subcommands included, in the order of the tables.
    pub fn all(&self) -> impl Iterator<Item = (CommandId, &'static Command)> + '_ {
        self.rows
            .iter()
            .enumerate()
            .map(|(id, row)| (CommandId(id as u16), row.command))
    }

    /// Every command a client can call, without subcommands, in the order of the tables.
    pub fn commands(&self) -> impl Iterator<Item = (CommandId, &'static Command)> + '_ {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| row.parent.is_none() && row.called.is_some())
            .map(|(id, row)| (CommandId(id as u16), row.command))
    }

    /// How many commands a client can call, without subcommands.
    pub fn command_count(&self) -> usize {
        self.commands().count()
    }

    /// The subcommands of a container, in the order of the tables.
    pub fn subcommands(&self, id: CommandId) -> &[CommandId] {
        self.rows.get(id.index()).map_or(&[], |row| &row.children)
    }

    /// Whether a command neither has subcommands nor is one.
    #[inline]
    pub fn is_plain(&self, id: CommandId) -> bool {
        let row = self.rows.get(id.index());
        row.is_some_and(|row| row.children.is_empty() && row.parent.is_none())
    }

    /// Has clients call a command by another name, or not at all when `new` is empty.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<(), TableError> {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let Some((id, _)) = self.lookup(old) else {
            return Err(TableError::Unknown(text(old)));
        };
        if !new.is_empty() && self.lookup(new).is_some() {
            return Err(TableError::Duplicate(text(new)));
        }
        if let Some(row) = self.rows.get_mut(id.index()) {
            row.called = if new.is_empty() {
                None
            } else {
                Some(new.into())
            };
        }
        self.rebuild();
        Ok(())
    }

    fn add(&mut self, command: &'static Command) -> Result<(), TableError> {
        if self.rows.len() >= COMMANDS_MAX {
            return Err(TableError::Full);
        }
        let id = CommandId(self.rows.len() as u16);
        let parent = match command.container_name() {
            None => None,
            Some(name) => match self.lookup(name.as_bytes()) {
                Some((parent, _)) => Some(parent),
                None => return Err(TableError::Orphan(command.name.to_owned())),
            },
        };
        let name = command.own_name().as_bytes();
        if self
            .find(parent.map_or(TOP, |parent| parent.0), name)
            .is_some()
        {
            return Err(TableError::Duplicate(command.name.to_owned()));
        }
        if let Some(row) = parent.and_then(|parent| self.rows.get_mut(parent.index())) {
            row.children.push(id);
        }
        let called = Some(name.into());
        self.rows.push(Row {
            command,
            parent,
            children: Vec::new(),
            called,
        });
        self.index.insert(name, entry(&self.rows[id.index()], id));
        Ok(())
    }

    /// The row of that name, and whether it has subcommands.
    #[inline]
    fn find(&self, parent: u16, name: &[u8]) -> Option<(CommandId, &'static Command, bool)> {
        let wanted = Wanted::new(parent, name);
        let first = &self.index.slots[wanted.hash % SLOTS];
        // Nearly always it is there.
        let entry = match &first.entry {
            Some(entry) if wanted.is_like(first, entry) && name.len() <= WORDS_MAX => entry,
            _ => self.probe(&wanted, name)?,
        };
        Some((entry.id, entry.command, entry.is_parent))
    }

    /// Looks for a name from its first place on.
    #[inline(never)]
    fn probe(&self, wanted: &Wanted, name: &[u8]) -> Option<&Entry> {
        let is_called = |entry: &Entry| {
            let row = self.rows.get(entry.id.index());
            let called = row.and_then(|row| row.called.as_deref());
            called.is_some_and(|called| called.eq_ignore_ascii_case(name))
        };
        let mut at = wanted.hash;
        loop {
            let slot = &self.index.slots[at % SLOTS];
            let entry = slot.entry.as_ref()?;
            if wanted.is_like(slot, entry) && (name.len() <= WORDS_MAX || is_called(entry)) {
                return Some(entry);
            }
            at += 1;
        }
    }

    fn rebuild(&mut self) {
        self.index = Index::new();
        for (id, row) in self.rows.iter().enumerate() {
            if let Some(called) = &row.called {
                self.index.insert(called, entry(row, CommandId(id as u16)));
            }
        }
    }
}

fn entry(row: &Row, id: CommandId) -> Entry {
    Entry {
        command: row.command,
        id,
        parent: row.parent.map_or(TOP, |parent| parent.0),
        is_parent: !row.children.is_empty(),
    }
}

const SLOTS: usize = 2048;
/// The parent of what is no subcommand.
const TOP: u16 = u16::MAX;
/// Names up to this length are compared by two words alone.
const WORDS_MAX: usize = 16;

/// An open-addressed table from (parent, case-folded name) to a row. It is at most half full, so
/// that a probe ends.
#[derive(Debug)]
struct Index {
    slots: Box<[Slot; SLOTS]>,
}

/// A place for a name: half a cache line.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    head: u64,
    tail: u64,
    /// Of the name; that of a longer one than fits is the largest.
    len: u16,
    entry: Option<Entry>,
}

/// What is known of a row by its name.
#[derive(Clone, Copy, Debug)]
struct Entry {
    command: &'static Command,
    id: CommandId,
    parent: u16,
    is_parent: bool,
}

impl Index {
    fn new() -> Index {
        Index {
            slots: Box::new([Slot::default(); SLOTS]),
        }
    }

    fn insert(&mut self, name: &[u8], entry: Entry) {
        let wanted = Wanted::new(entry.parent, name);
        let mut at = wanted.hash;
        while self.slots[at % SLOTS].entry.is_some() {
            at += 1;
        }
        self.slots[at % SLOTS] = Slot {
            head: wanted.head,
            tail: wanted.tail,
            len: wanted.len,
            entry: Some(entry),
        };
    }
}

/// A name to look for.
struct Wanted {
    head: u64,
    tail: u64,
    len: u16,
    parent: u16,
    hash: usize,
}

impl Wanted {
    #[inline]
    fn new(parent: u16, name: &[u8]) -> Wanted {
        let (head, tail) = words(name);
        Wanted {
            head,
            tail,
            len: u16::try_from(name.len()).unwrap_or(u16::MAX),
            parent,
            hash: hash(head, tail, name.len(), parent),
        }
    }

    /// Whether a name of up to sixteen bytes is that of the slot, and a longer one may be.
    #[inline]
    fn is_like(&self, slot: &Slot, entry: &Entry) -> bool {
        slot.head == self.head
            && slot.tail == self.tail
            && slot.len == self.len
            && entry.parent == self.parent
    }
}

/// The first and the last eight bytes of a name, in lower case; with its length they determine a
/// name of up to sixteen bytes.
#[inline]
fn words(name: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        return (
            lower(u64::from_le_bytes(*head)),
            lower(u64::from_le_bytes(*tail)),
        );
    }
    if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let both =
            u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << 32;
        return (lower(both), 0);
    }
    let short = match *name {
        [a, b, c] => [a, b, c, 0],
        [a, b] => [a, b, 0, 0],
        [a] => [a, 0, 0, 0],
        _ => [0; 4],
    };
    (lower(u64::from(u32::from_le_bytes(short))), 0)
}

/// Eight bytes with the ASCII capitals among them in lower case.
#[inline]
const fn lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = word & !HIGH;
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let past_z = low + (0x7f - b'Z' as u64) * ONES;
    let capitals = !word & (from_a ^ past_z) & HIGH;
    word | capitals >> 2
}

#[inline]
const fn hash(head: u64, tail: u64, len: usize, parent: u16) -> usize {
    let mixed = head ^ tail.rotate_left(23) ^ (len as u64) << 56 ^ (parent as u64) << 40;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}
