//! Models that look like YOLOv5's and are not: told by blocks that only they have.

use super::{Error, Spec};
use crate::plugin::{DETECT, Registry};

/// A family, and blocks of which it alone has one.
const FAMILIES: [(&str, &[&str]); 6] = [
    ("YOLOv7's", &["IDetect", "IAuxDetect", "IBin", "IKeypoint", "SPPCSPC", "RepConv", "ReOrg"]),
    ("YOLOv9's", &["DDetect", "DualDDetect", "TripleDDetect", "RepNCSPELAN4", "SPPELAN", "CBLinear"]),
    ("YOLOv10's", &["v10Detect", "SCDown"]),
    ("YOLOv8's or later", &["C2f", "C3k2", "C2PSA", "OBB", "Pose", "RTDETRDecoder"]),
    ("YOLOR's", &["ImplicitA", "CBFuse", "DownC", "BottleneckCSPF"]),
    ("a segmentation model's", &["Segment"]),
];

/// Fails for the model of a file if it is another family's and `registry` has no blocks of that name.
pub(super) fn check_family(spec: &Spec, registry: &Registry) -> Result<(), Error> {
    let mut unknown: Vec<&str> = spec.rows.iter().map(|row| row.module.as_str()).collect();
    unknown.retain(|name| *name != DETECT && registry.get(name).is_none());
    unknown.sort_unstable();
    unknown.dedup();
    let family = FAMILIES.iter().find(|(_, blocks)| unknown.iter().any(|name| blocks.contains(name)));
    family.map_or(Ok(()), |(family, _)| {
        let why = format!(
            "is {family}, with blocks that YOLOv5 does not have: {}; give weights of YOLOv5, or add the blocks by a plugin",
            unknown.join(", ")
        );
        Err(Error::Spec { file: spec.file.clone(), why })
    })
}
