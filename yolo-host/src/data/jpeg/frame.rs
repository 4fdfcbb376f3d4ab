//! The picture of a JPEG as it is stored: colours, each as blocks of 8x8 coefficients.

/// The picture.
pub(super) struct Frame {
    pub width: usize,
    pub height: usize,
    pub progressive: bool,
    pub components: Vec<Component>,
}

/// One colour of the picture, perhaps in fewer samples than the picture has pixels.
pub(super) struct Component {
    pub id: u8,
    /// Blocks across and down in each unit of an interleaved scan.
    pub unit: (usize, usize),
    /// Pixels to a sample, across and down.
    pub step: (usize, usize),
    /// Samples across and down.
    pub size: (usize, usize),
    /// Blocks across in `blocks`, which holds whole units only.
    pub pitch: usize,
    /// Which quantisation table the file chose.
    pub table: usize,
    /// That table, as it was when the first scan began.
    pub quantisation: Option<[u16; 64]>,
    /// Coefficients in rows of 8, from low to high frequencies.
    pub blocks: Vec<[i16; 64]>,
}

impl Frame {
    /// Reads the body of a start-of-frame segment.
    pub fn new(segment: &[u8], progressive: bool) -> Option<Self> {
        let [8, h1, h0, w1, w0, count, rest @ ..] = segment else {
            return None;
        };
        let (width, height) = (
            usize::from(u16::from_be_bytes([*w1, *w0])),
            usize::from(u16::from_be_bytes([*h1, *h0])),
        );
        let listed = rest.as_chunks::<3>().0;
        if width == 0 || height == 0 || listed.len() != usize::from(*count) || !matches!(count, 1 | 3) {
            return None;
        }
        let unit = |sampling: u8| (usize::from(sampling >> 4), usize::from(sampling & 15));
        // The units of a single colour are single blocks, whatever is written there.
        let units: Vec<_> = listed
            .iter()
            .map(|&[_, sampling, _]| if *count == 1 { (1, 1) } else { unit(sampling) })
            .collect();
        let most = units
            .iter()
            .fold((1, 1), |most, unit| (unit.0.max(most.0), unit.1.max(most.1)));
        let across = width.div_ceil(8 * most.0);
        let down = height.div_ceil(8 * most.1);

        let component = |(&[id, _, table], unit): (&[u8; 3], (usize, usize))| {
            let step = (most.0.checked_div(unit.0)?, most.1.checked_div(unit.1)?);
            if (step.0 * unit.0, step.1 * unit.1) != most || step.0 > 2 || step.1 > 2 || most.0 * most.1 > 4 {
                return None;
            }
            Some(Component {
                id,
                unit,
                step,
                size: (width.div_ceil(step.0), height.div_ceil(step.1)),
                pitch: across * unit.0,
                table: usize::from(table),
                quantisation: None,
                blocks: vec![[0; 64]; across * unit.0 * down * unit.1],
            })
        };
        let components = listed.iter().zip(units).map(component).collect::<Option<_>>()?;
        Some(Self {
            width,
            height,
            progressive,
            components,
        })
    }

    /// Units of an interleaved scan, across and down.
    pub fn units(&self) -> (usize, usize) {
        let first = &self.components[0];
        (
            first.pitch / first.unit.0,
            first.blocks.len() / first.pitch / first.unit.1,
        )
    }
}
