//! HTTP: the same orders as JSON, on loopback, for scripts and people.
//!
//! `POST /do` takes an [`Order`]; `GET /ledger`, `/ledger/{account}`, `/counters`, `/info`, `/codes`.

use std::{io, net::SocketAddr};

use actix_web::{
    App, HttpResponse, HttpServer,
    web::{self, Data, Json, Path},
};
use serde_json::json;

use super::{Order, Simulator};

/// Most that an order may weigh.
const BODY_LIMIT: usize = 4 << 20;

impl Simulator {
    /// Opens the control API; answers where it listens. It runs until [`Simulator::shutdown`].
    ///
    /// # Errors
    /// When the address is not loopback or cannot be listened on.
    pub async fn serve_control(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        self.open_control(address)
    }

    fn open_control(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the control API listens on loopback only",
            ));
        }
        let simulator = Data::new(self.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(simulator.clone())
                .app_data(web::JsonConfig::default().limit(BODY_LIMIT))
                .route("/do", web::post().to(obey))
                .route("/ledger", web::get().to(ledger))
                .route("/ledger/{account}", web::get().to(ledger_of))
                .route("/counters", web::get().to(counters))
                .route("/codes", web::get().to(codes))
                .route("/info", web::get().to(info))
        })
        .workers(1)
        .disable_signals()
        .bind(address)?;
        let bound = server.addrs().first().copied().unwrap_or(address);
        let server = server.run();
        self.keep(tokio::spawn(async move {
            if let Err(error) = server.await {
                log::error!("the control API ended: {error}");
            }
        }));
        Ok(bound)
    }
}

async fn obey(simulator: Data<Simulator>, order: Json<Order>) -> HttpResponse {
    match simulator.obey(order.into_inner()) {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(refusal) => {
            HttpResponse::Conflict().json(json!({ "error": refusal.message, "code": refusal.code }))
        }
    }
}

async fn ledger(simulator: Data<Simulator>) -> HttpResponse {
    HttpResponse::Ok().json(simulator.ledger())
}

async fn ledger_of(simulator: Data<Simulator>, account: Path<i64>) -> HttpResponse {
    HttpResponse::Ok().json(simulator.ledger_of(*account))
}

async fn counters(simulator: Data<Simulator>) -> HttpResponse {
    let (messages, sends) =
        simulator.look(|world| (world.message_count(), world.ledger_sends.len()));
    let wire = format!("{:?}", simulator.wire().counters());
    let (unknown, connections) = (simulator.unknown_methods(), simulator.wire().connections());
    let answer = json!({
        "messages": messages, "sends": sends, "unknown_methods": unknown, "connections": connections, "wire": wire,
    });
    HttpResponse::Ok().json(answer)
}

async fn codes(simulator: Data<Simulator>) -> HttpResponse {
    let codes: std::collections::BTreeMap<String, String> = simulator.look(|world| {
        world
            .codes
            .iter()
            .map(|(phone, sent)| (phone.clone(), sent.code.clone()))
            .collect()
    });
    HttpResponse::Ok().json(codes)
}

async fn info(simulator: Data<Simulator>) -> HttpResponse {
    let dcs: Vec<String> = simulator
        .dc_addresses()
        .iter()
        .map(|(id, address)| format!("{id}@{address}"))
        .collect();
    HttpResponse::Ok().json(json!({ "dcs": dcs, "public_key": simulator.public_key_pem() }))
}
