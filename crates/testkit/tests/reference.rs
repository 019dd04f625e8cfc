//! Does a single runner get tasks in exactly the order that R-11 describes? (Every other world is compared with the
//! reference model too.)

use boxwood_testkit::alone;

#[test]
fn r_11_with_one_runner_the_order_is_exactly_depth_first() {
    for seed in 0..60 {
        alone::run(seed);
    }
}
