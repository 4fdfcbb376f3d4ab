//! An SVG image, element by element. It has a background of its own, so that it can be read on a dark page.

use std::fmt::Write as _;

/// Ink of text, and of what matters less.
pub const INK: &str = "#1f2328";
pub const FAINT: &str = "#656d76";

/// Where a text's position lies in it.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// An image that grows.
pub struct Svg {
    width: u32,
    height: u32,
    body: String,
}

impl Svg {
    /// An empty image of a size in pixels.
    pub fn new(width: u32, height: u32) -> Self {
        Svg { width, height, body: String::new() }
    }

    /// A rectangle with round corners; `stroke` is the colour of its outline.
    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str, stroke: Option<&str>) {
        let stroke = stroke.map_or(String::new(), |colour| format!(" stroke=\"{colour}\""));
        self.line(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\" fill=\"{fill}\"{stroke}/>"
        ));
    }

    /// A line along a path, as SVG writes one; `more` are further attributes.
    pub fn path(&mut self, path: &str, stroke: &str, more: &str) {
        self.line(&format!("<path d=\"{path}\" fill=\"none\" stroke=\"{stroke}\"{more}/>"));
    }

    /// A line that ends in an arrow.
    pub fn arrow(&mut self, path: &str) {
        self.path(path, FAINT, " stroke-width=\"1.5\" marker-end=\"url(#head)\"");
    }

    /// Text on the line at `y`, of a height in pixels; `more` are further attributes.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, size: u32, anchor: Anchor, more: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.line(&format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{INK}\"{more}>{text}</text>"
        ));
    }

    fn line(&mut self, element: &str) {
        let _ = writeln!(self.body, "  {element}");
    }

    /// The whole file; `title` is for those who cannot see it.
    pub fn finish(self, title: &str) -> String {
        let Svg { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"Helvetica, Arial, sans-serif\" role=\"img\" aria-label=\"{title}\">\n  <title>{title}</title>\n  \
             <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{FAINT}\"/></marker></defs>\n  \
             <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#ffffff\"/>\n{body}</svg>\n"
        )
    }
}
