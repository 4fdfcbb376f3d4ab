//! The activation behind each unit of a file, whatever it is written as: a few numbers are sent through the operations on single
//! numbers that follow the unit, until something else reads them.

use std::collections::HashMap;

/// The numbers that are sent; activations differ in what they make of them.
pub const POINTS: [f64; 8] = [-8.0, -4.0, -2.0, -1.0, -0.25, 0.5, 2.0, 7.0];

/// What a tensor has made of [`POINTS`] since a unit.
#[derive(Clone, Copy, Debug)]
struct Probe {
    unit: usize,
    /// The tensor, whatever names it has.
    tensor: usize,
    values: [f64; POINTS.len()],
}

/// What was found behind a unit.
#[derive(Clone, Copy, Debug)]
enum Found {
    Nothing,
    /// All other readers read this tensor.
    One(Probe),
    Unclear,
}

/// All tensors that hold such numbers, by name.
#[derive(Debug, Default)]
pub struct Probes<'a> {
    tensors: HashMap<&'a str, Probe>,
    found: Vec<Found>,
    count: usize,
}

impl<'a> Probes<'a> {
    /// A tensor is what a unit gives.
    pub fn start(&mut self, unit: usize, name: &'a str) {
        self.put(unit, name, POINTS);
        if self.found.len() <= unit {
            self.found.resize(unit + 1, Found::Nothing);
        }
    }

    /// A tensor is a function of another.
    pub fn map(&mut self, from: &str, to: &[&'a str], f: impl Fn(f64) -> f64) {
        let Some(probe) = self.tensors.get(from).copied() else { return };
        to.iter().for_each(|to| self.put(probe.unit, to, probe.values.map(&f)));
    }

    /// A tensor has further names.
    pub fn alias(&mut self, from: &str, to: &[&'a str]) {
        let Some(probe) = self.tensors.get(from).copied() else { return };
        self.tensors.extend(to.iter().map(|to| (*to, probe)));
    }

    /// A tensor is a function of two, which end here if they are not of the same unit.
    pub fn join(&mut self, [a, b]: [&str; 2], to: &[&'a str], f: Option<impl Fn(f64, f64) -> f64>) {
        match (self.tensors.get(a).copied(), self.tensors.get(b).copied()) {
            (Some(x), Some(y)) if x.unit == y.unit && x.tensor != y.tensor => match f {
                Some(f) => {
                    let values = std::array::from_fn(|place| f(x.values[place], y.values[place]));
                    to.iter().for_each(|to| self.put(x.unit, to, values));
                }
                None => self.spoil(a),
            },
            _ => [a, b].into_iter().for_each(|name| self.end(name)),
        }
    }

    /// Something reads the tensor that computes on more than single numbers: what came so far is the activation.
    pub fn end(&mut self, name: &str) {
        let Some(probe) = self.tensors.get(name) else { return };
        let found = &mut self.found[probe.unit];
        *found = match *found {
            Found::Nothing => Found::One(*probe),
            Found::One(other) if other.tensor == probe.tensor => return,
            Found::One(_) | Found::Unclear => Found::Unclear,
        };
    }

    /// Something reads the tensor that is not understood.
    pub fn spoil(&mut self, name: &str) {
        if let Some(probe) = self.tensors.get(name) {
            self.found[probe.unit] = Found::Unclear;
        }
    }

    /// What the activation behind a unit makes of [`POINTS`], if that is clear.
    pub fn behind(&self, unit: usize) -> Option<[f64; POINTS.len()]> {
        match self.found.get(unit)? {
            Found::One(probe) => Some(probe.values),
            Found::Nothing | Found::Unclear => None,
        }
    }

    fn put(&mut self, unit: usize, name: &'a str, values: [f64; POINTS.len()]) {
        self.count += 1;
        self.tensors.insert(name, Probe { unit, tensor: self.count, values });
    }
}

/// 1 / (1 + e^−x)
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// ln(1 + e^x)
pub fn softplus(x: f64) -> f64 {
    x.exp().ln_1p()
}

/// α·x + β between 0 and 1.
pub fn hard_sigmoid(x: f64, alpha: f64, beta: f64) -> f64 {
    (alpha * x + beta).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activation_is_what_all_others_read() {
        let mut probes = Probes::default();
        let product = Some(|a: f64, b: f64| a * b);
        probes.start(0, "a");
        probes.map("a", &["b"], sigmoid);
        probes.join(["a", "b"], &["c"], product);
        probes.alias("c", &["d", "e"]);
        assert!(probes.behind(0).is_none());
        probes.end("d");
        probes.end("e");
        assert_eq!(probes.behind(0).unwrap()[3], -sigmoid(-1.0));
        // Another unit's: a sum of two, not an activation.
        probes.start(1, "f");
        probes.join(["c", "f"], &["g"], product);
        assert_eq!((probes.behind(1).unwrap(), probes.behind(0).is_some()), (POINTS, true));
        // Somebody reads what the activation reads.
        probes.end("a");
        assert!(probes.behind(0).is_none());
        probes.spoil("f");
        assert!(probes.behind(1).is_none());
        probes.end("unknown");
    }
}
