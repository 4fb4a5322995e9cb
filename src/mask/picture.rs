//! Pictures: nothing is rendered but what may be shown, and everything else is painted over.
//!
//! When the browser takes the picture, everything that may not be shown is invisible. So the picture has to be blank outside of what
//! may: that is the proof, and one that fails it does not exist. The kept picture starts as one flat colour; showable rectangles are copied into it, hidden ones painted again on top, and then
//! every pixel is checked against the rectangles. A picture that fails the check does not exist.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, ImageFormat, ImageReader, Limits, RgbImage};

/// Colour of what is hidden.
const COVER: [u8; 3] = [0x3b, 0x42, 0x4d];
/// Largest picture, in pixels on one side.
const LARGEST: u32 = 16_384;

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
    fn within(self, width: u32, height: u32) -> Self {
        Self {
            left: self.left.min(width),
            top: self.top.min(height),
            right: self.right.min(width),
            bottom: self.bottom.min(height),
        }
    }

    fn contains(&self, x: u32, y: u32) -> bool {
        self.left <= x && x < self.right && self.top <= y && y < self.bottom
    }
}

/// What a picture may show, read from the page before and after it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureMask {
    /// Size the picture must have, in pixels.
    pub size: (u32, u32),
    /// What may be shown.
    pub shown: Vec<Rect>,
    /// The same with the pixels at its edges: outside of it nothing may have been rendered.
    pub rendered: Vec<Rect>,
    /// What may not, even inside something showable.
    pub hidden: Vec<Rect>,
}

/// A picture in which only showable rectangles are to be seen, as PNG without metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedPicture(Vec<u8>);

impl MaskedPicture {
    /// The PNG.
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
    /// The picture is of another size than the page said.
    #[error("the picture is {found:?} pixels, the page said {expected:?}")]
    Size {
        /// From the page.
        expected: (u32, u32),
        /// Of the picture.
        found: (u32, u32),
    },
    /// Something was rendered that may not be shown.
    #[error("at {0},{1} something is to be seen though nothing there may be")]
    NotBlank(u32, u32),
    /// A rectangle has no area or runs backwards.
    #[error("a rectangle to show has no area")]
    EmptyRect,
    /// A pixel that should be covered is not.
    #[error("pixel {0},{1} should be covered and is not")]
    Uncovered(u32, u32),
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
    blank_around(&decoded(png)?, &[])
}

/// Whether nothing is rendered outside of these rectangles.
fn blank_around(source: &RgbImage, rendered: &[Rect]) -> Result<(), PictureError> {
    let width = source.width() as usize * 3;
    let mut covered = vec![BLANK; width];
    for (y, row) in (0..).zip(source.as_raw().chunks_exact(width.max(1))) {
        covered.copy_from_slice(row);
        for rect in rendered.iter().filter(|rect| rect.contains(rect.left, y)) {
            let span = (rect.left as usize * 3).min(width)..(rect.right as usize * 3).min(width);
            covered[span].fill(BLANK);
        }
        if let Some(place) = covered.iter().position(|part| *part != BLANK) {
            return Err(PictureError::NotBlank((place / 3) as u32, y));
        }
    }
    Ok(())
}

/// Paints over everything that `mask` does not show.
///
/// # Errors
///
/// [`PictureError`]; no picture is better than an unmasked one.
pub fn paint(png: &[u8], mask: &PictureMask) -> Result<MaskedPicture, PictureError> {
    let source = decoded(png)?;
    let found = source.dimensions();
    // Device pixels round; the window's frame does not come and go by more than one.
    if found.0 == 0 || found.0.abs_diff(mask.size.0) > 1 || found.1.abs_diff(mask.size.1) > 1 {
        return Err(PictureError::Size { expected: mask.size, found });
    }
    if mask.shown.iter().chain(&mask.hidden).any(|rect| rect.left >= rect.right || rect.top >= rect.bottom) {
        return Err(PictureError::EmptyRect);
    }
    blank_around(&source, &mask.rendered)?;
    let clip = |rects: &[Rect]| rects.iter().map(|rect| rect.within(found.0, found.1)).collect::<Vec<_>>();
    let (shown, hidden) = (clip(&mask.shown), clip(&mask.hidden));
    // Whole rows are copied and compared: a picture has millions of pixels.
    let cover = COVER.repeat(found.0 as usize);
    let mut picture = cover.repeat(found.1 as usize);
    for rect in &shown {
        for y in rect.top..rect.bottom {
            let row = y as usize * cover.len();
            let span = row + rect.left as usize * 3..row + rect.right as usize * 3;
            picture[span.clone()].copy_from_slice(&source.as_raw()[span]);
        }
    }
    for rect in &hidden {
        for row in picture.chunks_exact_mut(cover.len()).take(rect.bottom as usize).skip(rect.top as usize) {
            let span = rect.left as usize * 3..rect.right as usize * 3;
            row[span.clone()].copy_from_slice(&cover[span]);
        }
    }
    check(&picture, &cover, &shown, &hidden)?;
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Sub)
        .write_image(&picture, found.0, found.1, image::ExtendedColorType::Rgb8)
        .map_err(PictureError::Encode)?;
    Ok(MaskedPicture(out))
}

