//! Walking over a hash's fields.

use super::Field;
use super::fields::Fields;
use super::packed::{self, is_expired};

/// Iterator over the fields of a hash that are not expired.
pub struct Iter<'a> {
    pub(super) form: Form<'a>,
    pub(super) now_ms: i64,
}

pub(super) enum Form<'a> {
    Packed(packed::Iter<'a>),
    /// The fields below this number are still to come.
    Table(&'a Fields, u32),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        match &mut self.form {
            Form::Packed(iter) => iter.find(|field| !is_expired(field, self.now_ms)),
            Form::Table(fields, left) => loop {
                *left = left.checked_sub(1)?;
                let field = fields.at(*left);
                if !fields.is_expired(&field, self.now_ms) {
                    return Some(Field::stored(fields, field));
                }
            },
        }
    }
}
