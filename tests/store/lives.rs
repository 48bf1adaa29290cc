//! Lives of chats: messages, edits, deletions, holes, pages and restarts in an order that chance makes, against a model of Telegram.

mod model;

use std::{collections::BTreeMap, sync::Arc};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use switchboard::{
    domain::{AccountId, Batch, Change, ChatId, Hole, Timestamp},
    store::{HistoryStretch, MessagesFrom, OwedWork},
};

use self::model::Model;
use crate::{
    engine::SEEDS,
    spans::{account, hole, stream, told},
    spans_joined::listed,
    world::{World, new},
};

/// Messages that Telegram gives at a time.
const PAGE: usize = 5;

struct Run {
    world: World,
    id: AccountId,
    model: Model,
    dice: StdRng,
    chats: Vec<ChatId>,
    told: Vec<(i32, bool)>,
    /// Nothing happens by itself any more.
    calm: bool,
}

impl Run {
    fn listen(&mut self) {
        self.told.extend(told(&self.world));
    }

    async fn deliver(&mut self) {
        let pending = std::mem::take(&mut self.model.pending);
        let mut batch = stream(self.id, pending);
        batch.late = self.dice.random_bool(0.4);
        self.world.store.record_batch(batch).await.unwrap();
    }

    async fn lose(&mut self) {
        self.model.pending.clear();
        self.model.list_wanted = true;
        hole(&self.world, self.id, Hole::Account).await;
    }

    /// Something else happens between a question and what becomes of its answer.
    async fn meanwhile(&mut self) {
        if self.calm {
            return;
        }
        match self.dice.random_range(0..6) {
            0 => self.deliver().await,
            1 => {
                self.talk();
                self.deliver().await;
            }
            2 | 3 => {
                for _ in 0..8 {
                    self.talk();
                }
                self.lose().await;
            }
            _ => {}
        }
    }

    fn talk(&mut self) {
        let chat = *self.chats.choose(&mut self.dice).unwrap();
        let any = self.dice.random_range(1..=self.model.next.max(1));
        match self.dice.random_range(0..10) {
            0..3 => self.model.edit(any),
            3 => self.model.delete(any),
            _ => self.model.say(chat),
        }
    }

    async fn list(&mut self) {
        let (batch, ()) = (self.page(false).await, self.meanwhile().await);
        self.record(batch).await;
    }

    /// The whole list is one page.
    async fn record(&self, batch: Batch) {
        let asked = batch.asked.unwrap();
        let store = &self.world.store;
        store.record_batch(batch).await.unwrap();
        let text = Some("read".to_owned());
        store
            .set_dialog_sync_cursor(self.id, text, asked, true)
            .await
            .unwrap();
    }

    /// The list of chats with the newest message of each.
    async fn page(&mut self, first: bool) -> Batch {
        self.model.list_wanted = false;
        let asked = self.world.store.holes(self.id).await.unwrap();
        let mut batch = Batch::empty(self.id);
        batch.backfilled = true;
        batch.asked = Some(asked);
        let mut newest = Vec::new();
        for chat in self.chats.clone() {
            let all = self.model.history(chat, 0, 0);
            let Some(top) = all.first() else { continue };
            batch.changes.push(listed(chat, *top, None));
            // Sometimes the newest message does not come along.
            if first || self.dice.random_range(0..3) > 0 {
                newest.push(new(self.model.text(*top)));
            }
        }
        batch.changes.extend(newest);
        batch
    }

    async fn read(&mut self, chat: ChatId, above: i32, before: i32) {
        let asked = self.world.store.holes(self.id).await.unwrap();
        let mut numbers = self.model.history(chat, above, before);
        let complete = numbers.len() < PAGE;
        numbers.truncate(PAGE);
        let mut batch = Batch::empty(self.id);
        batch.backfilled = true;
        batch.changes = numbers
            .iter()
            .map(|number| new(self.model.text(*number)))
            .collect();
        let stretch = HistoryStretch {
            chat,
            batch: Arc::new(batch),
            before,
            above,
            oldest: numbers.last().copied(),
            complete,
            asked,
            left: None,
            archive: false,
        };
        self.meanwhile().await;
        let stretched = self.world.store.record_stretch(stretch).await.unwrap();
        let unseen = stretched.unseen;
        // A kill, or a call that fails, before it is known what became of those that were left out.
        if unseen.is_empty() || self.dice.random_range(0..3) == 0 {
            return;
        }
        let gone = |number: &i32| {
            self.model
                .messages
                .get(number)
                .is_none_or(|message| message.3)
        };
        let gone: Vec<i32> = unseen.into_iter().filter(gone).collect();
        let mut found = Batch::empty(self.id);
        found.backfilled = true;
        found.changes = vec![Change::Deleted {
            channel: None,
            message_ids: gone,
        }];
        self.world.store.record_batch(found).await.unwrap();
        self.world
            .store
            .note_compared(self.id, chat, stretched.span, asked)
            .await
            .unwrap();
    }

