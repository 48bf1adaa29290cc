//! Outlets: the connections on which parts of files go out, one part at a time on each.
//!
//! The library's pool packs every call with gzip at its highest level, and packs it again where it found no room in the packet
//! before (grammers-mtproto 0.11, `Encrypted::push`). Most of what people send is packed already, and most of what a part cost
//! was that. The library's own senders can be told not to pack; each has one call on its way.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use grammers_client::{
    sender::{InvocationError, Sender, ServerAddr},
    tl,
};
use grammers_mtproto::{mtp::Encrypted, transport};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, task_tracker::TaskTrackerToken},
};

use crate::{
    aside,
    telegram::{error::Failure, pool::PoolSession, settings::Settings, ways::Purpose},
};

/// As many as parts of one file are on their way at once.
const OUTLETS: usize = 4;
/// One that nobody used for this long is closed; Telegram closes it a little later.
const IDLE: Duration = Duration::from_secs(45);

/// Signed in by the account's own key, to its own data centre.
struct Outlet {
    dc: i32,
    sender: Sender<transport::Full, Encrypted>,
    /// Telegram was told who calls.
    introduced: bool,
    used: Instant,
    /// Behind the sender: that one hangs up first.
    _line: TaskTrackerToken,
}

#[derive(Default)]
struct Idle {
    outlets: Vec<Outlet>,
    reaper: Option<AbortOnDropHandle<()>>,
}

pub(super) struct Outlets {
    session: Arc<PoolSession>,
    settings: Arc<Settings>,
    api_id: i32,
    places: Semaphore,
    idle: Arc<Mutex<Idle>>,
    closed: CancellationToken,
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlets {
    pub fn new(session: Arc<PoolSession>, settings: Arc<Settings>, api_id: i32) -> Self {
        Self {
            session,
            settings,
            api_id,
            places: Semaphore::new(OUTLETS),
            idle: Arc::default(),
            closed: CancellationToken::new(),
        }
    }

    /// Calls the account's data centre; ends within `limit` once it has a place. Dropped half way, its connection is cut.
    pub async fn call<R>(&self, request: R, limit: Duration) -> Result<R::Return, Failure>
    where
        R: tl::RemoteCall,
    {
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(Failure::network("not connected")),
            answer = self.in_turn(request, limit) => answer,
        }
    }

    async fn in_turn<R>(&self, request: R, limit: Duration) -> Result<R::Return, Failure>
    where
        R: tl::RemoteCall,
    {
        let _place = self.places.acquire().await;
        let answer = timeout(limit, self.through(request)).await;
        answer.unwrap_or_else(|_| {
            self.cut();
            Err(Failure::TimedOut)
        })
    }

    async fn through<R>(&self, request: R) -> Result<R::Return, Failure>
    where
        R: tl::RemoteCall,
    {
        let dc = self.session.home();
        let mut outlet = match self.take(dc) {
            Some(outlet) => outlet,
            None => self.dial(dc).await?,
        };
        let answer = if outlet.introduced {
            outlet.sender.invoke(&request).await
        } else {
            outlet.sender.invoke(&self.introduction(request)).await
        };
        match answer {
            Ok(answer) => {
                outlet.introduced = true;
                self.give_back(outlet);
                Ok(answer)
            }
            Err(error) => {
                match &error {
                    InvocationError::Rpc(_) if outlet.introduced => self.give_back(outlet),
                    // It may be the introduction that was refused.
                    InvocationError::Rpc(_) => {}
                    _ => self.cut(),
                }
                Err(Failure::from_invocation(error, true))
            }
        }
    }

    fn take(&self, dc: i32) -> Option<Outlet> {
        let mut idle = lock(&self.idle);
        idle.outlets.retain(|outlet| outlet.dc == dc);
        idle.outlets.pop()
    }

    async fn dial(&self, dc: i32) -> Result<Outlet, Failure> {
        let (address, key) = self
            .session
            .dial_with(dc, &self.settings)
            .ok_or_else(|| Failure::network(format!("data centre {dc} is not configured")))?;
        let address = match self.session.ways().proxy_url(Purpose::Aside) {
            Some(proxy) => ServerAddr::Proxied { address, proxy },
            None => ServerAddr::Tcp { address },
        };
        let line = self.session.line();
        let packing_nothing = Encrypted::build().compression_threshold(None).finish(*key);
        let dialled = Sender::connect(transport::Full::new(), packing_nothing, address).await;
        let sender = dialled.map_err(|error| Failure::from_invocation(error.into(), true))?;
        Ok(Outlet {
            dc,
            sender,
            introduced: false,
            used: Instant::now(),
            _line: line,
        })
    }

    /// The first call on a connection says who calls (core.telegram.org/method/initConnection).
    fn introduction<R>(
        &self,
        query: R,
    ) -> tl::functions::InvokeWithLayer<tl::functions::InitConnection<R>> {
        let device = self.session.device().clone();
        tl::functions::InvokeWithLayer {
            layer: tl::LAYER,
            query: tl::functions::InitConnection {
                api_id: self.api_id,
                device_model: device.model,
                system_version: device.system,
                app_version: device.app,
                system_lang_code: device.language.clone(),
                lang_pack: String::new(),
                lang_code: device.language,
                proxy: None,
                params: None,
                query,
            },
        }
    }

    fn give_back(&self, mut outlet: Outlet) {
        outlet.used = Instant::now();
        let mut idle = lock(&self.idle);
        if self.closed.is_cancelled() {
            return;
        }
        idle.outlets.push(outlet);
        if idle.reaper.is_none() {
            let reaper = aside::handle().spawn(close_idle(Arc::downgrade(&self.idle)));
            idle.reaper = Some(AbortOnDropHandle::new(reaper));
        }
    }

    /// One brought no answer: the others are not trusted either, and the next call dials anew.
    fn cut(&self) {
        lock(&self.idle).outlets.clear();
    }

    /// Nothing is sent or dialled from here on.
    pub fn close(&self) {
        self.closed.cancel();
        let mut idle = lock(&self.idle);
        idle.outlets.clear();
        idle.reaper = None;
    }
}

async fn close_idle(idle: Weak<Mutex<Idle>>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(idle) = idle.upgrade() else {
            return;
        };
        let mut idle = lock(&idle);
        idle.outlets.retain(|outlet| outlet.used.elapsed() < IDLE);
        if idle.outlets.is_empty() {
            idle.reaper = None;
            return;
        }
    }
}
