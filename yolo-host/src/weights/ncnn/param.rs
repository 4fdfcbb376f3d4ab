//! The text of an ncnn `.param` file: a layer a line, its blobs, and numbered parameters (`paramdict.cpp` of
//! <https://github.com/Tencent/ncnn>).

use crate::weights::ErrorKind;
use crate::weights::error::of_pnnx;
use std::collections::BTreeMap;

/// The first line of every `.param` file.
pub const MAGIC: &str = "7767517";

/// No file is longer, and none has more layers.
const MAX_BYTES: usize = 4 << 20;
const MAX_LAYERS: usize = 100_000;

/// Parameters are numbered below it (`NCNN_MAX_PARAM_COUNT`); arrays once had 23300 added and the sign changed.
const MAX_PARAMS: i64 = 32;
const ARRAY: i64 = -23_300;

/// No size or count is larger.
const MAX_SIZE: i64 = 1 << 30;

/// A layer as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer<'a> {
    /// Its line, from 1.
    pub line: usize,
    /// Its type.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Names of the blobs that it reads.
    pub inputs: Vec<&'a str>,
    /// Names of the blobs that it makes.
    pub outputs: Vec<&'a str>,
    /// Parameters by number, as written.
    params: BTreeMap<i64, &'a str>,
}

impl Layer<'_> {
    /// What a message calls it.
    pub fn place(&self) -> String {
        format!("{} `{}` in line {}", self.kind.escape_debug(), self.name.escape_debug(), self.line)
    }

    /// A whole parameter that may be negative.
    ///
    /// # Errors
    /// When it is no whole number.
    pub fn int(&self, id: i64, otherwise: i64) -> Result<i64, ErrorKind> {
        let Some(text) = self.params.get(&id) else { return Ok(otherwise) };
        let bad = || error(self.line, format!("`{id}={}` is no whole number", text.escape_debug()));
        text.parse().map_err(|_| bad())
    }

    /// A size or count.
    ///
    /// # Errors
    /// When it is none, or absurdly large.
    pub fn size(&self, id: i64, otherwise: usize) -> Result<usize, ErrorKind> {
        if !self.params.contains_key(&id) {
            return Ok(otherwise);
        }
        let value = self.int(id, 0)?;
        match (0..=MAX_SIZE).contains(&value) {
            true => Ok(value as usize),
            false => Err(error(self.line, format!("`{id}={value}` is no size"))),
        }
    }

    /// The numbers of an array, without what is none.
    pub fn floats(&self, id: i64) -> Vec<f64> {
        let values = self.params.get(&id).copied().unwrap_or_default().split(',');
        values.filter_map(|value| value.parse().ok()).collect()
    }

    /// A number with a fraction.
    ///
    /// # Errors
    /// When it is no number.
    pub fn float(&self, id: i64, otherwise: f64) -> Result<f64, ErrorKind> {
        let Some(text) = self.params.get(&id) else { return Ok(otherwise) };
        let number: Option<f32> = text.parse().ok().filter(|number: &f32| number.is_finite());
        let bad = || error(self.line, format!("`{id}={}` is no number", text.escape_debug()));
        number.map(f64::from).ok_or_else(bad)
    }
}

/// Reads all layers.
///
/// # Errors
/// The first line that is not as it should be, or that there are fewer or more than the file announces.
pub fn parse(text: &str) -> Result<Vec<Layer<'_>>, ErrorKind> {
    if text.len() > MAX_BYTES {
        return Err(ErrorKind::TooLarge(format!("a .param file of {} bytes", text.len())));
    }
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let mut lines = lines.map(|(i, line)| (i + 1, line.trim())).filter(|(_, line)| !line.is_empty());
    let (line, magic) = lines.next().unwrap_or((1, ""));
    if magic != MAGIC {
        let magic: String = magic.chars().take(20).collect();
        return Err(error(line, format!("`{}` stands in the place of {MAGIC}", magic.escape_debug())));
    }
    let (line, counts) = lines.next().unwrap_or((line + 1, ""));
    let announced = match counts.split_whitespace().collect::<Vec<_>>().as_slice() {
        [layers, blobs] => layers.parse::<usize>().ok().zip(blobs.parse::<usize>().ok()),
        _ => None,
    };
    let Some((announced, _)) = announced.filter(|(layers, _)| (1..=MAX_LAYERS).contains(layers)) else {
        return Err(error(line, "the numbers of layers and blobs should stand here".to_owned()));
    };
    let mut layers = Vec::new();
    for (line, text) in lines {
        if layers.len() == announced {
            return Err(error(line, format!("{announced} layers are announced, and here is one more")));
        }
        if text.starts_with("pnnx.") {
            return Err(of_pnnx());
        }
        layers.push(layer(line, text)?);
    }
    if layers.len() < announced {
        let (need, have) = (announced as u64, layers.len() as u64);
        return Err(ErrorKind::Layers { need, have });
    }
    Ok(layers)
}

