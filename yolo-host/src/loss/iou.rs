//! How alike two boxes are, in the four ways that YOLOv5 knows, with the derivatives by the predicted one.

use super::dual::Dual;

/// Keeps quotients finite (v6.1 `bbox_iou`).
const EPS: f64 = 1e-7;

/// What the box loss is one minus of. v6.1 `ComputeLoss` takes [`IouKind::Ciou`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IouKind {
    /// Intersection over union.
    Iou,
    /// Less the share of the hull outside the union (arXiv:1902.09630).
    Giou,
    /// IoU less the distance of the centres by the hull's diagonal, both squared (arXiv:1911.08287).
    Diou,
    /// DIoU less a term for the aspect ratio (arXiv:1911.08287).
    #[default]
    Ciou,
}

impl IouKind {
    /// Likeness of two boxes `[x, y, w, h]` (centre and size, any unit), and its derivatives by `prediction`'s values.
    ///
    /// As v6.1 `bbox_iou` and its autograd: CIoU's weight `alpha` is a constant to the derivatives, a tie in a minimum
    /// or maximum shares them, and 1e-7 is added to heights but not to widths. Finite for finite boxes whose squares
    /// are.
    pub fn compare(self, prediction: [f64; 4], target: [f64; 4]) -> (f64, [f64; 4]) {
        let Dual { value, slopes } = self.likeness(Dual::variables(prediction), target.map(Dual::constant));
        (value, slopes)
    }

    fn likeness(self, prediction: [Dual; 4], target: [Dual; 4]) -> Dual {
        let [[left, top, right, bottom], [left2, top2, right2, bottom2]] = [prediction, target].map(corners);
        let inter =
            (right.min(right2) - left.max(left2)).clamped() * (bottom.min(bottom2) - top.max(top2)).clamped();
        let (w, h) = (right - left, bottom - top + EPS);
        let (w2, h2) = (right2 - left2, bottom2 - top2 + EPS);
        let union = w * h + w2 * h2 - inter + EPS;
        let iou = inter / union;
        if self == IouKind::Iou {
            return iou;
        }
        let hull_w = right.max(right2) - left.min(left2);
        let hull_h = bottom.max(bottom2) - top.min(top2);
        if self == IouKind::Giou {
            let hull = hull_w * hull_h + EPS;
            return iou - (hull - union) / hull;
        }
        let diagonal = hull_w.squared() + hull_h.squared() + EPS;
        let twice = [left2 + right2 - left - right, top2 + bottom2 - top - bottom];
        let distance = (twice[0].squared() + twice[1].squared()) * 0.25;
        let diou = iou - distance / diagonal;
        if self == IouKind::Diou {
            return diou;
        }
        let aspect = ((w2 / h2).atan() - (w / h).atan()).squared() * (4.0 / std::f64::consts::PI.powi(2));
        let alpha = (aspect / (aspect - iou + (1.0 + EPS))).detached();
        diou - aspect * alpha
    }
}

/// Left, top, right and bottom.
fn corners([x, y, w, h]: [Dual; 4]) -> [Dual; 4] {
    [x - w * 0.5, y - h * 0.5, x + w * 0.5, y + h * 0.5]
}
