//! Tasks: what a round orders, one of each kind, and what it needs to be there.

use super::*;

impl Scene {
    /// Something there to be ordered about, stored here; answers with its row and number.
    async fn known(&self, seat: &Seat, word: &str, ours: bool, paper: bool) -> (Value, i32) {
        let telegram = &self.fleet.telegram;
        let (from, to) = match ours {
            true => (seat.account.user, seat.person),
            false => (seat.person, seat.account.user),
        };
        if paper {
            let media = Media::Document {
                name: "list.pdf".to_owned(),
                mime: "application/pdf".to_owned(),
                size: 30_000,
            };
            telegram.say_media(from, to, media, word);
        } else {
            telegram.say(from, to, word);
        }
        let status = if ours { "sent" } else { "received" };
        let chat = seat.chat();
        let message = self.fleet.wait_for_message(&chat, word, status).await;
        let number = message["message_id"].as_str().unwrap().parse().unwrap();
        (message["id"].clone(), number)
    }

    /// Something that waits at Telegram, listed here.
    async fn waiting(&self, seat: &Seat, word: &str) -> Value {
        self.fleet
            .telegram
            .schedule(seat.account.user, seat.person, word, self.at)
            .unwrap();
        let look = async || {
            let page = self.fleet.api.get(&seat.path("/scheduled")).await;
            let all = page["messages"].as_array().unwrap().clone();
            all.into_iter().find(|one| one["text"] == word)
        };
        let found = wait::until("it to be listed", look, Option::is_some).await;
        found.unwrap()["id"].clone()
    }

    pub async fn task(&mut self, kind: &'static str, round: usize) -> Task {
        let seat = self.seats[kind].clone();
        let word = format!("{kind} {round}");
        let on = round.is_multiple_of(2);
        let key = format!("{}-{round}", kind.replace(' ', "-"));
        let user = seat.account.user;
        let telegram = self.fleet.telegram.clone();
        let (mut number, mut files) = (0, Vec::new());
        let seed = (round * 100) as u64;
        let mut about = async |ours, paper| {
            let (row, of) = self.known(&seat, &word, ours, paper).await;
            number = of;
            format!("/messages/{row}")
        };
        let mark = |mark: &str| {
            (
                Method::PATCH,
                seat.path(""),
                Body::Json(json!({ mark: on })),
            )
        };
        let (method, path, body) = match kind {
            "edit" => {
                let body = json!({ "text": format!("{word}, edited") });
                (Method::PATCH, about(true, false).await, Body::Json(body))
            }
            "replace" => {
                files.push(paper(seed, 90_000));
                let form = Form::default().field("text", &word).add(&files[0]);
                (Method::PATCH, about(true, true).await, Body::Form(form))
            }
            "delete" => {
                let path = about(true, false).await + "?for=everyone";
                (Method::DELETE, path, Body::None)
            }
            "react" => {
                let path = about(false, false).await + "/reaction";
                (Method::PUT, path, Body::Json(json!({ "emoji": "👍" })))
            }
            "take a reaction back" => {
                let path = about(false, false).await + "/reaction";
                telegram
                    .react(user, seat.person, number, Some("👍"))
                    .unwrap();
                (Method::PUT, path, Body::Json(json!({ "emoji": null })))
            }
            "pin" => {
                let path = about(false, false).await + "/pin";
                (Method::PUT, path, Body::Json(json!({ "pinned": true })))
            }
            "unpin" => {
                let path = about(false, false).await + "/pin";
                telegram.pin(user, seat.person, number, true).unwrap();
                (Method::PUT, path, Body::Json(json!({ "pinned": false })))
            }
            "clear" => {
                about(false, false).await;
                let body = json!({ "for": "everyone" });
                (Method::POST, seat.path("/clear"), Body::Json(body))
            }
            "mute" => mark("muted"),
            "archive" => mark("archived"),
            "mark unread" => mark("marked_unread"),
            "block" => mark("blocked"),
            "report" => {
                telegram.with(|world| {
                    let account = world.accounts.get_mut(&user).unwrap();
                    account.reported.clear();
                });
                (Method::POST, seat.path("/report"), Body::None)
            }
            "draft" => {
                let body = json!({ "text": word });
                (Method::PUT, seat.path("/draft"), Body::Json(body))
            }
            "forward" | "copy" => {
                let source = &self.sources[if kind == "copy" { 0 } else { 1 }];
                let (row, of) = self.known(source, &word, false, kind == "copy").await;
                number = of;
                let body = json!({ "message_ids": [row], "conversation_ids": [seat.conversation] });
                (
                    Method::POST,
                    "/messages/forward".to_owned(),
                    Body::Json(body),
                )
            }
            "send later" => {
                let body = json!({ "text": word, "scheduled_for": moment(self.at) });
                (Method::POST, seat.path("/reply"), Body::Json(body))
            }
            "reschedule" => {
                let row = self.waiting(&seat, &word).await;
                let body = json!({ "scheduled_for": moment(self.at + 60) });
                let path = format!("/messages/{row}/schedule");
                (Method::PATCH, path, Body::Json(body))
            }
            "send now" => {
                let row = self.waiting(&seat, &word).await;
                (
                    Method::POST,
                    format!("/messages/{row}/schedule/send"),
                    Body::None,
                )
            }
            "withdraw" => {
                let row = self.waiting(&seat, &word).await;
                (
                    Method::DELETE,
                    format!("/messages/{row}/schedule"),
                    Body::None,
                )
            }
            "file" | "album" => {
                files.push(paper(seed + 1, 200_000));
                if kind == "album" {
                    files.push(paper(seed + 2, 70_000));
                }
                let form = Form::default().field("text", &word);
                let form = files.iter().fold(form, Form::add);
                (Method::POST, seat.path("/reply"), Body::Form(form))
            }
            _ => (
                Method::POST,
                seat.path("/reply"),
                Body::Json(json!({ "text": word })),
            ),
        };
        let call = Call {
            method,
            path,
            body,
            key,
        };
        Task {
            kind,
            seat,
            call,
            word,
            number,
            files,
            on,
        }
    }
}