/// Row by row, what the picture may hold is worked out anew: the cover, but for the columns that may be shown. The picture has to
/// be equal to it.
fn check(picture: &[u8], cover: &[u8], shown: &[Rect], hidden: &[Rect]) -> Result<(), PictureError> {
    let mut permitted = cover.to_vec();
    for (y, row) in (0..).zip(picture.chunks_exact(cover.len())) {
        permitted.copy_from_slice(cover);
        for (rects, from) in [(shown, row), (hidden, cover)] {
            for rect in rects.iter().filter(|rect| rect.contains(rect.left, y)) {
                let span = rect.left as usize * 3..rect.right as usize * 3;
                permitted[span.clone()].copy_from_slice(&from[span]);
            }
        }
        if row != permitted {
            let pixels = row.chunks_exact(3).zip(permitted.chunks_exact(3));
            let x = pixels.take_while(|(is, may)| is == may).count();
            return Err(PictureError::Uncovered(x as u32, y));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn red(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbImage::from_pixel(width, height, image::Rgb([255, 0, 0]));
        let mut out = Vec::new();
        PngEncoder::new(&mut out).write_image(picture.as_raw(), width, height, image::ExtendedColorType::Rgb8).unwrap();
        out
    }

    fn rect(left: u32, top: u32, right: u32, bottom: u32) -> Rect {
        Rect { left, top, right, bottom }
    }

    /// A mask for a page on which everything was rendered.
    fn mask(size: (u32, u32), shown: Vec<Rect>, hidden: Vec<Rect>) -> PictureMask {
        PictureMask { size, shown, rendered: vec![rect(0, 0, 99, 99)], hidden }
    }

    #[test]
    fn what_is_rendered_where_nothing_may_be_makes_it_no_picture() {
        let mut picture = RgbImage::from_pixel(6, 6, image::Rgb([BLANK; 3]));
        for (x, y) in [(2, 2), (3, 3)] {
            picture.put_pixel(x, y, image::Rgb([0, 0, 0]));
        }
        let png = |picture: &RgbImage| {
            let mut out = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut out, ImageFormat::Png).unwrap();
            out.into_inner()
        };
        let around = |rendered| PictureMask { size: (6, 6), shown: vec![rect(2, 2, 4, 4)], rendered, hidden: vec![] };
        assert!(paint(&png(&picture), &around(vec![rect(2, 2, 4, 4)])).is_ok());
        let smaller = paint(&png(&picture), &around(vec![rect(2, 2, 3, 3)]));
        assert!(matches!(smaller, Err(PictureError::NotBlank(3, 3))));
        assert!(matches!(blank(&png(&picture)), Err(PictureError::NotBlank(2, 2))));
        picture.put_pixel(2, 2, image::Rgb([BLANK; 3]));
        picture.put_pixel(3, 3, image::Rgb([BLANK; 3]));
        assert!(blank(&png(&picture)).is_ok());
    }

    fn pixels(picture: &MaskedPicture) -> RgbImage {
        image::load_from_memory(picture.png()).unwrap().into_rgb8()
    }

    #[test]
    fn only_what_is_shown_and_not_hidden_survives() {
        let mask = mask((10, 8), vec![rect(2, 2, 6, 6)], vec![rect(4, 4, 5, 5)]);
        let picture = pixels(&paint(&red(10, 8), &mask).unwrap());
        for (x, y, pixel) in picture.enumerate_pixels() {
            let visible = rect(2, 2, 6, 6).contains(x, y) && !rect(4, 4, 5, 5).contains(x, y);
            assert_eq!(pixel.0 == [255, 0, 0], visible, "at {x},{y}");
        }
    }

    #[test]
    fn nothing_declared_means_nothing_shown() {
        let mask = mask((4, 4), vec![], vec![]);
        assert!(pixels(&paint(&red(4, 4), &mask).unwrap()).pixels().all(|pixel| pixel.0 == COVER));
    }

    #[test]
    fn a_picture_that_does_not_fit_its_mask_is_no_picture() {
        assert!(matches!(paint(&red(4, 4), &mask((9, 4), vec![], vec![])), Err(PictureError::Size { .. })));
        assert!(matches!(
            paint(&red(4, 4), &mask((4, 4), vec![rect(1, 1, 1, 3)], vec![])),
            Err(PictureError::EmptyRect)
        ));
        assert!(matches!(paint(b"no png", &mask((4, 4), vec![], vec![])), Err(PictureError::Unreadable(_))));
    }

    #[test]
    fn a_rectangle_beyond_the_picture_is_clipped() {
        let mask = mask((4, 4), vec![rect(3, 3, 400, 400)], vec![]);
        assert_eq!(pixels(&paint(&red(4, 4), &mask).unwrap()).pixels().filter(|pixel| pixel.0 != COVER).count(), 1);
    }

    #[test]
    fn the_check_finds_a_single_uncovered_pixel() {
        let mut picture = RgbImage::from_pixel(5, 5, image::Rgb(COVER));
        picture.put_pixel(3, 4, image::Rgb([0, 0, 0]));
        let cover = COVER.repeat(5);
        let check = |shown: &[Rect], hidden: &[Rect]| check(picture.as_raw(), &cover, shown, hidden);
        assert!(matches!(check(&[], &[]), Err(PictureError::Uncovered(3, 4))));
        assert!(check(&[rect(3, 4, 4, 5)], &[]).is_ok());
        assert!(check(&[rect(3, 4, 4, 5)], &[rect(0, 0, 5, 5)]).is_err());
    }
}
