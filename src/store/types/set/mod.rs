//! The set: members without order, packed while they are few.
//!
//! Integers alone are an intset; few short members a listpack; else a table. What OBJECT ENCODING
//! calls a set follows Redis's limits, which each call that may need them passes in. A set that
//! Redis would keep as a "hashtable" although it is tiny (a member too long for a listpack) stays
//! packed here under that name, because a table's fixed cost exceeds its contents.
//!
//! Members of a table are found by a hash that the caller's [`HashState`] makes; the set keeps
//! none. All sets of a process share one state, so that a member read from one table is found in
//! another by the hash it already has.

mod iter;

#[cfg(test)]
mod tests;

use std::mem::take;
use std::ops::ControlFlow;

use self::iter::View;
use super::intset::{INTSET_ENTRIES_MAX, Ints, Intset};
use super::listpack::{Encoded, Entry, IntBuf, Listpack, Malformed, decimal_len};
use super::sample;
use super::table::{Table, Varint, hash_of, read_varint};
use crate::random::Rng;
use crate::store::hash::HashState;

pub use self::iter::Iter;

/// Marks of a small set's block: what is in it, and what it calls itself.
const LISTPACK: u8 = 0;
const INTSET: u8 = 1;
const LISTPACK_AS_TABLE: u8 = 2;

/// A packed set under the name "hashtable" has at most so many members,
pub(super) const AS_TABLE_ENTRIES_MAX: usize = 16;
/// and so many bytes: then a search costs no more than it would in a table.
const AS_TABLE_BYTES_MAX: usize = 2048;

/// When a set is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// `set-max-intset-entries`.
    pub max_intset_entries: usize,
    /// `set-max-listpack-entries`.
    pub max_listpack_entries: usize,
    /// `set-max-listpack-value`, in bytes.
    pub max_listpack_value: usize,
}

impl Default for SetLimits {
    fn default() -> SetLimits {
        SetLimits {
            max_intset_entries: 512,
            max_listpack_entries: 128,
            max_listpack_value: 64,
        }
    }
}

/// A member to look for or to add, with its hash where that is known: read from a table.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    entry: Entry<'a>,
    hash: Option<u32>,
}

impl<'a> Member<'a> {
    /// A member given as bytes.
    #[inline]
    pub fn new(text: &'a [u8]) -> Member<'a> {
        Member {
            entry: Entry::Str(text),
            hash: None,
        }
    }

    /// The member as it is stored.
    #[inline]
    pub fn entry(self) -> Entry<'a> {
        self.entry
    }

    /// The same member with its hash, for a search in many sets.
    #[inline]
    pub fn hashed(self, state: &HashState) -> Member<'a> {
        Member {
            hash: Some(self.hash(state, self.entry.bytes(&mut IntBuf::new()))),
            ..self
        }
    }

    #[inline]
    fn hash(self, state: &HashState, text: &[u8]) -> u32 {
        self.hash.unwrap_or_else(|| hash_of(state, text))
    }

    #[inline]
    fn encoded(self) -> Encoded<'a> {
        match self.entry {
            Entry::Int(value) => Encoded::int(value),
            Entry::Str(text) => Encoded::new(text),
        }
    }
}

impl<'a> From<Entry<'a>> for Member<'a> {
    #[inline]
    fn from(entry: Entry<'a>) -> Member<'a> {
        Member { entry, hash: None }
    }
}

/// A set. See the module's text.
#[derive(Debug)]
pub struct Set(Repr);

#[derive(Debug)]
enum Repr {
    /// A listpack, or (by its mark) the block of an intset.
    Small(Listpack),
    Table(Box<Table>),
}

const _: () = assert!(size_of::<Set>() == 16);

impl Default for Set {
    fn default() -> Set {
        Set::new()
    }
}

