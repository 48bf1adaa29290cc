//! Strike: carries out what the plan says, and takes it back. Each counts whether it met anybody.

mod process_and_file;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::Simulator;
use tokio::task::JoinHandle;

use super::{
    at_telegram::{AtTelegram, Set, is_act},
    door::Door,
    facts::{Facts, struck},
    faults::outage,
    findings::Findings,
    guest, listen,
    nurse::{Gone, Nurse},
    plan::{Kind, Plan, Strike},
    process,
    proxy::Proxy,
    town,
};
use crate::{
    postgrest::Project,
    support::{fleet::Fleet, ground::Disk, oracle::File},
};

/// A call that somebody insists on: the service may be away for a while.
const INSISTS: Duration = Duration::from_secs(100);

/// Something that stands until it is taken back.
enum Standing {
    AtTelegram(Set),
    Frozen(i64),
    /// The call that switched it off comes before the one that switches it on.
    Off(String, JoinHandle<()>),
    Stopped,
    /// Says when it is to be let go of, at the latest.
    Locked(mpsc::Sender<()>),
    /// With what was refused before.
    Disk(u64),
    Clock(u64),
    Supabase(usize),
    Proxy(u64),
}

/// What stands beside the service.
pub struct Beside {
    pub supabase: Project,
    pub proxy: Proxy,
}

pub struct Conductor {
    pub fleet: Fleet,
    pub door: Door,
    beside: Beside,
    forgotten: Arc<Mutex<HashSet<usize>>>,
    file: Arc<File>,
    nurse: Nurse,
    pub findings: Findings,
    facts: Facts,
    standing: BTreeMap<usize, (Kind, Standing)>,
    insisting: Vec<JoinHandle<()>>,
}

impl Conductor {
    pub fn new(
        fleet: Fleet,
        (door, beside): (Door, Beside),
        (file, nurse): (Arc<File>, Nurse),
        (findings, facts): (&Findings, &Facts),
        plan: &Plan,
    ) -> Self {
        for strike in &plan.strikes {
            facts.expect(&struck(strike.kind));
        }
        facts.expect("a gap was owed across a kill");
        facts.expect("a reply was under way at a kill");
        Self {
            fleet,
            door,
            beside,
            forgotten: Arc::default(),
            file,
            nurse,
            findings: findings.clone(),
            facts: facts.clone(),
            standing: BTreeMap::new(),
            insisting: Vec::new(),
        }
    }

    /// Accounts, by their place, of which Telegram forgot random ids.
    pub fn forgotten(&self) -> Arc<Mutex<HashSet<usize>>> {
        Arc::clone(&self.forgotten)
    }

    fn telegram(&self) -> Simulator {
        self.fleet.telegram.clone()
    }

