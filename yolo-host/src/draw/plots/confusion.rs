//! The confusion matrix in shares of each true class (v6.1 `ConfusionMatrix.plot`).

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use super::chart::{BLUES, INK, class_name, figure, scale, short, text, widest};
use crate::eval::Confusion;
use crate::image::Image;

/// Smaller shares are not shown, they would be read as 0.00.
const LEAST: f64 = 0.005;
/// With as many classes or more the cells have no room for numbers.
const MOST_WITH_NUMBERS: usize = 30;
/// Pixels of the matrix: so many a class, but not less than the first nor more than the last.
const CELL: usize = 26;
const SIDE: (usize, usize) = (1500, 3000);

/// Predicted classes down, true classes across; the last of both is the background. Columns sum to one.
///
/// # Errors
/// [`PlotError`], for which no cause is known.
pub fn confusion_matrix(confusion: &Confusion, names: &[String]) -> Result<Image, PlotError> {
    let count = confusion.nc() + 1;
    let side = (CELL * count).clamp(SIDE.0, SIDE.1);
    let cell = (side / count).max(1);
    let height = (cell * 2 / 3).clamp(12, 30);
    let name = |class: usize| {
        if class < confusion.nc() { short(&class_name(names, class), 24) } else { "background".into() }
    };
    // Every so many classes have their name, where all would overlap.
    let step = (height + 2).div_ceil(cell);
    let margin = 3 * height + widest((0..count).map(name), height);
    let (left, top) = (margin + 30, 30);
    figure(left + side + 170, top + side + margin + 30, |area| {
        let at = |column: usize, row: usize| {
            ((left + column * side / count) as i32, (top + row * side / count) as i32)
        };
        for (row, shares) in confusion.normalised().iter().enumerate() {
            for (column, &share) in shares.iter().enumerate().filter(|(_, share)| **share >= LEAST) {
                let (x, y) = at(column, row);
                let (right, bottom) = at(column + 1, row + 1);
                area.draw(&Rectangle::new([(x, y), (right - 1, bottom - 1)], scale(&BLUES, share).filled()))?;
                if confusion.nc() < MOST_WITH_NUMBERS {
                    let ink = if share > 0.55 { WHITE } else { INK };
                    let style = text((cell * 2 / 5).clamp(12, 30))
                        .color(&ink)
                        .pos(Pos::new(HPos::Center, VPos::Center));
                    let middle = (x + cell as i32 / 2, y + cell as i32 / 2);
                    area.draw_text(&format!("{share:.2}"), &style, middle)?;
                }
            }
        }
        let outline = [at(0, 0), at(count, count)];
        area.draw(&Rectangle::new(outline, INK.stroke_width(2)))?;
        for class in (0..count).filter(|class| class % step == 0 || class + 1 == count) {
            let name = name(class);
            let (x, y) = at(class, class);
            let middle = cell as i32 / 2;
            let right = text(height).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw_text(&name, &right, (left as i32 - 10, y + middle))?;
            let turned = right.transform(FontTransform::Rotate270);
            area.draw_text(&name, &turned, (x + middle, (top + side) as i32 + 10))?;
        }
        let centred = text(34).pos(Pos::new(HPos::Center, VPos::Center));
        let (across, down) = ((left + side / 2) as i32, (top + side / 2) as i32);
        area.draw_text("True", &centred, (across, (top + side + margin) as i32))?;
        area.draw_text("Predicted", &centred.transform(FontTransform::Rotate270), (24, down))?;
        legend(area, left + side + 40, top, side)
    })
}

/// The scale of colours, with its numbers.
fn legend(area: &super::chart::Area, left: usize, top: usize, side: usize) -> Result<(), PlotError> {
    let (left, right) = (left as i32, left as i32 + 40);
    for y in 0..side {
        let share = 1.0 - y as f64 / side.max(2) as f64;
        let row = (top + y) as i32;
        area.draw(&Rectangle::new([(left, row), (right, row)], scale(&BLUES, share).filled()))?;
    }
    area.draw(&Rectangle::new([(left, top as i32), (right, (top + side) as i32)], INK.stroke_width(1)))?;
    for tenth in (0..=10).step_by(2) {
        let row = (top + side * (10 - tenth) / 10) as i32;
        let style = text(26).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw_text(&format!("{:.1}", tenth as f64 / 10.0), &style, (right + 10, row))?;
    }
    Ok(())
}
