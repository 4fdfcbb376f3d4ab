//! The two thresholds of detect and val; each command has defaults of its own.

use super::check_share;

/// From which confidence on a box counts, and which of two that overlap goes.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ThresholdArgs {
    /// Minimum confidence of a detection
    #[arg(long, visible_alias = "conf", value_name = "SHARE", help_heading = "Detections")]
    pub conf_thres: f32,
    /// IoU threshold of suppression: of two boxes that overlap more, the weaker is dropped
    #[arg(long, visible_alias = "iou", value_name = "SHARE", help_heading = "Detections")]
    pub iou_thres: f64,
}

impl ThresholdArgs {
    /// Fails if one of them is no share.
    pub fn check(&self) -> anyhow::Result<()> {
        check_share("--conf-thres", self.conf_thres)?;
        check_share("--iou-thres", self.iou_thres)
    }
}