impl Set {
    /// An empty set; owns no memory.
    pub fn new() -> Set {
        Set(Repr::Small(Listpack::new()))
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self.view() {
            View::Ints(ints) => ints.len(),
            View::Pack(pack) => pack.len(),
            View::Table(table) => table.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same set once more, in the same encoding.
    pub fn copy(&self) -> Set {
        Set(match &self.0 {
            Repr::Small(pack) => Repr::Small(pack.clone()),
            Repr::Table(table) => Repr::Table(Box::new(table.copy())),
        })
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            View::Ints(_) => "intset",
            View::Pack(pack) if pack.mark() == LISTPACK => "listpack",
            View::Pack(_) | View::Table(_) => "hashtable",
        }
    }

    /// Whether `text` is a member.
    #[inline]
    pub fn contains(&self, text: &[u8], state: &HashState) -> bool {
        self.contains_member(Member::new(text), state)
    }

    /// Whether `member` is one.
    pub fn contains_member(&self, member: Member<'_>, state: &HashState) -> bool {
        match self.view() {
            View::Ints(ints) => member.entry.int().is_some_and(|value| ints.contains(value)),
            View::Pack(pack) => pack.entries().find(&member.encoded(), 1).is_some(),
            View::Table(table) => {
                let mut buf = IntBuf::new();
                let text = member.entry.bytes(&mut buf);
                table
                    .find(member.hash(state, text), |block| text_of(block) == text)
                    .is_some()
            }
        }
    }

    /// Adds a member; whether it is new.
    #[inline]
    pub fn insert(&mut self, text: &[u8], state: &HashState, limits: SetLimits) -> bool {
        self.insert_member(Member::new(text), state, limits)
    }

    /// Adds a member; whether it is new.
    pub fn insert_member(
        &mut self,
        member: Member<'_>,
        state: &HashState,
        limits: SetLimits,
    ) -> bool {
        let pack = match &mut self.0 {
            Repr::Table(table) => return insert_into(table, member, state),
            Repr::Small(pack) => pack,
        };
        if pack.block().is_empty()
            && limits.max_intset_entries > 0
            && let Some(value) = member.entry.int()
        {
            self.edit_ints(|ints| ints.insert(value));
            return true;
        }
        if pack.mark() == INTSET {
            return self.insert_into_ints(member, state, limits);
        }
        let encoded = member.encoded();
        if pack.entries().find(&encoded, 1).is_some() {
            return false;
        }
        let len = member.entry.text_len();
        let has_room = if pack.mark() == LISTPACK {
            pack.len() < limits.max_listpack_entries && len <= limits.max_listpack_value
        } else {
            pack.len() < AS_TABLE_ENTRIES_MAX && pack.byte_len() + len < AS_TABLE_BYTES_MAX
        };
        if has_room && pack.fits(len) {
            pack.insert_encoded(pack.entries().end(), &[encoded]);
            return true;
        }
        self.outgrow(len, state);
        self.insert_member(member, state, limits)
    }

    /// Removes a member; whether it was one.
    pub fn remove(&mut self, text: &[u8], state: &HashState) -> bool {
        match &mut self.0 {
            Repr::Table(table) => {
                let number = table.find(hash_of(state, text), |block| text_of(block) == text);
                number.map(|number| table.remove(number)).is_some()
            }
            Repr::Small(pack) if pack.mark() == INTSET => {
                let Some(value) = Entry::Str(text).int() else {
                    return false;
                };
                self.edit_ints(|ints| ints.remove(value))
            }
            Repr::Small(pack) => match pack.find(text, 1) {
                Some(pos) => {
                    pack.remove(pos, 1);
                    true
                }
                None => false,
            },
        }
    }

    /// The members, in no particular order, each with its hash where that is known.
    #[inline]
    pub fn members(&self) -> Iter<'_> {
        Iter::new(self.view())
    }

