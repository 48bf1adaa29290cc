//! Why a job did not do its work.

use diesel::result::Error;

use super::StoreError;

/// Why a job did not do its work.
#[derive(Debug)]
pub(in crate::store) enum JobError {
    /// The database's.
    Db(Error),
    /// The caller's answer; what the job had written is taken back.
    Answer(StoreError),
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        Self::Db(error)
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

pub(in crate::store) type JobResult<T> = std::result::Result<T, JobError>;
