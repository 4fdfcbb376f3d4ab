//! ncnn models: the text `NAME.param` says what there is, `NAME.bin` beside it holds the weights, and `NAME.names`, if it is there,
//! the class names, one a line.

mod acts;
mod bin;
mod layers;
mod param;

use self::param::Layer;
use super::{Checkpoint, Error, ErrorKind, Meta};
use crate::text;
use std::io;
use std::path::Path;

/// What the first line of a `.param` file says.
pub use param::MAGIC;

/// Reads a model from the text and the weights' bytes; paths name them in errors.
///
/// # Errors
/// [`Error`] names the file that is wrong, and the layer.
pub fn read(text: &[u8], bytes: &[u8], param: &Path, bin: &Path) -> Result<Checkpoint, Error> {
    let of_param = |kind| Error::new(param, kind);
    let text = std::str::from_utf8(text).map_err(|error| {
        let line = 1 + text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        of_param(self::param::error(line, "is no text".to_owned()))
    })?;
    let layers = self::param::parse(text).map_err(of_param)?;
    let units = layers::units(&layers, bytes).map_err(|kind| match kind {
        ErrorKind::Truncated { .. } | ErrorKind::LeftOver { .. } => Error::new(bin, kind),
        kind => of_param(kind),
    })?;
    let meta = Meta { imgsz: imgsz(&layers), ..Meta::default() };
    Ok(Checkpoint { units, meta, ..Checkpoint::default() })
}

/// The longest side of the images, where the layer that takes them has sizes.
fn imgsz(layers: &[Layer]) -> Option<usize> {
    let input = layers.iter().find(|layer| layer.kind == "Input")?;
    let sides = [0, 1].map(|id| input.size(id, 0).unwrap_or(0));
    sides.into_iter().max().filter(|_| !sides.contains(&0))
}

