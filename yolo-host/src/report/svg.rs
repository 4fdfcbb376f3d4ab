//! Line charts as SVG inside HTML: colours and text come from the page's style, sizes from the width it has.

use std::fmt::Write as _;
use std::ops::Range;

use super::escape::escaped;
use super::number::general;

/// Size of a chart in its own units, and the room around its axes.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// More points are thinned out; a chart has fewer pixels than that across.
const MOST_POINTS: usize = 250;

/// A line of a chart.
pub(super) struct Line {
    /// What it shows, in the legend if that is not empty.
    pub name: String,
    /// Class of the page's style: `one` to `four` for lines of their own, `faint` for one of many, `own` for a colour of
    /// its own.
    pub style: &'static str,
    /// That colour.
    pub colour: Option<[u8; 3]>,
    pub points: Vec<(f64, f64)>,
}

/// A chart with its title and legend.
pub(super) struct Chart {
    pub title: String,
    pub x: &'static str,
    /// Ranges of the axes; what is not given goes by the points.
    pub x_range: Option<Range<f64>>,
    pub y_range: Option<Range<f64>>,
    /// Whether only whole numbers stand at the horizontal axis.
    pub whole: bool,
    pub lines: Vec<Line>,
}

impl Chart {
    /// The chart as a `figure` element.
    pub fn html(&self) -> String {
        let all = || {
            self.lines.iter().flat_map(|line| &line.points).filter(|(x, y)| plottable(*x) && plottable(*y))
        };
        let x_range = self.x_range.clone().unwrap_or_else(|| extent(all().map(|point| point.0), false));
        let y_range = self.y_range.clone().unwrap_or_else(|| extent(all().map(|point| point.1), true));
        let across =
            |x: f64| LEFT + (x - x_range.start) / (x_range.end - x_range.start) * (WIDTH - LEFT - RIGHT);
        let down = |y: f64| {
            HEIGHT - BOTTOM - (y - y_range.start) / (y_range.end - y_range.start) * (HEIGHT - TOP - BOTTOM)
        };
        let mut svg = String::new();
        for y in ticks(&y_range) {
            let place = down(y);
            let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {place:.1}H{}\"/>", WIDTH - RIGHT);
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                place + 4.0,
                number(y)
            );
        }
        for x in ticks(&x_range).into_iter().filter(|x| !self.whole || (x - x.round()).abs() < 1e-6) {
            let (place, low) = (across(x), HEIGHT - BOTTOM + 17.0);
            let _ =
                write!(svg, "<text x=\"{place:.1}\" y=\"{low}\" text-anchor=\"middle\">{}</text>", number(x));
        }
        let (middle, low) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0);
        let _ = write!(svg, "<text x=\"{middle}\" y=\"{low}\" text-anchor=\"middle\">{}</text>", self.x);
        let corner = HEIGHT - BOTTOM;
        let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {TOP}V{corner}H{}\"/>", WIDTH - RIGHT);
        for line in &self.lines {
            let path = path(&line.points, across, down);
            let _ = write!(
                svg,
                "<path class=\"line {}\"{} d=\"{path}\"><title>{}</title></path>",
                line.style,
                line.colour(),
                escaped(&line.name)
            );
        }
        let title = escaped(&self.title);
        format!(
            "<figure><figcaption>{title}{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{title}\">{svg}</svg></figure>\n",
            self.legend()
        )
    }

    fn legend(&self) -> String {
        let named = self.lines.iter().filter(|line| line.style != "faint" && !line.name.is_empty());
        let entry = |line: &Line| {
            format!(" <span class=\"key {}\"{}>{}</span>", line.style, line.colour(), escaped(&line.name))
        };
        named.map(entry).collect()
    }
}

impl Line {
    fn colour(&self) -> String {
        let style =
            |[red, green, blue]: [u8; 3]| format!(" style=\"--own: #{red:02x}{green:02x}{blue:02x}\"");
        self.colour.map_or(String::new(), style)
    }
}

/// A path through all points that are numbers, broken where one is not.
fn path(points: &[(f64, f64)], across: impl Fn(f64) -> f64, down: impl Fn(f64) -> f64) -> String {
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let mut path = String::new();
    let mut pen_down = false;
    for (i, &(x, y)) in points.iter().enumerate().filter(|(i, _)| i % step == 0 || i + 1 == points.len()) {
        if !plottable(x) || !plottable(y) {
            pen_down = false;
            continue;
        }
        let _ = write!(path, "{}{:.1} {:.1}", if pen_down { 'L' } else { 'M' }, across(x), down(y));
        // A point alone, at either end of a gap or of the run, is seen by a line of no length with round ends.
        if !pen_down && points.get(i + step).is_none_or(|next| !plottable(next.1)) {
            path.push_str("h0");
        }
        pen_down = true;
    }
    path
}

fn plottable(value: f64) -> bool {
    value.abs() < 1e30
}

/// From the least to the most; a little more of both with `room`.
fn extent(values: impl Iterator<Item = f64>, room: bool) -> Range<f64> {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let span = high - low;
    if span <= 1e-9 * low.abs().max(high.abs()) {
        let around = (0.1 * high.abs()).max(1e-6);
        return low - around..high + around;
    }
    let room = if room { 0.06 * span } else { 0.0 };
    low - room..high + room
}

/// Four to eight round numbers in a range.
fn ticks(range: &Range<f64>) -> Vec<f64> {
    let span = range.end - range.start;
    let magnitude = 10_f64.powf((span / 6.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude).into_iter().find(|step| span / step <= 7.0);
    let step = step.unwrap_or(span);
    let first = (range.start / step - 1e-9).ceil();
    (0..9)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|tick| *tick <= range.end + 1e-9 * span)
        .collect()
}

fn number(value: f64) -> String {
    general(if value.abs() < 1e-12 { 0.0 } else { value }, 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let shown = |range: Range<f64>| ticks(&range).into_iter().map(number).collect::<Vec<_>>().join(" ");
        assert_eq!(shown(0.0..1.0), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(shown(0.0..299.0), "0 50 100 150 200 250");
        assert_eq!(shown(0.0331..0.1202), "0.04 0.06 0.08 0.1 0.12");
        assert_eq!(shown(-1e-4..1e-4), "-0.0001 -5e-05 0 5e-05 0.0001");
    }

    #[test]
    fn paths_break_at_gaps() {
        let points = [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0), (4.0, f64::INFINITY)];
        assert_eq!(path(&points, |x| x, |y| y), "M0.0 1.0L1.0 2.0M3.0 4.0h0");
    }
}