    /// The next step of the fill; `false`: there is none.
    async fn fill(&mut self) -> bool {
        match self.world.store.next_owed(self.id).await.unwrap() {
            Some(OwedWork::Fetch {
                chat,
                above,
                before,
                ..
            }) => self.read(chat, above, before).await,
            Some(OwedWork::Tell { conversation, gap }) => {
                self.world.store.tell_owed(conversation, gap).await.unwrap();
            }
            None if self.model.list_wanted => self.list().await,
            None => match self.world.store.next_stale(self.id).await.unwrap() {
                Some(work) => self.read(work.chat, work.low - 1, work.high + 1).await,
                None => return false,
            },
        }
        true
    }

    async fn step(&mut self) {
        match self.dice.random_range(0..20) {
            0..9 => self.talk(),
            9..13 => self.deliver().await,
            13 => self.lose().await,
            14 if self.model.list_wanted => self.list().await,
            15..19 => {
                self.fill().await;
            }
            _ => {
                // The next run of the service.
                self.listen();
                let fresh = World::new();
                let old = std::mem::replace(&mut self.world, fresh);
                let next = old.reopened().await;
                let fresh = std::mem::replace(&mut self.world, next);
                fresh.store.close().await;
            }
        }
        self.listen();
    }
}

/// Protects the promise that nothing is lost: whatever the order of messages, edits, deletions, holes, pages and
/// restarts, at the end all of it is stored as it is at Telegram, and everything that came in our time was told once.
#[actix::test]
async fn whatever_happens_all_of_it_is_there_and_told_once() {
    for seed in 0..SEEDS {
        let world = World::new();
        let mut model = Model {
            began: Timestamp::now().millis() / 1_000 - 2_000,
            ..Model::default()
        };
        let chats: Vec<ChatId> = (1..=4).map(ChatId::user).collect();
        let mut dice = StdRng::seed_from_u64(seed);
        for _ in 0..20 {
            model.say(*chats.choose(&mut dice).unwrap());
        }
        // All that was from before our time.
        model.pending.clear();
        model.news.clear();
        model.list_wanted = true;
        let id = account(&world).await;
        let mut run = Run {
            world,
            id,
            model,
            dice,
            chats,
            told: Vec::new(),
            calm: false,
        };
        // Before the list was read once, nobody knows what is from before our time.
        let first = run.page(true).await;
        run.record(first).await;
        for _ in 0..150 {
            run.step().await;
        }
        run.deliver().await;
        let mut steps = 0;
        while run.fill().await {
            run.listen();
            steps += 1;
            // What happens meanwhile makes new work, but no end of it.
            assert!(steps < 2_000, "seed {seed}: the fill never ends");
            if steps > 100 {
                run.calm = true;
                run.deliver().await;
            }
        }
        run.deliver().await;
        run.listen();
        check(&run, seed).await;
        run.world.store.close().await;
    }
}

async fn check(run: &Run, seed: u64) {
    let mut late: BTreeMap<ChatId, i32> = BTreeMap::new();
    for (number, _) in run.told.iter().filter(|(_, late)| *late) {
        let chat = run.model.messages[number].0;
        let before = late.insert(chat, *number).unwrap_or(0);
        assert!(
            before < *number,
            "seed {seed}: {number} of {chat} was told behind {before}"
        );
    }
    let mut told: Vec<i32> = run.told.iter().map(|(number, _)| *number).collect();
    told.sort_unstable();
    let twice: Vec<_> = told.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "seed {seed}: told twice {twice:?}");
    for (number, (chat, text, _, deleted)) in &run.model.messages {
        let news = run.model.news.contains(number);
        let was_told = told.binary_search(number).is_ok();
        assert!(
            was_told == news || (*deleted && !was_told),
            "seed {seed}: {number} of {chat}: news {news}, told {was_told}"
        );
        let Some(conversation) = run
            .world
            .store
            .conversation_of(run.id, *chat)
            .await
            .unwrap()
        else {
            assert!(
                !news || *deleted,
                "seed {seed}: {number} has no conversation"
            );
            continue;
        };
        let from = MessagesFrom::AroundNumber(*number);
        let page = run
            .world
            .store
            .list_messages(conversation.id, from, 1)
            .await;
        let Ok(page) = page else {
            assert!(
                !news || *deleted,
                "seed {seed}: {number} of {chat} is missing"
            );
            continue;
        };
        let spans = run.world.store.spans(conversation.id).await.unwrap();
        if spans.containing(*number).is_none() {
            // From before our time, known by an edit alone: compared when the stretch around it is fetched.
            continue;
        }
        let stale = run
            .world
            .store
            .stale_between(conversation.id, *number, *number)
            .await
            .unwrap();
        if stale.is_some() {
            // So far back that it is compared only when somebody looks.
            continue;
        }
        let stored = &page.messages[0];
        assert_eq!(
            stored.deleted_at.is_some(),
            *deleted,
            "seed {seed}: {number} of {chat}"
        );
        assert!(
            *deleted || stored.text == *text,
            "seed {seed}: {number} reads {:?}, not {text:?}",
            stored.text
        );
    }
}