/// `Convolution conv_0 1 1 in0 1 0=16 1=6`
fn layer(line: usize, text: &str) -> Result<Layer<'_>, ErrorKind> {
    let mut words = text.split_whitespace();
    let (kind, name) = (words.next().unwrap_or_default(), words.next());
    let mut count = || words.next().and_then(|word| word.parse::<usize>().ok());
    let (Some(name), Some(ins), Some(outs)) = (name, count(), count()) else {
        let what = "a layer's type, name, and numbers of inputs and outputs should stand here";
        return Err(error(line, what.to_owned()));
    };
    let mut blobs = |count: usize| -> Result<Vec<&str>, ErrorKind> {
        let blobs: Vec<&str> = words.by_ref().take(count).collect();
        let named = blobs.len() == count && !blobs.iter().any(|blob| blob.contains('='));
        named.then_some(blobs).ok_or_else(|| {
            error(line, format!("layer `{}` has fewer blobs than it says", name.escape_debug()))
        })
    };
    let (inputs, outputs) = (blobs(ins)?, blobs(outs)?);
    let mut params = BTreeMap::new();
    for word in words {
        let pair = word.split_once('=').and_then(|(id, value)| Some((id.parse::<i64>().ok()?, value)));
        // Arrays of that kind begin with their length.
        let pair = pair.map(|(id, value)| match id <= ARRAY {
            true => (ARRAY - id, value.split_once(',').map_or("", |(_, values)| values)),
            false => (id, value),
        });
        let empty = word.ends_with('=');
        match pair.filter(|(id, _)| (0..MAX_PARAMS).contains(id) && !empty) {
            Some((id, value)) => _ = params.insert(id, value),
            None => {
                let word: String = word.chars().take(40).collect();
                return Err(error(line, format!("`{}` is no parameter `number=value`", word.escape_debug())));
            }
        }
    }
    Ok(Layer { line, kind, name, inputs, outputs, params })
}

/// What is wrong with a line.
pub fn error(line: usize, what: String) -> ErrorKind {
    ErrorKind::Param { line, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "7767517\n2 2\nInput  in0  0 1 in0\nClip c 1 1 in0 1 0=-1 1=6.5e0 -23303=2,1,2\n";

    #[test]
    fn layers_have_blobs_and_parameters() {
        let layers = parse(TWO).unwrap();
        assert_eq!((layers[0].kind, layers[0].line, layers[1].line), ("Input", 3, 4));
        assert_eq!((&layers[1].inputs[..], &layers[1].outputs[..]), (&["in0"][..], &["1"][..]));
        let clip = &layers[1];
        assert_eq!(
            (clip.int(0, 7).unwrap(), clip.float(1, 0.0).unwrap(), clip.size(2, 9).unwrap()),
            (-1, 6.5, 9)
        );
        assert_eq!((clip.params[&3], clip.floats(3)), ("1,2", vec![1.0, 2.0]));
        assert!(clip.size(0, 0).unwrap_err().to_string().contains("line 4: `0=-1` is no size"));
        assert!(clip.int(1, 0).unwrap_err().to_string().contains("no whole number"));
        assert_eq!(clip.place(), "Clip `c` in line 4");
        // Windows' line ends, and a byte order mark.
        assert_eq!(parse(&format!("\u{feff}{}", TWO.replace('\n', "\r\n"))).unwrap(), layers);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let cases = [
            (TWO.replace("7767517", "85"), "line 1: `85` stands in the place of 7767517"),
            (String::new(), "line 1"),
            (TWO.replace("\n2 2", "\n2"), "line 2: the numbers of layers and blobs"),
            (TWO.replace("\n2 2", "\n0 0"), "line 2: the numbers"),
            (TWO.replace("\n2 2", "\n999999999 2"), "line 2: the numbers"),
            (TWO.replace("\n2 2", "\n3 2"), "3 layers are announced, only 2 are there"),
            (TWO.replace("\n2 2", "\n1 2"), "line 4: 1 layers are announced"),
            (TWO.replace("c 1 1", "c 1"), "line 4: a layer's type, name"),
            (TWO.replace("c 1 1", "c 9 1"), "line 4: layer `c` has fewer blobs than it says"),
            (TWO.replace("c 1 1", "c 18446744073709551615 1"), "line 4: layer `c` has fewer"),
            (TWO.replace("0=-1", "0="), "line 4: `0=` is no parameter"),
            (TWO.replace("0=-1", "77=1"), "line 4: `77=1` is no parameter"),
            (
                TWO.replace("Clip c 1 1 in0 1 0=-1", "pnnx.Output a 1 0 in0 #in0=(1,3)f32"),
                "a graph of pnnx's own; give",
            ),
            (TWO.replace("0=-1", "?"), "line 4: `?` is no parameter"),
        ];
        for (text, want) in cases {
            let got = parse(&text).unwrap_err().to_string();
            assert!(got.contains(want), "{text}: {got}");
        }
    }
}
