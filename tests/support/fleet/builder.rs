//! Builder: what a fleet is made of.

use super::{
    super::{inside::Inside, place, service::Server},
    *,
};

/// What the world is like before the test begins.
pub struct FleetBuilder {
    pub(super) accounts: usize,
    pub(super) seed: u64,
    pub(super) settings: ServiceSettings,
    pub(super) off_the_disk: bool,
    pub(super) unsteady: bool,
    pub(super) recorded: bool,
}

impl FleetBuilder {
    pub fn accounts(mut self, accounts: usize) -> Self {
        self.accounts = accounts;
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub fn arg(mut self, arg: &str) -> Self {
        self.settings.args.push(arg.to_owned());
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.settings.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its rows are in a PostgreSQL.
    pub fn on_postgres(mut self) -> Self {
        self.settings.postgres = Some(Server::OfAll);
        self
    }

    /// Its rows are in a PostgreSQL that no other test uses.
    pub fn on_its_own_postgres(mut self) -> Self {
        self.settings.postgres = Some(Server::ItsOwn);
        self
    }

    /// The service has a disk of its own, of this size.
    pub fn disk(mut self, size: &str) -> Self {
        self.settings.disk = Some(size.to_owned());
        self
    }

    /// The service sees nothing but a proxy.
    pub fn inside(mut self, inside: &Inside) -> Self {
        self.settings.listen = Some(format!("127.0.0.1:{}", inside.service_port));
        self.settings.namespace = Some(inside.namespace());
        self
    }

    /// Another program than the one that is tested.
    pub fn program(mut self, program: &Path) -> Self {
        self.settings.program = Some(program.to_owned());
        self
    }

    /// Its files are in memory, if that has room.
    pub fn off_the_disk(mut self) -> Self {
        self.off_the_disk = true;
        self
    }

    /// Its clock and its disk can be made to go wrong.
    pub fn unsteady(mut self) -> Self {
        self.unsteady = true;
        self
    }

    /// Everything that it writes is recorded.
    pub fn recorded(mut self) -> Self {
        self.unsteady = true;
        self.recorded = true;
        self
    }

    /// Starts everything; every account is online.
    pub async fn start(self) -> Fleet {
        let telegram = Simulator::builder()
            .seed(self.seed)
            .dcs(2)
            .start()
            .await
            .unwrap();
        let dir = if self.off_the_disk {
            place::off_the_disk()
        } else {
            tempfile::tempdir().unwrap()
        };
        let key = dir.path().join("telegram.pem");
        std::fs::write(&key, telegram.public_key_pem()).unwrap();
        let mut settings = self.settings;
        let ground = self
            .unsteady
            .then(|| Ground::under(&dir.path().join("data")));
        let stands_on = match self.recorded {
            true => Ground::recording,
            false => Ground::env,
        };
        settings.env.extend(ground.iter().flat_map(stands_on));
        for (dc, address) in telegram.dc_addresses() {
            settings.args.push("--telegram-dc".to_owned());
            settings.args.push(format!("{dc}@{address}"));
        }
        settings.args.push("--telegram-dc-key".to_owned());
        settings.args.push(key.display().to_string());
        settings
            .env
            .push(("TELEGRAM_API_ID".to_owned(), API_ID.to_owned()));
        settings
            .env
            .push(("TELEGRAM_API_HASH".to_owned(), API_HASH.to_owned()));
        let service = ServiceProcess::start(&dir.path().join("data"), &settings);
        let mut fleet = Fleet {
            telegram,
            accounts: Vec::new(),
            api: Api::new(&service.address),
            service: Some(service),
            panic_expected: AtomicBool::new(false),
            settings,
            ground,
            dir,
        };
        for index in 0..self.accounts {
            let label = format!("Account {}", index + 1);
            let account = fleet.add_account(&label).await;
            fleet.wait_for_state(&account.id, "online").await;
        }
        fleet
    }
}