    pub fn begin(&mut self, number: usize, strike: &Strike) {
        self.findings.say(&strike.to_string());
        use Kind as K;
        match strike.kind {
            kind if is_act(kind) => self.at_telegram().act(strike),
            K::Revoked | K::KeyLost | K::Frozen | K::Restarted | K::SwitchedOff => {
                self.take_account(number, strike)
            }
            K::Killed => self.kill(),
            K::KilledTwice => {
                self.fleet.kill_service();
                let address = self.door.address.clone();
                let moment = Duration::from_millis(strike.dice % 400);
                tokio::task::block_in_place(|| self.fleet.kill_while_starting(&address, moment));
                self.start();
                self.facts.once(&struck(strike.kind));
            }
            K::Terminated => {
                self.thaw();
                tokio::task::block_in_place(|| self.fleet.stop_service());
                self.start();
                self.facts.once(&struck(strike.kind));
            }
            K::Upgraded => self.upgrade(strike),
            K::Stopped => {
                process::signal(self.fleet.service().pid(), "-STOP");
                self.facts.once(&struck(strike.kind));
                self.stand(number, strike.kind, Standing::Stopped);
            }
            K::StoreLocked => self.lock(number, strike.lasts),
            K::FilesElsewhere => {
                let dcs = self.fleet.telegram.dc_addresses();
                let dc = dcs[strike.dice as usize % dcs.len()].0;
                self.fleet.telegram.set_files_dc(dc);
                self.fleet.telegram.expire_file_references();
                self.facts.once(&struck(strike.kind));
            }
            K::StalledReader => {
                listen::stall(&self.door, strike.lasts, &self.facts);
            }
            K::UploadsExpired => {
                self.fleet.telegram.expire_uploads();
                self.facts.once(&struck(strike.kind));
            }
            K::GroupMoved => {
                let still: Vec<i64> = self.fleet.telegram.look(|world| {
                    let moving = |(_, group): &(_, &_)| town::may_move(group);
                    world
                        .groups
                        .iter()
                        .filter(moving)
                        .map(|(id, _)| *id)
                        .collect()
                });
                if let Some(group) = still.get(strike.dice as usize % still.len().max(1)) {
                    let moved = self.fleet.telegram.migrate_group(-group);
                    moved.expect("a group that never moved");
                    self.facts.once(&struck(strike.kind));
                }
            }
            K::IdsForgotten => self.forget(strike),
            K::TokenRevoked => {
                let both = (self.findings.clone(), self.facts.clone());
                let visit = guest::visit(vec![self.door.clone()], strike.lasts, both.0, both.1);
                self.insisting.push(tokio::spawn(visit));
            }
            K::DiskFull | K::DiskReadOnly | K::ClockJumped | K::SupabaseGone | K::ProxyDied => {
                self.shake(number, strike);
            }
            kind => {
                let set = self.at_telegram().set(strike);
                self.stand(number, kind, Standing::AtTelegram(set));
            }
        }
    }

    /// What the service stands on, or beside.
    fn shake(&mut self, number: usize, strike: &Strike) {
        let ground = self.fleet.ground();
        let gateway = &self.beside.supabase.gateway;
        let standing = match strike.kind {
            Kind::DiskFull => {
                ground.set_disk(Disk::Full);
                Standing::Disk(ground.refused())
            }
            Kind::DiskReadOnly => {
                ground.set_disk(Disk::ReadOnly);
                Standing::Disk(ground.refused())
            }
            Kind::ClockJumped => {
                let far = [7, 45, 400, 5_000][strike.dice as usize % 4];
                let ahead = strike.dice & 64 == 0;
                ground.set_clock(if ahead { far } else { -far });
                Standing::Clock(ground.clock_read())
            }
            Kind::SupabaseGone => {
                gateway.always(Some(outage(strike.dice)));
                Standing::Supabase(gateway.seen().len())
            }
            _ => {
                let refused = self.beside.proxy.refused();
                self.beside.proxy.die();
                Standing::Proxy(refused)
            }
        };
        self.stand(number, strike.kind, standing);
    }

    fn forget(&self, strike: &Strike) {
        for index in &strike.whom {
            let user = self.fleet.accounts[*index].user;
            self.fleet.telegram.forget_random_ids(user);
            let mut forgotten = self
                .forgotten
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            forgotten.insert(*index);
            self.facts.once(&struck(strike.kind));
        }
    }

    fn stand(&mut self, number: usize, kind: Kind, standing: Standing) {
        self.standing.insert(number, (kind, standing));
    }

    fn at_telegram(&self) -> AtTelegram {
        AtTelegram {
            telegram: self.telegram(),
            users: self.fleet.accounts.iter().map(|one| one.user).collect(),
            facts: self.facts.clone(),
        }
    }

