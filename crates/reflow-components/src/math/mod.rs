//! The family `math`: arithmetic on numbers and lists of numbers.

mod absolute;
mod add;
mod average;
mod clamp;
mod divide;
mod expression;
mod formula;
mod min_max;
mod modulo;
mod multiply;
mod number;
mod power;
mod random;
mod round;
mod sqrt;
mod statistics;
mod subtract;
mod sum;

use crate::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<absolute::Absolute>(),
        Entry::of::<add::Add>(),
        Entry::of::<average::Average>(),
        Entry::of::<clamp::Clamp>(),
        Entry::of::<divide::Divide>(),
        Entry::of::<expression::Expression>(),
        Entry::of::<min_max::MinMax>(),
        Entry::of::<modulo::Modulo>(),
        Entry::of::<multiply::Multiply>(),
        Entry::of::<power::Power>(),
        Entry::of::<random::Random>(),
        Entry::of::<round::Round>(),
        Entry::of::<sqrt::Sqrt>(),
        Entry::of::<statistics::Statistics>(),
        Entry::of::<subtract::Subtract>(),
        Entry::of::<sum::Sum>(),
    ]
}
