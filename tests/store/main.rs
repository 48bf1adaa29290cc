//! The store, on real files: what is answered is there, what is announced is committed, nothing is there twice.

mod basics;
mod world;
