//! Lines of glyphs.
//!
//! The order of directions is that of *Unicode Bidirectional Algorithm* (UAX 9), lines break where *Unicode Line Breaking* (UAX 14)
//! allows it, and glyphs are chosen and placed by the tables of the font.

use rustybuzz::{Direction, Face, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};
use unicode_script::{Script, UnicodeScript};

use super::font::advance;

/// Where lines begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// On the left.
    Left,
    /// In the middle.
    Center,
    /// On the right.
    Right,
}

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Pixels an em.
    pub size: f32,
    /// Where lines begin.
    pub align: Align,
    /// How wide a line may be; 0 for as wide as it is.
    pub max_width: f32,
    /// From one line to the next, in ems.
    pub line_height: f32,
    /// Added behind every letter.
    pub letter_spacing: f32,
}

/// A glyph, and where its pen stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Glyph {
    /// Its number in the font.
    pub id: u16,
    /// What it stands for; empty for the further glyphs of a letter.
    pub text: String,
    /// From the left.
    pub x: f32,
    /// The baseline, from the top.
    pub y: f32,
}

/// A text that is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Its glyphs, line by line from left to right.
    pub glyphs: Vec<Glyph>,
    /// The width of the widest line.
    pub width: f32,
    /// The height of all lines.
    pub height: f32,
}

/// A glyph of a run.
struct Shaped {
    id: u16,
    /// Where its letter begins, in bytes.
    cluster: usize,
    advance: f32,
    x: f32,
    y: f32,
}

impl Setting {
    /// Sets a text.
    pub fn lay_out(&self, face: &Face<'_>, text: &str) -> Layout {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let paragraph = paragraph.strip_suffix('\r').unwrap_or(paragraph);
            self.paragraph(face, paragraph, &mut lines);
        }
        let width = lines.iter().map(|line| line.width).fold(0.0, f32::max);
        let pitch = self.size * self.line_height;
        let ascent = f32::from(face.ascender()) * self.scale(face);
        let mut layout = Layout { glyphs: Vec::new(), width, height: pitch * lines.len() as f32 };
        for (index, line) in lines.into_iter().enumerate() {
            let shift = match self.align {
                Align::Left => 0.0,
                Align::Center => (width - line.width) / 2.0,
                Align::Right => width - line.width,
            };
            let baseline = pitch * index as f32 + ascent;
            layout.glyphs.extend(line.glyphs.into_iter().map(|glyph| Glyph {
                x: glyph.x + shift,
                y: baseline - glyph.y,
                ..glyph
            }));
        }
        layout
    }

    fn scale(&self, face: &Face<'_>) -> f32 {
        self.size / face.units_per_em() as f32
    }

    /// Breaks a paragraph into lines, and sets each.
    fn paragraph(&self, face: &Face<'_>, text: &str, lines: &mut Vec<Line>) {
        let bidi = BidiInfo::new(text, None);
        let Some(paragraph) = bidi.paragraphs.first() else {
            lines.push(Line::default());
            return;
        };
        // What an odd character such as a paragraph separator cuts off stays on the same line.
        for range in self.breaks(face, text, &bidi) {
            let mut line = Line::default();
            let (levels, runs) = bidi.visual_runs(paragraph, range.clone());
            for run in runs {
                let is_rightwards = levels.get(run.start).is_none_or(Level::is_ltr);
                let Some(part) = text.get(run.clone()) else { continue };
                let shaped = self.shape(face, part, is_rightwards);
                line.push(&shaped, part);
            }
            lines.push(line);
        }
    }

    /// The lines of a paragraph, as ranges of bytes.
    fn breaks(&self, face: &Face<'_>, text: &str, bidi: &BidiInfo<'_>) -> Vec<std::ops::Range<usize>> {
        let whole = bidi.paragraphs.first().map_or(0..text.len(), |paragraph| paragraph.range.clone());
        if self.max_width.is_nan() || self.max_width <= 0.0 {
            return vec![whole];
        }
        let mut widths = vec![0.0; text.len() + 1];
        for (start, part, is_rightwards) in level_runs(text, bidi, &whole) {
            for glyph in self.shape(face, part, is_rightwards) {
                widths[start + glyph.cluster] += glyph.advance;
            }
        }
        let mut lines = Vec::new();
        let allowed: Vec<usize> = unicode_linebreak::linebreaks(text).map(|(at, _)| at).collect();
        let (mut start, mut width, mut place) = (whole.start, 0.0, 0);
        let letters: Vec<usize> = text.char_indices().map(|(at, _)| at).filter(|at| widths[*at] > 0.0).collect();
        let mut index = 0;
        while let Some(at) = letters.get(index).copied() {
            let character = text[at..].chars().next().unwrap_or_default();
            // Blanks hang over the end of a line.
            if width + widths[at] > self.max_width && at > start && !character.is_whitespace() {
                while allowed.get(place + 1).is_some_and(|next| *next <= at) {
                    place += 1;
                }
                let end = allowed.get(place).copied().filter(|end| (start + 1..=at).contains(end)).unwrap_or(at);
                lines.push(start..end);
                (start, width) = (end, 0.0);
                index = letters.partition_point(|letter| *letter < end);
                continue;
            }
            width += widths[at];
            index += 1;
        }
        lines.push(start..whole.end);
        lines
    }

    /// The glyphs of a run, from left to right.
    fn shape(&self, face: &Face<'_>, text: &str, is_rightwards: bool) -> Vec<Shaped> {
        let mut parts = scripts(text);
        if !is_rightwards {
            parts.reverse();
        }
        let shaped = parts.into_iter().flat_map(|(start, part)| {
            let glyphs = self.shape_script(face, part, is_rightwards);
            glyphs.into_iter().map(move |glyph| Shaped { cluster: glyph.cluster + start, ..glyph })
        });
        shaped.collect()
    }

    /// The glyphs of a run of one script.
    fn shape_script(&self, face: &Face<'_>, text: &str, is_rightwards: bool) -> Vec<Shaped> {
        let scale = self.scale(face);
        let mut buffer = UnicodeBuffer::new();
        let letters = text.char_indices();
        let letters = letters.filter(|(_, letter)| !only_changes(*letter) || face.glyph_index(*letter).is_some());
        letters.for_each(|(at, letter)| buffer.add(letter, at as u32));
        buffer.guess_segment_properties();
        buffer.set_direction(if is_rightwards { Direction::LeftToRight } else { Direction::RightToLeft });
        let shaped = rustybuzz::shape(face, &[], buffer);
        let question = face.glyph_index('?').map(|glyph| glyph.0);
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
        let mut glyphs: Vec<Shaped> = glyphs
            .map(|(info, position)| {
                let (id, width) = match (info.glyph_id as u16, question) {
                    // What the font does not have is a question mark.
                    (0, Some(question)) => (question, advance(face, question)),
                    (id, _) => (id, position.x_advance as f32),
                };
                Shaped {
                    id,
                    cluster: info.cluster as usize,
                    advance: width * scale,
                    x: position.x_offset as f32 * scale,
                    y: position.y_offset as f32 * scale,
                }
            })
            .collect();
        // A mark that has no width stands on its letter, and no space is added behind it.
        glyphs.iter_mut().filter(|glyph| glyph.advance > 0.0).for_each(|glyph| glyph.advance += self.letter_spacing);
        glyphs
    }
}

