use boxwood::{JobState, TaskState};
use image::{Rgb, RgbImage};

use crate::here::Here;

const PASSES: [u32; 3] = [1, 2, 3];
const TILE: u32 = 96;

/// The picture of a tile from one pass, if there is one.
fn tile(here: &Here, pass: u32, column: u32, row: u32) -> Option<RgbImage> {
    let file = here.folder.path().join(format!("mosaic/pass-{pass}/{column}-{row}.png"));
    file.exists().then(|| image::open(file).unwrap().to_rgb8())
}

fn brightness(Rgb(pixel): Rgb<u8>) -> u32 {
    pixel.into_iter().map(u32::from).sum()
}

#[tokio::test]
async fn t_92_t_123_the_mosaic_is_made_of_all_tiles_although_one_picture_is_lost() {
    let here = Here::start().await;
    let printed = here.run("mosaic", &[]).await;
    assert_eq!(printed, ["20 of 20 tiles", "mosaic is COMPLETED; the picture is in mosaic.png"]);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    // The root, 20 tiles with three pictures and a blend each, and the assembly.
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 101), (TaskState::FailedOptional, 1)]);
    let tasks = here.tasks(&job).await;
    assert_eq!(tasks.named("Capture 3/1, pass 2").state, TaskState::FailedOptional);
    assert_eq!(
        tasks.outline()[..6],
        [
            "Mosaic",
            "  Tile 0/0",
            "    Capture 0/0, pass 1",
            "    Capture 0/0, pass 2",
            "    Capture 0/0, pass 3",
            "    Blend 0/0"
        ]
    );
    for (column, row) in [(0, 0), (3, 1), (4, 3)] {
        let blend = format!("Blend {column}/{row}");
        for pass in PASSES {
            tasks.assert_order(&[&format!("Capture {column}/{row}, pass {pass}"), &blend, "Assemble"]);
        }
    }
    here.stop().await;
}

#[tokio::test]
async fn its_picture_shows_each_place_as_the_pass_with_the_fewest_clouds_saw_it() {
    let here = Here::start().await;
    here.run("mosaic", &[]).await;
    let mosaic = image::open(here.folder.path().join("mosaic.png")).unwrap().to_rgb8();
    assert_eq!(mosaic.dimensions(), (5 * TILE, 4 * TILE));

    let (mut cloudy, mut clear) = ([0; 3], 0);
    // Brighter than anything on the ground but snow.
    let is_bright = |pixel| brightness(pixel) > 3 * 215;
    for (column, row) in (0..4).flat_map(|row| (0..5).map(move |column| (column, row))) {
        let seen = PASSES.map(|pass| tile(&here, pass, column, row));
        assert_eq!(seen.iter().flatten().count(), if (column, row) == (3, 1) { 2 } else { 3 });
        for (x, y, _) in RgbImage::new(TILE, TILE).enumerate_pixels() {
            let pixel = *mosaic.get_pixel(column * TILE + x, row * TILE + y);
            let darkest =
                seen.iter().flatten().map(|tile| *tile.get_pixel(x, y)).min_by_key(|&pixel| brightness(pixel));
            assert_eq!(Some(pixel), darkest, "pixel {x}/{y} of tile {column}/{row}");
            clear += u32::from(is_bright(pixel));
            for (count, tile) in cloudy.iter_mut().zip(&seen) {
                *count += u32::from(tile.as_ref().is_some_and(|tile| is_bright(*tile.get_pixel(x, y))));
            }
        }
    }
    assert!(
        cloudy.iter().all(|&cloudy| cloudy > 3 * clear),
        "{cloudy:?} bright pixels in the passes, {clear} at the end"
    );
    here.stop().await;
}
