//! Builder: what a simulator is started with.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;

use super::{Simulator, answering};
use crate::{
    dispatch::{Dispatch, Engine},
    port::Backend,
    wire::{ExchangeOptions, Limits, ServerKey, Wire, WireConfig},
    world::{Clock, SignInRules, World},
};

/// Where sign-ins start.
pub const FIRST_DC: i32 = 2;
/// Ids of the data centres, in the order in which they are opened: Telegram's own five.
const DC_IDS: [i32; 5] = [FIRST_DC, 4, 1, 3, 5];

/// Options of a [`Simulator`].
#[derive(Clone)]
pub struct SimulatorBuilder {
    seed: u64,
    dcs: usize,
    addresses: Vec<(i32, SocketAddr)>,
    listen: IpAddr,
    first_port: u16,
    rsa: Option<ServerKey>,
    clock: Clock,
    rules: SignInRules,
    limits: Limits,
    exchange: ExchangeOptions,
}

impl Default for SimulatorBuilder {
    fn default() -> Self {
        Self {
            seed: 1,
            dcs: 2,
            addresses: Vec::new(),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            first_port: 0,
            rsa: None,
            clock: Clock::system(),
            rules: SignInRules::default(),
            limits: Limits::default(),
            exchange: ExchangeOptions::default(),
        }
    }
}

impl SimulatorBuilder {
    /// The same seed gives the same world for the same orders.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many data centres: the first is number 2, the second number 4.
    pub fn dcs(mut self, dcs: usize) -> Self {
        self.dcs = dcs.clamp(1, DC_IDS.len());
        self
    }

    /// Data centres at fixed addresses, instead of free ports.
    pub fn dc_at(mut self, id: i32, address: SocketAddr) -> Self {
        self.addresses.push((id, address));
        self
    }

    pub fn listen(mut self, ip: IpAddr) -> Self {
        self.listen = ip;
        self
    }

    /// The first data centre's port, the others follow; free ones when 0.
    pub fn first_port(mut self, port: u16) -> Self {
        self.first_port = port;
        self
    }

    /// A key of one's own instead of the well-known test key.
    pub fn server_key(mut self, rsa: ServerKey) -> Self {
        self.rsa = Some(rsa);
        self
    }

    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    pub fn rules(mut self, rules: SignInRules) -> Self {
        self.rules = rules;
        self
    }

    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub fn exchange(mut self, exchange: ExchangeOptions) -> Self {
        self.exchange = exchange;
        self
    }

    /// Opens the ports and serves, on tasks of the runtime this is called on.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    // A box: it is compiled here, once, and not with all that it starts in each program that waits for it.
    pub fn start(self) -> BoxFuture<'static, io::Result<Simulator>> {
        Box::pin(self.opened())
    }

    async fn opened(self) -> io::Result<Simulator> {
        let mut world = World::new(self.seed);
        world.clock = self.clock;
        world.rules = self.rules;
        let engine = Engine::new(world);
        let port = |at: u16| {
            if self.first_port == 0 {
                0
            } else {
                self.first_port.saturating_add(at)
            }
        };
        let ids = DC_IDS.iter().take(self.dcs).zip(0u16..);
        let free = ids.map(|(id, at)| (*id, SocketAddr::new(self.listen, port(at))));
        let dcs = if self.addresses.is_empty() {
            free.collect()
        } else {
            self.addresses
        };
        let config = WireConfig {
            dcs,
            rsa: self.rsa.unwrap_or_else(ServerKey::well_known),
            limits: self.limits,
            exchange: self.exchange,
            ..WireConfig::default()
        };
        let backend: Arc<dyn Backend> = Arc::new(Dispatch::new(Arc::clone(&engine)));
        let wire = Wire::start(config, backend).await?;
        engine.attach(Arc::new(wire.clone()), wire.addresses());
        let simulator = Simulator {
            engine,
            wire,
            tasks: Arc::default(),
            running: Arc::default(),
            answering: Arc::new(answering::Book::new(self.seed)),
        };
        simulator.keep(tokio::spawn(answering::run(simulator.clone())));
        simulator.keep(tokio::spawn(super::scheduled::run(simulator.clone())));
        Ok(simulator)
    }
}