    /// The members, in no particular order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.members().map(Member::entry)
    }

    /// Visits members from `cursor` on, at least `count` if there are as many, and returns the
    /// next cursor: 0 to begin with, and when the walk is over. What is a member all the while is
    /// visited.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, mut visit: impl FnMut(Entry<'a>)) -> u64 {
        match self.view() {
            View::Table(table) => {
                table.scan(cursor, count, |_, block| visit(Entry::Str(text_of(block))))
            }
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// Member `index` in the present order, which there is.
    fn at(&self, index: usize) -> Entry<'_> {
        match self.view() {
            View::Ints(ints) => Entry::Int(ints.at(index)),
            View::Pack(pack) => pack.get(index).unwrap_or(Entry::Str(b"")),
            View::Table(table) => Entry::Str(text_of(table.block(index as u32))),
        }
    }

    /// A uniformly chosen member.
    #[inline]
    pub fn random(&self, rng: &mut Rng) -> Option<Entry<'_>> {
        let len = self.len();
        (len > 0).then(|| self.at(rng.below(len)))
    }

    /// Visits `count` different members, or all there are, every choice being as likely.
    pub fn sample(&self, rng: &mut Rng, count: usize, mut visit: impl FnMut(Entry<'_>)) {
        if count >= self.len() {
            return self.iter().for_each(visit);
        }
        let chosen = sample::distinct(rng, self.len(), count);
        if let View::Pack(pack) = self.view() {
            let mut chosen = chosen.into_iter().peekable();
            for (index, entry) in pack.iter().enumerate() {
                if chosen.next_if_eq(&(index as u32)).is_some() {
                    visit(entry);
                }
            }
        } else {
            chosen
                .into_iter()
                .for_each(|index| visit(self.at(index as usize)));
        }
    }

    /// Visits `count` members, each chosen anew among all, unless `visit` breaks off.
    pub fn sample_repeated(
        &self,
        rng: &mut Rng,
        count: usize,
        mut visit: impl FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let count = if self.is_empty() { 0 } else { count };
        let (mut draws, len) = (0..count, self.len());
        match self.view() {
            View::Pack(pack) if count > 2 => {
                let entries: Vec<_> = pack.iter().collect();
                draws.try_for_each(|_| visit(entries[rng.below(len)]))
            }
            _ => draws.try_for_each(|_| visit(self.at(rng.below(len)))),
        }
    }

    /// Removes a uniformly chosen member after showing it to `visit`; whether there was one.
    pub fn pop_random(&mut self, rng: &mut Rng, visit: impl FnOnce(Entry<'_>)) -> bool {
        if self.is_empty() {
            return false;
        }
        let index = rng.below(self.len());
        visit(self.at(index));
        match &mut self.0 {
            Repr::Table(table) => {
                table.remove(index as u32);
            }
            Repr::Small(pack) if pack.mark() == INTSET => {
                self.edit_ints(|ints| ints.remove_at(index));
            }
            Repr::Small(pack) => pack.remove_range(index, 1),
        }
        true
    }

    /// A set from a saved intset, all of which is checked.
    pub fn from_intset(
        bytes: &[u8],
        state: &HashState,
        limits: SetLimits,
    ) -> Result<Set, Malformed> {
        let mut ints = Intset::from_bytes(bytes)?;
        ints.set_mark(INTSET);
        let is_too_large = ints.len() > limits.max_intset_entries.min(INTSET_ENTRIES_MAX);
        let mut set = Set(Repr::Small(Listpack::from_block(ints.into_block())));
        if is_too_large {
            set.outgrow(0, state);
        }
        Ok(set)
    }

    /// A set from a saved listpack, all of which is checked; a member must not occur twice.
    pub fn from_listpack(
        bytes: &[u8],
        state: &HashState,
        limits: SetLimits,
    ) -> Result<Set, Malformed> {
        let pack = Listpack::from_bytes(bytes)?;
        if has_duplicates(&pack, 1, state) {
            return Err(Malformed);
        }
        let is_too_large = pack.len() > limits.max_listpack_entries;
        let mut set = Set(Repr::Small(pack));
        if is_too_large {
            set.outgrow(0, state);
        }
        Ok(set)
    }

    /// How the set is saved.
    pub fn saved_form(&self) -> SavedSet<'_> {
        match self.view() {
            View::Ints(ints) => match &self.0 {
                Repr::Small(pack) => SavedSet::Intset(&pack.block()[..ints.byte_len()]),
                Repr::Table(_) => SavedSet::Members,
            },
            View::Pack(pack) if pack.mark() == LISTPACK => SavedSet::Listpack(pack.as_bytes()),
            View::Pack(_) | View::Table(_) => SavedSet::Members,
        }
    }

    /// Memory owned, without `size_of::<Set>()`. Exact, so `samples` is not needed.
    pub fn heap_bytes(&self, _samples: usize) -> usize {
        match &self.0 {
            Repr::Small(pack) => pack.heap_bytes(),
            Repr::Table(table) => size_of::<Table>() + table.heap_bytes(),
        }
    }

    /// Frees members of a set that is to be dropped and must not be used otherwise, about `count`
    /// of them; returns how many, 0 when nothing is left.
    pub fn drain_slice(&mut self, count: usize) -> usize {
        let freed = match &mut self.0 {
            Repr::Table(table) => table.drain_slice(count),
            Repr::Small(_) => self.len(),
        };
        if freed == 0 || matches!(self.0, Repr::Small(_)) {
            *self = Set::new();
        }
        freed
    }

    /// Panics if the set is not what this module promises.
    pub fn check_invariants(&self, state: &HashState) {
        match self.view() {
            View::Ints(ints) => {
                let block = &self.small_block()[..ints.byte_len()];
                Intset::from_bytes(block)
                    .expect("a valid intset")
                    .check_invariants();
            }
            View::Pack(pack) => {
                pack.check_invariants();
                assert!(!has_duplicates(pack, 1, state), "a member occurs twice");
            }
            View::Table(table) => {
                table.check_invariants();
                for number in 0..table.len() as u32 {
                    let text = text_of(table.block(number));
                    assert_eq!(table.hash_at(number), hash_of(state, text));
                    let found = table.find(hash_of(state, text), |block| text_of(block) == text);
                    assert_eq!(found, Some(number), "a member occurs twice");
                }
            }
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        match &self.0 {
            Repr::Small(pack) if pack.mark() == INTSET => View::Ints(Ints::of(pack.block())),
            Repr::Small(pack) => View::Pack(pack),
            Repr::Table(table) => View::Table(table),
        }
    }

    fn small_block(&self) -> &[u8] {
        match &self.0 {
            Repr::Small(pack) => pack.block(),
            Repr::Table(_) => &[],
        }
    }

    /// Changes the small block as an intset, which it is or, if empty, becomes.
    fn edit_ints<T>(&mut self, change: impl FnOnce(&mut Intset) -> T) -> T {
        let mut ints = match &mut self.0 {
            Repr::Small(pack) => Intset::from_block(take(pack).into_block()),
            Repr::Table(_) => Intset::new(),
        };
        let result = change(&mut ints);
        ints.set_mark(INTSET);
        self.0 = Repr::Small(Listpack::from_block(ints.into_block()));
        result
    }

    fn insert_into_ints(
        &mut self,
        member: Member<'_>,
        state: &HashState,
        limits: SetLimits,
    ) -> bool {
        if let Some(value) = member.entry.int() {
            let (is_new, len) = self.edit_ints(|ints| (ints.insert(value), ints.len()));
            if is_new && len > limits.max_intset_entries.min(INTSET_ENTRIES_MAX) {
                self.outgrow(0, state);
            }
            return is_new;
        }
        let View::Ints(ints) = self.view() else {
            return false;
        };
        let digits_max = match ints.len() {
            0 => 0,
            len => decimal_len(ints.at(0)).max(decimal_len(ints.at(len - 1))),
        };
        let len_max = member.entry.text_len().max(digits_max);
        if ints.len() < limits.max_listpack_entries && len_max <= limits.max_listpack_value {
            self.0 = Repr::Small(pack_of(ints));
        } else {
            self.outgrow(member.entry.text_len(), state);
        }
        self.insert_member(member, state, limits)
    }

    /// Becomes what is called "hashtable", with room for one more member of `len` bytes: packed
    /// still, if it is tiny, else a table.
    #[cold]
    fn outgrow(&mut self, len: usize, state: &HashState) {
        let count = self.len() + usize::from(len > 0);
        let bytes = self.small_block().len() + len;
        let is_tiny = count <= AS_TABLE_ENTRIES_MAX && bytes < AS_TABLE_BYTES_MAX;
        let Repr::Small(pack) = &mut self.0 else {
            return;
        };
        if is_tiny && pack.mark() != LISTPACK_AS_TABLE {
            let mut pack = match pack.mark() {
                INTSET => pack_of(Ints::of(pack.block())),
                _ => take(pack),
            };
            pack.set_mark(LISTPACK_AS_TABLE);
            self.0 = Repr::Small(pack);
            return;
        }
        let mut table = Box::<Table>::default();
        self.members().for_each(|member| {
            insert_into(&mut table, member, state);
        });
        self.0 = Repr::Table(table);
    }
}

/// How a set is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedSet<'a> {
    /// As a serialised intset.
    Intset(&'a [u8]),
    /// As a serialised listpack.
    Listpack(&'a [u8]),
    /// Member by member.
    Members,
}

/// The member in a block of a table.
#[inline]
fn text_of(block: &[u8]) -> &[u8] {
    let (len, rest) = read_varint(block);
    &rest[..len]
}

fn insert_into(table: &mut Table, member: Member<'_>, state: &HashState) -> bool {
    let mut buf = IntBuf::new();
    let text = member.entry.bytes(&mut buf);
    let hash = member.hash(state, text);
    let is_new = table.find(hash, |block| text_of(block) == text).is_none();
    if is_new {
        table.insert(hash, &[Varint::new(text.len()).as_bytes(), text]);
    }
    is_new
}

fn pack_of(ints: Ints<'_>) -> Listpack {
    let mut pack = Listpack::new();
    ints.iter().for_each(|value| pack.push_int(value));
    pack
}

/// Whether two entries whose index is a multiple of `stride` are equal. For packs of any size.
pub(super) fn has_duplicates(pack: &Listpack, stride: usize, state: &HashState) -> bool {
    let mut buf = IntBuf::new();
    let mut seen: Vec<(u32, Entry<'_>)> = pack
        .iter()
        .step_by(stride)
        .map(|entry| (hash_of(state, entry.bytes(&mut buf)), entry))
        .collect();
    seen.sort_unstable_by_key(|(hash, _)| *hash);
    // Only members of equal hashes can be equal, and those are few.
    seen.chunk_by(|a, b| a.0 == b.0).any(|same| {
        (1..same.len()).any(|at| same[..at].iter().any(|(_, entry)| *entry == same[at].1))
    })
}
