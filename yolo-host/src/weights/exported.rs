//! What an exported file keeps of a network: convolutions and the like with their values, what each reads, and for some formats
//! its module's name. Where they belong in a model is found out by `model`.

use super::ErrorKind;
use super::probe::POINTS;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

/// A convolution or another layer with weights, of a file that was exported for another runtime.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Where it stands in the file, for messages.
    pub place: String,
    /// Its module, where the file carries the name: `model.0.conv`.
    pub module: Option<String>,
    /// Its sizes.
    pub sizes: Sizes,
    /// `[out, in / groups, height, width]` of the kernel; `[channels]` of a layer normalisation.
    pub weight: Vec<f32>,
    /// `[out]`
    pub bias: Option<Vec<f32>>,
    /// Batch norm behind it, where the file has not folded it.
    pub norm: Option<Norm>,
    /// What it reads.
    pub reads: Vec<Vec<usize>>,
    /// What the activation behind it makes of a few numbers, if that is clear.
    pub(crate) behind: Option<[f64; POINTS.len()]>,
}

impl Unit {
    /// Whether `other`, a unit by channel that alone reads this one's output, can be its batch norm.
    pub(super) fn takes(&self, other: &Unit) -> bool {
        self.norm.is_none() && self.sizes.kind == UnitKind::Conv && self.sizes.out == other.sizes.out
    }

    /// A unit by channel as a batch norm.
    pub(super) fn into_norm(self) -> Norm {
        let channels = self.sizes.out;
        self.norm.unwrap_or_else(|| Norm {
            weight: self.weight,
            bias: self.bias.unwrap_or_else(|| vec![0.0; channels]),
            mean: vec![0.0; channels],
            var: vec![1.0; channels],
            eps: 0.0,
        })
    }
}

/// What a unit computes, and on how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// A convolution; a linear layer is one of single pixels, a batch norm that stands alone a depthwise one of them.
    Conv,
    /// A layer normalisation over channels.
    LayerNorm,
}

/// The sizes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// What it is.
    pub kind: UnitKind,
    /// Output channels.
    pub out: usize,
    /// Input channels of a group.
    pub per_group: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// By height and width.
    pub stride: [usize; 2],
    /// By height and width; 1 where the kernel is.
    pub dilation: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
}

impl Sizes {
    /// Of a linear layer.
    pub fn linear(out: usize, input: usize) -> Self {
        Sizes {
            kind: UnitKind::Conv,
            out,
            per_group: input,
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
            groups: 1,
        }
    }

    /// Of something by channel.
    pub fn by_channel(kind: UnitKind, channels: usize) -> Self {
        Sizes { kind, groups: channels, ..Sizes::linear(channels, 1) }
    }

    /// The same with the dilation that counts.
    pub fn normal(mut self) -> Self {
        for axis in 0..2 {
            if self.kernel[axis] == 1 {
                self.dilation[axis] = 1;
            }
        }
        self
    }

    /// Number of values of the weight; none if that is beyond all bounds.
    pub fn values(&self) -> Option<usize> {
        let [height, width] = self.kernel;
        self.out.checked_mul(self.per_group)?.checked_mul(height)?.checked_mul(width)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == UnitKind::LayerNorm {
            return write!(f, "{} channels", self.out);
        }
        let Sizes { out, per_group, kernel: [height, width], .. } = self;
        write!(f, "{out}×{per_group}×{height}×{width}")?;
        let pair = |[y, x]: [usize; 2]| if y == x { y.to_string() } else { format!("{y}×{x}") };
        for (what, value) in [("stride", self.stride), ("dilation", self.dilation)] {
            if value != [1, 1] {
                write!(f, ", {what} {}", pair(value))?;
            }
        }
        if self.groups > 1 {
            write!(f, ", {} groups", self.groups)?;
        }
        Ok(())
    }
}

/// A batch norm in evaluation, each `[channels]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// Scale.
    pub weight: Vec<f32>,
    /// Shift.
    pub bias: Vec<f32>,
    /// Running mean.
    pub mean: Vec<f32>,
    /// Running variance.
    pub var: Vec<f32>,
    /// What is added to the variance.
    pub eps: f64,
}

/// The image, in the place of a unit's number.
pub const IMAGE: usize = usize::MAX;

