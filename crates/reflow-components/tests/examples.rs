//! The examples that components declare do what they say.

use reflow_component::testing::example_problems;
use reflow_components::entries;

#[test]
fn every_component_has_examples_and_they_hold() {
    let wrong: Vec<_> = entries().iter().flat_map(example_problems).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
