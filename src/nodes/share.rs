//! Share: how many accounts a node should have. Pure.

/// What a node does about its number of accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Claim(i64),
    LetGo(i64),
    Nothing,
}

/// `held` of all `accounts`, beside so many `nodes` that take some, itself among them; `draining`: it takes none.
pub(super) const fn step(held: i64, accounts: i64, nodes: i64, draining: bool) -> Step {
    let share = if draining {
        0
    } else {
        // Rounded up: the shares of all are enough for all accounts, and nobody passes one back and forth.
        let nodes = if nodes < 1 { 1 } else { nodes };
        (accounts + nodes - 1) / nodes
    };
    if held < share {
        Step::Claim(share - held)
    } else if held > share {
        Step::LetGo(held - share)
    } else {
        Step::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects accounts from having no owner, and from wandering: from every beginning the steps end, with all accounts given out.
    #[test]
    fn shares_come_to_rest() {
        for accounts in [0, 1, 2, 7, 3000] {
            for nodes in 1..6_usize {
                let mut held = vec![0_i64; nodes];
                held[0] = accounts;
                let count = i64::try_from(nodes).unwrap();
                for round in 0.. {
                    assert!(round < 5, "{accounts} accounts, {held:?}");
                    let mut moved = false;
                    for index in 0..nodes {
                        let free = accounts - held.iter().sum::<i64>();
                        match step(held[index], accounts, count, false) {
                            Step::Claim(wanted) => {
                                held[index] += wanted.min(free);
                                moved |= free > 0;
                            }
                            Step::LetGo(surplus) => {
                                held[index] -= surplus;
                                moved = true;
                            }
                            Step::Nothing => {}
                        }
                    }
                    if !moved {
                        break;
                    }
                }
                assert_eq!(held.iter().sum::<i64>(), accounts);
                let most = held.iter().max().unwrap();
                assert!(*most <= (accounts + count - 1) / count, "{held:?}");
            }
        }
        assert_eq!(step(5, 100, 3, true), Step::LetGo(5));
    }
}