/// Whether a character only says how the emoji before it looks: joiners, variation selectors, tones of skin, tags. A font without them
/// shows that emoji as it is.
fn only_changes(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// Parts of one script, in the order of the text, each with where it begins. Marks, blanks and signs belong to what is before.
fn scripts(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut current) = (0, None);
    for (at, character) in text.char_indices() {
        let script = character.script();
        if matches!(script, Script::Common | Script::Inherited | Script::Unknown) {
            continue;
        }
        if current.is_some_and(|current| current != script) {
            parts.push((start, &text[start..at]));
            start = at;
        }
        current = Some(script);
    }
    parts.push((start, &text[start..]));
    parts
}

/// Parts of one direction, in the order of the text.
fn level_runs<'t>(text: &'t str, bidi: &BidiInfo<'_>, range: &std::ops::Range<usize>) -> Vec<(usize, &'t str, bool)> {
    let mut runs = Vec::new();
    let mut start = range.start;
    for at in range.clone().skip(1).chain([range.end]) {
        let changes = at == range.end || bidi.levels.get(at) != bidi.levels.get(start);
        if changes && text.is_char_boundary(at) && at > start {
            let is_rightwards = bidi.levels.get(start).is_none_or(Level::is_ltr);
            runs.extend(text.get(start..at).map(|part| (start, part, is_rightwards)));
            start = at;
        }
    }
    runs
}

#[derive(Default)]
struct Line {
    glyphs: Vec<Glyph>,
    width: f32,
}

