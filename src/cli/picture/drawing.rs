//! The drawing itself: one row for each zone, the window, each blackout, and now, over one time axis.
//!
//! Two bars stand where the window starts and ends, exactly, so that whatever is drawn between them overlaps the window and
//! whatever only touches it is not. A cell counts as frozen by an excepted blackout when all of it is, and by any other
//! blackout when some of it is: rounding never makes a picture look better than the times are.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Drawn, Kind, length, shown, word};
use crate::model::time::{ChangeWindow, Instant};

/// Narrowest drawing, in columns.
pub(crate) const NARROWEST: usize = 48;

/// The time axis: cells of equal length, a third of them the window. Times are in nanoseconds.
struct Axis {
    start: i128,
    length: i128,
    /// Cells before the window, in it, after it.
    cells: [usize; 3],
}

impl Axis {
    fn new(window: ChangeWindow, columns: usize) -> Self {
        let start = window.start.timestamp().as_nanosecond();
        let length = window.end.timestamp().as_nanosecond() - start;
        let margin = columns / 3;
        Self { start, length, cells: [margin, columns - 2 * margin, margin] }
    }

    /// When the cell at `index` begins.
    fn begins(&self, index: usize) -> i128 {
        // Both are a number of columns.
        let cells = index as i128 - self.cells[0] as i128;
        self.start + (cells * self.length).div_euclid(self.cells[1] as i128)
    }

    fn columns(&self) -> usize {
        self.cells.iter().sum()
    }

    /// The whole axis.
    fn ends(&self) -> (i128, i128) {
        (self.begins(0), self.begins(self.columns()))
    }

    /// Cells with the two bars between them.
    fn with_bars(&self, cells: &[char]) -> String {
        let (before, rest) = cells.split_at(self.cells[0]);
        let (within, after) = rest.split_at(self.cells[1]);
        [before, &['|'], within, &['|'], after].concat().iter().collect()
    }

    /// The cell that holds `at`, if the axis does.
    fn cell(&self, at: i128) -> Option<usize> {
        (0..self.columns()).find(|index| self.begins(*index) <= at && at < self.begins(index + 1))
    }
}

/// The rows, and below them changes of clocks in words.
pub fn drawing(
    window: ChangeWindow,
    blackouts: &[Drawn],
    zones: &[(&str, TimeZone)],
    now: Instant,
    width: usize,
) -> Vec<String> {
    let names: Vec<String> =
        (1..).zip(blackouts).map(|(number, blackout)| format!("{number} {}", word(blackout.kind))).collect();
    let labels = zones.iter().map(|(label, _)| label.chars().count());
    // A long label is cut here; it stands whole beside the times.
    let gutter = names.iter().map(String::len).chain(labels).max().unwrap_or(0).clamp(6, 14) + 1;
    let axis = Axis::new(window, width.max(NARROWEST) - gutter - 2);
    let row =
        |name: &str, cells: String| format!("{:gutter$}{cells}", name.chars().take(gutter - 1).collect::<String>());
    let mut lines: Vec<String> = zones.iter().map(|(label, zone)| row(label, scale(&axis, zone))).collect();
    let [before, within, after] = axis.cells;
    let cells = [vec![' '; before], vec!['#'; within], vec![' '; after]].concat();
    lines.push(row("window", axis.with_bars(&cells)));
    for (blackout, name) in blackouts.iter().zip(&names) {
        lines.push(row(name, axis.with_bars(&blackout_cells(&axis, blackout))));
    }
    let changes = changes(&axis, zones);
    if !changes.is_empty() {
        let mut cells = vec![' '; axis.columns()];
        for (at, _) in &changes {
            if let Some(index) = axis.cell(*at) {
                cells[index] = '*';
            }
        }
        lines.push(row("clocks", axis.with_bars(&cells)));
    }
    lines.push(row("now", axis.with_bars(&now_cells(&axis, now))));
    lines.extend(changes.into_iter().map(|(_, text)| text));
    lines
}

