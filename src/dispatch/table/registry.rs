//! The rows by number and by name: lookup without allocation, and renaming.

use crate::dispatch::table::Command;

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
        Ok(registry)
    }

    /// The command a client calls `name`, in any case.
    #[inline]
    pub fn lookup(&self, name: &[u8]) -> Option<(CommandId, &'static Command)> {
        self.find(TOP, name)
    }

    /// The subcommand of `container` that a client calls `name`, in any case.
    #[inline]
    pub fn sub(&self, container: CommandId, name: &[u8]) -> Option<(CommandId, &'static Command)> {
        self.find(container.0, name)
    }

    /// The row a request names with its first word or, for a container, its first two.
    #[inline]
    pub fn resolve(
        &self,
        name: &[u8],
        sub: Option<&[u8]>,
    ) -> Option<(CommandId, &'static Command)> {
        let found = self.lookup(name)?;
        match (self.rows.get(found.0.index()), sub) {
            (Some(row), Some(sub)) if !row.children.is_empty() => self.sub(found.0, sub),
            _ => Some(found),
        }
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

    /// The container of a subcommand.
    pub fn parent(&self, id: CommandId) -> Option<CommandId> {
        self.rows.get(id.index())?.parent
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
        self.index
            .insert(parent.map_or(TOP, |parent| parent.0), name, id);
        Ok(())
    }

    #[inline]
    fn find(&self, parent: u16, name: &[u8]) -> Option<(CommandId, &'static Command)> {
        let id = self.index.find(parent, name, |id| {
            let called = self
                .rows
                .get(id.index())
                .and_then(|row| row.called.as_deref());
            called.is_some_and(|called| called.eq_ignore_ascii_case(name))
        })?;
        Some((id, self.rows.get(id.index())?.command))
    }

    fn rebuild(&mut self) {
        self.index = Index::new();
        for (id, row) in self.rows.iter().enumerate() {
            if let Some(called) = &row.called {
                let parent = row.parent.map_or(TOP, |parent| parent.0);
                self.index.insert(parent, called, CommandId(id as u16));
            }
        }
    }
}

const SLOTS: usize = 2048;
/// The parent of what is no subcommand.
const TOP: u16 = u16::MAX;
/// The number in an empty slot.
const EMPTY: u16 = u16::MAX;
/// Names up to this length are compared by two words alone.
const WORDS_MAX: usize = 16;

/// An open-addressed table from (parent, case-folded name) to the number of a row. It is at most
/// half full, so that a probe ends.
#[derive(Debug)]
struct Index {
    slots: Box<[Slot]>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    head: u64,
    tail: u64,
    len: u32,
    parent: u16,
    id: u16,
}

impl Index {
    fn new() -> Index {
        let empty = Slot {
            head: 0,
            tail: 0,
            len: 0,
            parent: TOP,
            id: EMPTY,
        };
        Index {
            slots: vec![empty; SLOTS].into_boxed_slice(),
        }
    }

    fn insert(&mut self, parent: u16, name: &[u8], id: CommandId) {
        let (head, tail) = words(name);
        let mut at = hash(head, tail, name.len(), parent);
        while self.slots[at % SLOTS].id != EMPTY {
            at += 1;
        }
        self.slots[at % SLOTS] = Slot {
            head,
            tail,
            len: name.len() as u32,
            parent,
            id: id.0,
        };
    }

    #[inline]
    fn find(
        &self,
        parent: u16,
        name: &[u8],
        same: impl Fn(CommandId) -> bool,
    ) -> Option<CommandId> {
        let (head, tail) = words(name);
        let mut at = hash(head, tail, name.len(), parent);
        loop {
            let slot = self.slots.get(at % SLOTS)?;
            if slot.id == EMPTY {
                return None;
            }
            let alike = slot.head == head
                && slot.tail == tail
                && slot.len as usize == name.len()
                && slot.parent == parent;
            if alike && (name.len() <= WORDS_MAX || same(CommandId(slot.id))) {
                return Some(CommandId(slot.id));
            }
            at += 1;
        }
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
    let byte = |at: usize| u64::from(name.get(at).copied().unwrap_or(0));
    (lower(byte(0) | byte(1) << 8 | byte(2) << 16), 0)
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
