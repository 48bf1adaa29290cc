//! Room: how much may lie in the folder and come in at once, for each account and for all.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::StagingError;
use crate::domain::AccountId;

/// Bodies that come in at once.
const BODIES: usize = 32;
const BODIES_OF_ACCOUNT: usize = 8;
/// Bytes that wait: an album of ten files of the largest size, and several of those.
const BYTES_OF_ACCOUNT: u64 = 40 << 30;
const BYTES: u64 = 160 << 30;
/// Left free on the disk for the database, or a tenth of a small one.
const SPARED: u64 = 256 << 20;

#[derive(Default)]
struct Taken {
    bodies: usize,
    bytes: u64,
    accounts: HashMap<AccountId, (usize, u64)>,
}

#[derive(Default)]
pub(super) struct Room(Mutex<Taken>);

impl Room {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One body more, until the turn is dropped.
    pub fn turn(self: &Arc<Self>, account: AccountId) -> Result<Turn, StagingError> {
        let mut taken = self.lock();
        let (bodies, _) = taken.accounts.entry(account).or_default();
        if *bodies >= BODIES_OF_ACCOUNT {
            return Err(StagingError::Busy);
        }
        *bodies += 1;
        if taken.bodies >= BODIES {
            if let Some((bodies, _)) = taken.accounts.get_mut(&account) {
                *bodies -= 1;
            }
            return Err(StagingError::Busy);
        }
        taken.bodies += 1;
        drop(taken);
        Ok(Turn {
            room: Arc::clone(self),
            account,
        })
    }

    /// So many bytes more.
    pub fn take(&self, account: AccountId, bytes: u64) -> Result<(), StagingError> {
        let mut taken = self.lock();
        let of_account = taken.accounts.get(&account).map_or(0, |(_, bytes)| *bytes);
        if of_account + bytes > BYTES_OF_ACCOUNT || taken.bytes + bytes > BYTES {
            return Err(StagingError::Full);
        }
        taken.bytes += bytes;
        taken.accounts.entry(account).or_default().1 += bytes;
        Ok(())
    }

    pub fn give_back(&self, account: AccountId, bytes: u64) {
        let mut taken = self.lock();
        taken.bytes = taken.bytes.saturating_sub(bytes);
        if let Some((bodies, of_account)) = taken.accounts.get_mut(&account) {
            *of_account = of_account.saturating_sub(bytes);
            if (*bodies, *of_account) == (0, 0) {
                taken.accounts.remove(&account);
            }
        }
    }
}

/// A body that comes in.
pub(super) struct Turn {
    room: Arc<Room>,
    account: AccountId,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        taken.bodies = taken.bodies.saturating_sub(1);
        if let Some((bodies, bytes)) = taken.accounts.get_mut(&self.account) {
            *bodies = bodies.saturating_sub(1);
            if (*bodies, *bytes) == (0, 0) {
                taken.accounts.remove(&self.account);
            }
        }
    }
}

/// Would so many bytes leave the database its room? Where that can't be told, yes.
pub(super) fn spares_the_database(folder: &Path, bytes: u64) -> bool {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return true;
    };
    let block = disk.f_frsize;
    let spared = (disk.f_blocks.saturating_mul(block) / 10).min(SPARED);
    disk.f_bavail.saturating_mul(block) >= bytes.saturating_add(spared)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the others: one account has its own bounds, and gives back what it took.
    #[test]
    fn an_account_takes_its_own_room_and_no_more() {
        let room = Arc::new(Room::default());
        let (one, other) = (AccountId::random(), AccountId::random());
        let turns: Vec<Turn> = (0..BODIES_OF_ACCOUNT)
            .map(|_| room.turn(one).unwrap())
            .collect();
        assert!(matches!(room.turn(one), Err(StagingError::Busy)));
        drop(room.turn(other).unwrap());
        room.take(one, BYTES_OF_ACCOUNT).unwrap();
        assert!(matches!(room.take(one, 1), Err(StagingError::Full)));
        room.take(other, 1).unwrap();
        room.give_back(one, BYTES_OF_ACCOUNT);
        room.give_back(other, 1);
        drop(turns);
        let taken = room.lock();
        assert_eq!((taken.bodies, taken.bytes, taken.accounts.len()), (0, 0, 0));
    }
}
