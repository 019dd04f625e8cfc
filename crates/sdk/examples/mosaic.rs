//! Image tiles to a mosaic: one picture without clouds from pictures with clouds.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example mosaic
//! ```
//!
//! A satellite passes three times over a piece of land, which is cut into 5 × 4 tiles. Each pass sees other clouds, and one
//! of them misses a tile. The workflow takes the three pictures of a tile in parallel, blends what it got of them, and at the
//! end puts all tiles together:
//!
//! ```text
//! Mosaic
//! ├── Tile 0/0
//! │   ├── Capture 0/0, pass 1     optional: a lost picture costs nothing but itself
//! │   ├── Capture 0/0, pass 2
//! │   ├── Capture 0/0, pass 3
//! │   └── Blend 0/0               depends on the three
//! ├── Tile 0/1, and so on
//! └── Assemble                    depends on the tiles, that is also on everything below them
//! ```
//!
//! The pictures of the passes, which the example makes up itself, are in `mosaic/`, and the result in `mosaic.png`.

use std::io::Cursor;
use std::path::PathBuf;

use boxwood::{Client, Execute, ExecutionContext, InMemoryCache, Result, Runner, Task};
use image::{ImageFormat, Rgb, RgbImage, imageops};
use serde::{Deserialize, Serialize};

const COLUMNS: u32 = 5;
const ROWS: u32 = 4;
const PASSES: u32 = 3;
/// Width and height of a tile, in pixels.
const TILE: u32 = 96;

#[derive(Task)]
struct Mosaic;

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Tile {column}/{row}")]
struct Tile {
    column: u32,
    row: u32,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Capture {column}/{row}, pass {pass}")]
struct Capture {
    column: u32,
    row: u32,
    pass: u32,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Blend {column}/{row}")]
struct Blend {
    column: u32,
    row: u32,
}

#[derive(Task)]
struct Assemble;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.progress("tiles").add((COLUMNS * ROWS).into());
        let positions = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| Tile { column, row }));
        let tiles = context.submit_subtasks(positions);
        context.submit_subtask(Assemble).depends_on(tiles);
        Ok(())
    }
}

impl Execute for Tile {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let Self { column, row } = self;
        let captures = (1..=PASSES).map(|pass| Capture { column, row, pass });
        let captures = context.submit_subtasks(captures).optional();
        context.submit_subtask(Blend { column, row }).depends_on(captures);
        Ok(())
    }
}

impl Execute for Capture {
    async fn execute(self, _: &ExecutionContext) -> Result {
        let Self { column, row, pass } = self;
        if (column, row, pass) == (3, 1, 2) {
            return Err("the camera was looking elsewhere".into());
        }
        let picture = RgbImage::from_fn(TILE, TILE, |x, y| scenery::seen(pass, column * TILE + x, row * TILE + y));
        std::fs::create_dir_all(folder(pass))?;
        picture.save(folder(pass).join(name(column, row)))?;
        Ok(())
    }
}

impl Execute for Blend {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let Self { column, row } = self;
        let files = (1..=PASSES).map(|pass| folder(pass).join(name(column, row))).filter(|file| file.exists());
        let pictures = files.map(|file| Ok(image::open(file)?.to_rgb8())).collect::<Result<Vec<_>>>()?;
        if pictures.is_empty() {
            return Err("there is no picture of this tile".into());
        }

        // Clouds are bright: of the pixels of one place, the darkest shows the ground.
        let brightness = |Rgb(pixel): &Rgb<u8>| pixel.iter().map(|&value| u32::from(value)).sum::<u32>();
        let blended = RgbImage::from_fn(TILE, TILE, |x, y| {
            let pixels = pictures.iter().map(|picture| *picture.get_pixel(x, y));
            pixels.min_by_key(brightness).unwrap_or(Rgb([0, 0, 0]))
        });

        let mut png = Vec::new();
        blended.write_to(&mut Cursor::new(&mut png), ImageFormat::Png)?;
        context.job_cache().group("tiles").set(&name(column, row), png).await?;
        context.progress("tiles").done(1);
        Ok(())
    }
}

