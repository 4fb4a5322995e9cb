//! Pictures: nothing is rendered but what may be shown; everything else in them is drawn here.
//!
//! When the browser takes a picture, what may not be shown is invisible. So the picture has to be blank outside of what may: that
//! is the proof, and one that fails it does not exist. What the browser rendered is then put into a drawing of our own
//! ([`super::drawing`]), which says of every mapped control what it is and whether it is hidden or empty.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::drawing;

/// Largest picture, in pixels on one side.
pub(crate) const LARGEST: u32 = 16_384;

/// How often the parts of a picture may cover it, all taken together.
const LAYERS: u64 = 16;

/// A rectangle in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// First column after.
    pub right: u32,
    /// First row after.
    pub bottom: u32,
}

impl Rect {
    pub(super) fn within(self, width: u32, height: u32) -> Self {
        Self {
            left: self.left.min(width),
            top: self.top.min(height),
            right: self.right.min(width),
            bottom: self.bottom.min(height),
        }
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// What is to be seen of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// What the browser rendered of it.
    Shown,
    /// That it holds something, and not what.
    Hidden,
    /// That it holds nothing.
    Empty,
}

/// A control that the map names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Where it is: the pixels that it touches.
    pub place: Rect,
    /// The map's label, unless it is written elsewhere already.
    pub label: Option<String>,
    /// Where the page has its label: left and top.
    pub label_at: Option<(u32, u32)>,
    /// What is to be seen.
    pub holds: Holds,
}

/// What a picture is made of, in pixels of the browser's picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Size of the browser's picture.
    pub size: (u32, u32),
    /// Controls that the map names.
    pub controls: Vec<Control>,
    /// Wording that the map permits.
    pub wording: Vec<Rect>,
    /// What stands above the picture, line by line.
    pub caption: Vec<String>,
}

impl Sketch {
    /// Where the browser may have rendered something.
    fn rendered(&self) -> impl Iterator<Item = &Rect> + Clone {
        let shown = self.controls.iter().filter(|control| control.holds == Holds::Shown);
        shown.map(|control| &control.place).chain(&self.wording)
    }

    /// Whether drawing it would take longer than anybody waits.
    fn is_crowded(&self) -> bool {
        let (width, height) = self.size;
        let area = |place: &Rect| {
            let Rect { left, top, right, bottom } = place.within(width, height);
            u64::from(right.saturating_sub(left)) * u64::from(bottom.saturating_sub(top))
        };
        let places = self.controls.iter().map(|control| &control.place).chain(&self.wording);
        places.map(area).sum::<u64>() > LAYERS * u64::from(width) * u64::from(height)
    }
}

/// A picture in which only what may be shown is to be seen, as PNG without metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedPicture(Vec<u8>);

