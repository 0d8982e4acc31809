//! `tpl_scene_skybox`.

use reflow_assets::{AssetError, Transaction};
use reflow_component::prelude::*;

use super::member;
use crate::database::{Database, Selection, failure, named};
use crate::kernels::sky::sky;
use crate::kinds::ListObject;
use crate::values::{empty, object, text_or, truth_or, vector};

/// Turns the first skybox component into render parameters.
///
/// Of the entities with a component `skybox`, the first one that is `active` counts, or the first one. Its `mode` is `cubemap` (`faces`,
/// `rotation`), `hdri` (`texture`, `rotation`, `blur`), `procedural` (`sunDirection`, `turbidity`, `rayleigh`, `mieCoefficient`,
/// `mieDirectionalG`), or `gradient` (`topColor`, `horizonColor`, `bottomColor`, `exponent`, `offset`) for anything else; all have
/// `exposure`. The parameters are stored as its component `skybox_data` and sent; without a skybox an Object with null is.
#[derive(Component)]
#[component(id = "tpl_scene_skybox", title = "Skybox System", category = "scene", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(skybox_data: ListObject, "The parameters, or null, as an Object message.")]
#[outport(metadata: JsonObject, "The number of skyboxes.")]
#[example(
    config = r#"{"$db": ":memory:no skybox"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"skybox_data": [{"type": "Object", "data": null}], "metadata": [{"skyboxCount": 0}]}]"#
)]
pub(super) struct SceneSkybox {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
}

/// The parameters of a skybox.
fn parameters(skybox: &Value) -> Value {
    let or = |key: &str, default: f64| skybox.get(key).and_then(Value::as_number).unwrap_or(default).into();
    let color = |key: &str, default: [f64; 3]| Value::array(vector(skybox.get(key), default));
    let exposure = ("exposure", or("exposure", 1.0));
    let rotation = ("rotation", or("rotation", 0.0));
    match text_or(skybox, "mode", "gradient") {
        "cubemap" => object([("mode", "cubemap".into()), ("faces", member(skybox, "faces")), rotation, exposure]),
        "hdri" => object([
            ("mode", "hdri".into()),
            ("texture", member(skybox, "texture")),
            rotation,
            exposure,
            ("blur", or("blur", 0.0)),
        ]),
        "procedural" => {
            let sun: [f64; 3] = vector(skybox.get("sunDirection"), [0.3, 0.8, 0.5]);
            let sky = sky(sun[1]);
            object([
                ("mode", "procedural".into()),
                ("sunDirection", Value::array(sun)),
                ("turbidity", or("turbidity", 2.0)),
                ("rayleigh", or("rayleigh", 1.0)),
                ("mieCoefficient", or("mieCoefficient", 0.005)),
                ("mieDirectionalG", or("mieDirectionalG", 0.8)),
                ("zenithColor", Value::array(sky.zenith)),
                ("horizonColor", Value::array(sky.horizon)),
                ("dayFactor", sky.day.into()),
                ("sunsetFactor", sky.sunset.into()),
                exposure,
            ])
        }
        _ => object([
            ("mode", "gradient".into()),
            ("topColor", color("topColor", [0.1, 0.15, 0.4])),
            ("horizonColor", color("horizonColor", [0.5, 0.6, 0.8])),
            ("bottomColor", color("bottomColor", [0.2; 3])),
            ("exponent", or("exponent", 2.0)),
            ("offset", or("offset", 0.0)),
            exposure,
        ]),
    }
}

impl Actor for SceneSkybox {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let entity = named(tick, Self::IN_ENTITY_ID);
        let step = |transaction: &mut Transaction<'_>| -> Result<(usize, Value), AssetError> {
            let entities = self.selection.entities(transaction, entity, &["skybox"]);
            let skyboxes = entities.into_iter().filter_map(|entity| {
                let skybox = transaction.component(&entity, "skybox")?.clone();
                skybox.as_object().is_some().then_some((entity, skybox))
            });
            let skyboxes: Vec<_> = skyboxes.collect();
            let active = skyboxes.iter().find(|(_, skybox)| truth_or(skybox, "active", false)).or(skyboxes.first());
            let Some((entity, skybox)) = active else { return Ok((0, Value::Null)) };
            let data = parameters(skybox);
            transaction.put_json(&format!("{entity}:skybox_data"), data.clone(), empty())?;
            Ok((skyboxes.len(), data))
        };
        let (count, data) = self.database.store()?.write(step).map_err(failure)?;
        tick.write(Self::OUT_SKYBOX_DATA, data);
        tick.write(Self::OUT_METADATA, object([("skyboxCount", count.into())]));
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}
