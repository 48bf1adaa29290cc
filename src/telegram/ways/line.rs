//! Line: what goes over one of the ways, and the look whether a better one lives again.

use std::{sync::Weak, time::Duration};

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::{
    WayError, Ways,
    dial::{Target, Upstream},
    lock,
    pump::{self, Carried, Silence},
};

/// A line over one of the ways.
pub(super) struct Line {
    pub upstream: Upstream,
    pub way: usize,
    pub silence: Silence,
    pub cut: CancellationToken,
}

impl Line {
    pub async fn carry(self, near: TcpStream, ways: &Weak<Ways>) {
        let decides = self.silence != Silence::Allowed;
        let ended = pump::carry(near, self.upstream, self.silence, &self.cut).await;
        let error = match ended {
            Carried::Stalled => WayError::Silent,
            Carried::Ended { heard: false } if decides => WayError::Closed,
            Carried::Ended { .. } | Carried::Cut => return,
        };
        if let Some(ways) = ways.upgrade() {
            ways.fails(self.way, error);
            let lines = {
                let mut state = lock(&ways.state);
                let is_current = state.order.current() == Some(self.way);
                is_current.then(|| std::mem::take(&mut state.lines))
            };
            if let Some(lines) = lines {
                lines.cancel();
            }
        }
    }
}

pub(super) async fn go_back(ways: Weak<Ways>, target: Target, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(ways) = ways.upgrade() else {
            return;
        };
        let better = lock(&ways.state).order.better();
        for way in better {
            let Some(proxy) = ways.proxies.get(way) else {
                continue;
            };
            if ways.exits.lives(&ways, proxy, target).await {
                ways.return_to(way);
                return;
            }
        }
    }
}
