//! stub
use bytes::Bytes;
pub const LARGE: usize = 16 * 1024;
pub enum Value {
    Str(Box<[u8]>),
    Bytes(Bytes),
}
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    Int(i64),
    Str(&'a [u8]),
    Large(&'a Bytes),
    Other,
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    String,
    List,
    Set,
    ZSet,
    Hash,
    Stream,
}
impl Kind {
    pub fn name(self) -> &'static str {
        panic!()
    }
    pub fn parse(_: &[u8]) -> Option<Kind> {
        panic!()
    }
}
