//! Work that is only known once it is looked for: a task that finds images, and one for each image that fetches it.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example dog_images
//! ```
//!
//! Five pictures of dogs appear in `dogs/`, and the picture of the job in `download-dog-images.svg`. The images come from
//! a public service, or from the one that `DOG_API_URL` names.

use std::path::Path;

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
struct DownloadRandomDogImages {
    num_images: u64,
}

#[derive(Task, Serialize, Deserialize)]
struct DownloadImage {
    url: String,
}

/// What the service says of an image, as far as it matters here.
#[derive(Deserialize)]
struct Image {
    url: String,
}

impl Execute for DownloadRandomDogImages {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let service = std::env::var("DOG_API_URL").unwrap_or("https://api.thedogapi.com/v1/images".into());
        let answer = fetch(format!("{service}/search?limit={}", self.num_images)).await?;
        let images: Vec<Image> = serde_json::from_slice(&answer)?;
        context.submit_subtasks(images.into_iter().map(|image| DownloadImage { url: image.url }));
        Ok(())
    }
}

impl Execute for DownloadImage {
    async fn execute(self, _: &ExecutionContext) -> Result {
        let name = self.url.rsplit('/').next().ok_or("the address has no file name")?;
        let image = fetch(self.url.clone()).await?;
        tokio::fs::create_dir_all("dogs").await?;
        tokio::fs::write(Path::new("dogs").join(name), image).await?;
        Ok(())
    }
}

/// What is at an address. ureq keeps its thread waiting, so it gets another one than the runner's.
async fn fetch(url: String) -> Result<Vec<u8>> {
    tokio::task::spawn_blocking(move || Ok(ureq::get(&url).call()?.body_mut().read_to_vec()?)).await?
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("download-dog-images", DownloadRandomDogImages { num_images: 5 }).await?;
    println!("{} is {}", job.name, job.state);

    let runner = Runner::builder(&client).task::<DownloadRandomDogImages>().task::<DownloadImage>().concurrency(5);
    runner.build().await?.run_all().await?;

    tokio::fs::write("download-dog-images.svg", client.jobs().visualize(&job).await?).await?;
    let job = client.jobs().find(&job).await?;
    println!("{} is {}; download-dog-images.svg shows its {} tasks", job.name, job.state, job.stats.total_tasks);
    Ok(())
}
