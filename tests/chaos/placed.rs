//! Placed: what programs asked for, and what they were told about it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is known of one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Known {
    /// It is still asked.
    Nothing,
    /// 202: rows of the messages that it made or concerns.
    Taken(Vec<i64>),
    /// A refusal: nothing was stored.
    Refused(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    Reply,
    /// A message for each; the SHA-256 of what the other side gets.
    Files(Vec<String>),
    /// The message with this text once more. Nobody changes it from then on.
    Forward,
    /// Of a row.
    Edit(i64),
    Delete(i64),
    React(i64, Option<String>),
    Pin(i64, bool),
}

#[derive(Clone, Debug)]
pub struct Order {
    pub account: usize,
    /// Where it is carried out.
    pub chat: i64,
    /// What it says. Only a forward says what another order said before.
    pub text: String,
    pub work: Work,
    pub known: Known,
}

impl Order {
    /// Rows of what it makes.
    pub fn makes(&self) -> &[i64] {
        match (&self.work, &self.known) {
            (Work::Reply | Work::Files(_) | Work::Forward, Known::Taken(rows)) => rows,
            _ => &[],
        }
    }

    /// The row that it concerns.
    pub fn concerns(&self) -> Option<i64> {
        match self.work {
            Work::Edit(row) | Work::Delete(row) | Work::React(row, _) | Work::Pin(row, _) => {
                Some(row)
            }
            Work::Reply | Work::Files(_) | Work::Forward => None,
        }
    }
}

/// In the order of the asking.
#[derive(Clone, Default)]
pub struct Placed(Arc<Mutex<Vec<Order>>>);

impl Placed {
    pub fn all(&self) -> Vec<Order> {
        self.lock().clone()
    }

    /// Its number.
    pub fn add(&self, order: Order) -> usize {
        let mut orders = self.lock();
        orders.push(order);
        orders.len() - 1
    }

    pub fn know(&self, number: usize, known: Known) {
        self.lock()[number].known = known;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
