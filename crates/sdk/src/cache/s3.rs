//! The cache in Amazon S3 (K-13).

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use reqwest::StatusCode;

use super::cloud::{self, cache_in_objects};
use super::objects::ObjectStoreCache;
use crate::Error;
use crate::error::with_causes;

/// How errors name this cache.
const CACHE: &str = "S3 cache";

/// What to do where there are no credentials.
const CREDENTIALS: &str =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for example with `aws configure export-credentials`";

/// Who tells the region of a bucket.
const ENDPOINT_DEFAULT: &str = "https://s3.amazonaws.com";

/// Where a bucket of an endpoint that tells no region is said to be; servers that know no regions take this one.
const REGION_DEFAULT: &str = "us-east-1";

/// How long the region is asked for.
const DISCOVERY_MAX: Duration = Duration::from_secs(10);

/// A cache in a bucket of Amazon S3, or of any server that speaks its protocol: feature `s3` (K-13).
///
/// The name of an object is `jobs`, the job id, the groups and the last level of the key, separated by slashes. The Python
/// SDK's `AmazonS3Cache` with the same bucket and prefix shares it.
///
/// ```no_run
/// # async fn example() -> boxwood::Result {
/// let cache = boxwood::S3Cache::builder("my-bucket").build().await?;
/// # Ok(())
/// # }
/// ```
///
/// Credentials come from the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; else
/// what a role gives, on Kubernetes (`AWS_WEB_IDENTITY_TOKEN_FILE`, pod identity), in ECS tasks or on an EC2 machine. The
/// profiles of the AWS command line are not read: `eval "$(aws configure export-credentials --format env)"` puts one into
/// the environment. `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, names another server; an address that begins with
/// `http://` needs no further permission here, while the Python SDK wants `AWS_ALLOW_HTTP=true` with it.
///
/// Calls that fail in passing are repeated, for three minutes at most. Anything else is set by making the store oneself and
/// giving it to an [`ObjectStoreCache`] with the prefix `jobs`.
#[derive(Debug, Clone)]
pub struct S3Cache(ObjectStoreCache);

impl S3Cache {
    /// Starts a cache in `bucket`.
    pub fn builder(bucket: impl Into<String>) -> S3CacheBuilder {
        let prefix = cloud::PREFIX_DEFAULT.to_owned();
        S3CacheBuilder { bucket: bucket.into(), prefix, region: None, endpoint: None }
    }
}

cache_in_objects!(S3Cache);

/// Settings of an [`S3Cache`]; made by [`S3Cache::builder`]. Feature `s3`.
#[derive(Debug, Clone)]
#[must_use = "the cache is made by `build`"]
pub struct S3CacheBuilder {
    bucket: String,
    prefix: String,
    region: Option<String>,
    endpoint: Option<String>,
}

impl S3CacheBuilder {
    /// Puts everything below `prefix`, levels separated by slashes; `jobs` unless set. An empty text means no prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The region of the bucket. Unless set, the server is asked for it; where it does not say, `AWS_REGION`, else
    /// `AWS_DEFAULT_REGION` counts.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The server to ask, for example `http://127.0.0.1:9000`; that of `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else
    /// Amazon's unless set.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Makes the cache. Unless a region was set, the server is asked for it; nothing else is done yet.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting or a variable cannot be used, if the bucket does not exist, or if its region cannot be
    /// found out.
    pub async fn build(self) -> Result<S3Cache, Error> {
        cloud::choose_tls();
        let mut store = AmazonS3Builder::from_env().with_bucket_name(&self.bucket);
        for (key, value) in cloud::patience(|key| store.get_config_value(&AmazonS3ConfigKey::Client(key))) {
            store = store.with_config(AmazonS3ConfigKey::Client(key), value);
        }
        let endpoint = self
            .endpoint
            .or_else(|| store.get_config_value(&AmazonS3ConfigKey::S3Endpoint))
            .or_else(|| store.get_config_value(&AmazonS3ConfigKey::Endpoint));
        if let Some(url) = &endpoint {
            store = store.with_config(AmazonS3ConfigKey::S3Endpoint, url);
            if url.starts_with("http://") {
                store = store.with_allow_http(true);
            }
        }
        let region = match self.region {
            Some(region) => region,
            None => {
                let hosts_buckets = store.get_config_value(&AmazonS3ConfigKey::VirtualHostedStyleRequest);
                let url = match &endpoint {
                    // Such an endpoint names the bucket itself.
                    Some(url) if hosts_buckets.as_deref() == Some("true") => url.clone(),
                    Some(url) => format!("{}/{}", url.trim_end_matches('/'), self.bucket),
                    None => format!("{ENDPOINT_DEFAULT}/{}", self.bucket),
                };
                // `AWS_REGION` wins over `AWS_DEFAULT_REGION` in here.
                let known = store.get_config_value(&AmazonS3ConfigKey::Region);
                match (discover(&self.bucket, &url).await, known) {
                    (Ok(Some(region)), _) | (Ok(None) | Err(Undiscovered::Silent(_)), Some(region)) => region,
                    (Ok(None), None) => REGION_DEFAULT.to_owned(),
                    (Err(Undiscovered::Absent(problem)), _) | (Err(Undiscovered::Silent(problem)), None) => {
                        return Err(Error::setting(CACHE, problem));
                    }
                }
            }
        };
        let store = store.with_region(region).build().map_err(|error| cloud::wrong(CACHE, &error))?;
        Ok(S3Cache(ObjectStoreCache::new(Arc::new(store)).prefix(&self.prefix)?.with_credentials_from(CREDENTIALS)))
    }
}

/// Why no region was found.
enum Undiscovered {
    /// There is no such bucket.
    Absent(String),
    /// The server did not answer.
    Silent(String),
}

/// The region of a bucket, as its server says it to anybody, also to those who may not read the bucket. None if the server
/// knows no regions.
async fn discover(bucket: &str, url: &str) -> Result<Option<String>, Undiscovered> {
    let silent = |error: reqwest::Error| {
        let why = with_causes(&error);
        Undiscovered::Silent(format!(
            "cannot find out the region of bucket {bucket:?}: {why}; set one with `.region(…)`"
        ))
    };
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(DISCOVERY_MAX);
    let answer = client.build().map_err(silent)?.head(url).send().await.map_err(silent)?;
    if answer.status() == StatusCode::NOT_FOUND {
        let problem = format!("there is no bucket {bucket:?} at {url}; create it, or correct its name or the endpoint");
        return Err(Undiscovered::Absent(problem));
    }
    let region = answer.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    Ok(region.filter(|region| !region.is_empty()).map(str::to_owned))
}
