//! Operations of plugins under the names of ONNX's operators: what ncnn and rten make of each, beside its formula.

use std::sync::Arc;
use yolo_bundle as _;
use yolo_host::export::{ncnn, onnx};
use yolo_host::graph::{CustomOp, Op, ParamId, View};
use yolo_tests::runtimes::{Runner, Runtime, difference, rten};
use yolo_tests::{operations, report};

type Formula = fn(f64) -> f64;

/// The operators that ncnn's rule knows, with the operator set of ONNX in which each appeared, and its formula on 0.1 to 0.9.
const OPERATORS: [(&str, i64, Formula); 25] = [
    ("Abs", 13, f64::abs),
    ("Neg", 13, |x| -x),
    ("Floor", 13, f64::floor),
    ("Ceil", 13, f64::ceil),
    ("Sqrt", 13, f64::sqrt),
    ("Exp", 13, f64::exp),
    ("Log", 13, f64::ln),
    ("Sin", 13, f64::sin),
    ("Cos", 13, f64::cos),
    ("Tan", 13, f64::tan),
    ("Asin", 13, f64::asin),
    ("Acos", 13, f64::acos),
    ("Atan", 13, f64::atan),
    ("Reciprocal", 13, f64::recip),
    ("Elu", 13, |x| x),
    ("Selu", 13, |x| 1.050_700_987 * x),
    ("Gelu", 20, |x| x / 2.0 * (1.0 + erf(x / 2f64.sqrt()))),
    ("Erf", 13, erf),
    ("Softplus", 13, |x| x.exp().ln_1p()),
    ("Relu", 13, |x| x),
    ("Sigmoid", 13, |x| 1.0 / (1.0 + (-x).exp())),
    ("Tanh", 13, f64::tanh),
    ("HardSwish", 14, |x| x * (x / 6.0 + 0.5)),
    ("Mish", 18, |x| x * x.exp().ln_1p().tanh()),
    // ONNX's own slope, which is not PyTorch's.
    ("HardSigmoid", 13, |x| 0.2 * x + 0.5),
];

/// The series about zero, for arguments below one.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..30 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// An operation of one tensor, element by element.
struct Elementwise(&'static str, Formula);

impl CustomOp for Elementwise {
    fn name(&self) -> &'static str {
        self.0
    }

    fn attributes(&self) -> &[f64] {
        &[]
    }

    fn onnx(&self) -> Option<&'static str> {
        Some(self.0)
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        Ok(inputs[0].to_vec())
    }

    fn forward_into(&self, inputs: &[View], _: &[usize], output: &mut [f32]) -> Result<(), String> {
        output.iter_mut().zip(inputs[0].1).for_each(|(y, x)| *y = self.1(f64::from(*x)) as f32);
        Ok(())
    }
}

#[test]
fn operators_of_plugins_are_those_of_their_names() {
    let mut ncnn = Runner::start(Runtime::Ncnn);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("operator.param");
    let (mut failures, images, one) = (vec![], [0.0], [1, 1, 1, 1]);
    for (name, since, formula) in OPERATORS {
        let (graph, state, output) = operations::built_single(0, &|b, _| {
            let x = operations::between(b, &[1, 4, 3, 5], 0.1, 0.9);
            b.push(Op::Custom(Arc::new(Elementwise(name, formula))), vec![x]).unwrap()
        });
        let x = state.floats(ParamId(0)).iter();
        let exact = [(vec![1, 4, 3, 5], x.map(|x| formula(f64::from(*x))).collect())];
        let mut check = |runtime: &str, theirs: Result<Vec<_>, String>| {
            let why = theirs.map_or_else(Some, |theirs| difference(&exact, &theirs, 1e-5));
            failures.extend(why.map(|why| format!("{name}, {runtime}: {why}")));
        };
        let write = |opset| {
            let options = onnx::Options { opset, size: [1, 1], ..onnx::Options::default() };
            onnx::write_graph(&graph, state.clone(), &[output], &options)
        };
        // rten knows no Mish, and no Selu.
        if !["Mish", "Selu"].contains(&name) {
            check("rten", rten(write(since.max(17)).unwrap(), &images, one));
        }
        if since > 13 {
            let error = write(since - 1).map(|bytes| bytes.len()).unwrap_err().to_string();
            assert_eq!(error, format!("layer 0: {name} needs opset {since} or newer, not {}", since - 1));
        }
        let options = ncnn::Options { size: [1, 1], ..ncnn::Options::default() };
        match ncnn::write_graph(&graph, state.clone(), &[output], &options) {
            Ok(files) => {
                std::fs::write(&file, files.param).unwrap();
                std::fs::write(file.with_extension("bin"), files.bin).unwrap();
                if let Some(runner) = ncnn.as_mut() {
                    let theirs = runner.load(&file, 1).and_then(|()| runner.run(&images, one));
                    check("ncnn", theirs.map(<[_]>::to_vec));
                }
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    report(failures);
}

#[test]
fn an_operator_that_no_format_has_is_named() {
    let (graph, state, output) = operations::built_single(0, &|b, _| {
        let x = operations::between(b, &[1, 4, 3, 5], 0.1, 0.9);
        b.push(Op::Custom(Arc::new(Elementwise("Sine", f64::sin))), vec![x]).unwrap()
    });
    let told = onnx::write_graph(
        &graph,
        state.clone(),
        &[output],
        &onnx::Options { size: [1, 1], ..Default::default() },
    );
    let told = told.map(|bytes| bytes.len()).unwrap_err().to_string();
    assert!(told.starts_with("layer 0: Sine cannot be written: ONNX has no operator of the name"), "{told}");
    let told =
        ncnn::write_graph(&graph, state, &[output], &ncnn::Options { size: [1, 1], ..Default::default() });
    let told = told.map(|files| files.bin.len()).unwrap_err().to_string();
    assert!(told.starts_with("layer 0: Sine cannot be written: ncnn has no layer"), "{told}");
}
