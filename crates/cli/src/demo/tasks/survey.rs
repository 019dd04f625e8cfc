//! The survey: a map without clouds out of photos with clouds.
//!
//! ```text
//! Survey
//! ├─ FindPhotos
//! ├─ Region north-west               the regions depend on the photos being found
//! │  ├─ Tile 0/0
//! │  │  ├─ Photo 0 of 0/0            three passes of a satellite, each with other clouds
//! │  │  ├─ Photo 1 of 0/0
//! │  │  ├─ Photo 2 of 0/0
//! │  │  └─ Blend 0/0                 depends on the three; runs on the cluster `gpu`
//! │  ├─ Tile 1/0, and so on
//! │  └─ Classify north-west          depends on the tiles; on `gpu` too; fails once in the east
//! ├─ Region north-east, and so on
//! ├─ Names                           optional: a map without names will do
//! │  ├─ AskRegister                  fails
//! │  └─ PlaceNames                   depends on it, and is skipped
//! ├─ Measure                         depends on the regions
//! └─ Draw                            depends on the regions and on the names
//! ```
//!
//! What tasks hand on is in the cache of the job.

use boxwood::{Execute, ExecutionContext, JobCache, Result, Task};
use serde::{Deserialize, Serialize};
use tracing::{Instrument as _, debug, debug_span, error, info, info_span, warn};

use super::island::{self, CLOUD, COLUMNS, Kind, PASSES, Part, ROWS, TILE_COLUMNS, TILE_ROWS};
use super::rest;

/// The cluster of the runners with a graphics card.
pub(crate) const GPU: &str = "gpu";

/// Where [`Draw`] puts the map in the cache of the job: a line for each row of cells, a letter for each cell.
pub(crate) const MAP: &str = "map";

const TILES: u64 = COLUMNS as u64 * ROWS as u64;

/// The share of clouds beyond which a photo is told, in percent.
const CLOUDY: usize = 60;

/// The root: submits the steps.
#[derive(Task)]
#[task(name = "demo.Survey", version = "v1.2", display = "Survey of the island")]
pub(crate) struct Survey;

impl Execute for Survey {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.progress("photos").add(TILES * u64::from(PASSES));
        context.progress("tiles").add(TILES);
        context.progress("regions").add(Part::ALL.len() as u64);

        let photos = context.submit_subtask(FindPhotos { passes: PASSES }).max_retries(2);
        let regions = context.submit_subtasks(Part::ALL.map(|part| Region { part })).depends_on(photos);
        let names = context.submit_subtask(Names).depends_on(photos).optional();
        context.submit_subtask(Measure).depends_on(regions);
        context.submit_subtask(Draw).depends_on(regions).depends_on(names);
        info!(tiles = TILES, passes = PASSES, "planned the survey");
        Ok(())
    }
}

/// Looks photos up in an archive.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.FindPhotos", version = "v1.0", display = "Find photos of {passes} passes")]
pub(crate) struct FindPhotos {
    passes: u8,
}

impl Execute for FindPhotos {
    async fn execute(self, context: &ExecutionContext) -> Result {
        for pass in 0..self.passes {
            rest(150, pass, 0).instrument(info_span!("search", pass)).await;
            debug!(pass, photos = TILES, "the archive has answered");
        }
        let photos = TILES * u64::from(self.passes);
        info!(photos, "found photos");
        context.set_display(format!("Find photos: {photos} of {} passes", self.passes));
        Ok(())
    }
}

/// Fans out over the tiles of a part of the island.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Region", version = "v1.0", display = "Region {part}")]
pub(crate) struct Region {
    part: Part,
}

impl Execute for Region {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let tiles = context.submit_subtasks(self.part.tiles().map(|(column, row)| Tile { column, row }));
        context.submit_subtask(Classify { part: self.part }).depends_on(tiles).cluster(GPU).max_retries(2);
        rest(20, self.part as u8, 0).await;
        info!(part = %self.part, "cut a region into tiles");
        Ok(())
    }
}

/// Takes the photos of a tile, and then blends them.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Tile", version = "v1.0", display = "Tile {column}/{row}")]
pub(crate) struct Tile {
    column: u8,
    row: u8,
}

impl Execute for Tile {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let Self { column, row } = self;
        let photos = context.submit_subtasks((0..PASSES).map(|pass| Photo { pass, column, row })).max_retries(2);
        context.submit_subtask(Blend { column, row }).depends_on(photos).cluster(GPU);
        rest(4, column, row).await;
        Ok(())
    }
}

/// Gets one photo from the archive.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Photo", version = "v1.1", display = "Photo {pass} of {column}/{row}")]
pub(crate) struct Photo {
    pass: u8,
    column: u8,
    row: u8,
}

impl Execute for Photo {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let Self { pass, column, row } = self;
        let place = i64::from(row) * 100 + i64::from(column);
        rest(240, place, pass).instrument(info_span!("download", pass)).await;
        let photo = island::photo(pass, column, row);
        rest(50, place, pass).instrument(debug_span!("decode", bytes = photo.len())).await;

        let cover = 100 * photo.iter().filter(|cell| **cell == CLOUD).count() / photo.len();
        if cover > CLOUDY {
            warn!(pass, column, row, cover, "hardly anything but clouds");
        } else {
            debug!(pass, column, row, cover, "got a photo");
        }
        photos(context, column, row).set(&pass.to_string(), photo).await?;
        context.progress("photos").done(1);
        Ok(())
    }
}

/// Makes one picture without clouds of the photos of a tile, on a graphics card.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Blend", version = "v1.0", display = "Blend {column}/{row}")]
pub(crate) struct Blend {
    column: u8,
    row: u8,
}

