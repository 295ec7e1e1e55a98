//! A report as a picture: two rows of bars in an SVG file.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::user::report::tally::Summary;

const WIDTH: u32 = 900;
const MARGIN: i32 = 24;
const LINE: i32 = 26;
const BAR: i32 = 16;
/// Where the bars begin and end; names stand before them, counts after.
const BARS: [i32; 2] = [300, 800];
const INK: RGBColor = RGBColor(51, 51, 51);
const PASSWORDS: RGBColor = RGBColor(20, 80, 122);
const LOGINS: RGBColor = RGBColor(122, 31, 61);
/// The months that have a bar of their own; the users of earlier ones share one.
const MONTHS: usize = 24;
/// The kinds of hashes that have a bar of their own.
const KINDS: usize = 20;

type Bars = Vec<(String, u64)>;

/// Draws the counts.
///
/// # Errors
/// A text when the picture cannot be drawn.
pub(super) fn draw(summary: &Summary) -> Result<String, String> {
    let (passwords, logins) = (passwords(summary), logins(summary));
    let lines = i32::try_from(passwords.len() + logins.len() + 4).map_err(|error| error.to_string())?;
    let height = u32::try_from(lines * LINE + 2 * MARGIN).map_err(|error| error.to_string())?;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| error.to_string())?;
        let next = panel(&area, MARGIN, "Users by what their password is hashed with", &passwords, PASSWORDS)?;
        panel(&area, next + LINE, "Users by month of their last login (UTC)", &logins, LOGINS)?;
        area.present().map_err(|error| error.to_string())?;
    }
    Ok(svg)
}

fn passwords(summary: &Summary) -> Bars {
    let (shown, rest) = summary.passwords.split_at(summary.passwords.len().min(KINDS));
    let mut bars: Bars = shown.iter().map(|passwords| (passwords.kind.clone(), passwords.users)).collect();
    bars.push(("others".to_owned(), rest.iter().map(|passwords| passwords.users).sum()));
    bars.push(("no password".to_owned(), summary.without_password));
    bars.retain(|(_, users)| *users > 0);
    bars
}

fn logins(summary: &Summary) -> Bars {
    let mut months = summary.last_login.months.iter().rev();
    let mut bars: Bars = months.by_ref().take(MONTHS).map(|(month, users)| (month.clone(), *users)).collect();
    bars.push(("earlier".to_owned(), months.map(|(_, users)| users).sum()));
    bars.push(("none noted".to_owned(), summary.last_login.never));
    bars.retain(|(_, users)| *users > 0);
    bars
}

/// Draws a title and the bars from `top` on, and returns where it ends.
fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    top: i32,
    title: &str,
    bars: &Bars,
    colour: RGBColor,
) -> Result<i32, String> {
    let text = |size: u32, at: HPos| ("sans-serif", size).into_font().color(&INK).pos(Pos::new(at, VPos::Center));
    area.draw_text(title, &text(18, HPos::Left), (MARGIN, top + LINE / 2)).map_err(|error| error.to_string())?;
    let most = bars.iter().map(|(_, users)| *users).max().unwrap_or(1).max(1);
    let mut middle = top + LINE + LINE / 2;
    let [start, end] = BARS;
    for (name, users) in bars {
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most the width")]
        let length = (f64::from(end - start) * (*users as f64 / most as f64)).round() as i32;
        let bar =
            Rectangle::new([(start, middle - BAR / 2), (start + length.max(1), middle + BAR / 2)], colour.filled());
        area.draw_text(name, &text(14, HPos::Right), (start - 8, middle)).map_err(|error| error.to_string())?;
        area.draw(&bar).map_err(|error| error.to_string())?;
        let count = users.to_string();
        area.draw_text(&count, &text(14, HPos::Left), (start + length + 6, middle))
            .map_err(|error| error.to_string())?;
        middle += LINE;
    }
    Ok(middle)
}
