//! Draws a picture from the map: a caption, and one box for each control with the map's label, in colours of our own.

use image::{Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::picture::{Control, Holds, Rect, Sketch};

const GROUND: Rgb<u8> = Rgb([0xf3, 0xf4, 0xf6]);
const INK: Rgb<u8> = Rgb([0x1b, 0x23, 0x30]);
const PAPER: Rgb<u8> = Rgb([0xff, 0xff, 0xff]);
const FRAME: Rgb<u8> = Rgb([0x6b, 0x7a, 0x90]);
const CAPTION: Rgb<u8> = Rgb([0x3b, 0x42, 0x4d]);
const HATCH: Rgb<u8> = Rgb([0xc3, 0xca, 0xd5]);

/// Narrowest picture, in pixels: a caption has to fit.
const NARROWEST: u32 = 720;
/// Height of a line of text, and how far it keeps from what is around it, in pixels.
const LINE: u32 = 16;
const GAP: u32 = 4;
/// Pixels from one line of the hatching to the next, and how wide a line is.
const HATCHING: usize = 10;
const HATCHED: usize = 2;

/// What is written over what is hidden.
const WORD: &str = "hidden";

/// Draws a sketch; `source` is what the browser rendered of it, if it rendered anything.
pub(super) fn draw(source: Option<RgbImage>, sketch: &Sketch) -> RgbImage {
    let (width, height) = source.as_ref().map_or(sketch.size, RgbImage::dimensions);
    let head = sketch.caption.len() as u32 * (LINE + GAP) + GAP;
    let head = if sketch.caption.is_empty() { 0 } else { head };
    let wide = if sketch.caption.is_empty() { width } else { width.max(NARROWEST) };
    let mut page = plain(width, height);
    if let Some(source) = &source {
        for place in &sketch.wording {
            copy(&mut page, source, *place);
        }
    }
    // What is hidden or empty comes after what is shown: it may lie over it.
    let is_shown = |control: &&Control| control.holds == Holds::Shown;
    for control in sketch.controls.iter().filter(is_shown) {
        if let Some(source) = &source {
            copy(&mut page, source, control.place);
        }
    }
    // Of three pictures of the largest size, two are enough at a time.
    drop(source);
    for control in sketch.controls.iter().filter(|control| !is_shown(control)) {
        cover(&mut page, control);
    }
    for control in &sketch.controls {
        frame(&mut page, control.place);
    }
    let mut taken: Vec<Rect> =
        sketch.controls.iter().map(|control| control.place).chain(sketch.wording.iter().copied()).collect();
    for control in &sketch.controls {
        let Some(label) = &control.label else { continue };
        let at_end = end_of(&page, control, label);
        if let Some(place) = place_of_label(control, label, (width, height), &taken, at_end) {
            if at_end == Some(place) {
                fill(&mut page, place, PAPER);
            }
            write(&mut page, place, label, INK);
            taken.push(place);
        }
    }
    let mut picture = plain(wide, head + height);
    fill(&mut picture, Rect { left: 0, top: 0, right: wide, bottom: head }, CAPTION);
    for (at, line) in (0..).zip(&sketch.caption) {
        let top = GAP + at * (LINE + GAP);
        let place = Rect { left: 2 * GAP, top, right: wide.saturating_sub(GAP), bottom: top + LINE };
        write(&mut picture, place, line, PAPER);
    }
    let size = picture.dimensions();
    let under = rows_of(Rect { left: 0, top: head, right: width, bottom: head + height }, size);
    let all = rows_of(Rect { left: 0, top: 0, right: width, bottom: height }, page.dimensions());
    let (below, page): (&mut [u8], &[u8]) = (&mut picture, &page);
    for (to, from) in under.zip(all) {
        below[to].copy_from_slice(&page[from]);
    }
    picture
}

fn plain(width: u32, height: u32) -> RgbImage {
    let mut page = RgbImage::new(width, height);
    fill(&mut page, Rect { left: 0, top: 0, right: width, bottom: height }, GROUND);
    page
}

/// The bytes of a place, row by row: a picture has millions of pixels, and is drawn by rows.
fn rows_of(place: Rect, (width, height): (u32, u32)) -> impl Iterator<Item = std::ops::Range<usize>> {
    let Rect { left, top, right, bottom } = place.within(width, height);
    let at = move |x: u32, y: u32| (y as usize * width as usize + x as usize) * 3;
    (top..bottom).map(move |y| at(left, y)..at(right.max(left), y))
}

/// Copies a place from a picture of the same size.
fn copy(page: &mut RgbImage, source: &RgbImage, place: Rect) {
    let size = page.dimensions();
    let (page, source): (&mut [u8], &[u8]) = (page, source);
    for row in rows_of(place, size) {
        page[row.clone()].copy_from_slice(&source[row]);
    }
}

fn fill(page: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    let (size, place) = (page.dimensions(), place.within(page.width(), page.height()));
    let one = colour.0.repeat(place.right.saturating_sub(place.left) as usize);
    let page: &mut [u8] = page;
    for row in rows_of(place, size) {
        page[row].copy_from_slice(&one);
    }
}

/// Hatching, with the word, over what is hidden; nothing over what is empty.
fn cover(page: &mut RgbImage, control: &Control) {
    fill(page, control.place, PAPER);
    if control.holds != Holds::Hidden {
        return;
    }
    let (size, place) = (page.dimensions(), control.place.within(page.width(), page.height()));
    let line = [HATCH.0.repeat(HATCHED), PAPER.0.repeat(HATCHING - HATCHED)].concat();
    let lines = line.repeat(size.0 as usize / HATCHING + 2);
    let pixels: &mut [u8] = page;
    for (y, row) in (place.top..).zip(rows_of(place, size)) {
        let from = (place.left + y) as usize % HATCHING * 3;
        let until = from + row.len();
        pixels[row].copy_from_slice(&lines[from..until]);
    }
    let (width, height) = (width_of(WORD), LINE);
    let (left, top) = (place.left + 2 * GAP, place.top + place.bottom.saturating_sub(place.top + height) / 2);
    let under = Rect { left: left.saturating_sub(GAP), top, right: left + width + GAP, bottom: top + height };
    let inside = Rect { left: under.left, right: under.right.min(place.right), ..under };
    fill(page, Rect { bottom: inside.bottom.min(place.bottom), ..inside }, PAPER);
    write(page, Rect { left, right: inside.right, top, bottom: inside.bottom.min(place.bottom) }, WORD, INK);
}

/// A line around a place.
fn frame(page: &mut RgbImage, Rect { left, top, right, bottom }: Rect) {
    let (first, above) = (left.saturating_sub(1), top.saturating_sub(1));
    // A page can make a control as large as it likes.
    let (last, below) = (right.saturating_add(1), bottom.saturating_add(1));
    for edge in [
        Rect { left: first, top: above, right: last, bottom: top },
        Rect { left: first, top: bottom, right: last, bottom: below },
        Rect { left: first, top: above, right: left, bottom: below },
        Rect { left: right, top: above, right: last, bottom: below },
    ] {
        fill(page, edge, FRAME);
    }
}

/// The end of a control's own line, if nothing is to be seen there.
fn end_of(page: &RgbImage, control: &Control, label: &str) -> Option<Rect> {
    let Rect { right, top, bottom, .. } = control.place.within(page.width(), page.height());
    let left = right.checked_sub(width_of(label) + 2 * GAP)?;
    let word = if control.holds == Holds::Shown { 0 } else { width_of(WORD) + 4 * GAP };
    let used = control.place.left.saturating_add(word);
    let place = Rect { left, top, right: right - GAP, bottom: top + LINE };
    let is_free =
        || rows_of(place, page.dimensions()).all(|row| page.as_raw()[row.clone()] == PAPER.0.repeat(row.len() / 3));
    let fits = left >= used && place.bottom <= bottom;
    (fits && (control.holds != Holds::Shown || is_free())).then_some(place)
}

/// Where a label is written: where the page has it, or else at the end of its control, above it, before it or below it, wherever
/// it covers nothing. A picture can be too dense for one.
fn place_of_label(
    control: &Control,
    label: &str,
    (width, height): (u32, u32),
    taken: &[Rect],
    at_end: Option<Rect>,
) -> Option<Rect> {
    let long = width_of(label);
    let at = |left: u32, top: u32| {
        let (right, bottom) = (left.saturating_add(long).min(width), top.saturating_add(LINE));
        Rect { left, top, right, bottom }
    };
    let Rect { left, top, bottom, .. } = control.place;
    let above = top.checked_sub(LINE + 1).map(|top| at(left, top));
    let before = left.checked_sub(long + GAP).map(|left| at(left, top));
    let by_the_page = control.label_at.map(|(left, top)| at(left, top));
    let fits = |place: &Rect| {
        place.bottom <= height && place.right > place.left && !taken.iter().any(|other| other.meets(place))
    };
    let around = [above, before, Some(at(left, bottom.saturating_add(1)))].into_iter().flatten();
    by_the_page.filter(fits).or(at_end).or_else(|| around.into_iter().find(fits))
}

/// Whether the font has every letter of a text.
pub(crate) fn can_write(text: &str) -> bool {
    text.chars().all(|letter| get_raster(letter, FontWeight::Regular, RasterHeight::Size16).is_some())
}

/// Width of a text, in pixels.
fn width_of(text: &str) -> u32 {
    (text.chars().count() * get_raster_width(FontWeight::Regular, RasterHeight::Size16)) as u32
}

/// Writes as much of a text as there is room for. What the font does not have is a box.
fn write(page: &mut RgbImage, place: Rect, text: &str, ink: Rgb<u8>) {
    let step = get_raster_width(FontWeight::Regular, RasterHeight::Size16) as u32;
    let right = place.right.min(page.width());
    let room = (right.saturating_sub(place.left) / step) as usize;
    let cut = text.chars().count() > room;
    let kept = text.chars().take(if cut { room.saturating_sub(1) } else { room }).chain(cut.then_some('~'));
    for (at, letter) in (0..).zip(kept) {
        let left = place.left + at * step;
        let Some(drawn) = get_raster(letter, FontWeight::Regular, RasterHeight::Size16) else {
            frame(page, Rect { left, top: place.top + 2, right: left + step - 1, bottom: place.top + LINE - 2 });
            continue;
        };
        for (y, row) in (place.top..page.height().min(place.bottom)).zip(drawn.rows()) {
            for (x, strength) in (left..right).zip(row.iter().copied().map(u16::from)) {
                let ground = page.get_pixel(x, y).0;
                let mixed = [0, 1, 2].map(|part: usize| {
                    let (from, to) = (u16::from(ground[part]), u16::from(ink.0[part]));
                    // Between two bytes, and so a byte.
                    ((from * (255 - strength) + to * strength) / 255) as u8
                });
                page.put_pixel(x, y, Rgb(mixed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(place: Rect, holds: Holds) -> Control {
        Control { place, label: Some("Service".into()), label_at: None, holds }
    }

    fn sketch(controls: Vec<Control>) -> Sketch {
        Sketch { size: (300, 120), controls, wording: Vec::new(), caption: vec!["Fill · Service".into()] }
    }

    const PLACE: Rect = Rect { left: 20, top: 40, right: 220, bottom: 70 };

    fn has(picture: &RgbImage, place: Rect, colour: Rgb<u8>) -> bool {
        let inside = |x, y| place.left <= x && x < place.right && place.top <= y && y < place.bottom;
        picture.enumerate_pixels().any(|(x, y, pixel)| inside(x, y) && *pixel == colour)
    }

    #[test]
    fn a_control_is_framed_and_labelled_and_says_whether_it_is_hidden_or_empty() {
        let head = 2 * GAP + LINE;
        let place = Rect { top: PLACE.top + head, bottom: PLACE.bottom + head, ..PLACE };
        for (holds, hatched) in [(Holds::Hidden, true), (Holds::Empty, false)] {
            let picture = draw(None, &sketch(vec![control(PLACE, holds)]));
            assert_eq!(picture.dimensions(), (NARROWEST, 120 + head));
            assert_eq!(has(&picture, place, HATCH), hatched, "{holds:?}");
            let word = Rect { right: place.left + width_of(WORD) + 2 * GAP, ..place };
            assert_eq!(has(&picture, word, INK), hatched, "{holds:?}: the word");
            let end = Rect { left: place.right - width_of("Service") - 2 * GAP, ..place };
            assert!(has(&picture, end, INK), "{holds:?}: the label");
            assert_eq!(picture.get_pixel(place.left - 1, place.top), &FRAME);
        }
    }

    #[test]
    fn a_label_is_written_where_it_covers_nothing() {
        let there = |label_at, taken: &[Rect]| {
            let control = Control { label_at, ..control(PLACE, Holds::Shown) };
            let place = place_of_label(&control, "Service", (300, 120), taken, None);
            place.map(|place| (place.left, place.top))
        };
        assert_eq!(there(Some((5, 5)), &[PLACE]), Some((5, 5)));
        let beside = Rect { left: 0, top: 0, right: 300, bottom: 20 };
        assert_eq!(there(Some((5, 5)), &[PLACE, beside]), Some((20, PLACE.top - LINE - 1)));
        let above = Rect { left: 0, top: 0, right: 300, bottom: 39 };
        assert_eq!(there(Some((5, 5)), &[PLACE, above]), Some((20, PLACE.bottom + 1)));
        assert_eq!(there(Some((5, 5)), &[Rect { left: 0, top: 0, right: 300, bottom: 120 }]), None);
    }

    #[test]
    fn a_control_of_any_size_is_drawn() {
        let most = u32::MAX;
        for place in [
            Rect { left: 9, top: 9, right: most, bottom: most },
            Rect { left: most, top: most, right: most, bottom: most },
        ] {
            for holds in [Holds::Hidden, Holds::Empty, Holds::Shown] {
                let control = Control { label_at: Some((most, most)), ..control(place, holds) };
                assert_eq!(draw(None, &sketch(vec![control])).width(), NARROWEST);
            }
        }
    }

    #[test]
    fn a_text_that_is_too_long_or_has_unknown_letters_is_still_a_text() {
        let mut picture = RgbImage::from_pixel(60, 20, PAPER);
        let place = Rect { left: 0, top: 0, right: 60, bottom: 20 };
        write(&mut picture, place, "much too long for so little room", INK);
        write(&mut picture, place, "変更", INK);
        assert!(has(&picture, place, INK) && has(&picture, place, FRAME));
    }
}
