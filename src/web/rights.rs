//! Rights: which call needs what. The table itself stands beside the routes; the guard holds every call against it before
//! anything else looks at the request.

use actix_web::dev::ServiceRequest;

use super::{Access, ApiError, Scope, access::scope_too_small};

/// One call that is served.
#[derive(Debug)]
pub struct Right {
    pub method: &'static str,
    pub path: &'static str,
    pub need: Need,
    /// What is noted of it in the audit.
    pub action: Option<&'static str>,
}

/// The table, as a part of the application.
#[derive(Clone, Copy)]
pub struct Rights(pub &'static [Right]);

/// What a caller has to have. Whatever it reads or changes is its own besides: accounts that it does not see don't exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Pages, which hold no data, and what proves itself.
    Nothing,
    /// Any token.
    Read,
    /// Not a licence's, nor one for some accounts only: this concerns all.
    ReadAll,
    /// `send`, `admin` or a licence's.
    Send,
    /// `send` or `admin`, for all accounts.
    SendAll,
    /// Signing one's own account in and out: `admin` or a licence's.
    Own,
    /// Changing accounts that one sees.
    Admin,
    /// `admin`, for all accounts: what concerns the service itself.
    Service,
}

impl Need {
    #[must_use]
    pub fn scopes(self) -> &'static [Scope] {
        use Scope::{Admin, Licence, Read, Send};
        match self {
            Self::Nothing | Self::Read => &[Read, Send, Admin, Licence],
            Self::ReadAll => &[Read, Send, Admin],
            Self::Send => &[Send, Admin, Licence],
            Self::SendAll => &[Send, Admin],
            Self::Own => &[Admin, Licence],
            Self::Admin | Self::Service => &[Admin],
        }
    }

    /// Only for callers who see every account.
    #[must_use]
    pub const fn all_accounts(self) -> bool {
        matches!(self, Self::ReadAll | Self::SendAll | Self::Service)
    }

    /// # Errors
    /// 403 when the caller's token does not reach this far.
    pub fn check(self, access: &Access) -> Result<(), ApiError> {
        if self.all_accounts() && access.accounts.is_some() {
            return Err(scope_too_small());
        }
        match self.scopes().contains(&access.scope) {
            true => Ok(()),
            false => Err(scope_too_small()),
        }
    }

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Read => "any token",
            Self::ReadAll => "read, send or admin; all accounts",
            Self::Send => "send, admin or licence",
            Self::SendAll => "send or admin; all accounts",
            Self::Own => "admin or licence",
            Self::Admin => "admin",
            Self::Service => "admin; all accounts",
        }
    }
}

/// `None`: nothing of the kind is served.
pub fn right_of(request: &ServiceRequest) -> Option<&'static Right> {
    let Rights(table) = request.app_data()?;
    let path = request.match_pattern()?;
    let method = match request.method().as_str() {
        "HEAD" => "get",
        other => other,
    };
    table
        .iter()
        .find(|right| right.path == path && right.method.eq_ignore_ascii_case(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what concerns everybody from a token for some accounts.
    #[test]
    fn a_caller_of_some_accounts_does_nothing_to_all() {
        let some = Access {
            accounts: Some(Vec::new()),
            ..Access::LOCAL
        };
        assert!(Need::Admin.check(&some).is_ok());
        for need in [Need::Service, Need::SendAll, Need::ReadAll] {
            assert!(need.check(&Access::LOCAL).is_ok());
            assert_eq!(need.check(&some).unwrap_err().code, "scope_too_small");
        }
    }
}