fn blackout_cells(axis: &Axis, blackout: &Drawn) -> Vec<char> {
    let (start, end) =
        (blackout.window.start.timestamp().as_nanosecond(), blackout.window.end.timestamp().as_nanosecond());
    let (first, last) = axis.ends();
    if end <= first {
        return beside(axis, "<< before", true);
    }
    if last <= start {
        return beside(axis, "after >>", false);
    }
    let columns = axis.columns();
    let cell = |index: usize| {
        let (begins, ends) = (axis.begins(index), axis.begins(index + 1));
        let (some, whole) = (start < ends && begins < end, start <= begins && ends <= end);
        match (some, whole, blackout.kind) {
            (false, _, _) => ' ',
            (true, _, _) if index == 0 && start < first => '<',
            (true, _, _) if index + 1 == columns && last < end => '>',
            (true, true, Kind::Excepted) => '=',
            (true, false, Kind::Excepted) => '.',
            (true, _, Kind::Overlapping) => '!',
            (true, _, Kind::Elsewhere) => '-',
        }
    };
    (0..columns).map(cell).collect()
}

fn now_cells(axis: &Axis, now: Instant) -> Vec<char> {
    let at = now.timestamp().as_nanosecond();
    match axis.cell(at) {
        Some(index) => {
            let mut cells = vec![' '; axis.columns()];
            cells[index] = '^';
            cells
        }
        None if at < axis.start => beside(axis, "<< before", true),
        None => beside(axis, "after >>", false),
    }
}

/// A word at one end of the axis, for what lies beyond it.
fn beside(axis: &Axis, word: &str, left: bool) -> Vec<char> {
    let columns = axis.columns();
    let text = if left { format!("{word:<columns$}") } else { format!("{word:>columns$}") };
    text.chars().collect()
}

/// What the clocks of a zone show at both ends of the axis and of the window.
fn scale(axis: &Axis, zone: &TimeZone) -> String {
    let day = 24 * 3600 * 1_000_000_000_i128;
    let (first, last) = axis.ends();
    // A weekday says which day it is within less than a week.
    let format = if last - first < 6 * day { "%a %H:%M" } else { "%m-%d %H:%M" };
    let text = |at: i128| Timestamp::from_nanosecond(at).map(|at| zone.to_datetime(at).strftime(format).to_string());
    let [before, within, after] = axis.cells;
    let piece = |left: String, right: String, room: usize| {
        let used = left.len() + right.len();
        if used < room { format!("{left}{}{right}", " ".repeat(room - used)) } else { format!("{left:room$}") }
    };
    let [edge, start, end, other] =
        [first, axis.start, axis.start + axis.length, last].map(|at| text(at).unwrap_or_default());
    // Both bars have a time right of them; the ends of the axis where there is room.
    let edge = if edge.len() < before { edge } else { String::new() };
    let start = if start.len() < within { start } else { String::new() };
    let end = if end.len() <= after { end } else { String::new() };
    let pieces = [piece(edge, String::new(), before), piece(start, String::new(), within), piece(end, other, after)];
    pieces.join("|")
}

/// Changes of clocks on the axis: when, and in words.
fn changes(axis: &Axis, zones: &[(&str, TimeZone)]) -> Vec<(i128, String)> {
    let (first, last) = axis.ends();
    let Ok(from) = Timestamp::from_nanosecond(first) else { return Vec::new() };
    let mut found = Vec::new();
    for (label, zone) in zones {
        for change in zone.following(from).take_while(|change| change.timestamp().as_nanosecond() < last) {
            let at = change.timestamp();
            let earlier = at.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(at);
            let seconds = change.offset().seconds() - zone.to_offset(earlier).seconds();
            let way = if seconds > 0 { "forward" } else { "back" };
            // A new abbreviation or rule alone moves no clock.
            if seconds != 0 {
                let by = length(i64::from(seconds.abs()));
                let shows = shown(at.into(), zone);
                found.push((at.as_nanosecond(), format!("* {label}: clocks go {way} by {by} and then show {shows}")));
            }
        }
    }
    found
}
