//! Caller: what every call of the three systems begins with: the service, what the caller may do, and the language
//! that it reads.

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use uuid::Uuid;

use super::{
    language::Language,
    shape::{Face, said},
    words::{Said, waits_for},
};
use crate::{
    domain::Login,
    web::{Access, ApiError, Service, audit::Note, repeats::Held},
};

pub struct Caller {
    pub service: web::Data<Service>,
    pub access: Access,
    pub note: Note,
    language: Language,
    /// The row of its key ([`Held::call_of`]).
    pub call: Option<Uuid>,
}

impl Caller {
    pub fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let missing = || ApiError::internal("the call belongs to none of the integrations");
        let service = request.app_data::<web::Data<Service>>().cloned();
        let face = Face::of(request.path()).ok_or_else(missing)?;
        Ok(Self {
            service: service.ok_or_else(missing)?,
            access: Access::of(request)?,
            note: Note::of(request),
            language: face.language(request.headers()),
            call: Held::call_of(request),
        })
    }

    /// A sentence for people, as they read it.
    pub const fn say(&self, said: Said) -> &'static str {
        said.text(self.language)
    }

    pub fn say_trouble(&self, error: &ApiError) -> String {
        said(self.language, error)
    }

    /// Where a sign-in is.
    pub fn say_step(&self, login: &Login) -> String {
        waits_for(self.language, login)
    }
}

impl Deref for Caller {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
