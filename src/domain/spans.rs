//! Spans: which stretches of a chat's message numbers are here, whole.
//!
//! Inside a span everything that exists at Telegram is stored; outside, nothing is claimed. The topmost span may be
//! open: then everything that comes after it comes by the update stream.

/// A stretch of message numbers, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub low: i32,
    /// Of an open one: as far as is known without the stream; below `low` when that is nothing yet.
    pub high: i32,
    pub open: bool,
}

impl Span {
    #[must_use]
    pub const fn closed(low: i32, high: i32) -> Self {
        Self {
            low,
            high,
            open: false,
        }
    }

    #[must_use]
    pub const fn open(low: i32, high: i32) -> Self {
        Self {
            low,
            high,
            open: true,
        }
    }

    /// Where it ends; `None`: nowhere yet.
    #[must_use]
    pub const fn end(self) -> Option<i32> {
        if self.open { None } else { Some(self.high) }
    }

    #[must_use]
    pub const fn contains(self, number: i32) -> bool {
        self.low <= number && (self.open || number <= self.high)
    }

    const fn is_empty(self) -> bool {
        !self.open && self.high < self.low
    }

    /// Do they overlap, or follow each other without a number between them?
    const fn joins(self, other: Self) -> bool {
        self.reaches(other.low) && other.reaches(self.low)
    }

    const fn reaches(self, low: i32) -> bool {
        self.open || self.high.saturating_add(1) >= low
    }
}

/// The spans of one chat: in order, apart from each other, at most the last one open.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// In any order, also overlapping.
    #[must_use]
    pub fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut all = Self::default();
        for span in spans {
            all.cover(span);
        }
        all
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Span> + '_ {
        self.0.iter().copied()
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn topmost(&self) -> Option<Span> {
        self.0.last().copied()
    }

    #[must_use]
    pub fn containing(&self, number: i32) -> Option<Span> {
        self.iter().find(|span| span.contains(number))
    }

    /// The highest span that ends below a number.
    #[must_use]
    pub fn below(&self, number: i32) -> Option<Span> {
        self.iter()
            .rev()
            .find(|span| span.end().is_some_and(|end| end < number))
    }

    /// Everything in `span` is here now; an empty one says nothing.
    pub fn cover(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        let mut joined = span;
        // Joining may make it reach further ones.
        loop {
            let before = self.0.len();
            self.0.retain(|other| {
                if !other.joins(joined) {
                    return true;
                }
                joined.low = joined.low.min(other.low);
                joined.high = joined.high.max(other.high);
                joined.open |= other.open;
                false
            });
            if self.0.len() == before {
                break;
            }
        }
        let place = self.0.partition_point(|other| other.low < joined.low);
        self.0.insert(place, joined);
    }

    /// The topmost stretch between two numbers that is not covered. Without `high`: what lies above all as well.
    #[must_use]
    pub fn missing(&self, low: i32, high: Option<i32>) -> Option<(i32, Option<i32>)> {
        let mut top = high;
        for span in self.iter().rev() {
            if top.is_some_and(|top| span.low > top) {
                continue;
            }
            let covers_top = match top {
                Some(top) => span.contains(top),
                None => span.open,
            };
            if !covers_top {
                // What lies above this span is missing.
                let from = span.high.saturating_add(1).max(low);
                return top.is_none_or(|top| from <= top).then_some((from, top));
            }
            top = Some(span.low.saturating_sub(1));
        }
        top.is_none_or(|top| low <= top).then_some((low, top))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Protects the fill from asking for what is here, and from leaving out what is not.
    #[test]
    fn what_is_missing_is_found_from_the_top_down() {
        let held = Spans::of([Span::closed(30, 40), Span::closed(10, 20)]);
        let missing = |low, high| held.missing(low, high);
        assert_eq!(missing(1, Some(50)), Some((41, Some(50))));
        assert_eq!(missing(1, Some(40)), Some((21, Some(29))));
        assert_eq!(missing(25, Some(35)), Some((25, Some(29))));
        assert_eq!(missing(1, Some(15)), Some((1, Some(9))));
        assert_eq!(missing(12, Some(18)), None);
        assert_eq!(missing(15, None), Some((41, None)));
        assert_eq!(missing(60, None), Some((60, None)));
        let open = Spans::of([Span::open(5, 7)]);
        assert_eq!(open.missing(2, None), Some((2, Some(4))));
        assert_eq!(open.missing(6, None), None);
        assert_eq!(Spans::default().missing(2, None), Some((2, None)));
    }

    /// Protects what is owed below a span: one that is open has no end yet, and the one below ends below.
    #[test]
    fn spans_know_their_ends_and_what_lies_below() {
        let (first, second, open) = (Span::closed(3, 7), Span::closed(10, 20), Span::open(30, 40));
        assert_eq!((first.end(), open.end()), (Some(7), None));
        let spans = Spans::of([second, open, first]);
        let below = [50, 21, 20, 8, 7].map(|number| spans.below(number));
        assert_eq!(
            below,
            [Some(second), Some(second), Some(first), Some(first), None]
        );
        assert_eq!((spans.topmost(), spans.is_empty()), (Some(open), false));
        let none = Spans::default();
        assert_eq!((none.topmost(), none.is_empty()), (None, true));
    }

    proptest! {
        /// Protects every question to the spans: they cover exactly what was put in, whatever the order.
        #[test]
        fn they_cover_exactly_what_was_put_in(
            list in prop::collection::vec((0_i32..60, 0_i32..12), 0..12),
            open in prop::option::of((0_i32..60, -1_i32..9)),
            wanted in (0_i32..60, 0_i32..30),
        ) {
            let mut held = Spans::default();
            for (low, length) in &list {
                held.cover(Span::closed(*low, low + length - 1));
            }
            if let Some((low, length)) = open {
                held.cover(Span::open(low, low + length));
            }
            let inside = |number: i32| {
                list.iter().any(|(low, length)| (*low..low + length).contains(&number))
                    || open.is_some_and(|(low, _)| number >= low)
            };
            for number in -1..90 {
                prop_assert_eq!(held.containing(number).is_some(), inside(number), "{}", number);
            }
            let all: Vec<Span> = held.iter().collect();
            for pair in all.windows(2) {
                prop_assert!(!pair[0].open && pair[0].high + 1 < pair[1].low);
            }
            // The missing stretch is the topmost run of numbers that are outside.
            let (low, high) = (wanted.0, wanted.0 + wanted.1);
            let top = (low..=high).rev().find(|number| !inside(*number));
            let found = held.missing(low, Some(high));
            prop_assert_eq!(found.and_then(|(_, high)| high), top);
            if let (Some((from, _)), Some(top)) = (found, top) {
                prop_assert!((from..=top).all(|number| !inside(number)));
                prop_assert!(from == low || inside(from - 1));
            }
        }
    }
}