impl Execute for Blend {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let Self { column, row } = self;
        // Clouds are brighter than any ground: the darkest of the pixels of one place shows it.
        let mut blended = vec![CLOUD; usize::from(TILE_COLUMNS) * usize::from(TILE_ROWS)];
        for (_, photo) in photos(context, column, row).items().await? {
            blended.iter_mut().zip(photo).for_each(|(cell, seen)| *cell = seen.min(*cell));
        }
        rest(120, column, row).instrument(info_span!("blend")).await;
        if blended.contains(&CLOUD) {
            return Err(format!("tile {column}/{row} has cells that no photo shows").into());
        }
        context.job_cache().group("blended").set(&key(column, row), blended).await?;
        context.progress("tiles").done(1);
        Ok(())
    }
}

/// Tells sea, beaches, meadows, woods and rocks of a region apart. It needs a graphics card.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Classify", version = "v2.1", display = "Classify {part}")]
pub(crate) struct Classify {
    part: Part,
}

impl Execute for Classify {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let part = self.part;
        rest(250, part as u8, 0).instrument(info_span!("load model", version = "islands-7")).await;
        if part == Part::East && context.retry_count() == 0 {
            error!(needed_mb = 6_144, free_mb = 5_870, "another program uses the graphics card");
            return Err("the graphics card is out of memory; this fails once, so that you see a retry".into());
        }
        let cache = context.job_cache();
        let (mut land, mut all) = (0, 0);
        for (column, row) in part.tiles() {
            let heights = cache.group("blended").get(&key(column, row)).await?;
            let kinds: Vec<Kind> = heights.into_iter().map(Kind::of_height).collect();
            rest(90, column, row).instrument(debug_span!("infer", column, row)).await;
            land += kinds.iter().filter(|kind| **kind != Kind::Sea).count();
            all += kinds.len();
            let letters: Vec<u8> = kinds.into_iter().map(Kind::letter).collect();
            cache.group("kinds").set(&key(column, row), letters).await?;
        }
        info!(%part, land_percent = 100 * land / all, "classified");
        context.progress("regions").done(1);
        context.set_display(format!("Classify {part}: {}% land", 100 * land / all));
        Ok(())
    }
}

/// Finds the names of bays and hills. The map can do without.
#[derive(Task)]
#[task(name = "demo.Names", version = "v1.0", display = "Names of bays and hills")]
pub(crate) struct Names;

impl Execute for Names {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let register = context.submit_subtask(AskRegister { register: "names-of-places".into() });
        context.submit_subtask(PlaceNames).depends_on(register);
        Ok(())
    }
}

/// Asks a register that is not there.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.AskRegister", version = "v1.0", display = "Ask the register {register}")]
pub(crate) struct AskRegister {
    register: String,
}

impl Execute for AskRegister {
    async fn execute(self, _: &ExecutionContext) -> Result {
        for attempt in 1..=3 {
            rest(300, attempt, 0).instrument(info_span!("connect", attempt)).await;
            warn!(attempt, register = self.register, "no answer");
        }
        error!(register = self.register, "gave up");
        Err("no answer: the map will have no names".into())
    }
}

/// Puts names at their places; skipped, since there are none.
#[derive(Task)]
#[task(name = "demo.PlaceNames", version = "v1.0", display = "Place the names")]
pub(crate) struct PlaceNames;

impl Execute for PlaceNames {
    async fn execute(self, _: &ExecutionContext) -> Result {
        Err("there are no names to place".into())
    }
}

/// Adds up what the regions consist of.
#[derive(Task)]
#[task(name = "demo.Measure", version = "v1.0", display = "Measure the island")]
pub(crate) struct Measure;

impl Execute for Measure {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let kinds = context.job_cache().group("kinds").items().await?;
        rest(400, 0, 0).instrument(info_span!("add up", tiles = kinds.len())).await;
        let count = |kind: Kind| kinds.iter().flat_map(|(_, tile)| tile).filter(|cell| **cell == kind.letter()).count();
        let [sea, beach, meadow, wood, rock] = Kind::ALL.map(count);
        info!(sea, beach, meadow, wood, rock, "measured");
        let land = beach + meadow + wood + rock;
        context.set_display(format!("Measure the island: {}% land", 100 * land / (land + sea)));
        Ok(())
    }
}

/// Puts the tiles together, and looks whether the map is right.
#[derive(Task)]
#[task(name = "demo.Draw", version = "v1.0", display = "Draw the map")]
pub(crate) struct Draw;

impl Execute for Draw {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let cache = context.job_cache();
        let mut map = String::new();
        for row in 0..ROWS {
            let mut tiles = Vec::new();
            for column in 0..COLUMNS {
                let tile = cache.group("kinds").get(&key(column, row)).await?;
                let ground: Vec<u8> =
                    island::ground(column, row).into_iter().map(Kind::of_height).map(Kind::letter).collect();
                if tile != ground {
                    return Err(format!("the map is wrong at tile {column}/{row}").into());
                }
                tiles.push(String::from_utf8(tile)?);
            }
            rest(80, row, 0).instrument(debug_span!("draw", row)).await;
            let cells = usize::from(TILE_COLUMNS);
            for line in (0..usize::from(TILE_ROWS)).map(|line| line * cells..(line + 1) * cells) {
                map.extend(tiles.iter().map(|tile| &tile[line.clone()]));
                map.push('\n');
            }
        }
        info!(rows = map.lines().count(), "drew the map");
        cache.set(MAP, map).await?;
        Ok(())
    }
}

/// Where the photos of a tile are.
fn photos(context: &ExecutionContext, column: u8, row: u8) -> JobCache {
    context.job_cache().group("photos").group(&key(column, row))
}

/// What a tile is called in the cache.
fn key(column: u8, row: u8) -> String {
    format!("{column}-{row}")
}
