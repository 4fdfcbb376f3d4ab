//! An annotation in Pascal VOC's XML as many tools write it: what its elements hold, word by word.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::text;

/// Elements within elements; real files have four.
const MAX_DEPTH: usize = 64;

/// What an XML file says of an image: nothing where an element is not there.
#[derive(Debug, Default, PartialEq)]
pub struct Annotation {
    /// Width and height.
    pub size: [Option<String>; 2],
    pub objects: Vec<Object>,
}

/// An object as written.
#[derive(Debug, Default, PartialEq)]
pub struct Object {
    pub name: Option<String>,
    pub difficult: Option<String>,
    /// Left, top, right and bottom of `<bndbox>`.
    pub corners: [Option<String>; 4],
    /// Coordinates in turn, of `<polygon>`: LabelMe's `<pt>`, or `<x1>`, `<y1>`, `<x2>`, ….
    pub polygon: Vec<String>,
    /// Centre, width, height and angle of roLabelImg's `<robndbox>`.
    pub turned: [Option<String>; 5],
    /// Elements that stand for a shape which is none of these.
    pub others: Vec<String>,
}

impl Annotation {
    /// Reads the bytes of a file, in the encoding that it declares.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let declared = declared(bytes);
        let text = text::decode(bytes, declared.as_deref()).map_err(|fault| match &declared {
            Some(declared) => format!("declares the encoding {declared}, but {fault}"),
            None => fault.to_string(),
        })?;
        parse(&text)
    }

    /// Takes in the text of the element at `path`. As ElementTree's `find`, the first of a name counts, and
    /// the parts of a body, which have boxes of their own, lie too deep.
    fn take(&mut self, path: &[String], text: &str) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let set = |place: &mut Option<String>| {
            place.get_or_insert_with(|| text.trim().to_owned());
        };
        match names[..] {
            [_, "size", "width"] => set(&mut self.size[0]),
            [_, "size", "height"] => set(&mut self.size[1]),
            _ => {}
        }
        let Some(depth) = names.iter().rposition(|name| *name == "object") else { return };
        let Some(object) = self.objects.last_mut() else { return };
        match names[depth + 1..] {
            ["name"] => set(&mut object.name),
            ["difficult"] => set(&mut object.difficult),
            ["bndbox", "xmin"] => set(&mut object.corners[0]),
            ["bndbox", "ymin"] => set(&mut object.corners[1]),
            ["bndbox", "xmax"] => set(&mut object.corners[2]),
            ["bndbox", "ymax"] => set(&mut object.corners[3]),
            ["robndbox", "cx"] => set(&mut object.turned[0]),
            ["robndbox", "cy"] => set(&mut object.turned[1]),
            ["robndbox", "w"] => set(&mut object.turned[2]),
            ["robndbox", "h"] => set(&mut object.turned[3]),
            ["robndbox", "angle"] => set(&mut object.turned[4]),
            ["polygon", "pt", "x" | "y"] => object.polygon.push(text.trim().to_owned()),
            ["polygon", axis] if is_numbered_axis(axis) => object.polygon.push(text.trim().to_owned()),
            [shape @ ("segm" | "mask" | "points" | "ellipse" | "line")] => object.others.push(shape.into()),
            _ => {}
        }
    }
}

