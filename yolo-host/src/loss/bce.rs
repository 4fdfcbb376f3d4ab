//! Binary cross-entropy on logits, with a weight for positives and the focal factor, and its derivative.

/// Share of the positives in the focal loss; upstream never changes it.
const FOCAL_ALPHA: f64 = 0.25;

/// The loss of one logit against a soft target: `nn.BCEWithLogitsLoss(pos_weight)`, in a `FocalLoss` where `gamma` is
/// not 0 (v6.1 `utils/loss.py`; arXiv:1708.02002).
#[derive(Clone, Copy, Debug)]
pub(super) struct Criterion {
    /// Weight of the positive part.
    pub pos_weight: f64,
    /// Exponent of the focal factor; 0 for none.
    pub gamma: f64,
}

impl Criterion {
    /// The loss and its derivative by `logit`, for a target of 0 to 1. Finite for every logit whose loss is.
    #[inline]
    pub fn at(&self, logit: f64, target: f64) -> (f64, f64) {
        // No exponential of a positive number: nothing overflows, and both probabilities keep their digits.
        let small = (-logit.abs()).exp();
        let (rare, common) = (small / (1.0 + small), 1.0 / (1.0 + small));
        let (yes, no) = if logit >= 0.0 { (common, rare) } else { (rare, common) };
        let tail = small.ln_1p();
        let (if_yes, if_no) = ((-logit).max(0.0) + tail, logit.max(0.0) + tail);
        let weight = self.pos_weight * target;
        let loss = weight * if_yes + (1.0 - target) * if_no;
        let slope = (1.0 - target) * yes - weight * no;
        if self.gamma > 0.0 { self.focus(target, [yes, no], [loss, slope]) } else { (loss, slope) }
    }

    /// Times `alpha · miss^gamma`, where `miss` is how far the probability is from the target's class.
    fn focus(&self, target: f64, [yes, no]: [f64; 2], [loss, slope]: [f64; 2]) -> (f64, f64) {
        let alpha = target * FOCAL_ALPHA + (1.0 - target) * (1.0 - FOCAL_ALPHA);
        let miss = target * no + (1.0 - target) * yes;
        if miss == 0.0 {
            return (0.0, 0.0);
        }
        let factor = alpha * miss.powf(self.gamma);
        // d miss / d logit = (1 - 2 target) · yes · no; divided by miss first, which may be tiny.
        let growth = self.gamma * (1.0 - 2.0 * target) * (yes * no / miss);
        (factor * loss, factor * (slope + growth * loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criteria() -> impl Iterator<Item = Criterion> {
        let gammas = [0.0, 0.5, 1.5, 2.0];
        gammas.into_iter().flat_map(|gamma| [0.5, 1.0, 3.0].map(|pos_weight| Criterion { pos_weight, gamma }))
    }

    #[test]
    fn derivatives_are_those_of_central_differences() {
        for criterion in criteria() {
            for logit in [-30.0, -3.0, -0.7, -1e-3, 0.4, 5.0, 30.0] {
                for target in [0.0, 0.05, 0.5, 0.9, 1.0] {
                    let step = 1e-5;
                    let [up, down] = [step, -step].map(|step| criterion.at(logit + step, target).0);
                    let (difference, slope) = ((up - down) / (2.0 * step), criterion.at(logit, target).1);
                    let near = (difference - slope).abs() < 1e-8 * (1.0 + slope.abs());
                    assert!(
                        near,
                        "{criterion:?} at {logit}, {target}: {slope}, differences say {difference}"
                    );
                }
            }
        }
    }

    #[test]
    fn far_logits_are_finite() {
        for criterion in criteria() {
            for logit in [-1e300, -800.0, -740.0, -200.0, 200.0, 740.0, 800.0, 1e300] {
                for target in [0.0, 0.3, 1.0] {
                    let (loss, slope) = criterion.at(logit, target);
                    assert!(loss.is_finite() && loss >= 0.0 && slope.is_finite(), "{criterion:?} at {logit}");
                }
            }
        }
        let plain = Criterion { pos_weight: 1.0, gamma: 0.0 };
        assert_eq!(plain.at(200.0, 0.0), (200.0, 1.0));
        assert_eq!(plain.at(-200.0, 1.0), (200.0, -1.0));
        assert_eq!(plain.at(0.0, 1.0), (std::f64::consts::LN_2, -0.5));
    }
}
