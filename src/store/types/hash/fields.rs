//! The form of large hashes: a table whose blocks hold a field's name and value together.
//!
//! A block is the name's length with one bit for "expires", the value's length, the place in
//! [`Expiries`] if the bit is set, the name, the value. A field that does not expire pays nothing
//! for those that do.

use super::expiries::Expiries;
use crate::random::Rng;
use crate::store::types::table::{Table, Varint, read_varint};

/// Fields by name and by number. See the module's text.
#[derive(Debug, Default)]
pub(super) struct Fields {
    table: Table,
    expiries: Option<Box<Expiries>>,
}

/// What a block holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// Where in the heap the field's time is.
    place: Option<u32>,
}

impl Fields {
    /// The same fields under the same numbers, with the same times.
    pub fn copy(&self) -> Fields {
        Fields {
            table: self.table.copy(),
            expiries: self.expiries.clone(),
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The field with this number, which there is.
    #[inline]
    pub fn at(&self, number: u32) -> Stored<'_> {
        parse(self.table.block(number))
    }

    /// The number of the field of this name.
    #[inline]
    pub fn find(&self, hash: u32, name: &[u8]) -> Option<u32> {
        self.table.find(hash, |block| name_of(block) == name)
    }

    /// When a field expires, if ever.
    #[inline]
    pub fn expire_at_ms(&self, field: &Stored<'_>) -> Option<i64> {
        let place = field.place?;
        self.expiries.as_ref().map(|expiries| expiries.at_ms(place))
    }

    /// Whether a field is to be hidden at `now_ms`.
    #[inline]
    pub fn is_expired(&self, field: &Stored<'_>, now_ms: i64) -> bool {
        field.place.is_some()
            && self
                .expire_at_ms(field)
                .is_some_and(|at_ms| at_ms <= now_ms)
    }

    /// The earliest time at which a field expires, and its number.
    #[inline]
    pub fn earliest(&self) -> Option<(i64, u32)> {
        self.expiries.as_ref()?.earliest()
    }

    /// How many fields are expired at `now_ms`.
    pub fn expired_len(&self, now_ms: i64) -> usize {
        self.expiries
            .as_ref()
            .map_or(0, |expiries| expiries.count_until(now_ms))
    }

    /// How many fields expire some time.
    pub fn volatile_len(&self) -> usize {
        self.expiries.as_ref().map_or(0, |expiries| expiries.len())
    }

    /// Adds a field whose name is not present.
    pub fn insert(&mut self, hash: u32, name: &[u8], value: &[u8]) {
        let (name_len, value_len) = (Varint::new(name.len() << 1), Varint::new(value.len()));
        self.table.insert(
            hash,
            &[name_len.as_bytes(), value_len.as_bytes(), name, value],
        );
    }

    /// Gives the field of this name and number another value. It expires as before.
    pub fn set_value(&mut self, number: u32, name: &[u8], value: &[u8]) {
        let place = self.at(number).place;
        self.write(number, name, value, place);
    }

    /// Lets the field of this number expire at `at_ms`.
    pub fn expire(&mut self, number: u32, at_ms: i64) {
        let field = self.at(number);
        let place = field.place;
        if place.is_none() {
            let (name, value) = (field.name.to_vec(), field.value.to_vec());
            self.write(number, &name, &value, Some(0));
        }
        let expiries = self.expiries.get_or_insert_default();
        let moved = |record, place| set_place(&mut self.table, record, place);
        match place {
            Some(place) => expiries.update(place, at_ms, moved),
            None => expiries.push(at_ms, number, moved),
        }
    }

    /// Lets the field of this number stay; whether it would have expired.
    pub fn persist(&mut self, number: u32) -> bool {
        let field = self.at(number);
        let Some(place) = field.place else {
            return false;
        };
        let (name, value) = (field.name.to_vec(), field.value.to_vec());
        self.forget_expiry(place);
        self.write(number, &name, &value, None);
        true
    }

    /// Removes the field of this number.
    pub fn remove(&mut self, number: u32) {
        if let Some(place) = self.at(number).place {
            self.forget_expiry(place);
        }
        let was_last_moved = self.table.remove(number);
        if was_last_moved
            && let Some(expiries) = &mut self.expiries
            && let Some(place) = parse(self.table.block(number)).place
        {
            expiries.rename(place, number);
        }
    }

    /// The number of a uniformly chosen field.
    pub fn random(&self, rng: &mut Rng) -> Option<u32> {
        self.table.random(rng)
    }

    /// Visits up to `count` fields; see `Table::scan`.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, mut visit: impl FnMut(Stored<'a>)) -> u64 {
        self.table
            .scan(cursor, count, |_, block| visit(parse(block)))
    }

