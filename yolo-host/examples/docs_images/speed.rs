//! The chart of speed: our time divided by each rival's, for every model and precision of `docs/img/speed.csv`.

use super::svg::{Anchor, FAINT, Svg};
use anyhow::{Context, ensure};

/// A row of the table.
pub struct Row {
    precision: String,
    threads: u32,
    model: String,
    /// Our time in ms, as it was written.
    ms: String,
    rival: String,
    /// Our time divided by the rival's.
    ratio: f64,
}

/// The rows of the table; lines that begin with `#` say where they come from.
pub fn read(text: &str) -> anyhow::Result<Vec<Row>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    ensure!(lines.next() == Some("precision,threads,model,ms,rival,rival_ms,ratio"), "another first row");
    lines.map(|line| row(line).with_context(|| line.to_owned())).collect()
}

fn row(line: &str) -> anyhow::Result<Row> {
    let columns: Vec<&str> = line.split(',').collect();
    let [precision, threads, model, ms, rival, rival_ms, ratio] = columns[..] else {
        anyhow::bail!("{} columns, not 7", columns.len());
    };
    let ratio = match ratio {
        "" => ms.parse::<f64>()? / rival_ms.parse::<f64>()?,
        ratio => ratio.parse()?,
    };
    ensure!((0.0..MOST).contains(&ratio), "a ratio that the chart does not hold");
    let (precision, model, ms, rival) = (precision.into(), model.into(), ms.into(), rival.into());
    Ok(Row { precision, threads: threads.parse()?, model, ms, rival, ratio })
}

/// Threads of the rows that the chart shows; `docs/performance.md` has the others.
const THREADS: u32 = 2;

/// Rivals with their colours, which colour-blind readers tell apart.
const RIVALS: [(&str, &str); 2] = [("ONNX Runtime", "#2f6db3"), ("OpenVINO", "#e58e26")];

/// The precisions, a panel each.
const PRECISIONS: [&str; 3] = ["f32", "bf16", "int8"];

/// Where things stand, in pixels.
const WIDTH: f64 = 880.0;
const NAMES: f64 = 176.0;
const TOP: f64 = 92.0;
const ROW: f64 = 42.0;
const BAR: f64 = 14.0;
const PANEL: f64 = 228.0;
const FIRST_BAR: f64 = 54.0;
/// Pixels of a ratio of 1, and the largest ratio that has room.
const ONE: f64 = 112.0;
const MOST: f64 = 1.2;

/// The chart as an SVG file.
pub fn chart(rows: &[Row]) -> String {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.threads == THREADS).collect();
    let mut models: Vec<&str> = vec![];
    for row in &rows {
        if !models.contains(&row.model.as_str()) {
            models.push(&row.model);
        }
    }
    let bottom = TOP + ROW * models.len() as f64;
    let mut svg = Svg::new(WIDTH as u32, (bottom + 30.0) as u32);
    let bold = " font-weight=\"bold\"";
    svg.text(
        (16.0, 28.0),
        "Our latency divided by the rival's: below 1 we are faster",
        16,
        Anchor::Start,
        bold,
    );
    let mut x = 16.0;
    for (rival, colour) in RIVALS {
        svg.rect([x, 43.0, 12.0, 12.0], colour, None);
        svg.text((x + 18.0, 53.0), rival, 13, Anchor::Start, "");
        x += 34.0 + 8.0 * rival.len() as f64;
    }
    for (place, model) in models.iter().enumerate() {
        let y = TOP + ROW * place as f64 + ROW / 2.0;
        svg.text((16.0, y + 4.0), model.trim_start_matches("yolov5-"), 13, Anchor::Start, "");
    }
    for (place, precision) in PRECISIONS.iter().enumerate() {
        let left = NAMES + PANEL * place as f64;
        let zero = left + FIRST_BAR;
        svg.text((zero, TOP - 12.0), precision, 14, Anchor::Start, bold);
        for (at, model) in models.iter().enumerate() {
            let middle = TOP + ROW * at as f64 + ROW / 2.0;
            let here: Vec<&&Row> =
                rows.iter().filter(|row| row.precision == *precision && row.model == *model).collect();
            let Some(first) = here.first() else { continue };
            svg.text((zero - 8.0, middle + 4.0), &format!("{} ms", first.ms), 12, Anchor::End, &faint());
            let mut y = middle - BAR * here.len() as f64 / 2.0;
            for row in here {
                let colour =
                    RIVALS.iter().find(|(rival, _)| *rival == row.rival).map_or(FAINT, |rival| rival.1);
                svg.rect([zero, y + 1.0, ONE * row.ratio, BAR - 2.0], colour, None);
                let end = (zero + ONE * row.ratio.max(1.0) + 6.0, y + BAR - 3.0);
                svg.text(end, &format!("{:.2}", row.ratio), 11, Anchor::Start, "");
                y += BAR;
            }
        }
        // Equal to the rival.
        let path = format!("M{} {}V{bottom}", zero + ONE, TOP - 4.0);
        svg.path(&path, FAINT, " stroke-dasharray=\"4 3\"");
        svg.text((zero + ONE, TOP - 12.0), "1", 12, Anchor::Middle, "");
        svg.path(&format!("M{zero} {}V{bottom}", TOP - 4.0), FAINT, "");
    }
    let what = format!(
        "The network alone, one image of 640×640, {THREADS} threads; left of the bars our own time. \
         Where and when: docs/img/speed.csv"
    );
    svg.text((16.0, bottom + 20.0), &what, 12, Anchor::Start, "");
    svg.finish(
        "Our latency divided by that of ONNX Runtime and OpenVINO, for five models in f32, bf16 and int8",
    )
}

fn faint() -> String {
    format!(" style=\"fill: {FAINT}\"")
}
