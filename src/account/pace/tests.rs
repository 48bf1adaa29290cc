//! A pacer's day, by a clock that the tests turn.

use super::{window::UNEVEN, *};
use crate::domain::{AccountId, ChatId, Making, MessageRowId, Met, NewText, Place, Tries, Wording};

fn order(id: i64, chat: ChatId) -> Order {
    let text = NewText {
        making: Making {
            row: MessageRowId(id),
            random_id: id,
        },
        text: "text".into(),
        place: Place::default(),
        wording: Wording::default(),
        schedule: None,
    };
    Order {
        id: OrderId(id),
        account_id: AccountId::random(),
        chat,
        work: Work::Text(text),
        tries: Tries::default(),
    }
}

fn terms(strangers: Option<u32>, minute: Option<u32>, stranger: bool) -> SendingTerms {
    SendingTerms {
        limits: PaceLimits {
            strangers_per_day: strangers,
            per_minute: minute,
        },
        stranger,
        talks: false,
        met: Vec::new(),
        learned: None,
    }
}

fn state() -> State {
    State::new(Instant::now())
}

/// Protects an account that Telegram lets write less than it may here: in a day in which there is always something to
/// send, flood waits become ever more seldom, its pace ends just below Telegram's and stays there; and once Telegram lets
/// it write more, the next day it does.
#[test]
fn a_day_of_flood_waits_ends_with_a_stable_pace() {
    let mut state = state();
    let (start, wall) = (state.begun, Timestamp::now());
    let hour = Duration::from_secs(3_600);
    let terms = terms(None, Some(60), false);
    let group = ChatId::group(5);
    // A Telegram that takes so many in a minute.
    let (mut takes, minute) = (20, Duration::from_secs(60));
    let mut taken: VecDeque<Instant> = VecDeque::new();
    let mut floods = Vec::new();
    let mut hours = [0; 48];
    let mut waiting: Vec<(i64, Instant)> = (0..40).map(|id| (id, start)).collect();
    let mut next = 40;
    let mut now = start;
    while now < start + 48 * hour {
        let wall = wall.plus(now - start);
        if now >= start + 24 * hour {
            takes = 1_000;
        }
        for place in 0..waiting.len() {
            let (id, due) = waiting[place];
            if due > now {
                continue;
            }
            match state.hold(&order(id, group), &terms, now, wall) {
                Some(Outcome::Paced { wait, .. }) => waiting[place].1 = now + wait,
                Some(other) => panic!("{other:?}"),
                None => {
                    taken.retain(|at| *at + minute > now);
                    if taken.len() < takes {
                        taken.push_back(now);
                        hours[(now - start).as_secs() as usize / 3_600] += 1;
                        waiting[place] = (next, now);
                        next += 1;
                        continue;
                    }
                    floods.push(now - start);
                    // A restart of the service in between costs nothing of it.
                    let learned = state.flooded(now, wall);
                    assert_eq!(Some(learned), state.learned);
                    for one in &mut waiting {
                        one.1 = one.1.max(now + minute / 2);
                    }
                }
            }
        }
        now = (waiting.iter().map(|(_, due)| *due).min().unwrap()).max(now + millis(10));
    }
    assert!((1..=6).contains(&floods.len()), "{floods:?}");
    assert!(floods.iter().all(|at| *at < 18 * hour), "{floods:?}");
    // In each of the last hours of the first day as much as Telegram takes, but for the unevenness of each minute.
    assert!(
        hours[19..24]
            .iter()
            .all(|sent| (1_080..=1_200).contains(sent)),
        "{hours:?}"
    );
    assert!(hours[47] > 3_000, "{hours:?}");
    let kept = state.learned.unwrap();
    let mut restarted = self::state();
    let known = SendingTerms {
        learned: Some(kept),
        ..terms.clone()
    };
    restarted.hold(&order(next, group), &known, restarted.begun, wall);
    assert_eq!(restarted.learned, Some(kept));
    // What was learned goes with the limits that it was learned under.
    let other = self::terms(None, Some(59), false);
    state.hold(&order(next, group), &other, now, wall);
    assert_eq!(state.learned, None);
}

