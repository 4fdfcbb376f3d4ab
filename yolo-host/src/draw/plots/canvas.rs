//! The plotting library's drawing surface: a [`Image`], with smooth lines and our own text.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use crate::draw::shapes::{fill, frame};
use crate::draw::text::{Text, blend};
use crate::image::Image;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// An image to plot on. What lies outside is left out.
pub(super) struct Canvas<'a>(pub &'a mut Image);

impl Canvas<'_> {
    fn paint(&mut self, x: isize, y: isize, colour: BackendColor, cover: f32) {
        let (width, height) = (self.0.width, self.0.height);
        if (0..width as isize).contains(&x) && (0..height as isize).contains(&y) {
            let pixel = &mut self.0.rgb.as_chunks_mut().0[y as usize * width + x as usize];
            let (red, green, blue) = colour.rgb;
            blend(pixel, [red, green, blue], cover * colour.alpha as f32);
        }
    }

    /// All points less than `radius` pixels away from a line, pixels at the edge in part.
    fn stroke(&mut self, from: BackendCoord, to: BackendCoord, radius: f32, colour: BackendColor) {
        let size = self.0.width.max(self.0.height) as i32;
        let held = |(x, y): BackendCoord| (x.clamp(-size, 2 * size) as f32, y.clamp(-size, 2 * size) as f32);
        let ((x1, y1), (x2, y2)) = (held(from), held(to));
        let (dx, dy) = (x2 - x1, y2 - y1);
        let length = dx * dx + dy * dy;
        let reach = radius + 0.5;
        let range = |a: f32, b: f32, size: usize| {
            let low = (a.min(b) - reach).floor().max(0.0) as isize;
            low..=((a.max(b) + reach).ceil() as isize).min(size as isize - 1)
        };
        for y in range(y1, y2, self.0.height) {
            for x in range(x1, x2, self.0.width) {
                let (px, py) = (x as f32 - x1, y as f32 - y1);
                let along = if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let distance = (px - along * dx).hypot(py - along * dy);
                if distance < reach {
                    self.paint(x, y, colour, (reach - distance).min(1.0));
                }
            }
        }
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.0.width as u32, self.0.height as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.paint(x as isize, y as isize, colour, 1.0);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.stroke(from, to, style.stroke_width() as f32 / 2.0, style.color());
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        points.windows(2).try_for_each(|ends| self.draw_line(ends[0], ends[1], style))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        filled: bool,
    ) -> Drawn {
        let colour = style.color();
        let (red, green, blue) = colour.rgb;
        let (columns, rows) = (left as isize..right as isize + 1, top as isize..bottom as isize + 1);
        if filled && colour.alpha >= 1.0 {
            fill(self.0, columns, rows, [red, green, blue]);
        } else if filled {
            rows.for_each(|y| columns.clone().for_each(|x| self.paint(x, y, colour, 1.0)));
        } else {
            frame(self.0, columns, rows, style.stroke_width() as isize, [red, green, blue]);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        _filled: bool,
    ) -> Drawn {
        self.stroke(centre, centre, radius as f32, style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let Some(text) = Text::set(text, style.size() as f32) else {
            return Ok(());
        };
        let anchor = style.anchor();
        let dx = match anchor.h_pos {
            HPos::Left => 0,
            HPos::Center => -text.width / 2,
            HPos::Right => -text.width,
        };
        let dy = match anchor.v_pos {
            VPos::Top => 0,
            VPos::Center => -text.height / 2,
            VPos::Bottom => -text.height,
        };
        let (turn, colour) = (style.transform(), style.color());
        text.cover(|x, y, cover| {
            let (x, y) = turn.transform((x + dx) as i32, (y + dy) as i32);
            self.paint((at.0 + x) as isize, (at.1 + y) as isize, colour, cover);
        });
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = Text::set(text, style.size() as f32).map_or((0, 0), |text| (text.width, text.height));
        Ok((size.0 as u32, size.1 as u32))
    }
}
