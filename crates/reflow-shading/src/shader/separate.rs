//! `tpl_shader_separate_xyz`.

use reflow_component::prelude::*;

use reflow_component::table::Language as _;

use super::Shader;

/// The three numbers of a vector.
#[derive(Component)]
#[component(id = "tpl_shader_separate_xyz", title = "Separate XYZ", category = "shader")]
#[inport(input: Shader, "The vector; the position where none came.")]
#[outport(x: Shader, "Its x.")]
#[outport(y: Shader, "Its y.")]
#[outport(z: Shader, "Its z.")]
#[example(
    steps = r#"[{"input": {"type": "objectNormal"}}]"#,
    outputs = r#"[{"x": [{"type": "separateXYZ", "component": "x", "input": {"type": "objectNormal"}}], "y": [{"type": "separateXYZ", "component": "y", "input": {"type": "objectNormal"}}], "z": [{"type": "separateXYZ", "component": "z", "input": {"type": "objectNormal"}}]}]"#
)]
pub(super) struct Separate;

impl Actor for Separate {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let node = |own: &[(&str, &str)], inner| {
            let own = own.iter().map(|(key, word)| ((*key).into(), (*word).into()));
            Nested::new(Shader::NAME, own.collect::<Object>(), inner)
        };
        let input = tick.read(Self::IN_INPUT).unwrap_or_else(|| node(&[("type", "objectPosition")], Vec::new()));
        let part = |axis| node(&[("type", "separateXYZ"), ("component", axis)], vec![("input", input.clone())]);
        tick.write(Self::OUT_X, part("x"));
        tick.write(Self::OUT_Y, part("y"));
        tick.write(Self::OUT_Z, part("z"));
        Ok(())
    }
}