    fn take_account(&mut self, number: usize, strike: &Strike) {
        let Some(account) = strike
            .whom
            .first()
            .map(|index| self.fleet.accounts[*index].clone())
        else {
            return;
        };
        self.facts.once(&struck(strike.kind));
        match strike.kind {
            Kind::Revoked => {
                self.nurse.took(&account.id, Gone::Session, strike.lasts);
                self.fleet.telegram.revoke_sessions(account.user);
            }
            Kind::KeyLost => {
                self.nurse.took(&account.id, Gone::Key, strike.lasts);
                self.fleet.telegram.destroy_keys(account.user);
            }
            Kind::Frozen => {
                self.fleet.telegram.freeze(account.user);
                self.stand(number, strike.kind, Standing::Frozen(account.user));
            }
            Kind::Restarted => {
                let path = format!("/accounts/{}/restart", account.id);
                self.insist(Method::POST, path, None, None);
            }
            _ => {
                let path = format!("/accounts/{}", account.id);
                let off = json!({ "is_active": false });
                self.insist(Method::PATCH, path.clone(), Some(off), None);
                if let Some(off) = self.insisting.pop() {
                    self.stand(number, strike.kind, Standing::Off(path, off));
                }
            }
        }
    }

    /// Asks again until the service says yes.
    fn insist(
        &mut self,
        method: Method,
        path: String,
        body: Option<Value>,
        after: Option<JoinHandle<()>>,
    ) {
        let (url, door) = (self.door.url(&path), self.door.clone());
        let findings = self.findings.clone();
        self.insisting.push(tokio::spawn(async move {
            if let Some(before) = after {
                let _ = before.await;
            }
            let client = door.client_within(Duration::from_secs(15));
            let began = Instant::now();
            let mut said = String::new();
            while began.elapsed() < INSISTS {
                let mut request = client.request(method.clone(), &url);
                if let Some(body) = &body {
                    request = request.json(body);
                }
                match request.send().await {
                    Ok(response) if response.status().is_success() => return,
                    // Nothing to restart: it is switched off, or waits for a sign-in.
                    Ok(response) if response.status() == 409 && method == Method::POST => return,
                    Ok(response) => said = response.status().to_string(),
                    Err(error) => said = error.to_string(),
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            findings.add(&format!("{method} {path} was never carried out: {said}"));
        }));
    }

    fn is_disk_bad(&self) -> bool {
        let mut standing = self.standing.values();
        standing.any(|(_, standing)| matches!(standing, Standing::Disk(_)))
    }

    /// A process that stands still can't be asked to end.
    fn thaw(&self) {
        process::signal(self.fleet.service().pid(), "-CONT");
    }

    pub fn end(&mut self, number: usize) {
        let Some((kind, standing)) = self.standing.remove(&number) else {
            return;
        };
        let telegram = self.telegram();
        let hits = match standing {
            Standing::AtTelegram(set) => self.at_telegram().clear(set),
            Standing::Frozen(user) => {
                telegram.pardon(user);
                0
            }
            Standing::Off(path, off) => {
                self.insist(
                    Method::PATCH,
                    path,
                    Some(json!({ "is_active": true })),
                    Some(off),
                );
                0
            }
            Standing::Stopped => {
                self.thaw();
                0
            }
            Standing::Locked(let_go) => {
                let _ = let_go.send(());
                0
            }
            Standing::Disk(before) => {
                let ground = self.fleet.ground();
                ground.set_disk(Disk::Well);
                ground.refused() - before
            }
            Standing::Clock(before) => {
                let ground = self.fleet.ground();
                ground.set_clock(0);
                u64::from(ground.clock_read() > before)
            }
            Standing::Supabase(before) => {
                let gateway = &self.beside.supabase.gateway;
                gateway.always(None);
                gateway.seen().len().saturating_sub(before) as u64
            }
            Standing::Proxy(before) => {
                self.beside.proxy.live();
                self.beside.proxy.refused() - before
            }
        };
        self.facts.add(&struck(kind), hits);
    }

    /// Nothing goes wrong any more.
    pub fn end_all(&mut self) {
        let numbers: Vec<usize> = self.standing.keys().copied().collect();
        for number in numbers {
            self.end(number);
        }
        self.thaw();
        self.fleet.ground().set_disk(Disk::Well);
        self.fleet.telegram.clear_faults();
        self.nurse.now();
    }

    /// Nobody insists on anything any more.
    pub async fn insisted(&mut self) {
        for task in self.insisting.drain(..) {
            let _ = task.await;
        }
    }
}