/// Adds the class names in the file beside `param`, if there is one. How many they should be is not known here.
fn add_names(mut checkpoint: Checkpoint, param: &Path) -> Checkpoint {
    match text::read(&param.with_extension("names")) {
        Ok(text) => checkpoint.meta.names = Some(text.lines().map(str::to_owned).collect()),
        Err(text::Error::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {}
        Err(error) => checkpoint.notes.push(format!("its class names are left out: {error}")),
    }
    checkpoint
}

/// Reads the model whose text is that of `param`, and whose weights and class names are in the files beside it.
///
/// # Errors
/// As [`read`]'s, and where there is no such file.
pub fn read_beside(text: &[u8], param: &Path) -> Result<Checkpoint, Error> {
    let bin = param.with_extension("bin");
    match std::fs::read(&bin) {
        Ok(bytes) => read(text, &bytes, param, &bin).map(|read| add_names(read, param)),
        Err(_) => {
            let what = "this is the text";
            Err(Error::new(param, ErrorKind::Half { what, missing: bin }))
        }
    }
}

/// Reads the model whose weights are in `bin`, and whose text is in the file beside it.
///
/// # Errors
/// As [`read`]'s, and where there is no such file.
pub fn read_text_beside(bin: &Path) -> Result<Checkpoint, Error> {
    let param = bin.with_extension("param");
    match std::fs::read(&param) {
        Ok(text) => read_beside(&text, &param),
        Err(_) => {
            let what = "these are the weights of an OpenVINO model, which is not read, or";
            Err(Error::new(bin, ErrorKind::Half { what, missing: param }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::exported::{IMAGE, Sizes, UnitKind};
    use proptest::prelude::*;

    const PARAM: &str = "7767517
9 9
Input in0 0 1 in0
Convolution a 1 1 in0 a 0=2 1=1 5=1 6=6
Split s 1 2 a s0 s1
ConvolutionDepthWise b 1 1 s0 b 0=2 1=3 11=1 3=2 5=0 6=6 7=2
Concat c 2 1 b s1 c 0=0
BatchNorm n 1 1 c n 0=4 1=1.000000e-03
MemoryData m 0 1 m 0=3
BinaryOp d 2 1 n m d 0=2
InnerProduct e 1 1 d e 0=1 1=1 2=4
";

    fn bin() -> Vec<u8> {
        let floats = |from: u32, count: u32| (from..from + count).flat_map(|i| (i as f32).to_le_bytes());
        let tag = [0u8; 4];
        let mut bytes = tag.to_vec();
        bytes.extend(floats(0, 8));
        bytes.extend(tag);
        bytes.extend(floats(10, 6));
        bytes.extend(floats(20, 16));
        bytes.extend(floats(40, 3));
        bytes.extend(tag);
        bytes.extend(floats(50, 5));
        bytes
    }

    fn told(param: &str, bin: &[u8]) -> String {
        read(param.as_bytes(), bin, Path::new("a.param"), Path::new("a.bin")).unwrap_err().to_string()
    }

    #[test]
    fn layers_with_weights_are_units() {
        let read = read(PARAM.as_bytes(), &bin(), Path::new("a.param"), Path::new("a.bin")).unwrap();
        let [a, b, n, e] = &read.units[..] else { panic!("{:?}", read.units) };
        assert_eq!(
            (&a.weight[..], a.bias.as_deref()),
            (&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..], Some(&[6.0, 7.0][..]))
        );
        assert_eq!((a.sizes, &a.reads), (Sizes::linear(2, 3), &vec![vec![IMAGE]]));
        let depthwise = Sizes { kernel: [1, 3], stride: [2, 2], ..Sizes::by_channel(UnitKind::Conv, 2) };
        assert_eq!(
            (b.sizes, &b.bias, b.place.as_str()),
            (depthwise, &None, "ConvolutionDepthWise `b` in line 6")
        );
        let norm = n.norm.as_ref().unwrap();
        assert_eq!((norm.weight[0], norm.mean[0], norm.var[0], norm.bias[0]), (20.0, 24.0, 28.0, 32.0));
        assert_eq!((norm.eps, &n.reads), (f64::from(0.001f32), &vec![vec![1], vec![0]]));
        assert_eq!((e.weight[3], e.bias.as_deref(), &e.reads), (53.0, Some(&[54.0][..]), &vec![vec![2]]));
    }

    #[test]
    fn the_size_of_the_images_is_that_of_the_first_layer() {
        let size = |written: &str| {
            let text = PARAM.replace("0 1 in0", &format!("0 1 in0 {written}"));
            read(text.as_bytes(), &bin(), Path::new("a.param"), Path::new("a.bin")).unwrap().meta.imgsz
        };
        assert_eq!(size("0=640 1=448 2=3"), Some(640));
        for none in ["", "0=640", "0=0 1=64 2=3", "0=-1 1=64 2=3", "0=x 1=64"] {
            assert_eq!(size(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_file_line_and_layer() {
        let bin = bin();
        for (param, bytes, want) in [
            (
                PARAM.to_owned(),
                &bin[..bin.len() - 1],
                "a.bin: truncated: the weights of InnerProduct `e` in line 11",
            ),
            (PARAM.to_owned(), &bin[..30], "a.bin: truncated: the weights of Convolution `a` in line 4"),
            (PARAM.to_owned(), &[&bin[..], &[0; 8]].concat(), "a.bin: 8 bytes are left over"),
            (PARAM[..PARAM.len() - 40].to_owned(), &bin, "9 layers are announced, only 8"),
            (
                PARAM.replace("BinaryOp", "Deconvolution"),
                &bin,
                "line 10: `d` is an ncnn layer of type Deconvolution",
            ),
            (PARAM.replace("d 2 1 n m", "d 2 1 n q"), &bin, "line 10: layer `d` reads `q`, which no layer"),
            (
                PARAM.replace("6=6 7=2", "6=6 7=2 8=1"),
                &bin,
                "ConvolutionDepthWise `b` in line 6 has weights of 8 bits",
            ),
            (PARAM.replace("6=6 7=2", "6=6 7=0"), &bin, "line 6: 2 outputs do not split into 0 groups"),
            (PARAM.replace("5=1 6=6", "5=1 6=7"), &bin, "line 4: layer `a`: 7 weights do not fit its sizes"),
            (PARAM.replace("0=2 1=1 5=1", "0=0 1=1 5=1"), &bin, "do not fit its sizes"),
            (PARAM.replace("BinaryOp", "Quantize"), &bin, "Quantize `d` in line 10 has weights of 8 bits"),
        ] {
            let told = told(&param, bytes);
            assert!(told.contains(want), "{want}: {told}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            words in proptest::collection::vec("[0-9=,-]{1,12}", 0..3),
            cut in any::<prop::sample::Index>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut param = PARAM.as_bytes().to_vec();
            for (at, value) in edits {
                let at = at.index(param.len());
                param[at] = value;
            }
            let place = cut.index(param.len());
            param.splice(place..place, format!(" {} ", words.join(" ")).bytes());
            let (text, bin) = (Path::new("a.param"), Path::new("a.bin"));
            for bytes in [&bytes, &self::bin()] {
                if let Ok(read) = read(&param, bytes, text, bin) {
                    assert!(read.units.iter().all(|unit| {
                        unit.sizes.kind == UnitKind::LayerNorm || unit.sizes.values() == Some(unit.weight.len())
                    }));
                }
            }
        }
    }
}