    /// See `Table::drain_slice`.
    pub fn drain_slice(&mut self, count: usize) -> usize {
        if let Some(expiries) = &mut self.expiries {
            if !expiries.discard() {
                self.expiries = None;
            }
            return 1;
        }
        self.table.drain_slice(count)
    }

    pub fn heap_bytes(&self) -> usize {
        let expiries = self.expiries.as_ref();
        let expiries = expiries.map_or(0, |e| size_of::<Expiries>() + e.heap_bytes());
        self.table.heap_bytes() + expiries
    }

    /// Panics if the table, the heap or their links are not what is promised.
    pub fn check_invariants(&self, hash_of: impl Fn(&[u8]) -> u32) {
        self.table.check_invariants();
        let mut volatile = 0;
        for number in 0..self.len() as u32 {
            let field = self.at(number);
            volatile += usize::from(field.place.is_some());
            assert_eq!(self.table.hash_at(number), hash_of(field.name));
            assert_eq!(
                self.find(hash_of(field.name), field.name),
                Some(number),
                "a name twice"
            );
        }
        assert_eq!(volatile, self.volatile_len());
        if let Some(expiries) = &self.expiries {
            assert!(expiries.len() > 0, "an empty heap is given back");
            expiries.check_invariants(|number| self.at(number).place);
        }
    }

    fn write(&mut self, number: u32, name: &[u8], value: &[u8], place: Option<u32>) {
        let name_len = Varint::new(name.len() << 1 | usize::from(place.is_some()));
        let value_len = Varint::new(value.len());
        let link = place.unwrap_or(0).to_le_bytes();
        let link = if place.is_some() { &link[..] } else { &[] };
        let parts = [name_len.as_bytes(), value_len.as_bytes(), link, name, value];
        self.table.rewrite(number, &parts);
    }

    fn forget_expiry(&mut self, place: u32) {
        let Some(expiries) = &mut self.expiries else {
            return;
        };
        expiries.remove(place, |record, place| {
            set_place(&mut self.table, record, place)
        });
        if expiries.len() == 0 {
            self.expiries = None;
        }
    }
}

#[inline]
fn parse(block: &[u8]) -> Stored<'_> {
    let (name_len, rest) = read_varint(block);
    let (value_len, mut rest) = read_varint(rest);
    let mut place = None;
    if name_len & 1 == 1
        && let Some((link, behind)) = rest.split_first_chunk()
    {
        place = Some(u32::from_le_bytes(*link));
        rest = behind;
    }
    let (name, rest) = rest.split_at(name_len >> 1);
    Stored {
        name,
        value: &rest[..value_len],
        place,
    }
}

#[inline]
fn name_of(block: &[u8]) -> &[u8] {
    let (name_len, rest) = read_varint(block);
    let (_, rest) = read_varint(rest);
    let at = 4 * (name_len & 1);
    &rest[at..at + (name_len >> 1)]
}

/// Writes a field's place in the heap into its block.
fn set_place(table: &mut Table, number: u32, place: u32) {
    let block = table.block_mut(number);
    let (_, rest) = read_varint(block);
    let (_, rest) = read_varint(rest);
    let at = block.len() - rest.len();
    block[at..at + 4].copy_from_slice(&place.to_le_bytes());
}
