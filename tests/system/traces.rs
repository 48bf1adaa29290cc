//! Traces: an OTLP receiver that is not ours by protocol gets a message's way in and a reply's way out, and nothing of what was said.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::Value;
use switchboard_simulator::PersonSpec;

use crate::support::{fleet::Fleet, wait};

type Bodies = Arc<Mutex<Vec<(Option<String>, Value)>>>;

struct Receiver {
    address: String,
    bodies: Bodies,
    stop: actix_web::dev::ServerHandle,
}

impl Receiver {
    async fn start() -> Self {
        let bodies = Bodies::default();
        let kept = Arc::clone(&bodies);
        let take = |bodies: web::Data<Bodies>,
                    request: actix_web::HttpRequest,
                    body: web::Json<Value>| async move {
            let key = request.headers().get("x-key");
            let key = key.map(|key| key.to_str().unwrap().to_owned());
            bodies.lock().unwrap().push((key, body.into_inner()));
            HttpResponse::Ok().json(serde_json::json!({}))
        };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(Arc::clone(&kept)))
                .app_data(web::JsonConfig::default().limit(16 << 20))
                .route("/v1/traces", web::post().to(take))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let address = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let stop = server.handle();
        tokio::spawn(server);
        Self {
            address,
            bodies,
            stop,
        }
    }

    fn spans(&self) -> Vec<Value> {
        let bodies = self.bodies.lock().unwrap();
        let resources = bodies
            .iter()
            .flat_map(|(_, body)| body["resourceSpans"].as_array().unwrap());
        let scopes = resources.flat_map(|resource| resource["scopeSpans"].as_array().unwrap());
        scopes
            .flat_map(|scope| scope["spans"].as_array().unwrap().clone())
            .collect()
    }

    fn named(&self, name: &str) -> Vec<Value> {
        let mut spans = self.spans();
        spans.retain(|span| span["name"] == name);
        spans
    }
}

fn attribute<'s>(span: &'s Value, name: &str) -> &'s Value {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|one| one["key"] == name);
    &found.unwrap_or_else(|| panic!("no {name} in {span}"))["value"]
}

fn moment(span: &Value, which: &str) -> u128 {
    span[which].as_str().unwrap().parse().unwrap()
}

/// Protects who looks for where a second went: socket, disk and desk of one message are one trace, and so are the acceptance, each try
/// and the end of one reply; texts, names, numbers and keys are in none of them; and a receiver that is away holds nothing up.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_in_and_a_way_out_are_one_trace_each() {
    let receiver = Receiver::start().await;
    let mut fleet = Fleet::builder()
        .accounts(1)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.address)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20key")
        .start()
        .await;
    let account = fleet.accounts[0].clone();
    let live = fleet.live(None).await;
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact with a name"));
    fleet
        .telegram
        .say(person, account.user, "words of a message");
    let chat = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&chat, "words of a message", "received")
        .await;
    let id = chat["id"].as_i64().unwrap();
    fleet.api.reply(id, "words of a reply").await;
    fleet
        .wait_for_message(&chat, "words of a reply", "sent")
        .await;

    wait::until(
        "both ways at the receiver",
        async || {
            [
                "message in",
                "websocket",
                "reply out",
                "telegram",
                "reply sent",
            ]
            .map(|name| receiver.named(name).len())
        },
        |counts| counts.iter().all(|count| *count > 0),
    )
    .await;
    for (first, parts) in [
        ("message in", vec!["websocket"]),
        ("reply out", vec!["telegram", "reply sent"]),
    ] {
        let spans = receiver.named(first);
        let [root] = spans.as_slice() else {
            panic!("{spans:?}")
        };
        assert_eq!(root.get("parentSpanId"), None, "{root}");
        assert_eq!(
            attribute(root, "switchboard.account")["stringValue"],
            account.id.as_str()
        );
        assert!(moment(root, "startTimeUnixNano") <= moment(root, "endTimeUnixNano"));
        for part in parts {
            let of_it: Vec<Value> = receiver
                .named(part)
                .into_iter()
                .filter(|span| span["traceId"] == root["traceId"])
                .collect();
            assert!(!of_it.is_empty(), "{part} is in the trace of {first}");
            for span in of_it {
                assert_eq!(span["parentSpanId"], root["spanId"], "{span}");
                assert!(moment(&span, "startTimeUnixNano") <= moment(&span, "endTimeUnixNano"));
            }
        }
    }
    let tries = receiver.named("telegram");
    assert_eq!(
        attribute(&tries[0], "switchboard.outcome")["stringValue"],
        "done"
    );
    let bodies = receiver.bodies.lock().unwrap().clone();
    assert!(
        bodies
            .iter()
            .all(|(key, _)| key.as_deref() == Some("a key"))
    );
    let said = format!(
        "{:?}",
        bodies.iter().map(|(_, body)| body).collect::<Vec<_>>()
    );
    for secret in ["words of", "Contact with", "a key", account.phone.as_str()] {
        assert!(!said.contains(secret), "{secret} is in a span");
    }
    drop(live);

    receiver.stop.stop(true).await;
    fleet.api.reply(id, "while nobody takes spans").await;
    fleet
        .wait_for_message(&chat, "while nobody takes spans", "sent")
        .await;
    wait::until(
        "the log to say so",
        async || fleet.service().log(),
        |log| log.contains("spans are not taken"),
    )
    .await;
    assert!(!fleet.service().log().contains("a key"));
    fleet.stop_service();
    fleet.set_env("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere");
    let refused = fleet.try_start_service_at("127.0.0.1:0").unwrap_err();
    assert!(refused.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{refused}");
}
