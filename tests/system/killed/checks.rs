//! Checks: exactly one effect, whatever the kind.

use super::*;

impl Scene {
    /// Exactly one effect, whatever the kind.
    pub fn check(&self, task: &Task) {
        let Task {
            seat, word, kind, ..
        } = task;
        let telegram = &self.fleet.telegram;
        let user = seat.account.user;
        let written = || {
            let chat = self.chat(seat).into_iter();
            chat.filter(|one| one.out && one.text == *word && !one.deleted)
                .count()
        };
        let dialog = |look: fn(&switchboard_simulator::world::Dialog) -> bool| {
            telegram.look(|world| {
                let account = world.accounts.get(&user).unwrap();
                look(account.mailbox.dialogs.get(&seat.person.into()).unwrap())
            })
        };
        match *kind {
            "edit" => {
                let one = self.one(task);
                assert_eq!(one.former_texts, [word.as_str()], "{word}");
                assert_eq!(one.text, format!("{word}, edited"));
            }
            "replace" => {
                let one = self.one(task);
                assert_eq!(one.former_texts, [word.as_str()], "{word}");
                assert_eq!(one.file.unwrap().sha256, task.files[0].sha256());
            }
            "delete" => assert!(self.one(task).deleted, "{word}"),
            "react" => assert_eq!(self.one(task).reactions, [("👍".to_owned(), user)]),
            "take a reaction back" => assert!(self.one(task).reactions.is_empty(), "{word}"),
            "pin" => {
                assert!(self.one(task).pinned, "{word}");
                let notices = self.chat(seat).into_iter().filter(|one| one.service);
                let round: usize = word.rsplit(' ').next().unwrap().parse().unwrap();
                assert_eq!(notices.count(), round + 1, "one notice for each pin");
            }
            "unpin" => assert!(!self.one(task).pinned, "{word}"),
            "clear" => assert!(telegram.texts(user, seat.person).is_empty(), "{word}"),
            "mute" => assert_eq!(dialog(|one| one.muted_until > 0), task.on, "{word}"),
            "archive" => assert_eq!(dialog(|one| one.folder == 1), task.on, "{word}"),
            "mark unread" => assert_eq!(dialog(|one| one.unread_mark), task.on, "{word}"),
            "block" => {
                let blocked =
                    telegram.look(|world| world.accounts[&user].blocked.contains(&seat.person));
                assert_eq!(blocked, task.on, "{word}");
            }
            "report" => {
                let reported = telegram.look(|world| world.accounts[&user].reported.clone());
                let chat = ChatRef::User(seat.person);
                assert_eq!(reported, BTreeSet::from([chat]), "{word}");
            }
            "draft" => assert_eq!(telegram.draft(user, seat.person).as_ref(), Some(word)),
            "send later" => assert_eq!(self.scheduled(seat, word), [self.at], "{word}"),
            "reschedule" => assert_eq!(self.scheduled(seat, word), [self.at + 60], "{word}"),
            "send now" => {
                assert!(self.scheduled(seat, word).is_empty(), "{word}");
                assert_eq!(written(), 1, "{word}");
            }
            "withdraw" => {
                assert!(self.scheduled(seat, word).is_empty(), "{word}");
                assert_eq!(written(), 0, "{word}");
            }
            "file" | "album" => {
                assert_eq!(written(), 1, "{word}");
                for file in &task.files {
                    let sum = file.sha256();
                    let chat = self.chat(seat).into_iter();
                    let there = chat.filter(|one| {
                        let file = one.file.as_ref();
                        file.is_some_and(|file| file.sha256 == sum)
                    });
                    assert_eq!(there.count(), 1, "{word}");
                }
            }
            _ => assert_eq!(written(), 1, "{word}"),
        }
    }
}
