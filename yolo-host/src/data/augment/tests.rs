//! What the draws spread over, and the edges that images from the reference do not reach.

use super::*;
use crate::random::Stream;

/// Least, greatest and mean of many draws.
fn spread(draw: impl Fn(&mut Stream) -> f64) -> [f64; 3] {
    let mut stream = Stream::keyed("draws");
    let drawn: Vec<f64> = (0..20_000).map(|_| draw(&mut stream)).collect();
    let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
    [drawn.iter().copied().fold(f64::MAX, f64::min), drawn.iter().copied().fold(f64::MIN, f64::max), mean]
}

/// Draws are uniform from `low` to `high`: they reach both ends, pass neither, and their mean is the middle.
fn assert_uniform(what: &str, draw: impl Fn(&mut Stream) -> f64, low: f64, high: f64) {
    let [least, greatest, mean] = spread(draw);
    let near = (high - low) / 100.0;
    assert!((low..low + near).contains(&least), "{what}: least {least}, not {low}");
    assert!(greatest <= high && greatest > high - near, "{what}: greatest {greatest}, not {high}");
    assert!((mean - (low + high) / 2.0).abs() < near, "{what}: mean {mean}");
}

#[test]
fn draws_are_uniform_as_upstream_s() {
    let hyper = AugmentHyper {
        hsv_h: 0.015,
        hsv_s: 0.7,
        hsv_v: 0.4,
        degrees: 10.0,
        translate: 0.1,
        scale: 0.5,
        shear: 2.0,
        perspective: 0.001,
        ..AugmentHyper::default()
    };
    for (channel, gain) in [0.015, 0.7, 0.4].into_iter().enumerate() {
        assert_uniform("hsv", |stream| HsvGains::draw(stream, &hyper).0[channel], 1.0 - gain, 1.0 + gain);
    }
    let assert = |what, part: fn(Perspective) -> f64, low, high| {
        assert_uniform(what, |stream| part(Perspective::draw(stream, &hyper)), low, high);
    };
    assert("degrees", |drawn| drawn.degrees, -10.0, 10.0);
    assert("scale", |drawn| drawn.scale, 0.5, 1.5);
    assert("shear x", |drawn| drawn.shear[0], -2.0, 2.0);
    assert("shear y", |drawn| drawn.shear[1], -2.0, 2.0);
    assert("translate x", |drawn| drawn.translate[0], 0.4, 0.6);
    assert("translate y", |drawn| drawn.translate[1], 0.4, 0.6);
    assert("perspective x", |drawn| drawn.perspective[0], -0.001, 0.001);
    assert("perspective y", |drawn| drawn.perspective[1], -0.001, 0.001);
}

/// Beta(32, 32) has mean 1/2 and deviation √(1/260) = 0.0620; of 20,000 draws none is further off than six of them.
#[test]
fn mixup_s_ratio_is_from_beta_32_32() {
    let [least, greatest, mean] = spread(draw_ratio);
    assert!((mean - 0.5).abs() < 0.002, "mean {mean}");
    assert!((0.13..0.32).contains(&least) && (0.68..0.87).contains(&greatest), "{least} to {greatest}");
    let mut stream = Stream::keyed("deviation");
    let squares: f64 = (0..20_000).map(|_| (draw_ratio(&mut stream) - 0.5).powi(2)).sum();
    assert!(((squares / 20_000.0).sqrt() - 0.0620).abs() < 0.001);
}

#[test]
fn as_many_are_pasted_as_the_share_says() {
    let mut stream = Stream::keyed("pasted");
    for (count, share, expected) in [(10, 0.0, 0), (10, 0.3, 3), (5, 0.5, 2), (7, 0.5, 4), (4, 1.0, 4)] {
        let mut drawn = draw_pasted(&mut stream, count, share);
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), expected, "{count} · {share}");
        assert!(drawn.iter().all(|index| *index < count));
    }
}

/// Upstream pastes where under 30 % of every object is covered, and not at 30 %.
#[test]
fn an_object_is_pasted_up_to_the_limit() {
    let pasted = |left: f32| {
        let corners = [left, 0.0, left + 100.0, 100.0];
        let segment = vec![[left, 0.0], [left + 100.0, 0.0], [left + 100.0, 100.0], [left, 100.0]];
        let image = Image { width: 200, height: 100, rgb: vec![0; 3 * 200 * 100] };
        let mut scene = Scene { image, objects: vec![Object { class: 0, corners, segment }] };
        copy_paste(&mut scene, &[0]);
        scene.objects.len() == 2
    };
    // Its mirror image begins at 100 − left, so that they share 2·left pixels of 100.
    assert!(pasted(14.0));
    assert!(!pasted(15.0));
}
