//! What a file holds, counted by database and type, for people.

use std::collections::BTreeMap;
use std::fmt;

use super::{Family, Item, SkipReason};
use crate::store::value::Kind;

/// Counts of what was read.
#[derive(Debug, Default)]
pub struct Summary {
    header: Option<(Family, u16)>,
    aux: Vec<(Vec<u8>, Vec<u8>)>,
    libraries: u64,
    modules: Vec<String>,
    databases: BTreeMap<u64, Database>,
    /// The database of the keys that follow.
    current: u64,
    expired: u64,
    empty: u64,
}

#[derive(Debug, Default)]
struct Database {
    keys: [u64; Kind::ALL.len()],
    elements: [u64; Kind::ALL.len()],
    volatile: u64,
}

/// Auxiliary fields that are kept: hostile files may have any number.
const AUX_MAX: usize = 64;
/// Databases that are told apart, likewise.
const DATABASES_MAX: usize = 1 << 16;

impl Summary {
    /// Counts an item.
    pub fn add(&mut self, item: &Item) {
        match item {
            Item::Header(family, version) => self.header = Some((*family, *version)),
            Item::Aux(name, value) if self.aux.len() < AUX_MAX => {
                self.aux.push((name.clone(), value.clone()));
            }
            Item::Library(_) => self.libraries += 1,
            Item::Database(number) => self.current = *number,
            Item::ModuleAux(name) if self.modules.len() < AUX_MAX => {
                self.modules.push(name.clone());
            }
            Item::Skipped(_, SkipReason::Expired) => self.expired += 1,
            Item::Skipped(_, SkipReason::Empty) => self.empty += 1,
            Item::Key(loaded) if self.databases.len() < DATABASES_MAX => {
                let database = self.databases.entry(self.current).or_default();
                let kind = loaded.value.kind() as usize;
                database.keys[kind] += 1;
                database.elements[kind] += loaded.value.len() as u64;
                database.volatile += u64::from(loaded.expire_at.is_some());
            }
            Item::Aux(..) | Item::ModuleAux(_) | Item::Key(_) | Item::Sizes(..) | Item::End => {}
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((family, version)) = self.header {
            writeln!(f, "RDB version {version} of {family:?}")?;
        }
        for (name, value) in &self.aux {
            let (name, value) = (name.escape_ascii(), value.escape_ascii());
            writeln!(f, "  {name}: {value}")?;
        }
        if self.libraries > 0 {
            writeln!(f, "{} libraries of functions", self.libraries)?;
        }
        for name in &self.modules {
            writeln!(f, "data of module {name}, which would be left out")?;
        }
        for (number, database) in &self.databases {
            let keys: u64 = database.keys.iter().sum();
            let volatile = database.volatile;
            writeln!(
                f,
                "database {number}: {keys} keys, {volatile} of them expire"
            )?;
            for (at, kind) in Kind::ALL.iter().enumerate() {
                let (keys, elements) = (database.keys[at], database.elements[at]);
                let what = match kind {
                    Kind::String => "bytes",
                    Kind::Hash => "fields",
                    Kind::Stream => "entries",
                    _ => "elements",
                };
                if keys > 0 {
                    writeln!(f, "  {:7} {keys} keys, {elements} {what}", kind.name())?;
                }
            }
        }
        if self.expired > 0 {
            writeln!(f, "{} keys have expired", self.expired)?;
        }
        if self.empty > 0 {
            writeln!(f, "{} keys without elements would be left out", self.empty)?;
        }
        Ok(())
    }
}
