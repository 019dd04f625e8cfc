//! The cache in Azure Blob Storage (K-14).

use std::sync::Arc;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

use super::cloud::{self, cache_in_objects};
use super::objects::ObjectStoreCache;
use crate::Error;

/// How errors name this cache.
const CACHE: &str = "Azure cache";

/// What to do where there are no credentials.
const CREDENTIALS: &str = "set AZURE_STORAGE_ACCOUNT_KEY, or AZURE_USE_AZURE_CLI=true after `az login`";

/// A cache in a container of Azure Blob Storage: feature `azure` (K-14).
///
/// The name of a blob is `jobs`, the job id, the groups and the last level of the key, separated by slashes. The Python
/// SDK's `AzureBlobCache` with the same account, container and prefix shares it.
///
/// ```no_run
/// # fn example() -> boxwood::Result {
/// let cache = boxwood::AzureCache::builder("myaccount", "my-container").build()?;
/// # Ok(())
/// # }
/// ```
///
/// Credentials come from the environment: `AZURE_STORAGE_ACCOUNT_KEY` or `AZURE_STORAGE_SAS_TOKEN`; else those of an
/// application, `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_CLIENT_SECRET` or `AZURE_FEDERATED_TOKEN_FILE`; else
/// the managed identity of the machine. With `AZURE_USE_AZURE_CLI=true` they are those of `az login`. For another server
/// set `AZURE_STORAGE_ENDPOINT`, and `AZURE_ALLOW_HTTP=true` if it has no TLS; for the emulator Azurite
/// `AZURE_STORAGE_USE_EMULATOR=true`.
///
/// Azure takes a backslash in a name for a slash, so that keys with one are refused here.
///
/// Calls that fail in passing are repeated, for three minutes at most. Anything else is set by making the store oneself and
/// giving it to an [`ObjectStoreCache`] with the prefix `jobs`.
#[derive(Debug, Clone)]
pub struct AzureCache(ObjectStoreCache);

impl AzureCache {
    /// Starts a cache in `container` of the storage account `account`.
    pub fn builder(account: impl Into<String>, container: impl Into<String>) -> AzureCacheBuilder {
        let prefix = cloud::PREFIX_DEFAULT.to_owned();
        AzureCacheBuilder { account: account.into(), container: container.into(), prefix }
    }
}

cache_in_objects!(AzureCache);

/// Settings of an [`AzureCache`]; made by [`AzureCache::builder`]. Feature `azure`.
#[derive(Debug, Clone)]
#[must_use = "the cache is made by `build`"]
pub struct AzureCacheBuilder {
    account: String,
    container: String,
    prefix: String,
}

impl AzureCacheBuilder {
    /// Puts everything below `prefix`, levels separated by slashes; `jobs` unless set. An empty text means no prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Makes the cache. Nothing is asked yet: a container that does not exist shows at the first access.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting or a variable cannot be used.
    pub fn build(self) -> Result<AzureCache, Error> {
        cloud::choose_tls();
        let mut store =
            MicrosoftAzureBuilder::from_env().with_account(self.account).with_container_name(self.container);
        for (key, value) in cloud::patience(|key| store.get_config_value(&AzureConfigKey::Client(key))) {
            store = store.with_config(AzureConfigKey::Client(key), value);
        }
        let store = store.build().map_err(|error| cloud::wrong(CACHE, &error))?;
        Ok(AzureCache(
            ObjectStoreCache::new(Arc::new(store))
                .prefix(&self.prefix)?
                .with_credentials_from(CREDENTIALS)
                .without_backslashes(),
        ))
    }
}
