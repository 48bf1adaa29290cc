//! Two-step verification: the password is proven, never sent (SRP, <https://core.telegram.org/api/srp>).

use grammers_client::tl;
use grammers_crypto::two_factor_auth::calculate_2fa;

use super::{LoginError, SignInStep, attempt::Attempt};
use crate::{
    domain::{SecretText, Timestamp},
    telegram::{error::Failure, prime},
};

type Algorithm = tl::types::PasswordKdfAlgoSha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow;

/// How often Telegram's parameters may change under our hands.
const TRIES: usize = 2;

impl Attempt {
    pub(super) async fn ask_password(&mut self) -> Result<SignInStep, LoginError> {
        let tl::enums::account::Password::Password(asked) =
            self.call(&tl::functions::account::GetPassword {}).await?;
        Ok(SignInStep::Password {
            hint: asked.hint.filter(|hint| !hint.is_empty()),
            recovery: asked.has_recovery,
            reset_at: (asked.pending_reset_date)
                .map(|date| Timestamp::from_seconds(i64::from(date))),
        })
    }

    pub(super) async fn submit_password(
        &mut self,
        password: SecretText,
    ) -> Result<SignInStep, LoginError> {
        if let Some(done @ SignInStep::Done(_)) = self.stands().await? {
            return Ok(done);
        }
        for _ in 0..TRIES {
            // Fresh parameters for every try: the old ones are void after a wrong password.
            let tl::enums::account::Password::Password(asked) =
                self.call(&tl::functions::account::GetPassword {}).await?;
            let proof = prove(asked, password.clone()).await?;
            self.unclear = true;
            match self
                .call(&tl::functions::auth::CheckPassword { password: proof })
                .await
            {
                Ok(authorization) => return self.finish(authorization).await,
                Err(Failure::Rpc { name, .. }) if name == "SRP_ID_INVALID" => {}
                Err(failure) => {
                    self.unclear = failure.is_unclear();
                    return Err(failure.into());
                }
            }
        }
        Err(LoginError::Rejected {
            code: "SRP_ID_INVALID".to_owned(),
        })
    }
}

/// Half a second of arithmetic, away from the threads that carry messages.
async fn prove(
    asked: tl::types::account::Password,
    password: SecretText,
) -> Result<tl::enums::InputCheckPasswordSrp, LoginError> {
    let unfit = |code: &str| LoginError::Rejected {
        code: code.to_owned(),
    };
    let Some(tl::enums::PasswordKdfAlgo::Sha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow(
        algorithm,
    )) = asked.current_algo
    else {
        return Err(unfit("PASSWORD_ALGORITHM_UNKNOWN"));
    };
    let (Some(g_b), Some(srp_id)) = (asked.srp_b, asked.srp_id) else {
        return Err(unfit("PASSWORD_PARAMETERS_MISSING"));
    };
    let mut a = vec![0; 256];
    getrandom::fill(&mut a).map_err(|_| unfit("NO_RANDOM_BYTES"))?;
    let proven = tokio::task::spawn_blocking(move || {
        fits(&algorithm, &g_b).then(|| {
            let Algorithm { salt1, salt2, g, p } = algorithm;
            calculate_2fa(&salt1, &salt2, &p, &g, g_b, a, password.expose())
        })
    });
    let Ok(Some((m1, g_a))) = proven.await else {
        return Err(unfit("PASSWORD_PARAMETERS_UNSAFE"));
    };
    Ok(tl::types::InputCheckPasswordSrp {
        srp_id,
        a: g_a.to_vec(),
        m1: m1.to_vec(),
    }
    .into())
}

/// Parameters that would give the password away, or trip the arithmetic, are refused.
fn fits(algorithm: &Algorithm, g_b: &[u8]) -> bool {
    let value = num_bigint::BigUint::from_bytes_be(g_b);
    let p = num_bigint::BigUint::from_bytes_be(&algorithm.p);
    g_b.len() <= 256
        && value > num_bigint::BigUint::ZERO
        && value < p
        && prime::is_good(&algorithm.p, algorithm.g)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the password from a server that asks for a proof in a weak group.
    #[test]
    fn weak_parameters_are_refused() {
        let good = Algorithm {
            salt1: vec![1],
            salt2: vec![2],
            g: 3,
            p: prime::known(),
        };
        assert!(fits(&good, &[5; 256]));
        assert!(!fits(&good, &[0; 256]));
        assert!(!fits(&good, &prime::known()));
        assert!(!fits(&good, &[1; 257]));
        assert!(!fits(
            &Algorithm {
                p: vec![47],
                ..good.clone()
            },
            &[5]
        ));
        assert!(!fits(&Algorithm { g: 1, ..good }, &[5; 256]));
    }
}
