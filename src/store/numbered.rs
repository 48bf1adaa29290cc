//! Numbered: maps of what the writer remembers, by a few whole numbers. Each message is the cause of some twenty look-ups, and the
//! standard library's hash, which is for keys of any length and from anybody, costs more than the rest of one.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

pub(super) type Map<K, V> = HashMap<K, V, RandomState>;
pub(super) type Set<K> = HashSet<K, RandomState>;
