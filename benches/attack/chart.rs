//! The table as a picture.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::policies::Kind;
use crate::report::{Panel, Row};

const WIDTH: u32 = 1000;
const MARGIN: i32 = 20;
const LINE: i32 = 15;
const BAR: i32 = 11;
const INK: RGBColor = RGBColor(51, 51, 51);
const OURS: RGBColor = RGBColor(122, 31, 61);
const THEIRS: RGBColor = RGBColor(150, 160, 170);

/// A column of bars: where it begins, how long its longest bar is, its title, and its values.
type Column = (i32, i32, &'static str, fn(&Row) -> f64);

const COLUMNS: [Column; 2] = [
    (210, 290, "Accounts taken a day", |row| row.taken),
    (620, 290, "Honest logins refused per million", |row| row.refused_per_million),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a group of bars for each attack. Bars are as long as the logarithm of one more than what they stand for.
pub(crate) fn draw(panels: &[Panel]) -> Result<String, Box<dyn Error>> {
    let lines: usize = panels.iter().map(|panel| panel.rows.len() + 2).sum();
    let height = i32::try_from(lines)? * LINE + 4 * LINE + 2 * MARGIN;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, u32::try_from(height)?)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| error.to_string())?;
        let mut top = MARGIN;
        for (left, _, title, _) in COLUMNS {
            text(&area, &format!("{title} (logarithmic)"), 14, HPos::Left, (left, top))?;
        }
        top += 2 * LINE;
        for panel in panels {
            text(&area, panel.name, 12, HPos::Left, (MARGIN, top))?;
            top += LINE;
            for row in &panel.rows {
                draw_row(&area, row, panels, top)?;
                top += LINE;
            }
            top += LINE;
        }
        area.present().map_err(|error| error.to_string())?;
    }
    Ok(svg)
}

fn draw_row(area: &Area<'_>, row: &Row, panels: &[Panel], middle: i32) -> Result<(), Box<dyn Error>> {
    text(area, row.kind.name(), 11, HPos::Right, (COLUMNS[0].0 - 8, middle))?;
    let colour = if matches!(row.kind, Kind::Passgrant | Kind::WithSketch) { OURS } else { THEIRS };
    for (left, longest, _, value) in COLUMNS {
        let most = panels.iter().flat_map(|panel| &panel.rows).map(value).fold(1.0, f64::max);
        #[expect(clippy::cast_possible_truncation, reason = "at most the width")]
        let length = (f64::from(longest) * value(row).ln_1p() / most.ln_1p()).round() as i32;
        let bar = Rectangle::new([(left, middle - BAR / 2), (left + length.max(1), middle + BAR / 2)], colour.filled());
        area.draw(&bar).map_err(|error| error.to_string())?;
        let number = usize::from(value(row) < 100.0 && value(row) > 0.0);
        text(area, &format!("{:.number$}", value(row)), 11, HPos::Left, (left + length + 5, middle))?;
    }
    Ok(())
}

fn text(area: &Area<'_>, text: &str, size: u32, at: HPos, place: (i32, i32)) -> Result<(), Box<dyn Error>> {
    let style = ("sans-serif", size).into_font().color(&INK).pos(Pos::new(at, VPos::Center));
    area.draw_text(text, &style, place).map_err(|error| error.to_string())?;
    Ok(())
}
