//! The dictionary: a dense store of records and an index that grows in steps.