impl MaskedPicture {
    pub fn png(&self) -> &[u8] {
        &self.0
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The browser's picture cannot be read.
    #[error("the browser's picture cannot be read")]
    Unreadable(#[source] image::ImageError),
    /// The picture is of another size than was asked for.
    #[error("the picture is {found:?} pixels, not {expected:?}")]
    Size {
        /// Asked for.
        expected: (u32, u32),
        /// Of the picture.
        found: (u32, u32),
    },
    /// Something was rendered that may not be shown.
    #[error("at {0},{1} something is to be seen though nothing there may be")]
    NotBlank(u32, u32),
    /// Its parts lie over each other many times.
    #[error("what the map names lies over itself more than {LAYERS} times")]
    Crowded,
    /// The result cannot be encoded.
    #[error("the masked picture cannot be encoded")]
    Encode(#[source] image::ImageError),
}

/// What an empty page looks like.
const BLANK: u8 = 0xff;

fn decoded(png: &[u8]) -> Result<RgbImage, PictureError> {
    let mut reader = ImageReader::with_format(std::io::Cursor::new(png), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST);
    limits.max_image_height = Some(LARGEST);
    reader.limits(limits);
    Ok(reader.decode().map_err(PictureError::Unreadable)?.into_rgb8())
}

/// Whether a picture, taken while everything was invisible, shows nothing.
///
/// # Errors
///
/// [`PictureError::NotBlank`], [`PictureError::Unreadable`].
pub fn blank(png: &[u8]) -> Result<(), PictureError> {
    blank_around(&decoded(png)?, std::iter::empty())
}

/// Whether nothing is rendered outside of these rectangles.
fn blank_around<'a>(source: &RgbImage, rendered: impl Iterator<Item = &'a Rect> + Clone) -> Result<(), PictureError> {
    let width = source.width() as usize * 3;
    let white = vec![BLANK; width];
    let mut covered = white.clone();
    for (y, row) in (0..).zip(source.as_raw().chunks_exact(width.max(1))) {
        covered.copy_from_slice(row);
        for rect in rendered.clone().filter(|rect| rect.top <= y && y < rect.bottom) {
            let right = (rect.right as usize * 3).min(width);
            let left = (rect.left as usize * 3).min(right);
            covered[left..right].copy_from_slice(&white[left..right]);
        }
        // A whole row at once: a picture has millions of pixels, and of few rows one has to know where.
        if covered != white {
            let place = covered.iter().position(|part| *part != BLANK).unwrap_or_default();
            return Err(PictureError::NotBlank((place / 3) as u32, y));
        }
    }
    Ok(())
}

/// Draws `sketch`, with what the browser rendered of what may be shown; nothing else of its picture is kept.
///
/// # Errors
///
/// [`PictureError`]; no picture is better than an unmasked one.
pub fn masked(png: &[u8], sketch: &Sketch) -> Result<MaskedPicture, PictureError> {
    let source = decoded(png)?;
    let (found, expected) = (source.dimensions(), sketch.size);
    // Device pixels round.
    if found.0 == 0 || found.0.abs_diff(expected.0) > 1 || found.1.abs_diff(expected.1) > 1 {
        return Err(PictureError::Size { expected, found });
    }
    if sketch.is_crowded() {
        return Err(PictureError::Crowded);
    }
    blank_around(&source, sketch.rendered())?;
    encoded(&drawing::draw(Some(source), sketch))
}

/// Draws `sketch` where the browser rendered nothing.
///
/// # Errors
///
/// [`PictureError::Crowded`], [`PictureError::Encode`].
pub fn drawn(sketch: &Sketch) -> Result<MaskedPicture, PictureError> {
    if sketch.is_crowded() {
        return Err(PictureError::Crowded);
    }
    encoded(&drawing::draw(None, sketch))
}

fn encoded(picture: &RgbImage) -> Result<MaskedPicture, PictureError> {
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Sub)
        .write_image(picture.as_raw(), picture.width(), picture.height(), image::ExtendedColorType::Rgb8)
        .map_err(PictureError::Encode)?;
    Ok(MaskedPicture(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(picture: &RgbImage) -> Vec<u8> {
        encoded(picture).unwrap().0
    }

    fn red(width: u32, height: u32) -> RgbImage {
        RgbImage::from_pixel(width, height, image::Rgb([255, 0, 0]))
    }

    fn rect(left: u32, top: u32, right: u32, bottom: u32) -> Rect {
        Rect { left, top, right, bottom }
    }

    fn control(place: Rect, holds: Holds) -> Control {
        Control { place, label: None, label_at: None, holds }
    }

    fn sketch(size: (u32, u32), controls: Vec<Control>) -> Sketch {
        Sketch { size, controls, wording: Vec::new(), caption: Vec::new() }
    }

    fn reds(picture: &MaskedPicture) -> usize {
        let picture = image::load_from_memory(picture.png()).unwrap().into_rgb8();
        picture.pixels().filter(|pixel| pixel.0 == [255, 0, 0]).count()
    }

    #[test]
    fn what_is_rendered_where_nothing_may_be_makes_it_no_picture() {
        let mut picture = RgbImage::from_pixel(6, 6, image::Rgb([BLANK; 3]));
        for (x, y) in [(2, 2), (3, 3)] {
            picture.put_pixel(x, y, image::Rgb([0, 0, 0]));
        }
        let around = |place| sketch((6, 6), vec![control(place, Holds::Shown)]);
        assert!(masked(&png(&picture), &around(rect(2, 2, 4, 4))).is_ok());
        let smaller = masked(&png(&picture), &around(rect(2, 2, 3, 3)));
        assert!(matches!(smaller, Err(PictureError::NotBlank(3, 3))));
        assert!(matches!(blank(&png(&picture)), Err(PictureError::NotBlank(2, 2))));
        picture.put_pixel(2, 2, image::Rgb([BLANK; 3]));
        picture.put_pixel(3, 3, image::Rgb([BLANK; 3]));
        assert!(blank(&png(&picture)).is_ok());
    }

    #[test]
    fn what_is_rendered_of_a_hidden_control_makes_it_no_picture() {
        for holds in [Holds::Hidden, Holds::Empty] {
            let all = sketch((8, 8), vec![control(rect(0, 0, 8, 8), holds)]);
            assert!(matches!(masked(&png(&red(8, 8)), &all), Err(PictureError::NotBlank(0, 0))));
        }
    }

    #[test]
    fn what_is_shown_is_there_and_a_hidden_control_over_it_is_not() {
        let shown = control(rect(0, 0, 40, 40), Holds::Shown);
        let alone = masked(&png(&red(40, 40)), &sketch((40, 40), vec![shown.clone()])).unwrap();
        assert_eq!(reds(&alone), 40 * 40);
        let over = control(rect(10, 10, 20, 20), Holds::Hidden);
        let both = masked(&png(&red(40, 40)), &sketch((40, 40), vec![over, shown])).unwrap();
        assert!(reds(&both) <= 40 * 40 - 10 * 10);
    }

    #[test]
    fn a_picture_of_another_size_is_no_picture() {
        let nothing = |size| sketch(size, Vec::new());
        assert!(matches!(masked(&png(&red(4, 4)), &nothing((9, 4))), Err(PictureError::Size { .. })));
        assert!(matches!(masked(b"no png", &nothing((4, 4))), Err(PictureError::Unreadable(_))));
    }

    #[test]
    fn parts_that_lie_over_each_other_many_times_make_it_no_picture() {
        let all = vec![control(rect(0, 0, 4, 4), Holds::Shown); 17];
        assert!(matches!(masked(&png(&red(4, 4)), &sketch((4, 4), all.clone())), Err(PictureError::Crowded)));
        assert!(masked(&png(&red(4, 4)), &sketch((4, 4), all[1..].to_vec())).is_ok());
    }

    #[test]
    fn a_rectangle_beyond_the_picture_is_clipped() {
        let beyond = sketch((4, 4), vec![control(rect(0, 0, 400, 400), Holds::Shown)]);
        assert_eq!(reds(&masked(&png(&red(4, 4)), &beyond).unwrap()), 16);
    }
}
