//! Share: how many accounts a node should have. Pure.

/// What a node does about its number of accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// So many of those that nobody has.
    Claim(i64),
    LetGo(i64),
    Nothing,
}

/// All `accounts` are shared evenly: when nothing is left to be done, nobody has two more than another. Who has an even share keeps
/// what it has: of two nodes with one more than a third has room for, nobody lets go of it.
///
/// `held`: what each node has that takes some, in an order that all of them know; `own`: the place of the one that asks.
pub(super) fn step(own: usize, held: &[i64], accounts: i64) -> Step {
    let Some(mine) = held.get(own).copied() else {
        return Step::Nothing;
    };
    let nodes = i64::try_from(held.len()).unwrap_or(i64::MAX);
    let floor = accounts / nodes;
    let ceiling = floor + i64::from(accounts % nodes > 0);
    if mine > ceiling {
        return Step::LetGo(mine - ceiling);
    }
    if mine < floor {
        return Step::Claim(floor - mine);
    }
    let sum = |part: fn(i64, i64) -> i64, than: i64| -> i64 {
        held.iter().map(|one| part(*one, than).max(0)).sum()
    };
    let wanted = sum(|one, floor| floor - one, floor);
    let surplus = sum(|one, ceiling| one - ceiling, ceiling);
    // Nobody's, or of one that is dead or leaves.
    let free = accounts - held.iter().sum::<i64>();
    if mine < ceiling {
        return match free > wanted {
            true => Step::Claim(1),
            false => Step::Nothing,
        };
    }
    // The first of those that have one more than they need give it to whoever has too few.
    let before = held.iter().take(own).filter(|one| **one == ceiling);
    let before = i64::try_from(before.count()).unwrap_or(i64::MAX);
    match ceiling > floor && before < wanted - surplus - free {
        true => Step::LetGo(1),
        false => Step::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Accounts that a node is about to let go of are its own still, for the others.
    #[derive(Clone, Debug)]
    struct Node {
        held: i64,
        ending: i64,
        /// How it saw the others last.
        seen: Vec<i64>,
    }

    struct World {
        accounts: i64,
        nodes: Vec<Node>,
        /// Let go of or claimed so far.
        moves: i64,
    }

    impl World {
        fn new(held: &[i64], free: i64) -> Self {
            let node = |one: &i64| Node {
                held: *one,
                ending: 0,
                seen: held.to_vec(),
            };
            Self {
                accounts: free + held.iter().sum::<i64>(),
                nodes: held.iter().map(node).collect(),
                moves: 0,
            }
        }

        fn rows(&self) -> Vec<i64> {
            let all = self.nodes.iter();
            all.map(|one| one.held + one.ending).collect()
        }

        fn free(&self) -> i64 {
            self.accounts - self.rows().iter().sum::<i64>()
        }

        /// `fresh`: it looks first. Otherwise it goes by what it saw some time ago.
        fn turn(&mut self, node: usize, fresh: bool) {
            if fresh {
                self.nodes[node].seen = self.rows();
            }
            let free = self.free();
            let one = &mut self.nodes[node];
            one.seen[node] = one.held;
            match step(node, &one.seen, self.accounts) {
                Step::Claim(count) => {
                    assert!(count > 0);
                    one.held += count.min(free);
                    self.moves += count.min(free);
                }
                Step::LetGo(count) => {
                    assert!(count > 0 && count <= one.held);
                    one.held -= count;
                    one.ending += count;
                    self.moves += count;
                }
                Step::Nothing => {}
            }
        }

        fn closed(&mut self, node: usize) {
            self.nodes[node].ending = 0;
        }

        /// Everybody looks, in this order, until nobody has anything to do; how often.
        fn settle(&mut self, order: &[usize]) -> usize {
            for round in 0..40 {
                let before = (self.moves, self.rows());
                for node in order {
                    self.turn(*node, true);
                    self.closed(*node);
                }
                if (self.moves, self.rows()) == before {
                    return round;
                }
            }
            panic!("no rest: {:?}", self.nodes);
        }

        fn is_even(&self) -> bool {
            let held = self.rows();
            let (most, least) = (held.iter().max(), held.iter().min());
            self.free() == 0
                && most
                    .zip(least)
                    .is_some_and(|(most, least)| most - least < 2)
        }
    }

    /// Protects accounts from wandering for nothing: who has an even share keeps it, whoever has the odd one.
    #[test]
    fn an_even_share_stays_where_it_is() {
        for held in [
            [2, 1, 1],
            [1, 2, 1],
            [1, 1, 2],
            [0, 1, 0],
            [2, 2, 2],
            [0, 0, 0],
        ] {
            let accounts = held.iter().sum();
            for node in 0..3 {
                assert_eq!(step(node, &held, accounts), Step::Nothing, "{held:?}");
            }
        }
    }

    /// Protects a node from having nothing to do: one of two that have too many gives one away, and takes none of it back.
    #[test]
    fn a_node_that_has_too_few_is_given_some() {
        let steps = |held: [i64; 3], accounts| [0, 1, 2].map(|node| step(node, &held, accounts));
        use Step::{Claim, LetGo, Nothing};
        assert_eq!(steps([2, 2, 0], 4), [LetGo(1), Nothing, Claim(1)]);
        assert_eq!(steps([1, 2, 0], 4), [Nothing, Nothing, Claim(1)]);
        assert_eq!(steps([3, 1, 0], 4), [LetGo(1), Nothing, Claim(1)]);
        assert_eq!(steps([0, 0, 0], 7), [Claim(2), Claim(2), Claim(2)]);
        assert_eq!(steps([2, 2, 2], 7), [Claim(1), Claim(1), Claim(1)]);
        assert_eq!(
            steps([3000, 0, 0], 3000),
            [LetGo(2000), Claim(1000), Claim(1000)]
        );
        // Two accounts of one that is dead, or leaves.
        assert_eq!(steps([3, 2, 2], 9), [Nothing, Claim(1), Claim(1)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Protects accounts from having no owner, and from being passed back and forth: from every beginning, whatever each has seen of
        /// the others, the steps end, with all accounts given out evenly.
        #[test]
        fn shares_come_to_rest(
            held in proptest::collection::vec(0_i64..12, 1..6),
            free in 0_i64..12,
            turns in proptest::collection::vec((0_usize..6, any::<bool>(), any::<bool>()), 0..60),
            forwards in any::<bool>(),
        ) {
            let mut world = World::new(&held, free);
            let nodes = held.len();
            for (node, fresh, closed) in turns {
                world.turn(node % nodes, fresh);
                if closed {
                    world.closed(node % nodes);
                }
            }
            let mut order: Vec<usize> = (0..nodes).collect();
            if !forwards {
                order.reverse();
            }
            let rounds = world.settle(&order);
            prop_assert!(world.is_even(), "{:?}", world.nodes);
            prop_assert!(rounds < 8, "{rounds}");
            // From there on nobody does anything, in whatever order they look.
            let before = world.moves;
            order.reverse();
            world.settle(&order);
            prop_assert_eq!(world.moves, before);
        }

        /// The same with each account let go of once at most, and claimed once, when everybody sees the others as they are.
        #[test]
        fn no_account_moves_twice(held in proptest::collection::vec(0_i64..40, 1..7), free in 0_i64..40) {
            let mut world = World::new(&held, free);
            let order: Vec<usize> = (0..held.len()).collect();
            world.settle(&order);
            let let_go: i64 = (world.rows().iter().zip(&held)).map(|(now, before)| (before - now).max(0)).sum();
            prop_assert_eq!(world.moves, 2 * let_go + free, "{:?}", world.nodes);
        }
    }
}
