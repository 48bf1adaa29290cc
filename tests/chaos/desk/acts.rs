//! What a program does: each act is one order.

use rand::RngExt;
use reqwest::Method;
use serde_json::json;

use super::{
    Program,
    call::{Body, Call},
};
use crate::{
    placed::Work,
    support::forms::{Form, Sample, paper, photo, voice},
    town::Desk,
};

impl Program {
    pub(super) async fn reply(&mut self) {
        let Some((desk, conversation)) = self.desk() else {
            return;
        };
        let text = self.words();
        let body = Body::Json(json!({ "text": text }));
        let path = format!("/conversations/{conversation}/reply");
        let call = Call::new(Method::POST, path, body);
        let rows = self.place(call, desk, &text, Work::Reply).await;
        self.remember(rows.first(), desk, text, true);
    }

    /// A letter, a voice, a picture, or an album.
    pub(super) async fn files(&mut self) {
        let Some((desk, conversation)) = self.desk() else {
            return;
        };
        let text = self.words();
        let seed = self.chance.random::<u64>();
        let samples: Vec<Sample> = match seed % 5 {
            0 => vec![photo(seed, 70, 50)],
            1 => vec![voice(seed, 40)],
            2 => (0..2).map(|at| photo(seed + at, 60, 40)).collect(),
            3 => vec![paper(seed, 700_000)],
            _ => vec![paper(seed, 30_000)],
        };
        let form = Form::default().field("text", &text);
        let form = samples.iter().fold(form, Form::add);
        let path = format!("/conversations/{conversation}/reply");
        let call = Call::new(Method::POST, path, Body::Form(form.body()));
        let sums = samples.iter().map(Sample::sha256).collect();
        let rows = self.place(call, desk, &text, Work::Files(sums)).await;
        self.remember(rows.first(), desk, text, false);
    }

    /// A message of its own, to another chat of the account or of another one.
    pub(super) async fn forward(&mut self) {
        let Some(at) = self.some(|own| !own.changed) else {
            return;
        };
        let own = self.own[at].clone();
        let same_account = !own.plain || self.chance.random_ratio(2, 3);
        let fitting: Vec<Desk> = self
            .desks
            .iter()
            .copied()
            .filter(|desk| desk.account == own.desk.account || !same_account)
            .collect();
        let desk = fitting[self.chance.random_range(0..fitting.len())];
        let Some(conversation) = self.conversation(desk) else {
            return;
        };
        self.own[at].passed_on = true;
        let hidden = self.chance.random_ratio(1, 4);
        let body = json!({ "message_ids": [own.row], "conversation_ids": [conversation], "hide_origin": hidden });
        let path = "/messages/forward".to_owned();
        let call = Call::new(Method::POST, path, Body::Json(body));
        self.place(call, desk, &own.text, Work::Forward).await;
    }

    pub(super) async fn edit(&mut self) {
        let Some(at) = self.some(|own| !own.passed_on) else {
            return;
        };
        self.own[at].changed = true;
        let own = self.own[at].clone();
        let text = self.words();
        let body = Body::Json(json!({ "text": text }));
        let call = Call::new(Method::PATCH, format!("/messages/{}", own.row), body);
        self.place(call, own.desk, &text, Work::Edit(own.row)).await;
    }

    pub(super) async fn delete(&mut self) {
        let Some(at) = self.some(|own| !own.passed_on) else {
            return;
        };
        let own = self.own.remove(at);
        let path = format!("/messages/{}?for=everyone", own.row);
        let call = Call::new(Method::DELETE, path, Body::None);
        let text = self.words();
        self.place(call, own.desk, &text, Work::Delete(own.row))
            .await;
    }

    pub(super) async fn react(&mut self) {
        let Some(at) = self.some(|_| true) else {
            return;
        };
        let own = self.own[at].clone();
        let emoji = [Some("👍"), Some("🔥"), Some("❤"), None][self.chance.random_range(0..4)];
        let body = Body::Json(json!({ "emoji": emoji }));
        let path = format!("/messages/{}/reaction", own.row);
        let call = Call::new(Method::PUT, path, body);
        let work = Work::React(own.row, emoji.map(str::to_owned));
        let text = self.words();
        self.place(call, own.desk, &text, work).await;
    }

    pub(super) async fn pin(&mut self) {
        let Some(at) = self.some(|own| own.desk.chat > 0) else {
            return;
        };
        let own = self.own[at].clone();
        let pinned = self.chance.random_ratio(2, 3);
        let body = Body::Json(json!({ "pinned": pinned }));
        let path = format!("/messages/{}/pin", own.row);
        let call = Call::new(Method::PUT, path, body);
        let text = self.words();
        self.place(call, own.desk, &text, Work::Pin(own.row, pinned))
            .await;
    }
}
