//! The small puzzle at the start: a product of two primes that the client has to take apart.

use rand::RngExt;

use super::Violation;

/// Two different primes of 31 bits; their product stays below 2^63, as clients read it as a signed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pq {
    smaller: u64,
    larger: u64,
}

impl Pq {
    pub fn random() -> Self {
        let (one, other) = (random_prime(), random_prime());
        if one == other {
            return Self::random();
        }
        Self {
            smaller: one.min(other),
            larger: one.max(other),
        }
    }

    pub fn product(&self) -> u64 {
        self.smaller * self.larger
    }

    pub fn check_factors(&self, p: &[u8], q: &[u8]) -> Result<(), Violation> {
        if number(p) != Some(self.smaller) || number(q) != Some(self.larger) {
            return Err(Violation::Wrong("factors"));
        }
        Ok(())
    }
}

/// A big-endian number of at most eight bytes.
pub fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.len() > 8 {
        return None;
    }
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

fn random_prime() -> u64 {
    let mut rng = rand::rng();
    loop {
        let candidate = u64::from(rng.random::<u32>() >> 1) | 1 << 30 | 1;
        if is_prime(candidate) {
            return candidate;
        }
    }
}

/// Miller-Rabin with the bases 2, 3, 5 and 7: no composite below 3,215,031,751 passes all four.
fn is_prime(candidate: u64) -> bool {
    if candidate < 11 || candidate.is_multiple_of(2) {
        return matches!(candidate, 2 | 3 | 5 | 7);
    }
    let twos = (candidate - 1).trailing_zeros();
    let odd = (candidate - 1) >> twos;
    [2, 3, 5, 7].into_iter().all(|base| {
        let mut power = power_mod(base, odd, candidate);
        if power == 1 || power == candidate - 1 {
            return true;
        }
        (1..twos).any(|_| {
            power = power * power % candidate;
            power == candidate - 1
        })
    })
}

fn power_mod(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: clients factor with algorithms that loop for ever on a prime or a square.
    #[test]
    fn the_puzzle_is_a_product_of_two_different_primes() {
        for _ in 0..50 {
            let pq = Pq::random();
            let (p, q) = grammers_crypto::factorize(pq.product());
            assert_eq!((p, q), (pq.smaller, pq.larger));
            assert!(pq.product() < 1 << 63);
        }
        assert!(
            (0..200)
                .filter(|n| is_prime(*n))
                .eq((2..200).filter(|n| (2..*n).all(|d| n % d != 0)))
        );
    }
}
