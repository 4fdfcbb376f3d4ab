//! The loss and its gradient against the reference's, against differences of itself, and on input that is not sound.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use yolo_host::loss::{ComputeLoss, IouKind, Loss, LossError, LossHyper, Number, Target};
use yolo_host::random::Stream;
use yolo_host::raw_map::RawMap;
use yolo_tests::{golden, report, uniform};

const KINDS: [(&str, IouKind); 4] =
    [("IoU", IouKind::Iou), ("GIoU", IouKind::Giou), ("DIoU", IouKind::Diou), ("CIoU", IouKind::Ciou)];

/// Layers, images and targets that a loss can be computed of.
#[derive(Clone, Debug)]
struct Case {
    hyper: LossHyper,
    anchors: Vec<Vec<[f64; 2]>>,
    strides: Vec<f64>,
    nc: usize,
    batch: usize,
    /// Rows and columns of each map.
    sizes: Vec<[usize; 2]>,
    targets: Vec<Target>,
}

impl Case {
    fn no(&self) -> usize {
        5 + self.nc
    }

    fn values(&self, layer: usize) -> usize {
        self.batch * self.sizes[layer].iter().product::<usize>() * self.anchors[layer].len() * self.no()
    }

    fn loss(&self) -> ComputeLoss {
        ComputeLoss::new(self.hyper.clone(), &self.anchors, &self.strides, self.nc).expect("a sound case")
    }

    fn compute<T: Number>(&self, loss: &mut ComputeLoss, maps: &[Vec<T>]) -> Result<Loss<T>, LossError> {
        let sized = maps.iter().zip(&self.sizes);
        let map =
            |(values, &[ny, nx]): (&Vec<T>, &[usize; 2])| RawMap::new(values.clone(), [self.batch, ny, nx]);
        let maps: Vec<RawMap<T>> = sized.map(map).collect();
        loss.compute(&maps, &self.targets)
    }

    fn total(&self, maps: &[Vec<f64>]) -> f64 {
        self.compute(&mut self.loss(), maps).expect("a sound case").total
    }

    /// A gradient's entries of x to h, of objectness, or of the classes: part 0, 1 or 2.
    fn part(&self, grads: &[f64], part: usize) -> Vec<f64> {
        let range = [0..4, 4..5, 5..self.no()][part].clone();
        grads.chunks_exact(self.no()).flat_map(|row| row[range.clone()].to_vec()).collect()
    }
}

fn list<T>(json: &Value, each: impl Fn(&Value) -> T) -> Vec<T> {
    json.as_array().expect("a list").iter().map(each).collect()
}

fn numbers(json: &Value) -> Vec<f64> {
    list(json, |value| value.as_f64().expect("a number"))
}

fn case(json: &Value) -> Case {
    let number = |json: &Value| json.as_f64().expect("a number");
    let settings = &json["hyper"];
    let size = numbers(&json["size"]);
    let strides = numbers(&json["strides"]);
    let kind = KINDS.into_iter().find(|(name, _)| json["iou"] == *name).expect("a kind").1;
    Case {
        hyper: LossHyper {
            box_gain: number(&settings["box"]),
            cls_gain: number(&settings["cls"]),
            obj_gain: number(&settings["obj"]),
            cls_pw: number(&settings["cls_pw"]),
            obj_pw: number(&settings["obj_pw"]),
            fl_gamma: number(&settings["fl_gamma"]),
            anchor_t: number(&settings["anchor_t"]),
            label_smoothing: settings["label_smoothing"].as_f64().unwrap_or(0.0),
            iou: kind,
            gr: number(&json["gr"]),
            autobalance: json["autobalance"].as_bool().expect("a flag"),
        },
        anchors: list(&json["anchors"], |layer| list(layer, |pair| [number(&pair[0]), number(&pair[1])])),
        sizes: strides.iter().map(|stride| [size[0], size[1]].map(|side| (side / stride) as usize)).collect(),
        strides,
        nc: json["nc"].as_u64().expect("classes") as usize,
        batch: json["batch"].as_u64().expect("images") as usize,
        targets: list(&json["targets"], |row| {
            let row = numbers(row);
            Target { image: row[0] as usize, class: row[1] as usize, rect: [row[2], row[3], row[4], row[5]] }
        }),
    }
}

