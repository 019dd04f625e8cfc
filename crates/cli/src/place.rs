//! Where the data of a server is.

use std::path::PathBuf;

use boxwood_server::DatabaseAddress;
use boxwood_server::transfer::Place;
use clap::Args;

use crate::Failure;

/// A folder, or a database.
#[derive(Args, Debug)]
pub(crate) struct PlaceArgs {
    /// The folder with the database; the platform's data folder by default
    #[arg(long, value_name = "DIR", env = "BOXWOOD_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// A PostgreSQL database instead of the folder: postgres://USER:PASSWORD@HOST/DATABASE; any number of servers share it
    #[arg(long, value_name = "URL", env = "BOXWOOD_DATABASE_URL", hide_env_values = true, conflicts_with = "data_dir")]
    database_url: Option<String>,
}

impl PlaceArgs {
    /// The place that is meant.
    pub(crate) fn place(self) -> Result<Place, Failure> {
        if let Some(url) = self.database_url {
            let address = DatabaseAddress::parse(&url);
            let address = address.map_err(|error| Failure::Usage(format!("--database-url: {error}")))?;
            return Ok(Place::Postgres(Box::new(address)));
        }
        let default = || dirs::data_dir().map(|dir| dir.join("boxwood"));
        let dir = self.data_dir.or_else(default);
        let nowhere = || Failure::Usage("this account has no data folder; name one with --data-dir".into());
        Ok(Place::Folder(dir.ok_or_else(nowhere)?))
    }
}
