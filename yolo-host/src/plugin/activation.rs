//! Activations by the names that PyTorch gives them: as model files write them, and as pickled modules are classes.

use crate::graph::Act;

/// How PyTorch's activations are written that there are here.
pub const KNOWN: &str = "nn.SiLU(), nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.1), nn.Hardswish(), nn.Hardsigmoid(), nn.Mish(), \
                         nn.Sigmoid(), nn.Tanh(), nn.Identity()";

/// Parameters of `nn.LeakyReLU`.
pub const LEAKY: &[&str] = &["negative_slope", "inplace"];

/// The slope of `nn.LeakyReLU()`.
pub const SLOPE: f64 = 0.01;

/// The activation of a class of `torch.nn`, and the parameters that its constructor takes; `None` inside is the identity.
pub fn of_torch(class: &str, slope: f64) -> Option<(Option<Act>, &'static [&'static str])> {
    const INPLACE: &[&str] = &["inplace"];
    Some(match class {
        "Identity" => (None, &[]),
        "ReLU" => (Some(Act::Relu), INPLACE),
        "ReLU6" => (Some(Act::Relu6), INPLACE),
        "LeakyReLU" => (Some(Act::LeakyRelu(slope)), LEAKY),
        "SiLU" => (Some(Act::Silu), INPLACE),
        "Sigmoid" => (Some(Act::Sigmoid), &[]),
        "Hardsigmoid" => (Some(Act::HardSigmoid), INPLACE),
        "Hardswish" => (Some(Act::HardSwish), INPLACE),
        "Tanh" => (Some(Act::Tanh), &[]),
        "Mish" => (Some(Act::Mish), INPLACE),
        _ => return None,
    })
}

/// The activation of any class that a pickled YOLOv5 has: PyTorch's, upstream's own of earlier versions, the article's.
pub fn of_class(class: &str, slope: f64) -> Option<Option<Act>> {
    Some(match class {
        "Swish" | "MemoryEfficientSwish" => Some(Act::Silu),
        "MemoryEfficientMish" => Some(Act::Mish),
        "h_swish" => Some(Act::HardSwish),
        "h_sigmoid" => Some(Act::HardSigmoid),
        class => return of_torch(class, slope).map(|(act, _)| act),
    })
}

/// As a model file writes it.
pub fn written(act: Option<Act>) -> String {
    let class = match act {
        None => "Identity",
        Some(Act::Relu) => "ReLU",
        Some(Act::Relu6) => "ReLU6",
        Some(Act::LeakyRelu(slope)) => return format!("nn.LeakyReLU({slope:?})"),
        Some(Act::Silu) => "SiLU",
        Some(Act::Sigmoid) => "Sigmoid",
        Some(Act::HardSigmoid) => "Hardsigmoid",
        Some(Act::HardSwish) => "Hardswish",
        Some(Act::Tanh) => "Tanh",
        Some(Act::Mish) => "Mish",
        Some(Act::Conv) => return "True".to_string(),
    };
    format!("nn.{class}()")
}