/// Made-up logits, from -spread to spread.
fn logits(key: &str, spread: f64, count: usize) -> Vec<f64> {
    uniform(key, count).into_iter().map(|u| spread * (2.0 * u - 1.0)).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Relative, and 0 only for two zeros where the reference is 0.
fn distance(ours: f64, reference: f64, scale: f64) -> f64 {
    if ours == reference { 0.0 } else { (ours - reference).abs() / scale.abs() }
}

/// Largest relative distance of the gradient's parts to the golden's, `make_loss.py` says which.
fn gradient_distance(name: &str, case: &Case, grads: &[Vec<f64>], reference: &Value) -> f64 {
    let mut worst = 0.0f64;
    for (layer, ours) in grads.iter().enumerate() {
        let whole = &reference[layer];
        for part in 0..3 {
            let own = case.part(ours, part);
            if whole[0].is_number() {
                let theirs = case.part(&numbers(whole), part);
                let difference: Vec<f64> = own.iter().zip(&theirs).map(|(a, b)| a - b).collect();
                worst = worst.max(distance(norm(&difference), 0.0, norm(&theirs)));
                continue;
            }
            let theirs = numbers(&whole[part]);
            worst = worst.max(distance(norm(&own), theirs[0], theirs[0]));
            for (i, projection) in theirs[1..].iter().enumerate() {
                let weights = logits(&format!("loss/{name}/projection/{layer}/{i}"), 1.0, ours.len());
                let sum: f64 = own.iter().zip(case.part(&weights, part)).map(|(g, w)| g * w).sum();
                worst = worst.max(distance(sum, *projection, theirs[0]));
            }
        }
    }
    worst
}

/// Holds every case against the goldens; returns how many calls it saw.
fn compare<T: Number>(item_tolerance: f64, gradient_tolerance: f64) -> usize {
    let text = std::fs::read_to_string(golden("loss.json")).expect("loss.json");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let wide = |x: T| x.to_f64().unwrap();
    let mut failures = Vec::new();
    let mut worst = [0.0f64; 3];
    let mut calls = 0;
    for record in json["cases"].as_array().expect("cases") {
        let name = record["name"].as_str().expect("a name");
        let case = case(record);
        let mut loss = case.loss();
        for (number, reference) in record["calls"].as_array().expect("calls").iter().enumerate() {
            let spread = record["spread"].as_f64().expect("a spread");
            let map = |layer| logits(&format!("loss/{name}/{number}/{layer}"), spread, case.values(layer));
            let maps = (0..case.strides.len())
                .map(|layer| map(layer).into_iter().map(|x| T::from(x).unwrap()).collect::<Vec<T>>());
            let found = case.compute(&mut loss, &maps.collect::<Vec<_>>()).expect(name);
            let ours = found.items.into_iter().chain([found.total]).map(wide);
            let theirs =
                numbers(&reference["items"]).into_iter().chain([reference["total"].as_f64().unwrap()]);
            let items = ours.zip(theirs).map(|(a, b)| distance(a, b, b)).fold(0.0, f64::max);
            let weights = loss.balance().iter().zip(numbers(&reference["balance"]));
            let balance = weights.map(|(&a, b)| distance(a, b, b)).fold(0.0, f64::max);
            let grads: Vec<Vec<f64>> =
                found.grads.into_iter().map(|layer| layer.into_iter().map(wide).collect()).collect();
            let gradient = gradient_distance(name, &case, &grads, &reference["gradients"]);
            // `!(a <= b)`: a NaN fails, too.
            if !(items <= item_tolerance && balance <= 1e-9 && gradient <= gradient_tolerance) {
                failures.push(format!(
                    "{name}, call {number}: items {items:e}, balance {balance:e}, gradient {gradient:e}"
                ));
            }
            for (worst, found) in worst.iter_mut().zip([items, balance, gradient]) {
                *worst = worst.max(found);
            }
            calls += 1;
        }
    }
    println!("largest distances: items {:e}, balance {:e}, gradient {:e}", worst[0], worst[1], worst[2]);
    report(failures);
    calls
}

#[test]
fn doubles_match_the_reference() {
    assert!(compare::<f64>(1e-9, 1e-7) >= 38);
}

#[test]
fn singles_match_the_reference() {
    assert!(compare::<f32>(1e-5, 1e-4) >= 38);
}

prop_compose! {
    /// Two layers of few cells with a handful of objects, and logits for them.
    fn small_case()(
        seed in any::<u64>(),
        nc in 1usize..4,
        batch in 1usize..3,
        sizes in prop::collection::vec([1usize..5, 1usize..5], 2),
        objects in 0usize..7,
        kind in select(KINDS.map(|(_, kind)| kind).to_vec()),
        fl_gamma in select(vec![0.0, 0.5, 1.5]),
        [cls_pw, obj_pw] in [0.5f64..2.0, 0.5f64..2.0],
        label_smoothing in select(vec![0.0, 0.1]),
        gr in select(vec![1.0, 0.4]),
    ) -> (Case, Vec<Vec<f64>>) {
        let mut stream = Stream::keyed(&seed.to_string());
        let mut below = |n: usize| (stream.uniform() * n as f64) as usize;
        let places: Vec<[usize; 2]> = (0..objects).map(|_| [below(batch), below(nc)]).collect();
        let mut between = |low: f64, high: f64| low + (high - low) * stream.uniform();
        let targets = places.into_iter().map(|[image, class]| Target {
            image,
            class,
            rect: [between(0.0, 1.0), between(0.0, 1.0), between(0.05, 0.9), between(0.05, 0.9)],
        });
        let hyper = LossHyper {
            box_gain: 1.0, cls_pw, obj_pw, fl_gamma, label_smoothing, gr, iou: kind, ..LossHyper::default()
        };
        let case = Case {
            targets: targets.collect(),
            hyper,
            anchors: vec![vec![[0.8, 1.1], [1.9, 0.7]], vec![[1.2, 0.9], [2.1, 2.6]]],
            strides: vec![8.0, 16.0],
            nc,
            batch,
            sizes,
        };
        let maps = (0..2).map(|layer| (0..case.values(layer)).map(|_| between(-3.0, 3.0)).collect()).collect();
        (case, maps)
    }
}

/// Holds a derivative between the differences to both sides, which a kink within the step sets apart.
fn check_slope(slope: f64, at: impl Fn(f64) -> f64) -> Result<(), TestCaseError> {
    let step = 1e-6;
    let here = at(0.0);
    let (up, down) = ((at(step) - here) / step, (here - at(-step)) / step);
    let room = 1e-7 * (1.0 + here.abs());
    prop_assert!(
        up.min(down) - room <= slope && slope <= up.max(down) + room,
        "slope {slope}, differences {down} and {up}"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of every logit. Objectness targets are constants to the gradient, so that the boxes' entries are checked
    /// without objectness; CIoU's alpha is one, too, so that its entries are left to `likeness_has_its_slopes`.
    #[test]
    fn gradients_are_those_of_differences((case, mut maps) in small_case()) {
        let mut boxes = case.clone();
        boxes.hyper.obj_gain = 0.0;
        let whole = case.compute(&mut case.loss(), &maps).unwrap();
        let without = boxes.compute(&mut boxes.loss(), &maps).unwrap();
        for layer in 0..2 {
            for i in 0..maps[layer].len() {
                let of_box = i % case.no() < 4;
                let (case, found) = if of_box { (&boxes, &without) } else { (&case, &whole) };
                let slope = found.grads[layer][i];
                prop_assert_eq!(slope, if of_box { whole.grads[layer][i] } else { slope });
                if of_box && (slope == 0.0 && i % 7 != 0 || case.hyper.iou == IouKind::Ciou) {
                    continue;
                }
                let value = maps[layer][i];
                let cell = std::cell::RefCell::new(&mut maps);
                check_slope(slope, |step| {
                    cell.borrow_mut()[layer][i] = value + step;
                    case.total(&cell.borrow())
                })?;
                maps[layer][i] = value;
            }
        }
    }

    /// Of the four kinds; CIoU is compared with its formula over DIoU, alpha held fast.
    #[test]
    fn likeness_has_its_slopes(
        a in [-1.0f64..1.0, -1.0..1.0, 0.01..3.0, 0.01..3.0],
        b in [-1.0f64..1.0, -1.0..1.0, 0.01..3.0, 0.01..3.0],
    ) {
        let aspect = |x: [f64; 4]| {
            let angle = |x: [f64; 4]| (x[2] / (x[3] + 1e-7)).atan();
            4.0 / std::f64::consts::PI.powi(2) * (angle(b) - angle(x)).powi(2)
        };
        let iou = IouKind::Iou.compare(a, b).0;
        let alpha = aspect(a) / (aspect(a) - iou + 1.0 + 1e-7);
        for (_, kind) in KINDS {
            let (value, slopes) = kind.compare(a, b);
            let at = |x: [f64; 4]| match kind {
                IouKind::Ciou => IouKind::Diou.compare(x, b).0 - alpha * aspect(x),
                _ => kind.compare(x, b).0,
            };
            prop_assert!((value - at(a)).abs() < 1e-12);
            for i in 0..4 {
                check_slope(slopes[i], |step| {
                    let mut moved = a;
                    moved[i] += step;
                    at(moved)
                })?;
            }
        }
    }
}

/// Three layers of 80 × 48 pixels, two images, two classes, one object.
fn plain() -> Case {
    Case {
        hyper: LossHyper::default(),
        anchors: vec![vec![[1.0, 2.0], [2.0, 1.0]]; 3],
        strides: vec![8.0, 16.0, 32.0],
        nc: 2,
        batch: 2,
        sizes: vec![[6, 10], [3, 5], [2, 3]],
        targets: vec![Target { image: 1, class: 1, rect: [0.5, 0.4, 0.3, 0.3] }],
    }
}

fn filled<T: Number>(case: &Case, value: impl Fn(usize) -> f64) -> Vec<Vec<T>> {
    let layer = |layer| (0..case.values(layer)).map(|i| T::from(value(i)).unwrap()).collect();
    (0..case.sizes.len()).map(layer).collect()
}

fn finite_at<T: Number>(case: &Case, far: f64) -> bool {
    let found =
        case.compute(&mut case.loss(), &filled::<T>(case, |i| if i * i % 11 < 5 { far } else { -far }));
    let found = found.expect("a loss");
    let mut all = found.items.iter().chain([&found.total]).chain(found.grads.iter().flatten());
    found.total > T::zero() && all.all(|x| x.is_finite())
}

#[test]
fn far_logits_boxes_without_area_and_odd_settings_are_finite() {
    let mut case = plain();
    for rect in [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.4, 0.4], [1.0, 1.0, 1e-30, 0.2], [1e30, -1e30, 0.3, 0.3]]
    {
        case.targets.push(Target { image: 0, class: 0, rect });
    }
    for (name, iou) in KINDS {
        for fl_gamma in [0.0, 0.5, 1.5] {
            for anchor_t in [0.0, 4.0, 1e300] {
                case.hyper = LossHyper { iou, fl_gamma, anchor_t, autobalance: true, ..LossHyper::default() };
                for far in [200.0, -200.0, 1e4] {
                    assert!(finite_at::<f32>(&case, far), "{name} {fl_gamma} {anchor_t} at {far}");
                    assert!(finite_at::<f64>(&case, far), "{name} {fl_gamma} {anchor_t} at {far}");
                }
            }
        }
    }
}

/// The centre is at 3.49999994 cells, which single precision rounds to the middle of the cell: the left neighbour
/// answers in double precision only, as in PyTorch.
#[test]
fn cells_are_chosen_in_the_maps_own_precision() {
    let case = Case {
        anchors: vec![vec![[2.0, 2.0]]],
        strides: vec![8.0],
        batch: 1,
        sizes: vec![[40, 40]],
        targets: vec![Target { image: 0, class: 1, rect: [f64::from(0.0875f32), 0.0125, 0.05, 0.05] }],
        ..plain()
    };
    fn columns<T: Number>(case: &Case) -> Vec<usize> {
        let found = case.compute(&mut case.loss(), &filled::<T>(case, |_| 0.25)).unwrap();
        let rows = found.grads[0].chunks_exact(case.no()).enumerate();
        rows.filter(|(_, row)| row[5] != T::zero()).map(|(cell, _)| cell).collect()
    }
    assert_eq!((columns::<f32>(&case), columns::<f64>(&case)), (vec![3], vec![2, 3]));
}

#[test]
fn no_targets_leave_objectness_alone() {
    let case = Case { targets: Vec::new(), ..plain() };
    let found = case.compute(&mut case.loss(), &filled::<f32>(&case, |i| (i % 11) as f64 - 5.0)).unwrap();
    assert_eq!((found.items[0], found.items[2]), (0.0, 0.0));
    assert!(found.items[1] > 0.0 && found.items[1].is_finite());
    for (i, grad) in found.grads.iter().flat_map(|layer| layer.iter().enumerate()) {
        assert_eq!(*grad != 0.0, i % 7 == 4, "{i}: {grad}");
    }
}

#[test]
fn a_layer_without_loss_does_not_upset_auto_balance() {
    let mut case = Case { targets: Vec::new(), ..plain() };
    case.hyper.autobalance = true;
    let mut loss = case.loss();
    let found = case.compute(&mut loss, &filled::<f64>(&case, |_| -1e4)).unwrap();
    assert_eq!((found.total, loss.balance()), (0.0, [4.0, 1.0, 0.4].as_slice()));
}

#[test]
fn gains_are_scaled_as_upstream_scales_them() {
    let hyper = LossHyper::default().scaled(4, 20, 1280);
    assert_eq!([hyper.box_gain, hyper.cls_gain, hyper.obj_gain], [0.05 * 0.75, 0.125 * 0.75, 4.0 * 0.75]);
    assert_eq!(LossHyper::default().scaled(3, 80, 640), LossHyper::default());
}

#[test]
fn unsound_input_is_a_clear_error() {
    type Change = fn(&mut Case, &mut Vec<Vec<f64>>);
    let table: [(&str, Change); 14] = [
        ("target 0 has class 2, but there are 2 classes", |case, _| case.targets[0].class = 2),
        ("target 0 has class 18446744073709551615", |case, _| case.targets[0].class = usize::MAX),
        ("target 0 belongs to image 2, but the batch has 2", |case, _| case.targets[0].image = 2),
        ("target 0 is no box", |case, _| case.targets[0].rect[0] = f64::NAN),
        ("target 0 is no box", |case, _| case.targets[0].rect[3] = f64::INFINITY),
        ("target 0 is no box", |case, _| case.targets[0].rect[2] = -0.1),
        ("map 1 has the value NaN at 3", |_, maps| maps[1][3] = f64::NAN),
        ("map 2 has the value -inf at 0", |_, maps| maps[2][0] = f64::NEG_INFINITY),
        ("map 0 has 1679 values; [2, 6, 10, 14] needs 1680", |_, maps| maps[0].truncate(1679)),
        ("map 1 has 421 values", |_, maps| maps[1].push(0.0)),
        ("map 1 has 420 values", |case, _| case.sizes[1] = [usize::MAX, usize::MAX]),
        ("2 maps for 3 layers", |_, maps| maps.truncate(2)),
        ("map 0 is empty: 0 images", |case, _| case.batch = 0),
        ("the loss is not finite", |_, maps| maps.iter_mut().for_each(|map| map.fill(1e308))),
    ];
    let mut failures = Vec::new();
    for (expected, change) in table {
        let mut case = plain();
        case.hyper.autobalance = true;
        let mut loss = case.loss();
        let mut maps = filled(&case, |_| 0.0);
        assert!(case.compute(&mut loss.clone(), &maps).is_ok());
        change(&mut case, &mut maps);
        match case.compute(&mut loss, &maps) {
            Err(error) if error.to_string().contains(expected) => {}
            other => failures.push(format!("`{expected}`: {:?}", other.map(|found| found.items))),
        }
        assert_eq!(loss.balance(), [4.0, 1.0, 0.4], "{expected}");
    }
    report(failures);
}

#[test]
fn unsound_settings_are_a_clear_error() {
    type Change = fn(&mut Case);
    let table: [(&str, Change); 11] = [
        ("hyperparameter box is NaN", |case| case.hyper.box_gain = f64::NAN),
        ("hyperparameter obj_pw is -1", |case| case.hyper.obj_pw = -1.0),
        ("hyperparameter fl_gamma is inf", |case| case.hyper.fl_gamma = f64::INFINITY),
        ("hyperparameter gr is 1.5, but must be 0 to 1", |case| case.hyper.gr = 1.5),
        ("hyperparameter label_smoothing is -0.1", |case| case.hyper.label_smoothing = -0.1),
        ("at least one class", |case| case.nc = 0),
        ("3 lists of anchors and 2 strides", |case| case.strides.truncate(2)),
        ("6 lists of anchors", |case| {
            case.anchors = vec![case.anchors[0].clone(); 6];
            case.strides = vec![8.0; 6];
        }),
        ("layer 1 needs anchors", |case| case.anchors[1].clear()),
        ("layer 2 needs anchors", |case| case.anchors[2][0][1] = 0.0),
        ("auto-balance needs a layer of stride 16", |case| {
            case.hyper.autobalance = true;
            case.strides[1] = 17.0;
        }),
    ];
    let mut failures = Vec::new();
    for (expected, change) in table {
        let mut case = plain();
        change(&mut case);
        match ComputeLoss::new(case.hyper, &case.anchors, &case.strides, case.nc) {
            Err(error) if error.to_string().contains(expected) => {}
            other => failures.push(format!("`{expected}`: {:?}", other.map(|_| ()))),
        }
    }
    report(failures);
}
