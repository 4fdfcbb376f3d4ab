//! A small dataset drawn by a program, for training where no photographs are: discs, squares and triangles, each
//! of its own colour, on noise, in Pascal VOC's form.

use std::fmt::Write;
use std::path::Path;
use yolo_host::image::Image;
use yolo_host::random::Stream;

/// The classes.
pub const NAMES: [&str; 3] = ["disc", "square", "triangle"];

const COLOURS: [[f64; 3]; 3] = [[220.0, 60.0, 50.0], [50.0, 200.0, 80.0], [60.0, 90.0, 230.0]];

/// A shape within its box: centre x, centre y and half a side, in pixels.
struct Shape {
    class: usize,
    at: [f64; 3],
}

impl Shape {
    /// Whether a point is inside.
    fn covers(&self, x: f64, y: f64) -> bool {
        let [centre_x, centre_y, half] = self.at;
        let (x, y) = ((x - centre_x) / half, (y - centre_y) / half);
        match self.class {
            0 => x * x + y * y <= 1.0,
            1 => x.abs() <= 1.0 && y.abs() <= 1.0,
            _ => y.abs() <= 1.0 && x.abs() <= (y + 1.0) / 2.0,
        }
    }

    fn overlaps(&self, other: &Shape) -> bool {
        let room = self.at[2] + other.at[2] + 2.0;
        (self.at[0] - other.at[0]).abs() < room && (self.at[1] - other.at[1]).abs() < room
    }
}

/// Draws `train` and `val` images of 96 to 128 pixels a side, one to four shapes each, and their lists. Equal
/// arguments give equal files.
pub fn draw(folder: &Path, seed: u64, train: usize, val: usize) {
    for name in ["JPEGImages", "Annotations", "ImageSets/Main"] {
        std::fs::create_dir_all(folder.join(name)).expect("a folder");
    }
    for (part, (name, count)) in [("train", train), ("val", val)].into_iter().enumerate() {
        let mut list = String::new();
        for index in 0..count {
            let id = format!("{name}{index:04}");
            let mut stream = Stream::counted("shapes", &[seed, part as u64, index as u64]);
            let (image, shapes) = scene(&mut stream);
            image.write(folder.join(format!("JPEGImages/{id}.png"))).expect("an image");
            std::fs::write(folder.join(format!("Annotations/{id}.xml")), annotation(&image, &shapes))
                .expect("an annotation");
            writeln!(list, "{id}").expect("a string takes it");
        }
        std::fs::write(folder.join(format!("ImageSets/Main/{name}.txt")), list).expect("a list");
    }
}

fn scene(stream: &mut Stream) -> (Image, Vec<Shape>) {
    let (width, height) = (96 + stream.below(33), 96 + stream.below(33));
    let mut shapes: Vec<Shape> = Vec::new();
    for _ in 0..1 + stream.below(4) {
        let half = stream.between(9.0, 22.0);
        let x = stream.between(half + 1.0, width as f64 - half - 1.0);
        let y = stream.between(half + 1.0, height as f64 - half - 1.0);
        let shape = Shape { class: stream.below(3), at: [x, y, half] };
        // What does not fit beside the others is left out.
        if !shapes.iter().any(|other| other.overlaps(&shape)) {
            shapes.push(shape);
        }
    }
    let mut rgb = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let shape = shapes.iter().find(|shape| shape.covers(x as f64 + 0.5, y as f64 + 0.5));
            let colour = shape.map_or([110.0; 3], |shape| COLOURS[shape.class]);
            let noise = if shape.is_some() { 25.0 } else { 80.0 };
            rgb.extend(colour.map(|level| (level + stream.between(-noise, noise)).clamp(0.0, 255.0) as u8));
        }
    }
    (Image { width, height, rgb }, shapes)
}

fn annotation(image: &Image, shapes: &[Shape]) -> String {
    let (width, height) = (image.width, image.height);
    let mut xml = format!("<annotation>\n<size><width>{width}</width><height>{height}</height></size>\n");
    for Shape { class, at: [x, y, half] } in shapes {
        // VOC counts pixels from 1.
        let [left, top, right, bottom] = [x - half, y - half, x + half, y + half].map(|at| at.round() + 1.0);
        let name = NAMES[*class];
        writeln!(
            xml,
            "<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>\
             <xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        )
        .expect("a string takes it");
    }
    xml + "</annotation>\n"
}
