//! Lindenmayer systems: strings that are rewritten, and a turtle that walks over them (Prusinkiewicz, Lindenmayer, *The
//! Algorithmic Beauty of Plants*, 1990).

use std::collections::BTreeMap;

/// The longest string, in bytes.
pub const LONGEST: usize = 16 << 20;

/// How many bytes may be written in all rounds together.
const MOST_WORK: usize = 4 * LONGEST;

/// What becomes of a character.
pub type Rules = BTreeMap<char, String>;

/// Why there is no string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrowthError {
    /// It would be too long.
    #[error("After {0} iterations the string is longer than {LONGEST} characters")]
    TooLong(u32),
    /// It stays short but is rewritten too often.
    #[error("{0} iterations take too long")]
    TooMany(u32),
}

/// Reads rules such as `A=AB; B=A`. What is none is left out; of two for a character the last counts.
pub fn rules(text: &str) -> Rules {
    let rules = text.split(';').filter_map(|rule| {
        let (character, replacement) = rule.split_once('=')?;
        Some((character.trim().chars().next()?, replacement.trim().to_string()))
    });
    rules.collect()
}

/// Replaces every character that has a rule, `iterations` times.
///
/// # Errors
/// When the string gets too long, or the work too much.
pub fn rewrite(axiom: &str, rules: &Rules, iterations: u32) -> Result<String, GrowthError> {
    let mut text = axiom.to_string();
    let mut work = 0_usize;
    for iteration in 1..=iterations {
        let mut next = String::with_capacity(text.len());
        for character in text.chars() {
            match rules.get(&character) {
                Some(replacement) => next.push_str(replacement),
                None => next.push(character),
            }
            if next.len() > LONGEST {
                return Err(GrowthError::TooLong(iteration));
            }
        }
        if next == text {
            break;
        }
        // Even an empty round is one.
        work += next.len() + 64;
        if work > MOST_WORK {
            return Err(GrowthError::TooMany(iterations));
        }
        text = next;
    }
    Ok(text)
}

/// Where a turtle went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walk {
    /// Every point it came to with its pen down or by going back, x and y in turn; the origin first.
    pub points: Vec<f64>,
    /// Every line it drew, from x, y to x, y.
    pub segments: Vec<f64>,
}

/// Walks over a string. F and G draw a step, f and g go without drawing, `+` turns left and `-` right by `angle` degrees, `|`
/// turns around, `[` remembers where the turtle is and `]` goes back there.
pub fn walk(text: &str, angle: f64, step: f64) -> Walk {
    let mut walk = Walk { points: vec![0.0, 0.0], segments: Vec::new() };
    let (mut x, mut y, mut heading) = (0.0_f64, 0.0_f64, std::f64::consts::FRAC_PI_2);
    let mut remembered = Vec::new();
    for character in text.chars() {
        match character {
            'F' | 'G' => {
                let from = [x, y];
                (x, y) = (x + step * heading.cos(), y + step * heading.sin());
                walk.points.extend([x, y]);
                walk.segments.extend(from);
                walk.segments.extend([x, y]);
            }
            'f' | 'g' => (x, y) = (x + step * heading.cos(), y + step * heading.sin()),
            '+' => heading += angle.to_radians(),
            '-' => heading -= angle.to_radians(),
            '|' => heading += std::f64::consts::PI,
            '[' => remembered.push((x, y, heading)),
            ']' => {
                if let Some(before) = remembered.pop() {
                    (x, y, heading) = before;
                    walk.points.extend([x, y]);
                }
            }
            _ => {}
        }
    }
    walk
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn growth_is_bounded() {
        let doubling = rules("F=FF");
        assert_eq!(rewrite("F", &doubling, 10).unwrap().len(), 1024);
        assert_eq!(rewrite("F", &doubling, 60), Err(GrowthError::TooLong(25)));
        // Rules that lead nowhere end at once, and those that go in circles end too.
        assert_eq!(rewrite("F", &rules("F=F"), u32::MAX).unwrap(), "F");
        assert_eq!(rewrite("A", &rules("A=B;B=A"), u32::MAX), Err(GrowthError::TooMany(u32::MAX)));
        assert_eq!(rewrite("F", &rules("F="), u32::MAX).unwrap(), "");
    }

    #[test]
    fn a_square_closes_and_turning_around_leads_back() {
        let walk = super::walk("F+F+F+F", 90.0, 2.0);
        assert!(walk.points[8..].iter().all(|part| part.abs() < 1e-12), "{walk:?}");
        let walk = super::walk("F|F", 25.0, 1.0);
        assert!(walk.points[4..].iter().all(|part| part.abs() < 1e-12), "{walk:?}");
        assert_eq!(walk.segments.len(), 8);
    }

    proptest! {
        #[test]
        fn any_text_has_rules_and_a_walk(text in "[FGfg+|;=\\[\\]é -]{0,40}") {
            let rules = rules(&text);
            if let Ok(grown) = rewrite(&text, &rules, 3) {
                let walk = walk(&grown, 25.0, 1.0);
                prop_assert!(walk.points.len() >= 2 && walk.points.len().is_multiple_of(2));
                prop_assert!(walk.segments.len().is_multiple_of(4));
            }
        }
    }
}
