//! The libraries of FUNCTION LOAD and their functions.
//!
//! Names of functions are unique over all libraries. Loading is all or nothing: a library whose
//! code fails, or one of whose functions has the name of another's, changes nothing.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;

use crate::store::hash::{HashState, Map};

use super::flags::ScriptFlags;
use super::lua::Compiled;

/// What a function or library costs beside its texts.
const RECORD_BYTES: u64 = 96;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: Box<[u8]>,
    /// What it says of itself.
    pub description: Option<Box<[u8]>>,
    /// What it promises and allows.
    pub flags: ScriptFlags,
    /// Its code.
    pub callback: Rc<Compiled>,
}

/// One library.
#[derive(Debug)]
pub struct Library {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its text, first line included.
    pub code: Bytes,
    /// Its functions, in the order of their registration.
    pub functions: Vec<Rc<Function>>,
}

impl Library {
    /// The names of its functions.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.functions.iter().map(|function| &*function.name)
    }

    fn heap_bytes(&self) -> u64 {
        let functions = self.functions.iter().map(|function| {
            let description = function.description.as_ref().map_or(0, |text| text.len());
            (2 * function.name.len() + description) as u64 + RECORD_BYTES
        });
        let texts = (self.name.len() + self.code.len()) as u64;
        functions.sum::<u64>() + texts + RECORD_BYTES
    }
}

/// All libraries.
#[derive(Debug)]
pub struct Libraries {
    by_name: BTreeMap<Box<[u8]>, Library>,
    /// By their names in lower case: they are found whatever their case.
    functions: Map<Box<[u8]>, Rc<Function>>,
}

impl Libraries {
    /// No libraries.
    pub fn new(hasher: HashState) -> Libraries {
        Libraries {
            by_name: BTreeMap::new(),
            functions: Map::with_hasher(hasher),
        }
    }

    /// All libraries, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Library> {
        self.by_name.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// How many functions there are.
    pub fn functions(&self) -> usize {
        self.functions.len()
    }

    /// The function of this name.
    pub fn function(&self, name: &[u8]) -> Option<&Rc<Function>> {
        self.functions.get(name.to_ascii_lowercase().as_slice())
    }

    /// Whether there is a library of this name.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.by_name.contains_key(name)
    }

    /// Takes a library out. Whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.by_name.remove(name) else {
            return false;
        };
        for function in &library.functions {
            let name = function.name.to_ascii_lowercase();
            self.functions.remove(name.as_slice());
        }
        true
    }

    /// Adds libraries, all or none.
    ///
    /// # Errors
    /// A library or function of the same name is there and is not to be replaced.
    pub fn add(&mut self, added: Vec<Library>, replace: bool) -> Result<(), String> {
        if !replace && let Some(taken) = added.iter().find(|library| self.contains(&library.name)) {
            let name = String::from_utf8_lossy(&taken.name);
            return Err(format!("Library {name} already exists"));
        }
        let is_replaced = |name: &[u8]| added.iter().any(|library| *library.name == *name);
        let staying = self.iter().filter(|library| !is_replaced(&library.name));
        check_names(staying.chain(&added))?;
        for library in added {
            self.remove(&library.name);
            for function in &library.functions {
                let name = function.name.to_ascii_lowercase();
                self.functions.insert(name.into(), Rc::clone(function));
            }
            self.by_name.insert(library.name.clone(), library);
        }
        Ok(())
    }

    /// Puts libraries in the place of all there are.
    ///
    /// # Errors
    /// Two of their functions have one name. Nothing has changed then.
    pub fn replace_all(&mut self, libraries: Vec<Library>) -> Result<(), String> {
        check_names(libraries.iter())?;
        self.clear();
        self.add(libraries, true)
    }

    /// Forgets all libraries.
    pub fn clear(&mut self) {
        self.by_name.clear();
        self.functions = Map::with_hasher(self.functions.hasher().clone());
    }

    /// Bytes of their texts and records.
    pub fn heap_bytes(&self) -> u64 {
        self.iter().map(Library::heap_bytes).sum()
    }
}

/// Checks that no two functions of the libraries have one name.
fn check_names<'a>(libraries: impl Iterator<Item = &'a Library>) -> Result<(), String> {
    let mut names: Vec<(Vec<u8>, &[u8])> = libraries
        .flat_map(Library::names)
        .map(|name| (name.to_ascii_lowercase(), name))
        .collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(twice) => {
            let name = String::from_utf8_lossy(twice[1].1);
            Err(format!("Function {name} already exists"))
        }
        None => Ok(()),
    }
}