/// `x1`, `y1`, `x2`, …
fn is_numbered_axis(name: &str) -> bool {
    let number = name.strip_prefix(['x', 'y']).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The encoding that the XML declaration names. It stands in ASCII, but in UTF-16, which shows without it.
fn declared(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let end = bytes.iter().position(|byte| *byte == b'>')?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let after = head.trim_start().strip_prefix("<?xml")?.split_once("encoding")?.1;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    value[1..].split_once(quote).map(|(name, _)| name.trim().to_owned())
}

/// Reads an annotation. Entities beyond XML's own five are not resolved, so none can grow.
fn parse(text: &str) -> Result<Annotation, String> {
    let mut reader = Reader::from_str(text.trim_start());
    let mut annotation = Annotation::default();
    let mut path: Vec<String> = Vec::new();
    let mut root = None;
    let mut content = String::new();
    let name = |start: &BytesStart<'_>| start.local_name().as_ref().to_ascii_lowercase();
    loop {
        let at = reader.buffer_position();
        let broken = |cause: &dyn std::fmt::Display| {
            let before = text.get(..at as usize).unwrap_or(text);
            format!("line {}: not XML: {cause}", 1 + before.matches('\n').count())
        };
        match reader.read_event().map_err(|cause| broken(&cause))? {
            Event::Start(start) => {
                let name = name(&start);
                if name == "object" {
                    annotation.objects.push(Object::default());
                }
                root.get_or_insert_with(|| name.clone());
                path.push(name);
                if path.len() > MAX_DEPTH {
                    return Err(format!("more than {MAX_DEPTH} elements within each other"));
                }
                content.clear();
            }
            Event::Empty(start) => {
                let name = name(&start);
                if name == "object" {
                    annotation.objects.push(Object::default());
                }
                root.get_or_insert_with(|| name.clone());
                path.push(name);
                annotation.take(&path, "");
                path.pop();
            }
            Event::End(_) => {
                annotation.take(&path, &content);
                content.clear();
                path.pop();
            }
            Event::Text(text) => content.push_str(&text),
            Event::CData(text) => content.push_str(&text),
            Event::GeneralRef(entity) => {
                let name: &str = &entity;
                let plain = quick_xml::escape::resolve_predefined_entity(name);
                match (entity.resolve_char_ref(), plain) {
                    (Ok(Some(letter)), _) => content.push(letter),
                    (_, Some(plain)) => content.push_str(plain),
                    _ => return Err(broken(&format_args!("unknown entity &{name};"))),
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match (path.last(), root) {
        (Some(open), _) => Err(format!("not XML: <{open}> is never closed")),
        (None, None) => Err("is empty, with no XML in it".into()),
        (None, Some(root)) if root != "annotation" && annotation.objects.is_empty() => {
            Err(format!("its first element is <{root}>, not <annotation>: export it as Pascal VOC"))
        }
        (None, Some(_)) => Ok(annotation),
    }
}

/// A number with a decimal point or comma. `12,345` is one thing here and another there: where 12345 is more than `most`, it
/// is 12.345, else there is no telling.
pub fn number(text: &str, most: f64) -> Result<f64, String> {
    let pointed = text.replacen(',', ".", 1);
    let number = pointed.parse().ok().filter(|number: &f64| number.is_finite());
    let Some(number) = number else {
        return Err(match text.is_empty() {
            true => "a coordinate is empty".into(),
            false => format!("a coordinate is '{text}', not a number"),
        });
    };
    let grouped = text
        .split_once(',')
        .is_some_and(|(before, after)| after.len() == 3 && !before.trim_start_matches('-').starts_with('0'));
    if grouped && number.abs() * 1000.0 <= most {
        return Err(format!("a coordinate is '{text}', which may be {number} or {}", text.replace(',', "")));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_comma_is_a_point_where_it_can_be_nothing_else() {
        for (text, most, expected) in [
            ("12.5", 4000.0, Some(12.5)),
            ("12,5", 4000.0, Some(12.5)),
            ("0,125", 4000.0, Some(0.125)),
            ("1,2500", 4000.0, Some(1.25)),
            ("1,250", 640.0, Some(1.25)),
            ("1,250", 4000.0, None),
            ("1,2,5", 640.0, None),
            ("1.2,5", 640.0, None),
            ("inf", 640.0, None),
            ("", 640.0, None),
        ] {
            assert_eq!(number(text, most).ok(), expected, "{text}");
        }
        assert_eq!(number("1,250", 4000.0), Err("a coordinate is '1,250', which may be 1.25 or 1250".into()));
    }
}