/// The units that a tensor is made of, by the numbers that they have in a list, with nothing but operations without weights
/// between: a group for each part of a concatenation, in its order, and in a group, sorted, the units of sums and products.
/// A constant has none.
pub type Sources = Rc<Vec<Vec<usize>>>;

/// Follows tensors through a network. Both a file's network and a model's graph are followed by it, so that they can be compared.
#[derive(Debug, Default)]
pub struct Tracer {
    kept: usize,
}

impl Tracer {
    /// No network of an honest size has so many connections.
    const MOST: usize = 1 << 20;

    /// Of one unit's output, or the image.
    pub fn of(unit: usize) -> Sources {
        Rc::new(vec![vec![unit]])
    }

    /// Of tensors that are concatenated.
    ///
    /// # Errors
    /// When the connections of all that was followed are too many.
    pub fn joined(&mut self, parts: &[Sources]) -> Result<Sources, ErrorKind> {
        let made = parts.iter().filter(|part| !part.is_empty());
        if let Some(one) = only(made.clone()) {
            return Ok(one);
        }
        let mut seen = HashSet::new();
        let groups: Vec<Vec<usize>> =
            made.flat_map(|part| part.iter()).filter(|group| seen.insert(*group)).cloned().collect();
        self.pay(&groups)?;
        Ok(Rc::new(groups))
    }

    /// Of tensors that an operation such as a sum makes one of.
    ///
    /// # Errors
    /// As [`Tracer::joined`].
    pub fn merged(&mut self, parts: &[Sources]) -> Result<Sources, ErrorKind> {
        let made = parts.iter().filter(|part| !part.is_empty());
        if let Some(one) = only(made.clone()) {
            return Ok(one);
        }
        let mut group: Vec<usize> = made.flat_map(|part| part.iter().flatten().copied()).collect();
        group.sort_unstable();
        group.dedup();
        let groups = if group.is_empty() { vec![] } else { vec![group] };
        self.pay(&groups)?;
        Ok(Rc::new(groups))
    }

    /// For a unit to keep.
    ///
    /// # Errors
    /// As [`Tracer::joined`].
    pub fn keep(&mut self, sources: &Sources) -> Result<Vec<Vec<usize>>, ErrorKind> {
        self.pay(sources)?;
        Ok(sources.to_vec())
    }

    fn pay(&mut self, groups: &[Vec<usize>]) -> Result<(), ErrorKind> {
        self.kept += groups.iter().map(|group| 1 + group.len()).sum::<usize>();
        match self.kept <= Self::MOST {
            true => Ok(()),
            false => Err(ErrorKind::TooLarge("the number of connections between its layers".to_owned())),
        }
    }
}

/// What all of them are, if they are the same.
fn only<'a>(mut parts: impl Iterator<Item = &'a Sources>) -> Option<Sources> {
    let first = parts.next()?;
    parts.all(|part| Rc::ptr_eq(part, first) || part == first).then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_seen_through_and_concatenations_keep_their_order() {
        let mut tracer = Tracer::default();
        let [a, b] = [Tracer::of(0), Tracer::of(1)];
        let none = Rc::new(vec![]);
        let joined = tracer.joined(&[b.clone(), a.clone(), b.clone()]).unwrap();
        assert_eq!(*joined, [[1], [0]]);
        // x · sigmoid(x), and a constant.
        assert_eq!(tracer.merged(&[joined.clone(), joined.clone(), none.clone()]).unwrap(), joined);
        assert_eq!(*tracer.merged(&[joined.clone(), a]).unwrap(), [[0, 1]]);
        assert!(tracer.merged(&[none]).unwrap().is_empty());
        assert!((0..1 << 20).any(|_| tracer.joined(&[joined.clone(), b.clone(), Tracer::of(7)]).is_err()));
    }

    #[test]
    fn sizes_are_written_as_people_do() {
        let conv = Sizes { kernel: [3, 3], stride: [2, 2], ..Sizes::by_channel(UnitKind::Conv, 8) };
        assert_eq!(conv.to_string(), "8×1×3×3, stride 2, 8 groups");
        assert_eq!(conv.values(), Some(72));
        assert_eq!(Sizes { out: usize::MAX, ..conv }.values(), None);
    }
}