/// Protects the limit of a minute: of many that come at once no minute has more, and each goes at its own moment.
#[test]
fn no_minute_has_more_than_it_may() {
    let mut state = state();
    let (start, wall) = (state.begun, Timestamp::now());
    let terms = terms(None, Some(3), false);
    let group = ChatId::group(5);
    let mut moments = Vec::new();
    for id in 0..12 {
        let held = state.hold(&order(id, group), &terms, start, wall);
        moments.push(match held {
            None => Duration::ZERO,
            Some(Outcome::Paced { wait, held }) => {
                assert_eq!(held, Held::Minute);
                wait
            }
            other => panic!("{other:?}"),
        });
    }
    for (index, moment) in moments.iter().enumerate() {
        let uneven = Duration::from_secs(60) * u32::try_from(index / 3).unwrap();
        assert!(*moment >= uneven, "{moments:?}");
        assert!(
            *moment <= uneven + millis(UNEVEN) * u32::try_from(index / 3).unwrap(),
            "{moments:?}"
        );
    }
    let minute = Duration::from_secs(60);
    for four in moments.windows(4) {
        assert!(four[3] - four[0] >= minute, "{moments:?}");
    }
    // At its moment it goes; a moment before it does not.
    let fourth = order(3, group);
    assert!(
        state
            .hold(&fourth, &terms, start + moments[3] - millis(1), wall)
            .is_some()
    );
    assert!(
        state
            .hold(&fourth, &terms, start + moments[3], wall)
            .is_none()
    );
}

/// Protects whoever wrote to the account: however much waits for others, they are answered at once.
#[test]
fn who_wrote_is_answered_at_once() {
    let mut state = state();
    let (start, wall) = (state.begun, Timestamp::now());
    let strangers = terms(Some(1), Some(1), true);
    for id in 0..20 {
        state.hold(&order(id, ChatId::user(100 + id)), &strangers, start, wall);
    }
    let known = terms(Some(1), Some(1), false);
    assert!(
        state
            .hold(&order(50, ChatId::user(7)), &known, start, wall)
            .is_none()
    );
    let mut answer = order(51, ChatId::group(5));
    let Work::Text(text) = &mut answer.work else {
        panic!("{answer:?}");
    };
    text.place.reply_to = Some(9);
    assert!(state.hold(&answer, &known, start, wall).is_none());
    let talking = SendingTerms {
        talks: true,
        ..known
    };
    let group = order(52, ChatId::group(5));
    assert!(state.hold(&group, &talking, start, wall).is_none());
}

/// Protects strangers' limit over a restart: those of the last day count, and who was written to before does not
/// count again.
#[test]
fn strangers_of_the_day_count_over_a_restart() {
    let mut state = state();
    let (start, wall) = (state.begun, Timestamp::now());
    let hour = Duration::from_secs(3_600);
    let mut terms = terms(Some(2), None, true);
    let ago = |hours: u32| Timestamp::from_millis(wall.millis() - i64::from(hours) * 3_600_000);
    terms.met = vec![
        Met {
            chat_id: ChatId::user(1),
            at: ago(20),
        },
        Met {
            chat_id: ChatId::user(2),
            at: ago(1),
        },
    ];
    assert!(
        state
            .hold(&order(1, ChatId::user(1)), &terms, start, wall)
            .is_none()
    );
    let held = state.hold(&order(2, ChatId::user(3)), &terms, start, wall);
    let Some(Outcome::Paced { wait, held }) = held else {
        panic!("{held:?}");
    };
    assert_eq!((wait, held), (4 * hour, Held::Strangers));
    // Who waits for tomorrow holds nobody who may be written to now.
    terms.limits.per_minute = Some(5);
    state.hold(&order(3, ChatId::user(4)), &terms, start, wall);
    let known = order(4, ChatId::user(1));
    assert!(state.hold(&known, &terms, start, wall).is_none());
    // Switched off, it goes.
    terms.limits.strangers_per_day = None;
    assert!(
        state
            .hold(&order(2, ChatId::user(3)), &terms, start, wall)
            .is_none()
    );
    assert!(state.strangers.contains(&OrderId(2)));
}
