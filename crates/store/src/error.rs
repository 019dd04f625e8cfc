//! What can go wrong in a store: four kinds.

#[cfg(feature = "sqlite")]
use std::path::Path;

/// A failure of the store. Refusals of the rules are not among these; see [`boxwood_engine::Refusal`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be used now: locked, stopped, out of reach. Trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// Another server was at work on the same rows. Nothing happened; the same again will do.
    #[error("{0}")]
    Conflict(String),
    /// The database was made by a newer version, or is not a Boxwood database at all.
    #[error("{0}")]
    Incompatible(String),
    /// The database does not hold what it must hold, or could not be read or written.
    #[error("{0}")]
    Corrupt(String),
}

impl Error {
    /// Says which file it is about.
    #[cfg(feature = "sqlite")]
    pub(crate) fn at(self, path: &Path) -> Self {
        let about = |message: String| format!("{}: {message}", path.display());
        match self {
            Self::Unavailable(message) => Self::Unavailable(about(message)),
            Self::Corrupt(message) => Self::Corrupt(about(message)),
            // This names it already, and that one is not about a file.
            Self::Incompatible(_) | Self::Conflict(_) => self,
        }
    }

    pub(crate) fn stopped() -> Self {
        Self::Unavailable("the server is stopping; try again in a moment".into())
    }
}
