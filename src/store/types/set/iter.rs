//! Walking over a set's members.

use super::{Member, text_of};
use crate::store::types::intset::{self, Ints};
use crate::store::types::listpack::{self, Entry, Listpack};
use crate::store::types::table::Table;

/// A set, by its form.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    Ints(Ints<'a>),
    Pack(&'a Listpack),
    Table(&'a Table),
}

/// Iterator over the members of a set.
pub struct Iter<'a> {
    form: Form<'a>,
    left: usize,
}

enum Form<'a> {
    Ints(intset::Iter<'a>),
    Pack(listpack::Iter<'a>),
    Table(&'a Table),
}

impl<'a> Iter<'a> {
    pub(super) fn new(view: View<'a>) -> Iter<'a> {
        let (form, left) = match view {
            View::Ints(ints) => (Form::Ints(ints.iter()), ints.len()),
            View::Pack(pack) => (Form::Pack(pack.iter()), pack.len()),
            View::Table(table) => (Form::Table(table), table.len()),
        };
        Iter { form, left }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Member<'a>;

    #[inline]
    fn next(&mut self) -> Option<Member<'a>> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.form {
            Form::Ints(iter) => iter.next().map(|value| Entry::Int(value).into()),
            Form::Pack(iter) => iter.next().map(Member::from),
            Form::Table(table) => {
                // From the end downwards, as a scan goes.
                let number = self.left as u32;
                let entry = Entry::Str(text_of(table.block(number)));
                Some(Member {
                    entry,
                    hash: Some(table.hash_at(number)),
                })
            }
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
