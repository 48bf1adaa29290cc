//! Place: where an account stands with the supervisor. Pure: an event in, the next place and what is to be done out.
//!
//! There is one actor of an account at a time, and so one link: the next one starts only from [`Place::Rest`] or
//! [`Place::Waiting`], where the last one is gone.

use std::time::Duration;

/// Where an account stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Place {
    /// No actor, and none is wanted.
    #[default]
    Rest,
    Running,
    /// Its actor was told to end, and has not yet.
    Ending(Then),
    /// Its actor has ended; the next one starts at a moment that is set.
    Waiting,
}

/// What is wanted after the present actor's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    Rest,
    Start,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// It is to run.
    Start,
    /// It is to end, and to stay so.
    Stop,
    /// It is to run on an actor that has not started yet.
    Restart,
    /// Its actor ended by itself and is started again after this time, or not at all.
    Ended(Option<Duration>),
    /// The actor that was told to end is gone, and its link with it.
    Down,
    /// The moment that was set has come.
    Due,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Nothing,
    /// Starts an actor.
    Spawn,
    /// Tells the actor to end; `Down` follows.
    BringDown,
    /// Sets the moment; `Due` follows.
    SetMoment(Duration),
    /// Forgets the moment.
    ForgetMoment,
}

impl Place {
    pub const fn on(self, event: Event) -> (Self, Act) {
        match (self, event) {
            (Self::Rest, Event::Start | Event::Restart) => (Self::Running, Act::Spawn),
            // The moment is forgotten by whoever spawns.
            (Self::Waiting, Event::Start | Event::Restart | Event::Due) => {
                (Self::Running, Act::Spawn)
            }
            (Self::Waiting, Event::Stop) => (Self::Rest, Act::ForgetMoment),

            (Self::Running, Event::Stop) => (Self::Ending(Then::Rest), Act::BringDown),
            (Self::Running, Event::Restart) => (Self::Ending(Then::Start), Act::BringDown),
            (Self::Running, Event::Ended(Some(wait))) => (Self::Waiting, Act::SetMoment(wait)),
            (Self::Running, Event::Ended(None)) => (Self::Rest, Act::Nothing),

            // The last word counts.
            (Self::Ending(_), Event::Start | Event::Restart) => {
                (Self::Ending(Then::Start), Act::Nothing)
            }
            (Self::Ending(_), Event::Stop) => (Self::Ending(Then::Rest), Act::Nothing),
            (Self::Ending(Then::Start), Event::Down) => (Self::Running, Act::Spawn),
            (Self::Ending(Then::Rest), Event::Down) => (Self::Rest, Act::Nothing),

            // Late words, and orders that are fulfilled already.
            (place, _) => (place, Act::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(1);
    const PLACES: [Place; 5] = [
        Place::Rest,
        Place::Running,
        Place::Ending(Then::Rest),
        Place::Ending(Then::Start),
        Place::Waiting,
    ];
    const EVENTS: [Event; 7] = [
        Event::Start,
        Event::Stop,
        Event::Restart,
        Event::Ended(Some(WAIT)),
        Event::Ended(None),
        Event::Down,
        Event::Due,
    ];

    /// Protects an account from two links: whatever comes in whatever order, an actor starts only when none is there.
    #[test]
    fn there_is_one_actor_at_a_time() {
        // Every sequence of six events.
        for number in 0..EVENTS.len().pow(6) {
            let mut rest = number;
            let mut place = Place::Rest;
            let mut alive = false;
            for _ in 0..6 {
                let event = EVENTS[rest % EVENTS.len()];
                rest /= EVENTS.len();
                match event {
                    // An actor says its last word once, while it is there.
                    Event::Ended(_) | Event::Down if !alive => continue,
                    Event::Down if !matches!(place, Place::Ending(_)) => continue,
                    Event::Ended(_) if matches!(place, Place::Ending(_)) => {}
                    Event::Ended(_) | Event::Down => alive = false,
                    _ => {}
                }
                let (next, act) = place.on(event);
                if act == Act::Spawn {
                    assert!(!alive, "{place:?} on {event:?}");
                    alive = true;
                }
                let has_actor = matches!(next, Place::Running | Place::Ending(_));
                assert_eq!(alive, has_actor, "{place:?} on {event:?} became {next:?}");
                place = next;
            }
        }
    }

    /// Protects what people want: the last order holds, wherever the account stands.
    #[test]
    fn the_last_order_holds() {
        // Until nothing moves any more.
        let settle = |mut place: Place| {
            for event in [Event::Down, Event::Due, Event::Down] {
                place = place.on(event).0;
            }
            place
        };
        for place in PLACES {
            for order in [Event::Start, Event::Restart] {
                assert_eq!(settle(place.on(order).0), Place::Running, "{place:?}");
            }
            assert_eq!(settle(place.on(Event::Stop).0), Place::Rest, "{place:?}");
        }
    }
}