impl Line {
    /// Puts a run behind what is there.
    fn push(&mut self, shaped: &[Shaped], text: &str) {
        let mut starts: Vec<usize> = shaped.iter().map(|glyph| glyph.cluster).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut told = None;
        for glyph in shaped {
            let end = starts.get(starts.partition_point(|start| *start <= glyph.cluster));
            let letters = text.get(glyph.cluster..end.copied().unwrap_or(text.len())).unwrap_or_default();
            let is_first = told.replace(glyph.cluster) != Some(glyph.cluster);
            self.glyphs.push(Glyph {
                id: glyph.id,
                text: if is_first { letters.to_string() } else { String::new() },
                x: self.width + glyph.x,
                y: glyph.y,
            });
            self.width += glyph.advance;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::text::font::{SANS, read, tests::mini};
    use proptest::prelude::*;

    fn setting() -> Setting {
        Setting { size: 10.0, align: Align::Left, max_width: 0.0, line_height: 1.5, letter_spacing: 0.0 }
    }

    #[test]
    fn lines_stand_below_each_other() {
        let bytes = mini();
        let face = read(&bytes).unwrap();
        let layout = Setting { align: Align::Right, ..setting() }.lay_out(&face, "AA\nA");
        let places: Vec<(f32, f32)> = layout.glyphs.iter().map(|glyph| (glyph.x, glyph.y)).collect();
        // Letters are 7 wide, and the baseline is 8 below the top of a line.
        assert_eq!(places, [(0.0, 8.0), (7.0, 8.0), (7.0, 23.0)]);
        assert_eq!((layout.width, layout.height), (14.0, 30.0));
    }

    #[test]
    fn lines_break_between_words_and_inside_only_when_they_must() {
        let bytes = mini();
        let face = read(&bytes).unwrap();
        let broken = |text: &str, max_width: f32| -> Vec<String> {
            let layout = Setting { max_width, ..setting() }.lay_out(&face, text);
            let mut lines: Vec<(f32, String)> = Vec::new();
            for glyph in layout.glyphs {
                match lines.last_mut() {
                    Some((y, line)) if *y == glyph.y => line.push_str(&glyph.text),
                    _ => lines.push((glyph.y, glyph.text)),
                }
            }
            lines.into_iter().map(|(_, line)| line).collect()
        };
        assert_eq!(broken("AA AA", 22.0), ["AA ", "AA"]);
        assert_eq!(broken("AAAAA", 15.0), ["AA", "AA", "A"]);
        assert_eq!(broken("A", 1.0), ["A"]);
        assert_eq!(broken("AA AA", 1000.0), ["AA AA"]);
    }

    #[test]
    fn text_from_right_to_left_stands_in_visual_order() {
        let bytes = mini();
        let face = read(&bytes).unwrap();
        let layout = setting().lay_out(&face, "A\u{5d0}\u{5d1}A");
        let texts: Vec<&str> = layout.glyphs.iter().map(|glyph| &*glyph.text).collect();
        assert_eq!(texts, ["A", "\u{5d1}", "\u{5d0}", "A"]);
    }

    #[test]
    fn letters_join_and_marks_stand_on_their_letters() {
        let face = read(SANS).unwrap();
        let set = |text: &str| setting().lay_out(&face, text);
        // Lam and alef are one glyph.
        assert_eq!(set("\u{644}\u{627}").glyphs.len(), 1);
        // Letters join beside another script, too.
        assert_eq!(set("\u{5d0} \u{644}\u{627}").glyphs.len(), 3);
        // A letter and its mark are as wide as the letter.
        assert_eq!(set("x\u{301}").width, set("x").width);
        // What the font does not have is a question mark.
        assert_eq!(set("\u{1f680}").glyphs[0].id, set("?").glyphs[0].id);
        // An emoji is itself, and what changes its look is no letter of its own.
        let face = &set("\u{1f600}").glyphs;
        assert!(face.len() == 1 && face[0].id != set("?").glyphs[0].id);
        assert_eq!(set("\u{1f600}\u{1f3fd}\u{fe0f}").glyphs.len(), 1);
        // Kerning brings letters together.
        assert!(set("AV").width < set("A").width + set("V").width);
    }

    proptest! {
        #[test]
        fn any_text_is_set(text in any::<String>(), max_width in 0.0..60.0_f32, letter_spacing in -3.0..3.0_f32) {
            let bytes = mini();
            let face = read(&bytes).unwrap();
            let layout = Setting { max_width, letter_spacing, ..setting() }.lay_out(&face, &text);
            prop_assert!(layout.glyphs.iter().all(|glyph| glyph.x.is_finite() && glyph.y.is_finite()));
        }

        #[test]
        fn marks_emoji_and_directions_are_set(text in "[aé\u{301}\u{5d0}\u{627}\u{1f600}\u{200d}\u{202e}\u{2029} \r\n]{0,40}", max_width in 0.0..30.0_f32) {
            let bytes = mini();
            for font in [&bytes[..], SANS] {
                let face = read(font).unwrap();
                let _ = Setting { max_width, ..setting() }.lay_out(&face, &text);
            }
        }
    }
}