impl Execute for Assemble {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let tiles = context.job_cache().group("tiles");
        let mut mosaic = RgbImage::new(COLUMNS * TILE, ROWS * TILE);
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let png = tiles.get(&name(column, row)).await?;
                let tile = image::load_from_memory(&png)?.to_rgb8();
                imageops::replace(&mut mosaic, &tile, (column * TILE).into(), (row * TILE).into());
            }
        }
        mosaic.save("mosaic.png")?;
        Ok(())
    }
}

/// Where the pictures of one pass are.
fn folder(pass: u32) -> PathBuf {
    PathBuf::from(format!("mosaic/pass-{pass}"))
}

/// What the picture of a tile is called.
fn name(column: u32, row: u32) -> String {
    format!("{column}-{row}.png")
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("mosaic", Mosaic).await?;

    let runner = Runner::builder(&client)
        .task::<Mosaic>()
        .task::<Tile>()
        .task::<Capture>()
        .task::<Blend>()
        .task::<Assemble>()
        .concurrency(4)
        .cache(InMemoryCache::new())
        .build()
        .await?;
    runner.run_all().await?;

    let job = client.jobs().find(&job).await?;
    for progress in &job.progress {
        println!("{} of {} {}", progress.done, progress.total, progress.label);
    }
    println!("{} is {}; the picture is in mosaic.png", job.name, job.state);
    Ok(())
}

/// The land and the clouds that the satellite sees.
mod scenery {
    use image::Rgb;

    /// The colour of a pixel in the picture of one pass.
    pub(super) fn seen(pass: u32, x: u32, y: u32) -> Rgb<u8> {
        let (x, y) = (x as f32, y as f32);
        let cloud = ((noise(x / 90.0, y / 60.0, 40 + pass) - 0.56) * 7.0).clamp(0.0, 1.0);
        mix(ground(x, y), [250.0, 250.0, 252.0], cloud)
    }

    /// Water, beaches, woods and mountains, by their height, lit from the upper left.
    fn ground(x: f32, y: f32) -> [f32; 3] {
        let height = |x: f32, y: f32| noise(x / 110.0, y / 110.0, 7);
        let here = height(x, y);
        if here < 0.47 {
            return [18.0, 62.0 + 90.0 * here, 105.0 + 90.0 * here];
        }
        let light = 1.0 + 16.0 * (here - height(x - 1.0, y - 1.0));
        let colour: [f32; 3] = match here {
            ..0.485 => [194.0, 178.0, 128.0],
            ..0.58 => [74.0, 112.0, 58.0],
            ..0.66 => [52.0, 88.0, 50.0],
            ..0.73 => [112.0, 100.0, 86.0],
            _ => [190.0, 190.0, 192.0],
        };
        colour.map(|value| value * light.clamp(0.6, 1.3))
    }

    fn mix(one: [f32; 3], other: [f32; 3], share: f32) -> Rgb<u8> {
        // Brought into the range of a byte, so that nothing is cut off.
        Rgb([0, 1, 2].map(|at| (one[at] * (1.0 - share) + other[at] * share).clamp(0.0, 255.0) as u8))
    }

    /// A smooth landscape between 0 and 1, rough in five sizes.
    fn noise(x: f32, y: f32, seed: u32) -> f32 {
        let sizes = (0..5).map(|size| (2_f32.powi(size), 0.5_f32.powi(size + 1), seed + 100 * size as u32));
        sizes.map(|(scale, weight, seed)| weight * smooth(x * scale, y * scale, seed)).sum()
    }

    /// Between the random values at the corners of the square that a point is in.
    fn smooth(x: f32, y: f32, seed: u32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let ease = |share: f32| share * share * (3.0 - 2.0 * share);
        let (right, down) = (ease(x - left), ease(y - top));
        let corner = |dx: i32, dy: i32| random(left as i32 + dx, top as i32 + dy, seed);
        let upper = corner(0, 0) * (1.0 - right) + corner(1, 0) * right;
        let lower = corner(0, 1) * (1.0 - right) + corner(1, 1) * right;
        upper * (1.0 - down) + lower * down
    }

    /// Between 0 and 1, and always the same for the same numbers.
    fn random(x: i32, y: i32, seed: u32) -> f32 {
        let mut bits = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
        for _ in 0..2 {
            bits = (bits ^ (bits >> 15)).wrapping_mul(0x2C1B_3C6D);
            bits ^= bits >> 13;
        }
        (bits >> 8) as f32 / 16_777_216.0
    }
}
