//! The store, on real files: what is answered is there, what is announced is committed, nothing is there twice.

mod basics;
mod crash;
mod orders;
mod removal;
mod trouble;
mod world;
