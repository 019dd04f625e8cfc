//! Divide and conquer: a search for many images halves itself until each part is small.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example dog_images_recursive        # nine images
//! cargo run --example dog_images_recursive -- 20  # any number
//! ```
//!
//! With several runners one of them can download the images of one half while another one still divides the other half.
//! For nine images it prints:
//!
//! ```text
//! search for 9 images
//!   search for 4 images
//!   search for 5 images
//!     search for 2 images
//!     search for 3 images
//! ```
//!
//! The images are in `dogs/`. They come from a public service, or from the one that `DOG_API_URL` names.

use std::path::Path;

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

/// How many images are asked for at once.
const IMAGES_MAX: u64 = 4;

#[derive(Task, Serialize, Deserialize)]
#[task(display = "search for {num_images} images")]
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
        if self.num_images > IMAGES_MAX {
            let half = self.num_images / 2;
            context.submit_subtasks(
                [half, self.num_images - half].map(|num_images| DownloadRandomDogImages { num_images }),
            );
        } else {
            let images = search(self.num_images).await?;
            context.submit_subtasks(images.into_iter().map(|image| DownloadImage { url: image.url }));
        }
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

/// Addresses of some images.
async fn search(limit: u64) -> Result<Vec<Image>> {
    let service = std::env::var("DOG_API_URL").unwrap_or("https://api.thedogapi.com/v1/images".into());
    Ok(serde_json::from_slice(&fetch(format!("{service}/search?limit={limit}")).await?)?)
}

/// What is at an address. ureq keeps its thread waiting, so it gets another one than the runner's.
async fn fetch(url: String) -> Result<Vec<u8>> {
    tokio::task::spawn_blocking(move || Ok(ureq::get(&url).call()?.body_mut().read_to_vec()?)).await?
}

#[tokio::main]
async fn main() -> Result {
    let num_images = match std::env::args().nth(1) {
        Some(argument) => argument.parse()?,
        None => 9,
    };
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("dog-images-recursive", DownloadRandomDogImages { num_images }).await?;

    let runner = Runner::builder(&client).task::<DownloadRandomDogImages>().task::<DownloadImage>();
    runner.build().await?.run_all().await?;

    let tree = client.jobs().task_tree(&job, 1000).await?;
    tree.walk(|depth, task| {
        if task.display.starts_with("search") {
            println!("{:indent$}{}", "", task.display, indent = 2 * depth);
        }
    });
    Ok(())
}
